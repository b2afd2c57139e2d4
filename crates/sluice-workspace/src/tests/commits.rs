//! Commits are the same for the same values, and carry no text that pretends to be ours.

use std::fs;
use std::process::Command;

use super::{Fixture, git_command, new_commit, write};
use crate::{Identity, SignFailure, WorkspaceError};

#[test]
fn the_same_values_make_the_same_commit() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let new = new_commit(fixture.tree, &[fixture.commit], "subject\n\nbody\n");
    let first = fixture.repo.commit(&new, None).unwrap();
    assert_eq!(fixture.repo.commit(&new, None).unwrap(), first);
    let info = fixture.repo.commit_read(&first).unwrap();
    assert_eq!(
        (info.tree, info.parents, info.time),
        (fixture.tree, vec![fixture.commit], 1_700_000_000)
    );
    assert_eq!(info.message, "subject\n\nbody\n\nGate: g5\n");
    assert_eq!(info.trailers, new.trailers);
    assert_eq!((info.author, info.signature), (new.author, None));
    let trailers = fixture.git(&[
        "log",
        "-1",
        "--format=%(trailers:key=Gate,valueonly)",
        &first.to_string(),
    ]);
    assert_eq!(trailers.trim(), "g5");
    fixture.fsck();
}

#[test]
fn forged_lines_stay_text() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let mut new = new_commit(fixture.tree, &[], "subject\n\nGate: g9\nRun: forged");
    new.author = Identity {
        name: "A\nparent 0000 <x>".to_owned(),
        email: "a@b\nauthor <".to_owned(),
    };
    let oid = fixture.repo.commit(&new, None).unwrap();
    let info = fixture.repo.commit_read(&oid).unwrap();
    assert_eq!(info.trailers, [("Gate".to_owned(), "g5".to_owned())]);
    assert_eq!(
        (info.author.name.as_str(), info.parents.len()),
        ("Aparent 0000 x", 0)
    );

    for (key, value) in [
        ("Gate", "g5\nRun: x"),
        ("Ga te", "g5"),
        ("", "x"),
        ("Gate", " "),
        ("Gate:", "x"),
    ] {
        new.trailers = vec![(key.to_owned(), value.to_owned())];
        let refused = fixture.repo.commit(&new, None);
        assert!(
            matches!(refused, Err(WorkspaceError::InvalidTrailer { .. })),
            "{key:?}: {refused:?}"
        );
    }
    new.trailers.clear();
    new.author.name = " <> ".to_owned();
    assert!(matches!(
        fixture.repo.commit(&new, None),
        Err(WorkspaceError::InvalidIdentity { .. })
    ));
    new.author.name = "a".to_owned();
    new.message = "\0".to_owned();
    fixture.repo.commit(&new, None).unwrap();
    fixture.fsck();
}

#[test]
fn a_signed_commit_is_verified_by_git() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let key = fixture.path("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    let sign = |bytes: &[u8]| -> Result<String, SignFailure> {
        let file = fixture.path("payload");
        fs::write(&file, bytes)?;
        let _ = fs::remove_file(fixture.path("payload.sig"));
        let out = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", "git", "-f"])
            .arg(&key)
            .arg(&file)
            .output()?;
        assert!(out.status.success());
        Ok(fs::read_to_string(fixture.path("payload.sig"))?)
    };
    let oid = fixture
        .repo
        .commit(&new_commit(fixture.tree, &[], "signed"), Some(&sign))
        .unwrap();
    fixture.fsck();

    let public = fs::read_to_string(fixture.path("key.pub")).unwrap();
    fs::write(
        fixture.path("signers"),
        format!("sluice@localhost {public}"),
    )
    .unwrap();
    let signers = format!(
        "gpg.ssh.allowedSignersFile={}",
        fixture.path("signers").display()
    );
    let verify = |commit: &str| {
        let args = [
            "-c",
            "gpg.format=ssh",
            "-c",
            &signers,
            "verify-commit",
            commit,
        ];
        git_command(fixture.repo.git_dir(), &args).output().unwrap()
    };
    let good = verify(&oid.to_string());
    assert!(
        good.status.success(),
        "{}",
        String::from_utf8_lossy(&good.stderr)
    );

    let carried = fixture.repo.commit_read(&oid).unwrap().signature.unwrap();
    let unsigned = fixture
        .repo
        .commit(&new_commit(fixture.tree, &[], "signed"), None)
        .unwrap();
    let raw = fixture.git(&["cat-file", "commit", &unsigned.to_string()]);
    assert_eq!(carried.signed, raw.into_bytes());
    let other = |_: &[u8]| -> Result<String, SignFailure> { Ok(carried.signature.clone()) };
    let moved = fixture
        .repo
        .commit(&new_commit(fixture.tree, &[], "other"), Some(&other))
        .unwrap();
    assert!(!verify(&moved.to_string()).status.success());

    let failing = |_: &[u8]| -> Result<String, SignFailure> { Err("no key".into()) };
    let failed = fixture
        .repo
        .commit(&new_commit(fixture.tree, &[], "x"), Some(&failing));
    assert!(matches!(failed, Err(WorkspaceError::Sign { .. })));
}

#[test]
fn the_log_is_newest_first_and_ancestry_follows_it() {
    let fixture = Fixture::new(&[write("a", "a")]);
    let mut tip = fixture.commit;
    let mut expected = vec![tip];
    for i in 0..7 {
        tip = fixture
            .repo
            .commit(&new_commit(fixture.tree, &[tip], &format!("c{i}")), None)
            .unwrap();
        expected.insert(0, tip);
    }
    let log = |limit| -> Vec<crate::Oid> {
        let commits = fixture.repo.log(&tip, limit).unwrap();
        commits.into_iter().map(|info| info.oid).collect()
    };
    assert_eq!(log(100), expected);
    assert_eq!(log(3), expected[..3]);
    assert!(fixture.repo.is_ancestor(&fixture.commit, &tip).unwrap());
    assert!(fixture.repo.is_ancestor(&tip, &tip).unwrap());
    assert!(!fixture.repo.is_ancestor(&tip, &fixture.commit).unwrap());
}
