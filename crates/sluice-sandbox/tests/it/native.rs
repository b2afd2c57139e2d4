//! The native engine, as whoever runs the tests and as an ordinary user.

use std::sync::Arc;

use sluice_sandbox::{Native, NativeConfig};

use crate::conformance::Fixture;

/// The helper program of this crate.
fn helper() -> Vec<std::ffi::OsString> {
    vec![env!("CARGO_BIN_EXE_sluice-sandbox-init").into()]
}

fn engine(state: &std::path::Path) -> Native {
    Native::new(NativeConfig::new(state, helper())).unwrap()
}

async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    Fixture {
        sandbox: Arc::new(engine(&dir.path().join("state"))),
        dir,
        lets: &[],
        // An ordinary user has no control group to bound these with; a layer that is kept lies on a disk
        // that others share.
        may_not_enforce: &["memory_bytes", "cpus", "disk_bytes", "inodes"],
    }
}

mod suite {
    crate::conformance::suite!(super::fixture);
}
