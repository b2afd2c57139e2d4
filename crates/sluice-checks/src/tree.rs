//! What a plan is made from: the files of a workspace, wherever they are kept.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The most files that are listed from a folder.
const MOST_FILES: usize = 200_000;
/// The largest file in bytes that is read from a folder.
const LARGEST_FILE: u64 = 16 << 20;

/// The files of a workspace. Paths are relative, with `/` between their parts.
pub trait Tree: Send + Sync {
    /// The paths of all files, in order.
    fn paths(&self) -> Vec<String>;
    /// The content of a file; `None` when it is not there or cannot be read as a file.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// What stands for a file's mode and content, such as git's: two files with the same are the same.
    fn stamp(&self, path: &str) -> Option<String> {
        Some(hex::encode(Sha256::digest(self.read(path)?)))
    }
    /// Whether [`Tree::paths`] has every file that a check could read, and [`Tree::stamp`] knows each.
    fn is_whole(&self) -> bool {
        true
    }
}

impl Tree for BTreeMap<String, Vec<u8>> {
    fn paths(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }
}

/// A tree that lies in a folder of this machine. Links are not followed, `.git` and `node_modules` not entered.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    paths: Vec<String>,
    is_whole: bool,
}

impl Folder {
    /// Lists the folder `root`. What cannot be read is left out.
    pub fn open(root: &Path) -> Folder {
        let mut paths = Vec::new();
        let mut is_whole = true;
        let mut open = vec![(root.to_path_buf(), String::new())];
        while let Some((folder, prefix)) = open.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                is_whole = false;
                continue;
            };
            for entry in entries.flatten() {
                let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string())
                else {
                    is_whole = false;
                    continue;
                };
                let path = format!("{prefix}{name}");
                if kind.is_dir() && name != "node_modules" && name != ".git" {
                    open.push((entry.path(), format!("{path}/")));
                } else if kind.is_file() && paths.len() < MOST_FILES {
                    paths.push(path);
                } else {
                    is_whole = false;
                }
            }
        }
        paths.sort();
        Folder {
            root: root.to_path_buf(),
            paths,
            is_whole,
        }
    }
}

impl Folder {
    /// Where it lies.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Tree for Folder {
    fn paths(&self) -> Vec<String> {
        self.paths.clone()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.paths
            .binary_search_by(|known| known.as_str().cmp(path))
            .ok()?;
        read_plain(&self.root.join(path), LARGEST_FILE)
    }

    fn stamp(&self, path: &str) -> Option<String> {
        let path = self.root.join(path);
        let meta = fs::symlink_metadata(&path)
            .ok()
            .filter(fs::Metadata::is_file)?;
        let mut file = fs::File::open(path).ok()?;
        let mut digest = Sha256::new();
        std::io::copy(&mut file, &mut digest).ok()?;
        let is_executable = meta.permissions().mode() & 0o111 != 0;
        let digest = hex::encode(digest.finalize());
        Some(format!("{} {digest}", u8::from(is_executable)))
    }

    fn is_whole(&self) -> bool {
        self.is_whole
    }
}

/// The content of a plain file of at most `most` bytes; `None` for a link, a pipe, a larger one or none.
pub(crate) fn read_plain(path: &Path, most: u64) -> Option<Vec<u8>> {
    let meta = fs::symlink_metadata(path).ok()?;
    (meta.is_file() && meta.len() <= most)
        .then(|| fs::read(path).ok())
        .flatten()
}
