//! What a passage must not leave on the machine: processes, mounts, control groups, folders of what runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::story::Story;

/// How long a killed sandbox may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// What is left, waiting a moment for what is ending.
pub(crate) async fn left(story: &Story) -> Vec<String> {
    let until = Instant::now() + GONE_WITHIN;
    loop {
        let mut found = processes(story.folder());
        found.extend(mounts(story.folder()));
        found.extend(groups(story));
        if found.is_empty() || Instant::now() > until {
            found.extend(folders(story));
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The processes that belong to a story: helpers name its folder, and what runs in a sandbox has it mounted.
pub(crate) fn processes(folder: &Path) -> Vec<String> {
    let name = own_name(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let place = entry.path();
        let pid = entry.file_name().to_string_lossy().into_owned();
        if pid.parse::<u32>().is_err() || pid == std::process::id().to_string() {
            continue;
        }
        let line = fs::read(place.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let mounts = fs::read_to_string(place.join("mountinfo")).unwrap_or_default();
        if line.contains(&name) || mounts.contains(&name) {
            found.push(format!("process {pid}: {line}"));
        }
    }
    found
}

/// The last part of the path is its own, and mounts are told by paths in their file system.
fn own_name(folder: &Path) -> String {
    folder
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

fn mounts(folder: &Path) -> Vec<String> {
    let name = own_name(folder);
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc");
    mounts
        .lines()
        .filter(|line| line.contains(&name))
        .map(|line| format!("mount {line}"))
        .collect()
}

/// Control groups are named by the digest of the engine's state folder.
fn groups(story: &Story) -> Vec<String> {
    let state = story.data().join("run").join("native");
    let state = state.canonicalize().unwrap_or(state);
    let digest = sluice_proof::sha256_hex(state.as_os_str().as_encoded_bytes());
    let prefix = format!("sluice-{}-", &digest[..12]);
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(&prefix) {
                    found.push(format!("control group {}", entry.path().display()));
                }
                folders.push(entry.path());
            }
        }
    }
    found
}

/// What lies in the folders of what runs, and unfinished files anywhere.
fn folders(story: &Story) -> Vec<String> {
    let data = story.data();
    let mut found = Vec::new();
    let run = data.join("run");
    for place in ["", "native/jobs", "checks/out"] {
        for entry in fs::read_dir(run.join(place))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            let expected = [run.join("native"), run.join("checks")];
            if !expected.contains(&path) {
                found.push(format!("folder of what runs: {}", path.display()));
            }
        }
    }
    found
}

/// The names of all files, with what differs from story to story replaced: to find what lies about unused.
pub(crate) fn names(story: &Story) -> BTreeSet<String> {
    let data = story.data();
    let mut names = BTreeSet::new();
    let mut folders = vec![data.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(&data)
                .expect("below")
                .display()
                .to_string();
            if !name.contains("/objects/") && !name.starts_with("sluice.db-") && !is_old_lock(&name)
            {
                names.insert(normal(&name));
            }
        }
    }
    names
}

/// The lock of a ref whose writer was killed between libgit2's link and unlink: in nobody's way, and gone when
/// that ref moves again.
fn is_old_lock(name: &str) -> bool {
    name.contains(".git/refs/") && name.ends_with(".lock")
}

/// Long hexadecimal words become `#`, random words of unfinished files `*`.
fn normal(name: &str) -> String {
    let parts = name.split('/').map(|part| {
        if part.starts_with(".tmp") {
            return ".tmp*".to_owned();
        }
        let words = part.split(['-', '.']).map(|word| {
            let is_hex =
                word.len() >= 2 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.len() != 3;
            if is_hex {
                "#".to_owned()
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<_>>().join("-")
    });
    parts.collect::<Vec<_>>().join("/")
}
