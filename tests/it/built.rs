//! The programs that the stories run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `sluice` program, built with the profile of these tests.
pub(crate) fn sluice() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        // With the features of the whole workspace, as these tests are built too: anything else is built anew.
        build.args(["build", "--quiet", "--workspace", "--bin", "sluice"]);
        // What cargo tells a test about its own package would make build scripts run again.
        for (name, _) in std::env::vars_os() {
            let is_ours = |prefix: &str| name.to_string_lossy().starts_with(prefix);
            if ["CARGO_PKG_", "CARGO_MANIFEST_"]
                .iter()
                .any(|prefix| is_ours(prefix))
            {
                build.env_remove(name);
            }
        }
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

/// A program that scripts/verifiers.sh installed.
pub(crate) fn verifier(program: &str) -> PathBuf {
    let cache = || {
        let cache = std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty());
        cache
            .map_or_else(|| PathBuf::from("/var/cache"), PathBuf::from)
            .join("sluice/verifiers")
    };
    let home = std::env::var_os("SLUICE_VERIFIERS").map_or_else(cache, PathBuf::from);
    let path: PathBuf = Path::new(&home).join("bin").join(program);
    assert!(
        path.exists(),
        "{} is missing: run scripts/verifiers.sh first",
        path.display()
    );
    path
}
