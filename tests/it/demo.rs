//! The demo in real processes: what it tells, what it leaves, and what a stranger could do to that.

mod attack;
mod foreign;
mod passage;
pub(crate) mod program;
mod repository;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use crate::built::sluice;
use passage::Passage;
use program::Ran;

/// Who is nobody in particular on every Linux.
const NOBODY: u32 = 65534;

#[test]
fn the_demo_on_the_native_engine_is_proven_and_no_attack_on_it_goes_unseen() {
    let passage = Passage::run("native");
    passage.told();
    passage.left();
    foreign::believe(&passage);
    attack::all(&passage);
}

#[test]
fn the_demo_on_docker_is_proven() {
    let passage = Passage::run("docker");
    passage.told();
    passage.left();
    foreign::believe(&passage);
}

#[test]
fn an_ordinary_user_sees_the_demo_and_nothing_of_it_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).expect("a folder");
        path
    };
    let (home, tmp) = (own("home"), own("tmp"));
    // Somewhere that the user can reach, as an installed program is.
    let binary = folder.path().join("sluice");
    std::fs::copy(sluice(), &binary).expect("the program is copied");
    let is_root = std::fs::metadata("/proc/self").expect("this process").uid() == 0;
    if is_root {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .expect("a mode");
        for path in [&home, &tmp] {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("a new owner");
        }
    }
    let as_user = |program: &Path, arguments: &[&str]| {
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            let id = NOBODY.to_string();
            command
                .args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        program::clean(&mut command);
        if let Some(registry) = program::registry() {
            command.env("NPM_CONFIG_REGISTRY", registry);
        }
        command
            .args(arguments)
            .current_dir("/")
            .env("HOME", &home)
            .env("TMPDIR", &tmp);
        Ran::of(&mut command)
    };
    let is_allowed =
        as_user(Path::new("unshare"), &["--user", "--map-root-user", "true"]).code == 0;
    let ran = as_user(&binary, &["demo", "--engine", "native"]);
    if is_allowed {
        assert_eq!(ran.code, 0, "{ran}");
        let last = ran.out.trim_end().lines().last().unwrap_or_default();
        assert!(last.contains("The data is removed now"), "{ran}");
        assert!(ran.out.contains("\nverified\n"), "{ran}");
        assert_eq!(ran.err, "", "without --json the story is the result");
    } else {
        assert_eq!(ran.code, 3, "{ran}");
        assert!(
            ran.err.contains("user namespaces"),
            "it does not say what is forbidden: {ran}"
        );
    }
    assert_eq!(program::names(&tmp), Vec::<String>::new(), "left in TMPDIR");
    assert_eq!(program::names(&home), Vec::<String>::new(), "left in HOME");
    assert_eq!(
        program::processes(&binary),
        Vec::<String>::new(),
        "still running"
    );
}

#[test]
fn without_node_the_demo_says_how_to_get_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(sluice());
    program::clean(&mut command);
    command
        .args(["demo", "--engine", "native"])
        .env("PATH", folder.path())
        .env("TMPDIR", folder.path());
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 3, "{ran}");
    assert!(
        ran.err.contains("no node or npm") && ran.err.contains("apt-get install nodejs npm"),
        "{ran}"
    );
    assert_eq!(ran.out, "");
    assert_eq!(
        program::names(folder.path()),
        Vec::<String>::new(),
        "left in TMPDIR"
    );
}

#[test]
fn a_registry_that_cannot_be_reached_is_what_the_demo_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(sluice());
    program::clean(&mut command);
    // The discard port: nobody answers there.
    command
        .args(["demo", "--engine", "native"])
        .env("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9/")
        .env("TMPDIR", folder.path());
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 3, "{ran}");
    assert!(
        ran.err.contains("package registry could not be asked"),
        "{ran}"
    );
    assert!(
        ran.err.contains("NPM_CONFIG_REGISTRY"),
        "it does not say what to do: {ran}"
    );
    assert_eq!(
        program::names(folder.path()),
        Vec::<String>::new(),
        "left in TMPDIR"
    );
}

#[test]
fn an_interrupted_demo_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = folder.path().join("sluice");
    std::fs::copy(sluice(), &binary).expect("the program is copied");
    let tmp = folder.path().join("tmp");
    std::fs::create_dir(&tmp).expect("a folder");
    for signal in ["INT", "TERM"] {
        let mut command = Command::new(&binary);
        program::clean(&mut command);
        command
            .args(["demo", "--engine", "native"])
            .env("TMPDIR", &tmp);
        // In the middle of the first checks.
        let ran = Ran::until(&mut command, "attempt 0: 18 files", signal);
        assert_ne!(ran.code, 0, "SIG{signal}: {ran}");
        assert!(ran.err.contains("interrupted"), "SIG{signal}: {ran}");
        assert_eq!(
            program::names(&tmp),
            Vec::<String>::new(),
            "left in TMPDIR after SIG{signal}"
        );
        assert_eq!(
            program::processes(&binary),
            Vec::<String>::new(),
            "still running after SIG{signal}"
        );
    }
}
