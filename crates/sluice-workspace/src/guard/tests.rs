//! Nothing outside the root changes, whatever stands below it and whoever moves it meanwhile.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use sluice_path::{Reason, RelPath};

use super::{Root, is_temporary_name};
use crate::WorkspaceError;
use crate::tests::{contents, rel};

mod states;

struct Area {
    dir: tempfile::TempDir,
    root: Root,
}

fn area() -> Area {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("outside")).unwrap();
    fs::write(dir.path().join("outside/secret"), "secret").unwrap();
    // The names that the races use, so that a read through a link would find something.
    for i in 0..10 {
        fs::write(dir.path().join(format!("outside/f{i}")), "secret").unwrap();
    }
    let root = Root::create(&dir.path().join("root")).unwrap();
    Area { dir, root }
}

impl Area {
    fn inside(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join("root").join(path)
    }

    fn outside(&self) -> Vec<(String, Vec<u8>)> {
        contents(&self.dir.path().join("outside"))
    }
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, WorkspaceError>, expected: Reason) {
    assert!(
        matches!(result, Err(WorkspaceError::Refused { reason, .. }) if reason == expected),
        "{result:?}"
    );
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Exchanges a folder with a link to one outside, and a file with a link to one outside, the
/// whole time that `work` takes.
fn against_swaps(area: &Area, work: impl FnOnce()) {
    fs::create_dir(area.inside("swap")).unwrap();
    symlink(area.dir.path().join("outside"), area.inside("link")).unwrap();
    fs::write(area.inside("target"), "ours").unwrap();
    symlink("../outside/secret", area.inside("target-link")).unwrap();
    for i in 0..10 {
        fs::write(area.inside(&format!("swap/f{i}")), "ours").unwrap();
    }
    // Nobody deletes it: a folder that deletions empty is removed, and could not be exchanged.
    fs::write(area.inside("swap/stays"), "ours").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let pairs = [("swap", "link"), ("target", "target-link")]
                .map(|(a, b)| (area.inside(a), area.inside(b)));
            while !stop.load(Ordering::Relaxed) {
                for (a, b) in &pairs {
                    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
                }
            }
        });
        // Stops the swapping thread on a failed assertion, too, or the test would hang.
        let _stop = Stop(&stop);
        work();
    });
}

#[test]
fn twenty_thousand_writes_against_a_swapping_thread_change_nothing_outside() {
    let area = area();
    let before = area.outside();
    let (mut written, mut refused) = (0, 0);
    against_swaps(&area, || {
        // Two of three are writes.
        for i in 0..30_000 {
            let path = rel(&format!("swap/f{}", i % 10));
            let outcome = match i % 3 {
                0 => area.root.delete(&path).map(|_| ()),
                _ => area.root.write(&path, b"ours", false),
            };
            match outcome {
                Ok(()) => written += 1,
                Err(WorkspaceError::Refused {
                    reason: Reason::Symlink,
                    ..
                }) => refused += 1,
                Err(e) => panic!("{e:?}"),
            }
        }
    });
    assert!(
        written > 0 && refused > 0,
        "written {written}, refused {refused}: no race took place"
    );
    assert_eq!(area.outside(), before);
    assert_no_temporary_files(area.root.path());
}

