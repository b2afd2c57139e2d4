//! The way back from a backup into a new data directory.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sluice_store::{RowsError, Store, TABLES};
use sluice_workspace::Repo;

use super::{BackupError, FORMAT, MANIFEST, Manifest, copy_files, digests, place, settle};
use crate::data::DataDir;

/// Lines that are put into the database at once.
const BATCH: usize = 256;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// The data directory.
    pub data: PathBuf,
}

/// Makes the new data directory `to` from a backup, with its rows in `database`, or, without one, in a SQLite file
/// there. The directory appears when it is whole; start a daemon on it as ever.
///
/// # Errors
/// See [`BackupError`]. Nothing stands at `to` then, and nothing in the database.
pub async fn restore(
    from: &Path,
    to: &Path,
    database: Option<&str>,
) -> Result<Restored, BackupError> {
    let manifest = manifest(from)?;
    let (parent, name) = place(to)?;
    let part = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .tempdir_in(&parent)
        .map_err(BackupError::io("make a folder in", &parent))?;
    let root = part.path();
    let data = DataDir::open(root).map_err(BackupError::io("make", root))?;
    for project in &manifest.projects {
        let repo = Repo::open(&from.join("git").join(format!("{project}.git")))?;
        repo.copy(&data.git(project), &repo.ref_list("refs/")?)?;
    }
    fs::remove_dir(data.transcripts()).map_err(BackupError::io("make", root))?;
    copy_files(&from.join("transcripts"), &data.transcripts())?;
    if manifest.key {
        let key = data.key();
        fs::copy(from.join("signing_key"), &key)
            .and_then(|_| fs::set_permissions(&key, fs::Permissions::from_mode(0o600)))
            .map_err(BackupError::io("write", &key))?;
    }
    let lies_inside = database.is_none();
    let inside = data.database_url();
    let store = Store::open(database.unwrap_or(&inside)).await?;
    if lies_inside {
        rows_read(&store, &from.join("rows")).await?;
        store.close().await?;
        settle(root)?;
        fs::rename(root, to).map_err(BackupError::io("rename to", to))?;
    } else {
        // The rows come last: as long as they are not there, all of it can be done again.
        settle(root)?;
        rows_read(&store, &from.join("rows")).await?;
        fs::rename(root, to).map_err(BackupError::io("rename to", to))?;
        store.close().await?;
    }
    let _ = part.keep();
    File::open(&parent)
        .and_then(|folder| folder.sync_all())
        .map_err(BackupError::io("sync", &parent))?;
    Ok(Restored {
        manifest,
        data: to.to_owned(),
    })
}

/// Reads the manifest and holds every file to it.
fn manifest(from: &Path) -> Result<Manifest, BackupError> {
    let damaged = |path: &Path, found: String| BackupError::Damaged {
        path: path.to_owned(),
        found,
    };
    let path = from.join(MANIFEST);
    let text = fs::read(&path).map_err(BackupError::io("read", &path))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| damaged(&path, format!("it is no manifest: {error}")))?;
    if manifest.format != FORMAT {
        let found = format!("its format is {:?}, not {FORMAT:?}", manifest.format);
        return Err(damaged(&path, found));
    }
    // What is there and not in the manifest is refused too: somebody put it there.
    let there = digests(from)?;
    if let Some((name, _)) = there
        .iter()
        .find(|(name, digest)| manifest.files.get(*name) != Some(digest))
    {
        let found = match manifest.files.contains_key(name) {
            true => "it is not what was backed up",
            false => "it is not in the manifest",
        };
        return Err(damaged(&from.join(name), found.to_owned()));
    }
    if let Some(name) = manifest
        .files
        .keys()
        .find(|name| !there.contains_key(*name))
    {
        return Err(damaged(&from.join(name), "it is missing".to_owned()));
    }
    for table in TABLES {
        let name = format!("rows/{table}.jsonl");
        if !there.contains_key(&name) {
            return Err(damaged(&from.join(name), "it is missing".to_owned()));
        }
    }
    for project in &manifest.projects {
        // A name leads to a folder.
        if sluice_path::ProjectName::parse(project).is_err() {
            return Err(damaged(
                &path,
                format!("{project:?} is no name of a project"),
            ));
        }
    }
    Ok(manifest)
}

/// Puts the rows of a backup into an empty database.
async fn rows_read(store: &Store, folder: &Path) -> Result<(), RowsError> {
    let mut tables = TABLES.iter();
    let mut open: Option<(&str, io::Lines<BufReader<File>>)> = None;
    store
        .rows_restore(move || {
            loop {
                if open.is_none() {
                    let Some(table) = tables.next() else {
                        return Ok(None);
                    };
                    let file = File::open(folder.join(format!("{table}.jsonl")))?;
                    open = Some((table, BufReader::new(file).lines()));
                }
                if let Some((table, lines)) = &mut open {
                    let batch: Vec<String> = lines.take(BATCH).collect::<io::Result<_>>()?;
                    if !batch.is_empty() {
                        return Ok(Some(((*table).to_owned(), batch)));
                    }
                    open = None;
                }
            }
        })
        .await
}
