//! Reads a template of the user's; everything in its folder is hostile.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{DirEntry, FileType};
use std::path::Path;

use sluice_path::{ProjectName, RelPath};
use sluice_workspace::WorkspaceError;
use sluice_workspace::guard::Root;

use super::{MAX_FILE_BYTES, TemplateError, TemplateFile};

/// The most files and folders of a template.
const MAX_ENTRIES: usize = 4096;
/// The deepest folder.
const MAX_DEPTH: usize = 32;

/// The names of the templates in `folder`: its folders, and links, which are refused when they are read.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            entry
                .file_type()
                .is_ok_and(|kind| kind.is_dir() || kind.is_symlink())
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        // What a project may be called is also what a template may.
        .filter(|name| ProjectName::parse(name).is_ok())
        .collect()
}

/// All files of a template.
pub(super) fn read(
    folder: &Path,
    name: &str,
) -> Result<BTreeMap<RelPath, TemplateFile>, TemplateError> {
    let home = folder.join(name);
    let unusable = |why: String| TemplateError::Unusable {
        template: name.to_owned(),
        path: ".".to_owned(),
        why,
    };
    let is_link = std::fs::symlink_metadata(&home)
        .map_err(|error| unusable(error.to_string()))?
        .is_symlink();
    if is_link {
        return Err(unusable("is a link; put the folder itself here".to_owned()));
    }
    let mut reading = Reading {
        template: name,
        root: Root::open(&home).map_err(|error| unusable(chain(error)))?,
        entries: 0,
        files: BTreeMap::new(),
    };
    reading.folder(&home, "", 0)?;
    Ok(reading.files)
}

struct Reading<'a> {
    template: &'a str,
    root: Root,
    entries: usize,
    files: BTreeMap<RelPath, TemplateFile>,
}

impl Reading<'_> {
    fn folder(&mut self, folder: &Path, path: &str, depth: usize) -> Result<(), TemplateError> {
        let shown = if path.is_empty() { "." } else { path };
        if depth > MAX_DEPTH {
            return Err(self.fault(shown, format!("is more than {MAX_DEPTH} folders deep")));
        }
        let listed = std::fs::read_dir(folder)
            .and_then(|entries| entries.take(MAX_ENTRIES + 1).collect::<Result<Vec<_>, _>>());
        let mut entries = listed.map_err(|error| self.fault(shown, error.to_string()))?;
        // The same fault is named whenever it is read.
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                let why = format!("holds more than {MAX_ENTRIES} files and folders");
                return Err(self.fault(".", why));
            }
            let name = entry.file_name();
            let lossy = name.to_string_lossy();
            let below = match path {
                "" => lossy.into_owned(),
                _ => format!("{path}/{lossy}"),
            };
            if name.to_str().is_none() {
                return Err(self.fault(&below, "the name is not UTF-8"));
            }
            let kind = entry
                .file_type()
                .map_err(|error| self.fault(&below, error.to_string()))?;
            self.entry(&entry.path(), &below, kind, depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        full: &Path,
        path: &str,
        kind: FileType,
        depth: usize,
    ) -> Result<(), TemplateError> {
        if kind.is_symlink() {
            return Err(self.fault(path, "is a link; put the file itself here"));
        }
        let parsed =
            RelPath::parse(path).map_err(|refusal| self.fault(path, refusal.to_string()))?;
        if parsed.as_str() != path {
            let why = "the name is not in Unicode's composed form (NFC); rename it";
            return Err(self.fault(path, why));
        }
        if kind.is_dir() {
            return self.folder(full, path, depth + 1);
        }
        if !kind.is_file() {
            return Err(self.fault(path, "is no regular file"));
        }
        // By handle and without following a link: what was looked at above may be something else by now.
        let disk = self
            .root
            .read(&parsed, MAX_FILE_BYTES)
            .map_err(|error| match error {
                WorkspaceError::TooLarge { limit, .. } => {
                    self.fault(path, format!("is larger than {limit} bytes"))
                }
                error => self.fault(path, chain(error)),
            })?
            .ok_or_else(|| self.fault(path, "went away while it was read"))?;
        let file = TemplateFile {
            bytes: Cow::Owned(disk.bytes),
            executable: disk.executable,
        };
        self.files.insert(parsed, file);
        Ok(())
    }

    fn fault(&self, path: &str, why: impl Into<String>) -> TemplateError {
        TemplateError::Unusable {
            template: self.template.to_owned(),
            path: path.to_owned(),
            why: why.into(),
        }
    }
}

/// An error with its causes, for a person.
fn chain(error: WorkspaceError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}
