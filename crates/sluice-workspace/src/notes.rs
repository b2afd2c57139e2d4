//! Keeps a text with a commit as a git note, beside the commit and not in it.

use git2::ErrorCode;
use sluice_path::RelPath;

use crate::refs::valid;
use crate::{Change, Identity, Moved, NewCommit, Oid, Repo, WorkspaceError};

/// How often a note is put again when others move the notes meanwhile.
const TRIES: usize = 16;

impl Repo {
    /// Keeps `text` as the note of `of` in the notes ref `name`, where `git notes --ref` reads it. A note that says the
    /// same already is left as it is, so a repeat changes nothing; another one is replaced. `by` and `time` (seconds
    /// since 1970, UTC) are those of the notes' own commit.
    ///
    /// # Errors
    /// [`WorkspaceError::InvalidRefName`], the disk's fault, or a [`WorkspaceError::Conflict`] with others who keep
    /// moving the ref.
    pub fn note_put(
        &self,
        name: &str,
        of: &Oid,
        text: &[u8],
        by: &Identity,
        time: i64,
    ) -> Result<Moved, WorkspaceError> {
        let mut tries = 0;
        loop {
            let head = self.ref_get(name)?;
            let base = match &head {
                Some(head) => Some(self.commit_read(head)?.tree),
                None => None,
            };
            let mut changes = vec![Change::write(path(of), text)];
            // The git program puts notes into one folder as long as they are few.
            let flat = RelPath::parse(&of.to_string()).expect("hex digits");
            if let Some(base) = &base
                && self.file_read(base, &flat)?.is_some()
            {
                changes.push(Change::delete(flat));
            }
            let tree = self.tree_build(base.as_ref(), &changes)?;
            if base == Some(tree) {
                return Ok(Moved::Already);
            }
            let commit = self.commit(
                &NewCommit {
                    tree,
                    parents: head.into_iter().collect(),
                    author: by.clone(),
                    committer: by.clone(),
                    time,
                    message: format!("Note of {of}"),
                    trailers: Vec::new(),
                },
                None,
            )?;
            match self.ref_move(name, head, commit, "note") {
                Err(WorkspaceError::Conflict { .. }) if tries < TRIES => tries += 1,
                moved => return moved,
            }
        }
    }

    /// The note of a commit in a notes ref, whoever put it there.
    ///
    /// # Errors
    /// [`WorkspaceError::InvalidRefName`], or a repository that cannot be read.
    pub fn note_read(&self, name: &str, of: &Oid) -> Result<Option<Vec<u8>>, WorkspaceError> {
        valid(name)?;
        match self.raw()?.find_note(Some(name), of.0) {
            Ok(note) => Ok(Some(note.message_bytes().to_vec())),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(WorkspaceError::git(format!("read the note of {of}"))(e)),
        }
    }
}

/// Where git looks for a note: in a folder by the first byte of the id, so that no tree grows long.
fn path(of: &Oid) -> RelPath {
    let hex = of.to_string();
    RelPath::parse(&format!("{}/{}", &hex[..2], &hex[2..])).expect("hex digits and one slash")
}
