//! Nothing outside the root changes, whatever stands below it and whoever moves it meanwhile.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use sluice_path::{Reason, RelPath};

use super::{Root, is_temporary_name};
use crate::WorkspaceError;
use crate::tests::{contents, rel};

struct Area {
    dir: tempfile::TempDir,
    root: Root,
}

fn area() -> Area {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("outside")).unwrap();
    fs::write(dir.path().join("outside/secret"), "secret").unwrap();
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

#[test]
fn twenty_thousand_writes_against_a_swapping_thread_change_nothing_outside() {
    let area = area();
    let before = area.outside();
    fs::create_dir(area.inside("swap")).unwrap();
    symlink(area.dir.path().join("outside"), area.inside("link")).unwrap();
    let stop = AtomicBool::new(false);
    let (mut written, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (a, b) = (area.inside("swap"), area.inside("link"));
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
            }
        });
        // Stops the swapping thread on a failed assertion, too, or the test would hang.
        let _stop = Stop(&stop);
        // Half of these are writes.
        for i in 0..40_000 {
            let path = rel(&format!("swap/f{}", i % 10));
            // Read, write and delete in turn: each resolves the path anew.
            let outcome = match i % 4 {
                0 => area.root.read(&path, 100).map(|_| ()),
                1 => area.root.delete(&path).map(|_| ()),
                _ => area.root.write(&path, b"ours", false),
            };
            match outcome {
                Ok(()) => written += 1,
                Err(WorkspaceError::Refused {
                    reason: Reason::Symlink,
                    ..
                }) => refused += 1,
                // The folder that held our temporary file was swapped away.
                Err(WorkspaceError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => panic!("{e:?}"),
            }
        }
    });
    assert!(
        written > 0 && refused > 0,
        "written {written}, refused {refused}: no race took place"
    );
    assert_eq!(area.outside(), before);
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
    for path in [
        "a/b/up/x",
        "dangling",
        "dangling/x",
        "file",
        "inward/x",
        "inward/b/x",
        "magic/x",
    ] {
        is_refused(area.root.write(&rel(path), b"x", false), Reason::Symlink);
        is_refused(area.root.read(&rel(path), 100), Reason::Symlink);
    }
    for path in ["a/b/up/secret", "magic/x"] {
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
    fs::hard_link(area.dir.path().join("outside/secret"), area.inside("f")).unwrap();
    area.root.write(&rel("f"), b"new", false).unwrap();
    assert_eq!(area.outside(), [("secret".to_owned(), b"secret".to_vec())]);
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

/// A tmpfs of this size below the root, as root; an ordinary user cannot mount one.
fn with_tmpfs(area: &Area, options: &std::ffi::CStr, test: impl FnOnce(&std::path::Path)) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = area.dir.path().join("small");
    fs::create_dir(&place).unwrap();
    match mount("tmpfs", &place, "tmpfs", MountFlags::empty(), Some(options)) {
        // A container may forbid it even to root.
        Err(rustix::io::Errno::PERM) => return,
        mounted => mounted.unwrap(),
    }
    test(&place);
    unmount(&place, UnmountFlags::DETACH).unwrap();
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let area = area();
    for options in [c"size=64k", c"nr_inodes=5"] {
        with_tmpfs(&area, options, |place| {
            let root = Root::open(place).unwrap();
            root.write(&rel("f"), b"old", false).unwrap();
            let before = contents(place);
            let failed = match options.to_str().unwrap() {
                "size=64k" => root
                    .write(&rel("d/f"), &vec![b'x'; 1 << 20], false)
                    .unwrap_err(),
                _ => (0..9)
                    .find_map(|i| root.write(&rel(&format!("d{i}/e")), b"x", false).err())
                    .unwrap(),
            };
            assert!(failed.is_full_disk(), "{failed:?}");
            let after = contents(place);
            let kept =
                |all: &[(String, Vec<u8>)]| all.iter().find(|(name, _)| name == "f").cloned();
            assert_eq!(kept(&after), kept(&before));
            assert!(
                !after
                    .iter()
                    .any(|(name, _)| is_temporary_name(name.rsplit('/').next().unwrap()))
            );
        });
        let _ = fs::remove_dir(area.dir.path().join("small"));
    }
}

#[test]
fn another_file_system_below_the_root_is_not_entered() {
    let area = area();
    with_tmpfs(&area, c"size=64k", |_| {
        let root = Root::open(area.dir.path()).unwrap();
        let write = root.write(&rel("small/f"), b"x", false);
        assert!(
            matches!(write, Err(WorkspaceError::MountPoint { .. })),
            "{write:?}"
        );
        assert!(matches!(
            root.read(&rel("small/f"), 1),
            Err(WorkspaceError::MountPoint { .. })
        ));
    });
}
