//! Names of jobs, and what surrounds them.

use super::*;
use crate::Client;

#[test]
fn job_names_are_valid_and_apart() {
    let request = |run_id: &str| Request {
        run_id: run_id.to_owned(),
        tree: String::new(),
        source: std::sync::Arc::new(crate::Folder::open(std::path::Path::new("/nowhere"))),
        only: None,
        use_cache: true,
        health: Vec::new(),
        client: Client::default(),
        fail_fast: false,
    };
    let mut names = std::collections::BTreeSet::new();
    for run in ["r-1", "R/1", "", "ü", &"x".repeat(200)] {
        for check in ["build", "build:packages/api", "build:packages-api"] {
            let name = name(&request(run), check);
            assert!(!name.is_empty() && name.len() <= 63, "{name}");
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
            assert!(!name.starts_with('-'), "{name}");
            assert!(names.insert(name));
        }
    }
    assert_eq!(
        name(&request("r-1"), "build"),
        name(&request("r-1"), "build")
    );
}
