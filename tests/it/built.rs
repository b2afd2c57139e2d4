//! The programs that the stories run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `sluice` program, built with the profile of these tests.
pub(crate) fn sluice() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "sluice", "--bin", "sluice"]);
        let test = std::env::current_exe().expect("a test has a path");
        // target/<profile>/deps/<test>
        let folder = test
            .ancestors()
            .nth(2)
            .expect("tests lie below target/<profile>");
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built = build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("CARGO_MAKEFLAGS")
            .status()
            .expect("cargo runs");
        assert!(built.success(), "`sluice` does not build");
        folder.join("sluice")
    })
}
