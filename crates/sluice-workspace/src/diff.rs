//! Says what differs between two trees, with bounded patches.

use git2::{Delta, DiffFindOptions, DiffOptions, Patch};

use crate::tree::find_tree;
use crate::{Oid, Repo, WorkspaceError};

/// Bytes of patch text kept for one file.
const PATCH_LIMIT: usize = 256 * 1024;
/// Bytes of patch text kept for one diff.
const TOTAL_LIMIT: usize = 4 * 1024 * 1024;
/// Files above this size are compared by name only.
const BLOB_LIMIT: i64 = 4 * 1024 * 1024;
/// Pairs looked at for renames; more of them would cost the square.
const RENAME_LIMIT: usize = 200;

/// The difference of two trees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// In path order.
    pub files: Vec<DiffFile>,
    /// How many files differ, those on other pages too.
    pub total: usize,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffStatus {
    /// New.
    Added,
    /// Other content or mode.
    Modified,
    /// Gone.
    Deleted,
    /// Same or similar content under another path.
    Renamed,
    /// A link or submodule became a file, or the reverse.
    TypeChanged,
}

/// One file of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffFile {
    /// The path afterwards; before, for a deleted file.
    pub path: String,
    /// The path before, for a renamed file.
    pub old_path: Option<String>,
    /// What happened.
    pub status: DiffStatus,
    /// Lines added.
    pub additions: usize,
    /// Lines removed.
    pub deletions: usize,
    /// Unified diff with its header; `None` for binary and for very large files.
    pub patch: Option<String>,
    /// Set when the patch was cut or left out for its size.
    pub truncated: bool,
}

impl Repo {
    /// What changed from one tree (`None`: nothing) to another.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when a tree is not in the repository.
    pub fn diff(&self, from: Option<&Oid>, to: &Oid) -> Result<Diff, WorkspaceError> {
        self.diff_page(from, to, 0, usize::MAX)
    }

    /// As [`Repo::diff`], without the first `skip` files and at most `limit` of the others. Only
    /// these are compared line by line.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`] when a tree is not in the repository.
    pub fn diff_page(
        &self,
        from: Option<&Oid>,
        to: &Oid,
        skip: usize,
        limit: usize,
    ) -> Result<Diff, WorkspaceError> {
        let failed = || WorkspaceError::git("compare trees");
        let repo = self.raw()?;
        let from = from.map(|oid| find_tree(&repo, *oid)).transpose()?;
        let to = find_tree(&repo, *to)?;
        let mut options = DiffOptions::new();
        options
            .context_lines(3)
            .id_abbrev(12)
            .max_size(BLOB_LIMIT)
            .include_typechange(true);
        let mut diff = repo
            .diff_tree_to_tree(from.as_ref(), Some(&to), Some(&mut options))
            .map_err(failed())?;
        let mut find = DiffFindOptions::new();
        find.renames(true).rename_limit(RENAME_LIMIT);
        diff.find_similar(Some(&mut find)).map_err(failed())?;

        let mut left = TOTAL_LIMIT;
        let total = diff.deltas().len();
        let end = skip.saturating_add(limit).min(total);
        let files = (skip..end)
            .map(|index| file(&diff, index, &mut left))
            .collect::<Result<_, _>>()
            .map_err(failed())?;
        Ok(Diff { files, total })
    }
}

fn file(diff: &git2::Diff<'_>, index: usize, left: &mut usize) -> Result<DiffFile, git2::Error> {
    let patch = Patch::from_diff(diff, index)?;
    let delta = diff
        .get_delta(index)
        .expect("the index is below the number of deltas");
    let path = |file: git2::DiffFile<'_>| {
        String::from_utf8_lossy(file.path_bytes().unwrap_or_default()).into_owned()
    };
    let status = match delta.status() {
        Delta::Added => DiffStatus::Added,
        Delta::Deleted => DiffStatus::Deleted,
        Delta::Renamed => DiffStatus::Renamed,
        Delta::Typechange => DiffStatus::TypeChanged,
        _ => DiffStatus::Modified,
    };
    let mut file = DiffFile {
        path: path(delta.new_file()),
        old_path: (status == DiffStatus::Renamed).then(|| path(delta.old_file())),
        status,
        additions: 0,
        deletions: 0,
        patch: None,
        truncated: delta.new_file().size().max(delta.old_file().size()) > BLOB_LIMIT as u64,
    };
    let Some(mut patch) = patch else {
        return Ok(file);
    };
    if delta.flags().is_binary() {
        return Ok(file);
    }
    (_, file.additions, file.deletions) = patch.line_stats()?;
    let limit = PATCH_LIMIT.min(*left);
    let mut text = String::from_utf8_lossy(&patch.to_buf()?).into_owned();
    if text.len() > limit {
        file.truncated = true;
        let cut = text.floor_char_boundary(limit);
        // Whole lines only, so that the rest still reads as a patch.
        text.truncate(text[..cut].rfind('\n').map_or(0, |at| at + 1));
    }
    *left -= text.len();
    file.patch = Some(text);
    Ok(file)
}
