//! What the file system itself may be like: full, read-only, mounted upon, closed, immutable, of
//! other ideas about case. Most of it takes root to set up; an ordinary user's run leaves it out.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{CWD, FileType, IFlags, Mode, ioctl_getflags, ioctl_setflags, makedev, mknodat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use sluice_path::RelPath;

use super::{Area, area, assert_no_temporary_files};
use crate::WorkspaceError;
use crate::guard::Root;
use crate::tests::{contents, rel};

/// Ends a mount, also when an assertion failed.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = unmount(self.0, UnmountFlags::DETACH);
    }
}

/// Whether a mount came about; a container may forbid it even to root, and not every kernel is
/// built to fold case.
fn mounted(place: &Path, result: Result<(), Errno>) -> Option<Mounted<'_>> {
    match result {
        Err(Errno::PERM | Errno::ACCESS | Errno::INVAL) => None,
        done => {
            done.unwrap();
            Some(Mounted(place))
        }
    }
}

/// Runs `test` on a tmpfs with these options below the area.
fn with_tmpfs(area: &Area, options: &std::ffi::CStr, test: impl FnOnce(&Path)) {
    if !geteuid().is_root() {
        return;
    }
    let place = area.dir.path().join("small");
    fs::create_dir(&place).unwrap();
    let made = mount("tmpfs", &place, "tmpfs", MountFlags::empty(), Some(options));
    if let Some(_mounted) = mounted(&place, made) {
        test(&place);
    }
    fs::remove_dir(&place).unwrap();
}

fn is_kind(result: Result<(), WorkspaceError>, kind: ErrorKind) {
    assert!(
        matches!(&result, Err(WorkspaceError::Io { source, .. }) if source.kind() == kind),
        "{kind:?}: {result:?}"
    );
}

fn is_mount_point<T: std::fmt::Debug>(result: Result<T, WorkspaceError>) {
    assert!(
        matches!(result, Err(WorkspaceError::MountPoint { .. })),
        "{result:?}"
    );
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let area = area();
    with_tmpfs(&area, c"size=64k", |place| {
        let root = Root::open(place).unwrap();
        root.write(&rel("f"), b"old", false).unwrap();
        let before = contents(place);
        let large = vec![b'x'; 1 << 20];
        for path in ["f", "new", "d/e/f"] {
            let failed = root.write(&rel(path), &large, false).unwrap_err();
            assert!(failed.is_full_disk(), "{failed:?}");
            assert_eq!(contents(place), before, "{path}");
        }
    });
}

#[test]
fn a_used_up_quota_of_inodes_leaves_no_half_made_folders() {
    let area = area();
    with_tmpfs(&area, c"nr_inodes=5", |place| {
        let root = Root::open(place).unwrap();
        root.write(&rel("f"), b"old", false).unwrap();
        let before = contents(place);
        // The root, the file, and then room for two or three of these.
        for path in ["a/b/c/d/e", "a/b/c/d", "a/b/c/d/e/f/g"] {
            let failed = root.write(&rel(path), b"x", false).unwrap_err();
            assert!(failed.is_full_disk(), "{path}: {failed:?}");
            assert_eq!(contents(place), before, "{path}");
        }
        // One inode more is needed to replace a file than the file itself.
        root.write(&rel("f"), b"new", false).unwrap();
    });
}

#[test]
fn a_read_only_file_system_is_an_error_and_still_read() {
    let area = area();
    with_tmpfs(&area, c"size=64k", |place| {
        let root = Root::open(place).unwrap();
        root.write(&rel("d/f"), b"old", false).unwrap();
        let before = contents(place);
        mount_remount(place, MountFlags::RDONLY, c"").unwrap();
        for path in ["d/f", "d/new", "new", "x/y/new"] {
            is_kind(
                root.write(&rel(path), b"x", false),
                ErrorKind::ReadOnlyFilesystem,
            );
        }
        is_kind(
            root.delete(&rel("d/f")).map(|_| ()),
            ErrorKind::ReadOnlyFilesystem,
        );
        assert_eq!(root.read(&rel("d/f"), 9).unwrap().unwrap().bytes, b"old");
        assert_eq!(contents(place), before);
    });
}

