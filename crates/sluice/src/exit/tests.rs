//! Each kind of error leads to the exit code that the contract gives it.

use std::io;
use std::path::PathBuf;

use super::{Exit, chain};
use sluice_checks::CheckError;
use sluice_sandbox::SandboxError;
use sluice_workspace::WorkspaceError;

#[test]
fn faults_of_the_machine_are_3_and_wrong_names_are_2() {
    let unknown = CheckError::UnknownCheck {
        name: "biuld".to_owned(),
        known: "build".to_owned(),
    };
    assert_eq!(Exit::from(unknown).code, 2);
    let gone = CheckError::Sandbox {
        check: "build".to_owned(),
        source: SandboxError::Unavailable {
            engine: "docker",
            mend: "start it".to_owned(),
        },
    };
    let exit = Exit::from(gone);
    assert_eq!(exit.code, 3);
    assert!(exit.message.contains("start it"), "{}", exit.message);
    let none = WorkspaceError::NoRepository {
        path: PathBuf::from("/x"),
    };
    assert_eq!(Exit::from(none).code, 2);
    let full = WorkspaceError::Io {
        what: "write",
        path: PathBuf::from("/x"),
        source: io::ErrorKind::StorageFull.into(),
    };
    assert_eq!(Exit::from(full).code, 3);
}

#[test]
fn a_cause_is_said_once() {
    let error = WorkspaceError::Io {
        what: "write",
        path: PathBuf::from("/x"),
        source: io::Error::other("boom"),
    };
    assert_eq!(chain(&error), "write /x: boom");
}
