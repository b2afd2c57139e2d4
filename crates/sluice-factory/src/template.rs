//! The templates that projects start from: built into the program, and in a folder of the user's.

mod folder;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use sluice_path::{ProjectName, RelPath};
use sluice_store::ProjectKind;
use sluice_workspace::{Action, Change};

/// The manifest of a template; it is no part of a project.
pub(crate) const MANIFEST: &str = "template.toml";
/// Where the project's name goes, in the files that a manifest's `named` lists. It is itself a good name for
/// a package in every language, so that a template can be built where it lies.
const PLACEHOLDER: &str = "project-name";
/// The largest file of a template, bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 4 << 20;
/// The largest template, bytes.
const MAX_TEMPLATE_BYTES: usize = 16 << 20;

/// What the program carries with it: template, path, content, whether it may be executed.
static BUILT_IN: &[(&str, &str, &[u8], bool)] =
    &include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// What a template says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateHead {
    /// Its name, which is its folder's.
    pub name: String,
    /// Its name in prose.
    pub title: String,
    /// One sentence: what a project starts with.
    pub description: String,
    /// The languages that it is written in.
    pub languages: Vec<String>,
    /// The kinds of project that it suits.
    pub kinds: Vec<ProjectKind>,
    /// One sentence: what its build makes.
    pub builds: String,
    /// The files in which `project-name` stands for the project's name.
    #[serde(default)]
    named: Vec<String>,
}

/// A template with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    head: TemplateHead,
    files: BTreeMap<RelPath, TemplateFile>,
}

/// A file of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateFile {
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) executable: bool,
}

/// Why no project can be made from a template.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TemplateError {
    /// There is none of that name.
    #[error("{name:?} is not a template; there are {}", .known.join(", "))]
    Unknown {
        /// The name as it was given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Something in its folder cannot become part of a project.
    #[error("the template {template:?} cannot be used: {path}: {why}")]
    Unusable {
        /// Which template.
        template: String,
        /// What in its folder; `.` is the folder itself.
        path: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
}

/// Where templates come from. A user's folder is read whenever it is asked for, so that what is changed in it
/// holds at once.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    folder: Option<PathBuf>,
}

impl Templates {
    /// Those that are built into the program.
    pub fn built_in() -> Templates {
        Templates::default()
    }

    /// Those that are built in and those of a folder, each in a folder of its name; one of the same name takes
    /// the place of a built-in one. The folder need not be there.
    pub fn with_folder(folder: PathBuf) -> Templates {
        Templates {
            folder: Some(folder),
        }
    }

    /// What there is, by name. What cannot be used is left out and named in the log.
    pub(crate) fn list(&self) -> Vec<TemplateHead> {
        self.names()
            .into_iter()
            .filter_map(|name| match self.read(&name) {
                Ok(template) => Some(template.head),
                Err(error) => {
                    tracing::warn!(template = name, %error, "left out a template");
                    None
                }
            })
            .collect()
    }

    /// A template with its files.
    pub(crate) fn read(&self, name: &str) -> Result<Template, TemplateError> {
        let known = self.names();
        if !known.contains(name) {
            return Err(TemplateError::Unknown {
                name: name.to_owned(),
                known: known.into_iter().collect(),
            });
        }
        let files = match &self.folder {
            Some(folder) if folder::names(folder).iter().any(|own| own == name) => {
                folder::read(folder, name)?
            }
            _ => built_in(name)?,
        };
        Template::new(name, files)
    }

    fn names(&self) -> BTreeSet<String> {
        let own = self.folder.iter().flat_map(|folder| folder::names(folder));
        BUILT_IN
            .iter()
            .map(|(template, ..)| (*template).to_owned())
            .chain(own)
            .collect()
    }
}

impl Template {
    fn new(
        name: &str,
        mut files: BTreeMap<RelPath, TemplateFile>,
    ) -> Result<Template, TemplateError> {
        let fault = |path: &str, why: String| TemplateError::Unusable {
            template: name.to_owned(),
            path: path.to_owned(),
            why,
        };
        let manifest = files.remove(MANIFEST).ok_or_else(|| {
            fault(
                MANIFEST,
                "is missing; docs/templates.md says what it holds".to_owned(),
            )
        })?;
        let text = std::str::from_utf8(&manifest.bytes)
            .map_err(|_| fault(MANIFEST, "is not UTF-8".to_owned()))?;
        let head: TemplateHead = toml::from_str(text)
            .map_err(|error| fault(MANIFEST, error.to_string().trim_end().to_owned()))?;
        if head.name != name {
            let why = format!("name is {:?}; it must be that of the folder", head.name);
            return Err(fault(MANIFEST, why));
        }
        if head.kinds.is_empty() {
            let why = "kinds must name at least one of web, service, library and ai".to_owned();
            return Err(fault(MANIFEST, why));
        }
        for path in &head.named {
            let file = files.get(path.as_str()).map(|file| &file.bytes);
            let stands = |bytes: &Cow<'static, [u8]>| {
                std::str::from_utf8(bytes).is_ok_and(|text| text.contains(PLACEHOLDER))
            };
            if !file.is_some_and(stands) {
                let why =
                    format!("named lists {path:?}, which is no text file with {PLACEHOLDER} in it");
                return Err(fault(MANIFEST, why));
            }
        }
        if files.is_empty() {
            return Err(fault(".", "holds nothing but the manifest".to_owned()));
        }
        let mut keys: BTreeMap<String, &RelPath> = BTreeMap::new();
        for path in files.keys() {
            if let Some(other) = keys.insert(path.collision_key(), path) {
                let why = format!("is one file with {other} where case does not count; rename one");
                return Err(fault(path.as_str(), why));
            }
        }
        let bytes: usize = files.values().map(|file| file.bytes.len()).sum();
        if bytes > MAX_TEMPLATE_BYTES {
            let why = format!("the files have {bytes} bytes; {MAX_TEMPLATE_BYTES} is the limit");
            return Err(fault(".", why));
        }
        Ok(Template { head, files })
    }

    /// The files as a project of this name starts with them.
    pub(crate) fn changes(&self, project: &ProjectName) -> Vec<Change> {
        self.files
            .iter()
            .map(|(path, file)| {
                let named = self.head.named.iter().any(|named| named == path.as_str());
                let bytes = match std::str::from_utf8(&file.bytes) {
                    Ok(text) if named => text.replace(PLACEHOLDER, project.as_str()).into_bytes(),
                    _ => file.bytes.to_vec(),
                };
                Change {
                    path: path.clone(),
                    action: Action::Write {
                        bytes,
                        executable: file.executable,
                    },
                }
            })
            .collect()
    }
}

fn built_in(name: &str) -> Result<BTreeMap<RelPath, TemplateFile>, TemplateError> {
    BUILT_IN
        .iter()
        .filter(|(template, ..)| *template == name)
        .map(|(template, path, bytes, executable)| {
            let file = TemplateFile {
                bytes: Cow::Borrowed(bytes),
                executable: *executable,
            };
            let parsed = RelPath::parse(path).map_err(|refusal| TemplateError::Unusable {
                template: (*template).to_owned(),
                path: (*path).to_owned(),
                why: refusal.to_string(),
            })?;
            Ok((parsed, file))
        })
        .collect()
}

#[cfg(test)]
mod tests;