#[test]
fn what_is_mounted_below_the_root_is_not_entered_replaced_or_deleted() {
    let area = area();
    if !geteuid().is_root() {
        return;
    }
    let before = area.outside();
    fs::create_dir(area.inside("folder")).unwrap();
    fs::write(area.inside("file"), "ours").unwrap();
    let outside = area.dir.path().join("outside");
    let (folder, file) = (area.inside("folder"), area.inside("file"));
    // The same file system, so that only the mount can tell.
    let Some(_folder) = mounted(&folder, mount_bind(&outside, &folder)) else {
        return;
    };
    let secret = outside.join("secret");
    let _file = mounted(&file, mount_bind(secret, &file)).unwrap();
    for path in ["folder/secret", "folder/new/x", "file"] {
        is_mount_point(area.root.write(&rel(path), b"x", false));
        is_mount_point(area.root.read(&rel(path), 100));
        is_mount_point(area.root.delete(&rel(path)));
    }
    assert_eq!(area.outside(), before);
    assert_no_temporary_files(area.root.path());
}

#[test]
fn a_root_may_itself_be_a_mount_point() {
    let area = area();
    with_tmpfs(&area, c"size=64k", |place| {
        let above = Root::open(area.dir.path()).unwrap();
        is_mount_point(above.write(&rel("small/f"), b"x", false));
        Root::open(place)
            .unwrap()
            .write(&rel("f"), b"x", false)
            .unwrap();
    });
}

#[test]
fn what_the_user_may_not_touch_stays_as_it_is() {
    let area = area();
    if !geteuid().is_root() {
        return;
    }
    for (folder, mode) in [("closed", 0o000), ("fixed", 0o555)] {
        fs::create_dir(area.inside(folder)).unwrap();
        fs::write(area.inside(&format!("{folder}/f")), "old").unwrap();
        fs::set_permissions(area.inside(folder), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::write(area.inside("secret"), "old").unwrap();
    fs::set_permissions(area.inside("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(area.inside(""), fs::Permissions::from_mode(0o755)).unwrap();
    let before = contents(area.root.path());
    // Another user in this thread only: a user is a property of a thread in Linux.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (uid, gid) = (Uid::from_raw(65_534), Gid::from_raw(65_534));
            set_thread_groups(&[]).unwrap();
            set_thread_res_gid(gid, gid, gid).unwrap();
            set_thread_res_uid(uid, uid, uid).unwrap();
            let denied = |result| is_kind(result, ErrorKind::PermissionDenied);
            for path in [
                "closed/f",
                "closed/new",
                "fixed/f",
                "fixed/new",
                "fixed/a/b",
                "new",
            ] {
                denied(area.root.write(&rel(path), b"x", false));
            }
            for path in ["closed/f", "fixed/f", "secret"] {
                denied(area.root.delete(&rel(path)).map(|_| ()));
            }
            for path in ["closed/f", "secret"] {
                denied(area.root.read(&rel(path), 9).map(|_| ()));
            }
        });
    });
    assert_eq!(contents(area.root.path()), before);
}

#[test]
fn immutable_files_and_folders_stay_as_they_are() {
    let area = area();
    fs::create_dir(area.inside("d")).unwrap();
    fs::write(area.inside("f"), "old").unwrap();
    let held: Vec<_> = ["d", "f"]
        .iter()
        .map(|name| File::open(area.inside(name)).unwrap())
        .collect();
    let set = |on: bool| -> Result<(), Errno> {
        for file in &held {
            let mut flags = ioctl_getflags(file)?;
            flags.set(IFlags::IMMUTABLE, on);
            ioctl_setflags(file, flags)?;
        }
        Ok(())
    };
    match set(true) {
        // Not everybody may, and not every file system can.
        Err(Errno::PERM | Errno::NOTTY | Errno::OPNOTSUPP) => return,
        done => done.unwrap(),
    }
    let results = ["f", "d/x", "d/e/x"].map(|path| area.root.write(&rel(path), b"x", false));
    let deleted = area.root.delete(&rel("f")).map(|_| ());
    let after = contents(area.root.path());
    // Before any assertion, or nobody could remove the folder.
    set(false).unwrap();
    for result in results.into_iter().chain([deleted]) {
        is_kind(result, ErrorKind::PermissionDenied);
    }
    let expected = [
        ("d/".to_owned(), Vec::new()),
        ("f".to_owned(), b"old".to_vec()),
    ];
    assert_eq!(after, expected);
}

