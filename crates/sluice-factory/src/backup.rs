//! Backups of a daemon's data, made while it runs, and the way back.
//!
//! A backup is what a kill of the daemon at one moment would have left, and a start after it mends that: the rows
//! of the database, and the refs of each project with all that they reach. For that moment nobody can write to
//! the database, so git is at most one effect ahead of it, as after a kill. What can be made anew is left out:
//! working trees, caches, layers.
//!
//! Every file of a backup stands in its manifest with its digest, and is looked at before anything is restored.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sluice_store::{Rows, RowsError, Store, StoreError, TABLES};
use sluice_workspace::{Oid, WorkspaceError};

use crate::data::DataDir;

mod restore;

pub use restore::{Restored, restore};

/// What the manifest says that it is.
const FORMAT: &str = "sluice-backup/v1";
/// The name of the manifest.
const MANIFEST: &str = "backup.json";
/// How often a project that is just being made is waited for, and how long each time.
const LOOKS: usize = 50;
const LOOK: Duration = Duration::from_millis(100);

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `sluice-backup/v1`.
    pub format: String,
    /// The version of the program that made it.
    pub sluice: String,
    /// The moment that it shows.
    pub at: Timestamp,
    /// The projects, in order.
    pub projects: Vec<String>,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Whether the signing key is in it.
    pub key: bool,
    /// Every other file with its SHA-256, by its path in the backup.
    pub files: BTreeMap<String, String>,
}

/// Why there is no backup, or none restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A fault of the disk.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The place is taken.
    #[error("{} is there already; name a place that is not", path.display())]
    Taken {
        /// The place.
        path: PathBuf,
    },
    /// A project is in the rows and not on the disk.
    #[error("the git data of the project {project} is not there; `sluice doctor` says more")]
    NoProject {
        /// Which.
        project: String,
    },
    /// It is no backup, or is damaged.
    #[error("{} cannot be restored: {found}", path.display())]
    Damaged {
        /// The backup, or a file of it.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The rows.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// A repository.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

impl From<StoreError> for BackupError {
    fn from(source: StoreError) -> Self {
        BackupError::Rows(source.into())
    }
}

impl BackupError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
        let path = path.to_owned();
        move |source| BackupError::Io { what, path, source }
    }
}

/// A project's refs.
type Refs = Vec<(String, Oid)>;

/// Makes a backup of `data` and `store` in the new folder `to`, readable by this user alone. The daemon may run.
/// The folder appears when it is whole.
///
/// # Errors
/// See [`BackupError`]; nothing stands at `to` then.
pub async fn backup(
    data: &DataDir,
    store: &Store,
    to: &Path,
    key: bool,
) -> Result<Manifest, BackupError> {
    let (parent, name) = place(to)?;
    let part = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .tempdir_in(&parent)
        .map_err(BackupError::io("make a folder in", &parent))?;
    let root = part.path();
    let (rows, refs, at) = moment(data, store).await?;

    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        sluice: env!("CARGO_PKG_VERSION").to_owned(),
        at,
        projects: refs.keys().cloned().collect(),
        rows: rows_write(&rows, &root.join("rows")).await?,
        key,
        files: BTreeMap::new(),
    };
    for (project, refs) in &refs {
        let to = root.join("git").join(format!("{project}.git"));
        data.repo(project)?.copy(&to, refs)?;
    }
    copy_files(&data.transcripts(), &root.join("transcripts"))?;
    if key {
        let to = root.join("signing_key");
        fs::copy(data.key(), &to).map_err(BackupError::io("copy", &data.key()))?;
    }
    manifest.files = digests(root)?;
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
    let path = root.join(MANIFEST);
    fs::write(&path, text + "\n").map_err(BackupError::io("write", &path))?;
    settle(root)?;
    fs::rename(root, to).map_err(BackupError::io("rename to", to))?;
    // It is not there any more under its first name.
    let _ = part.keep();
    File::open(&parent)
        .and_then(|folder| folder.sync_all())
        .map_err(BackupError::io("sync", &parent))?;
    Ok(manifest)
}