#[test]
fn twenty_thousand_reads_against_a_swapping_thread_never_show_what_is_outside() {
    let area = area();
    let (mut read, mut refused) = (0, 0);
    against_swaps(&area, || {
        for i in 0..20_000 {
            let path = match i % 2 {
                0 => rel("target"),
                _ => rel(&format!("swap/f{}", i % 10)),
            };
            match area.root.read(&path, 100) {
                Ok(Some(disk)) => {
                    assert_eq!(disk.bytes, b"ours", "{path:?}");
                    read += 1;
                }
                Err(WorkspaceError::Refused {
                    reason: Reason::Symlink,
                    ..
                }) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(
        read > 0 && refused > 0,
        "read {read}, refused {refused}: no race took place"
    );
}

/// A killed writer's file would be the only reason for one.
fn assert_no_temporary_files(dir: &std::path::Path) {
    for (name, _) in contents(dir) {
        let last = name.trim_end_matches('/').rsplit('/').next().unwrap();
        assert!(!is_temporary_name(last), "{name} was left behind");
    }
}

#[test]
fn links_at_any_level_are_refused() {
    let area = area();
    let before = area.outside();
    fs::create_dir_all(area.inside("a/b")).unwrap();
    symlink("../../../outside", area.inside("a/b/up")).unwrap();
    symlink("outside-that-is-not-there", area.inside("dangling")).unwrap();
    symlink(area.dir.path().join("outside/secret"), area.inside("file")).unwrap();
    symlink("a", area.inside("inward")).unwrap();
    symlink("/proc/self/cwd", area.inside("magic")).unwrap();
    let outside = fs::File::open(area.dir.path().join("outside")).unwrap();
    let handle = format!("/proc/self/fd/{}", outside.as_raw_fd());
    symlink(handle, area.inside("handle")).unwrap();
    symlink("/proc/self/root", area.inside("host")).unwrap();
    for path in [
        "a/b/up/x",
        "dangling",
        "dangling/x",
        "file",
        "inward/x",
        "inward/b/x",
        "magic/x",
        "handle",
        "handle/secret",
        "host/etc/passwd",
    ] {
        is_refused(area.root.write(&rel(path), b"x", false), Reason::Symlink);
        is_refused(area.root.read(&rel(path), 100), Reason::Symlink);
    }
    for path in ["a/b/up/secret", "magic/x", "handle/secret"] {
        is_refused(area.root.delete(&rel(path)), Reason::Symlink);
    }
    // The link itself may go: nothing behind it does.
    assert!(area.root.delete(&rel("file")).unwrap());
    assert_eq!(area.outside(), before);
    assert!(!area.inside("a/x").exists());
}

#[test]
fn a_hard_link_outside_keeps_its_content() {
    let area = area();
    let before = area.outside();
    fs::hard_link(area.dir.path().join("outside/secret"), area.inside("f")).unwrap();
    area.root.write(&rel("f"), b"new", false).unwrap();
    assert_eq!(area.outside(), before);
    assert_eq!(fs::read(area.inside("f")).unwrap(), b"new");
    assert_eq!(fs::metadata(area.inside("f")).unwrap().nlink(), 1);
}

#[test]
fn special_files_are_never_opened() {
    let area = area();
    mknodat(
        CWD,
        area.inside("fifo"),
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(area.inside("socket")).unwrap();
    fs::create_dir(area.inside("dir")).unwrap();
    for path in ["fifo", "socket", "dir"] {
        let read = area.root.read(&rel(path), 100);
        assert!(
            matches!(read, Err(WorkspaceError::NotAFile { .. })),
            "{path}: {read:?}"
        );
    }
    // A write replaces what is no folder, and would hang if it opened it.
    for path in ["fifo", "socket"] {
        area.root.write(&rel(path), b"file", false).unwrap();
        assert_eq!(
            area.root.read(&rel(path), 100).unwrap().unwrap().bytes,
            b"file"
        );
    }
    let write = area.root.write(&rel("dir"), b"x", false);
    assert!(
        matches!(write, Err(WorkspaceError::PathConflict { .. })),
        "{write:?}"
    );
    assert!(matches!(
        area.root.delete(&rel("dir")),
        Err(WorkspaceError::NotAFile { .. })
    ));
    is_refused(
        area.root.write(&rel("fifo/x"), b"x", false),
        Reason::NotADirectory,
    );
    is_refused(area.root.read(&rel("fifo/x"), 1), Reason::NotADirectory);
}

#[test]
fn no_text_leads_out_to_a_sibling() {
    let area = area();
    fs::create_dir(area.dir.path().join("root-2")).unwrap();
    for text in ["../root-2/x", "a/../../root-2/x", "/etc/x", "..", "a/.."] {
        assert!(RelPath::parse(text).is_err(), "{text}");
    }
    area.root.write(&rel("./root-2/x"), b"x", false).unwrap();
    assert!(area.inside("root-2/x").exists());
    assert!(!area.dir.path().join("root-2/x").exists());
}

#[test]
fn files_are_replaced_whole_with_their_mode_and_parents_come_and_go() {
    let area = area();
    let path = rel("a/b/c");
    area.root.write(&path, b"one", true).unwrap();
    assert_eq!(
        fs::metadata(area.inside("a/b/c"))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777,
        0o755
    );
    area.root.write(&path, b"two", false).unwrap();
    assert_eq!(
        fs::metadata(area.inside("a/b/c"))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777,
        0o644
    );
    let names: Vec<_> = contents(area.root.path())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["a/", "a/b/", "a/b/c"]);
    area.root.write(&rel("a/keep"), b"x", false).unwrap();
    assert!(area.root.delete(&path).unwrap());
    assert!(!area.root.delete(&path).unwrap());
    assert!(!area.inside("a/b").exists() && area.inside("a/keep").exists());
    assert_eq!(area.root.read(&path, 100).unwrap(), None);
}

#[test]
fn reading_stops_at_the_limit() {
    let area = area();
    area.root.write(&rel("f"), b"12345", false).unwrap();
    assert_eq!(
        area.root.read(&rel("f"), 5).unwrap().unwrap().bytes,
        b"12345"
    );
    let over = area.root.read(&rel("f"), 4);
    assert!(
        matches!(over, Err(WorkspaceError::TooLarge { limit: 4, .. })),
        "{over:?}"
    );
}

#[test]
fn a_name_of_full_length_can_be_written() {
    let area = area();
    let path = rel(&"n".repeat(255));
    area.root.write(&path, b"x", false).unwrap();
    assert_eq!(area.root.read(&path, 1).unwrap().unwrap().bytes, b"x");
    assert!(is_temporary_name(".0123456789abcdef") && !is_temporary_name(".0123456789abcdeF"));
}