#[test]
fn device_nodes_are_not_opened_and_are_replaced() {
    let area = area();
    for (name, kind, device) in [
        ("null", FileType::CharacterDevice, makedev(1, 3)),
        ("block", FileType::BlockDevice, makedev(7, 250)),
    ] {
        match mknodat(
            CWD,
            area.inside(name),
            kind,
            Mode::from_raw_mode(0o600),
            device,
        ) {
            // Only root makes devices, and not in every container.
            Err(Errno::PERM) => return,
            made => made.unwrap(),
        }
        let read = area.root.read(&rel(name), 100);
        assert!(
            matches!(read, Err(WorkspaceError::NotAFile { .. })),
            "{name}: {read:?}"
        );
        area.root.write(&rel(name), b"file", false).unwrap();
        assert_eq!(
            area.root.read(&rel(name), 9).unwrap().unwrap().bytes,
            b"file"
        );
    }
}

#[test]
fn names_that_differ_in_case_are_two_files_or_replace_each_other_whole() {
    let area = area();
    for (path, bytes) in [("Name", b"one"), ("name", b"two")] {
        area.root.write(&rel(path), bytes, false).unwrap();
    }
    assert_eq!(
        area.root.read(&rel("Name"), 9).unwrap().unwrap().bytes,
        b"one"
    );
    // Where the file system knows one name for both (from Linux 6.13 on, if built so).
    with_tmpfs(&area, c"size=64k,casefold", |place| {
        let folded = place.join("folded");
        fs::create_dir(&folded).unwrap();
        let handle = File::open(&folded).unwrap();
        let casefold = IFlags::from_bits_retain(0x4000_0000);
        ioctl_setflags(&handle, casefold).unwrap();
        let root = Root::open(&folded).unwrap();
        root.write(&rel("Name"), b"one", false).unwrap();
        root.write(&rel("name"), b"two", false).unwrap();
        let names: Vec<_> = contents(&folded);
        assert_eq!(names.len(), 1);
        assert_eq!(names[0].1, b"two");
    });
}

#[test]
fn spellings_of_one_name_are_one_file() {
    let area = area();
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    let one = RelPath::parse(composed).unwrap();
    match RelPath::parse(decomposed) {
        // The lexical rules make them one; nothing is left for the disk to tell apart.
        Ok(two) => assert_eq!(one, two),
        Err(refusal) => panic!("{refusal:?}"),
    }
    area.root.write(&one, b"x", false).unwrap();
    assert_eq!(contents(area.root.path())[0].0, composed);
}

#[test]
fn the_longest_paths_are_written_and_longer_ones_have_no_text() {
    let area = area();
    let deep = rel(&["n"; sluice_path::MAX_COMPONENTS].join("/"));
    let long = rel(&[
        "n".repeat(255),
        "m".repeat(255),
        "o".repeat(255),
        "p".repeat(255),
    ]
    .join("/"));
    for path in [deep, long] {
        area.root.write(&path, b"x", false).unwrap();
        assert!(area.root.delete(&path).unwrap());
    }
    assert!(RelPath::parse(&"n".repeat(256)).is_err());
    assert_eq!(contents(area.root.path()), []);
}

#[test]
fn a_write_never_opens_the_file_that_it_replaces() {
    let area = area();
    area.root.write(&rel("f"), b"old", false).unwrap();
    let reader = File::open(area.inside("f")).unwrap();
    let (inode, other) = (reader.metadata().unwrap().ino(), area.inside("other"));
    fs::hard_link(area.inside("f"), &other).unwrap();
    area.root.write(&rel("f"), b"new", true).unwrap();
    assert_eq!(fs::read(&other).unwrap(), b"old");
    let kept = fs::metadata(&other).unwrap();
    assert_eq!(
        (kept.ino(), kept.permissions().mode() & 0o777),
        (inode, 0o644)
    );
    assert_eq!(std::io::read_to_string(reader).unwrap(), "old");
}
