//! Projects, their trees and their history.

use serde::Serialize;
use utoipa::ToSchema;

/// A project.
#[derive(Debug, Serialize, ToSchema)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// The template that it was made from.
    pub template: String,
    /// `web`, `service`, `library` or `ai`.
    pub kind: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// The first gate that is not passed; `None` when all are.
    pub current_gate: Option<String>,
    /// That gate's state.
    pub state: Option<String>,
    /// The commit of `refs/heads/main`.
    pub main: Option<String>,
    /// The commit of `refs/heads/work`.
    pub work: Option<String>,
}

/// An entry of a tree.
#[derive(Debug, Serialize, ToSchema)]
pub struct TreeEntry {
    /// Its path.
    pub path: String,
    /// The blob's id; also the ETag of the file.
    pub oid: String,
    /// Bytes.
    pub size: u64,
    /// `file`, `executable`, `link` or `submodule`.
    pub kind: String,
}

/// A commit.
#[derive(Debug, Serialize, ToSchema)]
pub struct Commit {
    /// Its id.
    pub oid: String,
    /// Its tree.
    pub tree: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// Who made the change.
    pub author: String,
    /// When, RFC 3339.
    pub at: String,
    /// The message without its trailers.
    pub message: String,
    /// The trailers, in order.
    pub trailers: Vec<[String; 2]>,
}

/// A branch.
#[derive(Debug, Serialize, ToSchema)]
pub struct Branch {
    /// Its name without `refs/heads/`.
    pub name: String,
    /// The commit.
    pub commit: String,
}

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tag {
    /// Its name without `refs/tags/`.
    pub name: String,
    /// The commit that it leads to.
    pub commit: String,
}

/// Whom the lines of a file come from.
#[derive(Debug, Serialize, ToSchema)]
pub struct Blame {
    /// The commit whose file it is.
    pub commit: String,
    /// Lines that follow each other and come from one commit, in order.
    pub items: Vec<BlamedLines>,
    /// What to hand in as `cursor` for the lines that follow; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// Lines of one commit.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlamedLines {
    /// The number of the first line; 1 is the first of the file.
    pub first: usize,
    /// How many lines.
    pub lines: usize,
    /// The commit; `null` when it lies further back than is looked.
    pub commit: Option<String>,
    /// Who made the change.
    pub author: Option<String>,
    /// When, RFC 3339.
    pub at: Option<String>,
    /// The first line of the commit's message.
    pub summary: Option<String>,
    /// The attempt that it is of; `null` for a person's change.
    pub made_by: Option<MadeBy>,
}

/// An attempt of an agent, as the daemon wrote it into a commit.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeBy {
    /// The gate.
    pub gate: String,
    /// The run.
    pub run: String,
    /// The attempt's number in it.
    pub attempt: u16,
    /// Who answered.
    pub agent: String,
}

/// A difference of two trees.
#[derive(Debug, Serialize, ToSchema)]
pub struct Diff {
    /// The older one.
    pub from: String,
    /// The newer one.
    pub to: String,
    /// What differs.
    pub files: Vec<FileDiff>,
    /// What to hand in as `cursor` of `/diff` for the files that follow; left out when these are all.
    pub next_cursor: Option<String>,
}

/// A difference of one file.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileDiff {
    /// Its path now.
    pub path: String,
    /// Its path before, when it was renamed.
    pub old_path: Option<String>,
    /// `added`, `modified`, `deleted`, `renamed`.
    pub status: String,
    /// Lines added.
    pub additions: usize,
    /// Lines removed.
    pub deletions: usize,
    /// The unified diff; cut when large.
    pub patch: String,
}

/// What a person's edit became.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileWritten {
    /// The path as it was written.
    pub path: String,
    /// The new blob; `None` after a deletion.
    pub oid: Option<String>,
    /// The commit on `refs/heads/work`; the one that is held while a run is open.
    pub commit: String,
    /// The number of the edit when it is held.
    pub held: Option<u64>,
}

/// The files of a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tree {
    /// The tree's id; also its ETag.
    pub tree: String,
    /// The entries, by path.
    pub items: Vec<TreeEntry>,
    /// What to hand in as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// A commit with what it changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommitWithDiff {
    /// Its id.
    pub oid: String,
    /// Its tree.
    pub tree: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// Who made the change.
    pub author: String,
    /// When, RFC 3339.
    pub at: String,
    /// The message without its trailers.
    pub message: String,
    /// The trailers, in order.
    pub trailers: Vec<[String; 2]>,
    /// Against its first parent.
    pub diff: Diff,
}
