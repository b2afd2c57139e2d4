//! Coverage as tools write it, and as liars do.

use std::collections::BTreeMap;
use std::fs;

use super::coverage;
use crate::Coverage;
use crate::finding::Paths;

fn read(name: &str, text: &str) -> Option<Coverage> {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let tree: BTreeMap<String, Vec<u8>> = ["src/a.ts", "src/b.ts", "pkg/a.go", "main.go"]
        .map(|path| (path.to_owned(), Vec::new()))
        .into();
    coverage(out.path(), &Paths::new(&tree, ""))
}

fn shares(coverage: &Coverage) -> Vec<(&str, f64)> {
    let files = coverage.files.iter();
    files.map(|file| (file.path.as_str(), file.lines)).collect()
}

#[test]
fn a_summary_names_the_files_that_are_covered_least_first() {
    let text = r#"{"total": {"lines": {"total": 10, "covered": 6, "pct": 60}},
        "/workspace/src/a.ts": {"lines": {"total": 6, "covered": 6, "pct": 100}},
        "/workspace/src/b.ts": {"lines": {"total": 4, "covered": 0, "pct": 0}}}"#;
    let found = read("coverage/coverage-summary.json", text).unwrap();
    assert_eq!(found.lines, 0.6);
    assert_eq!(shares(&found), [("src/b.ts", 0.0), ("src/a.ts", 1.0)]);
    // What the total claims cannot be more than what its files come to.
    let forged = text.replace("\"pct\": 60", "\"pct\": 100");
    let found = read("coverage/coverage-summary.json", &forged).unwrap();
    assert_eq!(found.lines, 0.6);
}

#[test]
fn what_is_no_coverage_is_none() {
    for text in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"total": {"lines": {"pct": 101}}}"#,
        r#"{"total": {"lines": {"pct": "Unknown"}}}"#,
    ] {
        assert_eq!(read("coverage/coverage-summary.json", text), None, "{text}");
    }
    for text in [
        "",
        "SF:src/a.ts\nend_of_record\n",
        "DA:1,1\n",
        "SF:/etc/passwd\nDA:1,1\n",
        "SF:src/a.ts\nDA:x,y\n",
    ] {
        assert_eq!(read("lcov.info", text), None, "{text}");
    }
    assert_eq!(
        read(
            "cover.out",
            "mode: set\nexample.com/m/none.go:1.1,2.2 1 1\n"
        ),
        None
    );
}

#[test]
fn lcov_counts_lines() {
    // The sums LF and LH are not believed; a line counts once.
    let text = "TN:\nSF:src/a.ts\nDA:1,3\nDA:2,0\nDA:2,1\nDA:3,0\nDA:4,-1\nLF:4\nLH:4\nend_of_record\n\
                SF:/workspace/src/b.ts\nDA:1,0,abc\nend_of_record\n";
    let found = read("lcov.info", text).unwrap();
    assert_eq!(found.lines, 0.4);
    assert_eq!(shares(&found), [("src/b.ts", 0.0), ("src/a.ts", 0.5)]);
    assert_eq!(read("coverage/lcov.info", text).unwrap().lines, 0.4);
}

#[test]
fn gos_profile_counts_statements() {
    let text = "mode: set\nexample.com/m/main.go:1.1,2.2 3 0\nexample.com/m/pkg/a.go:1.1,2.2 1 1\n\
                example.com/m/pkg/a.go:1.1,2.2 1 0\n";
    let found = read("cover.out", text).unwrap();
    assert_eq!(found.lines, 0.25);
    assert_eq!(shares(&found), [("main.go", 0.0), ("pkg/a.go", 1.0)]);
}