/// The folder in which a new one is made, and the new one's name.
fn place(to: &Path) -> Result<(PathBuf, String), BackupError> {
    let absolute = std::path::absolute(to).map_err(BackupError::io("find", to))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(BackupError::Taken {
            path: to.to_owned(),
        });
    };
    if absolute.symlink_metadata().is_ok() {
        return Err(BackupError::Taken { path: absolute });
    }
    fs::create_dir_all(parent).map_err(BackupError::io("make", parent))?;
    Ok((parent.to_owned(), name.to_string_lossy().into_owned()))
}

/// Takes hold of the rows and the refs as they are at one moment.
async fn moment(
    data: &DataDir,
    store: &Store,
) -> Result<(Rows, BTreeMap<String, Refs>, Timestamp), BackupError> {
    let mut looks = 0;
    loop {
        let (rows, refs) = store.rows(async || refs_of_all(data, store).await).await?;
        match refs {
            Ok(refs) => return Ok((rows, refs, Timestamp::now())),
            // It is recorded first and has its place a moment later.
            Err(BackupError::NoProject { .. }) if looks < LOOKS => {
                looks += 1;
                drop(rows);
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn refs_of_all(data: &DataDir, store: &Store) -> Result<BTreeMap<String, Refs>, BackupError> {
    let mut all = BTreeMap::new();
    let mut cursor = None;
    loop {
        let page = store.project_list(cursor.as_deref(), 1000).await?;
        for project in page.items {
            let refs = match data.repo(&project.name) {
                Ok(repo) => repo.ref_list("refs/")?,
                Err(WorkspaceError::NoRepository { .. }) => {
                    let project = project.name;
                    return Err(BackupError::NoProject { project });
                }
                Err(error) => return Err(error.into()),
            };
            all.insert(project.name, refs);
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// Writes a file of lines for each table.
async fn rows_write(rows: &Rows, folder: &Path) -> Result<BTreeMap<String, u64>, BackupError> {
    fs::create_dir(folder).map_err(BackupError::io("make", folder))?;
    let mut counts = BTreeMap::new();
    for &table in TABLES {
        let path = folder.join(format!("{table}.jsonl"));
        let file = File::create_new(&path).map_err(BackupError::io("create", &path))?;
        let mut file = BufWriter::new(file);
        let count = rows
            .read(table, &mut |line| {
                file.write_all(line.as_bytes())?;
                file.write_all(b"\n")
            })
            .await?;
        file.flush().map_err(BackupError::io("write", &path))?;
        counts.insert(table.to_owned(), count);
    }
    Ok(counts)
}

/// Copies the plain files of a folder, not those below it. A file that goes away meanwhile is left out.
fn copy_files(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::create_dir(to).map_err(BackupError::io("make", to))?;
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BackupError::io("list", from)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(BackupError::io("list", from))?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            match fs::copy(entry.path(), to.join(entry.file_name())) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(BackupError::io("copy", &entry.path())(error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Every plain file below a folder, but for the manifest, by its path there, with its SHA-256.
fn digests(root: &Path) -> Result<BTreeMap<String, String>, BackupError> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(BackupError::io("list", &folder))? {
            let path = entry.map_err(BackupError::io("list", &folder))?.path();
            let kind = path
                .symlink_metadata()
                .map_err(BackupError::io("look at", &path))?
                .file_type();
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let damaged = |found: &str| BackupError::Damaged {
                path: path.clone(),
                found: found.to_owned(),
            };
            if !kind.is_file() {
                return Err(damaged("it is no plain file"));
            }
            let name = path.strip_prefix(root).ok().and_then(Path::to_str);
            let name = name.ok_or_else(|| damaged("its name is not UTF-8"))?;
            if name != MANIFEST {
                found.insert(name.to_owned(), digest(&path)?);
            }
        }
    }
    Ok(found)
}

fn digest(path: &Path) -> Result<String, BackupError> {
    let mut file = File::open(path).map_err(BackupError::io("open", path))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file
            .read(&mut piece)
            .map_err(BackupError::io("read", path))?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&piece[..read]);
    }
}

/// Brings everything below a folder to the disk.
fn settle(root: &Path) -> Result<(), BackupError> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(BackupError::io("list", &folder))? {
            let path = entry.map_err(BackupError::io("list", &folder))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                File::open(&path)
                    .and_then(|file| file.sync_all())
                    .map_err(BackupError::io("sync", &path))?;
            }
        }
        File::open(&folder)
            .and_then(|folder| folder.sync_all())
            .map_err(BackupError::io("sync", &folder))?;
    }
    Ok(())
}
