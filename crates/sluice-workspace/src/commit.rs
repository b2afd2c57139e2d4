//! Makes commits, signed or not, and reads them back.

use std::error::Error;

use git2::{ErrorCode, ObjectType, Signature, Time};

use crate::refs::commit_of;
use crate::tree::find_tree;
use crate::{Oid, Repo, WorkspaceError};

/// Who wrote or committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// As shown.
    pub name: String,
    /// As shown; need not lead anywhere.
    pub email: String,
}

/// Everything that a commit's id depends on: the same values make the same commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// Its tree.
    pub tree: Oid,
    /// The commits it builds on; none for a first one.
    pub parents: Vec<Oid>,
    /// Who wrote the change.
    pub author: Identity,
    /// Who made the commit.
    pub committer: Identity,
    /// Seconds since 1970 (UTC), given so that a repeat after a crash makes the same commit.
    pub time: i64,
    /// Subject, empty line, body; trailers apart.
    pub message: String,
    /// Lines `Key: value` of the last paragraph, in this order.
    pub trailers: Vec<(String, String)>,
}

/// What a signer may fail with.
pub type SignFailure = Box<dyn Error + Send + Sync>;

/// Makes an armored SSH signature (namespace `git`) over the commit's bytes.
pub type Signer<'a> = dyn Fn(&[u8]) -> Result<String, SignFailure> + 'a;

/// A signature as a commit carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSignature {
    /// The value of the `gpgsig` header, armored.
    pub signature: String,
    /// What it was made over: the commit without that header.
    pub signed: Vec<u8>,
}

/// A commit as it was read; text that is no UTF-8 has its bad bytes replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub oid: Oid,
    /// Its tree.
    pub tree: Oid,
    /// What it builds on.
    pub parents: Vec<Oid>,
    /// Who wrote the change.
    pub author: Identity,
    /// Who made the commit.
    pub committer: Identity,
    /// The committer's clock, seconds since 1970 (UTC).
    pub time: i64,
    /// The whole message, trailers included.
    pub message: String,
    /// The trailers of the message's last paragraph.
    pub trailers: Vec<(String, String)>,
    /// Its signature, not checked here.
    pub signature: Option<CommitSignature>,
}

impl Repo {
    /// Writes a commit object and names it; moves no ref.
    ///
    /// # Errors
    /// A part that is missing or cannot be stored, or a signer that fails.
    pub fn commit(
        &self,
        new: &NewCommit,
        sign: Option<&Signer<'_>>,
    ) -> Result<Oid, WorkspaceError> {
        let failed = || WorkspaceError::git("write a commit");
        let repo = self.raw()?;
        let tree = find_tree(&repo, new.tree)?;
        let parents = new
            .parents
            .iter()
            .map(|oid| {
                repo.find_commit(oid.0)
                    .map_err(WorkspaceError::object(*oid))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let parents: Vec<_> = parents.iter().collect();
        let author = signature(&new.author, new.time)?;
        let committer = signature(&new.committer, new.time)?;
        let message = message(&new.message, &new.trailers)?;
        let buffer = repo
            .commit_create_buffer(&author, &committer, &message, &tree, &parents)
            .map_err(failed())?;
        let Some(sign) = sign else {
            let odb = repo.odb().map_err(failed())?;
            return odb
                .write(ObjectType::Commit, &buffer)
                .map(Oid)
                .map_err(failed());
        };
        let text = str::from_utf8(&buffer).expect("made of UTF-8 parts only");
        let armored = sign(&buffer).map_err(|source| WorkspaceError::Sign { source })?;
        // A final line break would become an empty continuation line, which git does not write.
        repo.commit_signed(text, armored.trim_end(), Some("gpgsig"))
            .map(Oid)
            .map_err(failed())
    }

    /// Reads a commit; an annotated tag is followed.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`], or an object that is no commit.
    pub fn commit_read(&self, oid: &Oid) -> Result<CommitInfo, WorkspaceError> {
        let repo = self.raw()?;
        let commit = commit_of(&repo, *oid)?;
        info(&repo, &commit)
    }
}

pub(crate) fn info(
    repo: &git2::Repository,
    commit: &git2::Commit<'_>,
) -> Result<CommitInfo, WorkspaceError> {
    let oid = Oid(commit.id());
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let identity = |who: Signature<'_>| Identity {
        name: lossy(who.name_bytes()),
        email: lossy(who.email_bytes()),
    };
    let signature = match repo.extract_signature(&oid.0, None) {
        Ok((signature, signed)) => Some(CommitSignature {
            signature: lossy(&signature),
            signed: signed.to_vec(),
        }),
        Err(e) if e.code() == ErrorCode::NotFound => None,
        Err(e) => {
            return Err(WorkspaceError::git(format!("read the signature of {oid}"))(
                e,
            ));
        }
    };
    let message = lossy(commit.message_raw_bytes());
    Ok(CommitInfo {
        oid,
        tree: Oid(commit.tree_id()),
        parents: commit.parent_ids().map(Oid).collect(),
        author: identity(commit.author()),
        committer: identity(commit.committer()),
        time: commit.time().seconds(),
        trailers: trailers(&message),
        message,
        signature,
    })
}

fn trailers(message: &str) -> Vec<(String, String)> {
    // A message with a NUL byte (git itself refuses to make one) has no trailers that we trust.
    git2::message_trailers_strs(message)
        .map(|found| {
            found
                .iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect()
        })
        .unwrap_or_default()
}

fn signature(who: &Identity, time: i64) -> Result<Signature<'static>, WorkspaceError> {
    let invalid = || WorkspaceError::InvalidIdentity {
        name: who.name.clone(),
        email: who.email.clone(),
    };
    // Angle brackets and line breaks would forge other fields of the commit.
    let clean = |text: &str| -> String {
        text.chars()
            .filter(|c| !c.is_control() && !matches!(c, '<' | '>'))
            .collect()
    };
    let (name, email) = (clean(&who.name), clean(&who.email));
    Signature::new(name.trim(), email.trim(), &Time::new(time, 0)).map_err(|_| invalid())
}

/// The message as git stores it: no trailing blanks, trailers as a paragraph of their own, so
/// that a `Gate:` line in an agent's text is never read as ours.
fn message(text: &str, trailers: &[(String, String)]) -> Result<String, WorkspaceError> {
    let text = text.replace("\r\n", "\n").replace('\0', "\u{fffd}");
    let mut message = text.trim().to_owned();
    if message.is_empty() {
        message.push_str("(no message)");
    }
    message.push('\n');
    for (i, (key, value)) in trailers.iter().enumerate() {
        let good_key =
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !good_key || value.trim().is_empty() || value.chars().any(char::is_control) {
            return Err(WorkspaceError::InvalidTrailer { key: key.clone() });
        }
        if i == 0 {
            message.push('\n');
        }
        message.push_str(&format!("{key}: {}\n", value.trim()));
    }
    Ok(message)
}
