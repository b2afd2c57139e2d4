//! The native engine, as whoever runs the tests and as an ordinary user.

mod left;
mod special;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sluice_sandbox::{Native, NativeConfig};

use crate::conformance::egress::{Names, way_out};
use crate::conformance::{Fixture, run_here};

/// An ordinary user that the machine need not know.
pub(crate) const ORDINARY: &str = "4242";

/// The helper program of this crate.
fn helper() -> Vec<OsString> {
    vec![env!("CARGO_BIN_EXE_sluice-sandbox-init").into()]
}

fn engine(state: &Path) -> Native {
    Native::new(NativeConfig::new(state, helper())).unwrap()
}

/// The fixture of an engine that keeps its state in `state` of the fixture's folder.
pub(crate) async fn fixture() -> Fixture {
    fixture_with(|_| {})
}

/// The same with another configuration.
fn fixture_with(change: impl FnOnce(&mut NativeConfig)) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let mut config = NativeConfig::new(dir.path().join("state"), helper());
    let (registry, registries) = way_out();
    config.resolver = Arc::new(Names);
    change(&mut config);
    Fixture {
        sandbox: Arc::new(Native::new(config).unwrap()),
        dir,
        registry,
        registries,
        lets: &[],
        // A layer that is kept lies on a disk that others share; an ordinary user has no control group to
        // bound the rest with.
        may_not_enforce: match is_root() {
            true => &["disk_bytes", "inodes"],
            false => &["disk_bytes", "inodes", "memory_bytes", "cpus"],
        },
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// This test, once more, started by `wrapper`; `name` is its full path.
pub(crate) fn again(wrapper: &[&str], name: &str) -> Command {
    let name = name.split_once("::").unwrap().1;
    let own = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
        [] => Command::new(own),
    };
    command.args(["--exact", name, "--nocapture"]);
    command
}

/// Runs a case in a process of an ordinary user: root starts this very test again as one.
fn as_ordinary_user(name: &str, case: impl Future<Output = ()>) {
    if !is_root() {
        return run_here(name, case);
    }
    let user = [
        "setpriv",
        "--reuid",
        ORDINARY,
        "--regid",
        ORDINARY,
        "--clear-groups",
    ];
    let status = again(&user, name).status().unwrap();
    assert!(status.success(), "{status}");
}

mod suite {
    crate::conformance::suite!(super::fixture);
}

mod suite_of_ordinary_user {
    crate::conformance::suite!(super::fixture, super::as_ordinary_user);
}
