//! A reply's way into git: parsed, guarded, made a tree and a commit, with receipts beside it.

use jiff::Timestamp;
use serde_json::json;
use sluice_checks::{Finding, pins, pins_moved};
use sluice_gates::{Attempt, Signature, Work};
use sluice_reply::changes::{Kept, Taker, resolve_after};
use sluice_store::{AttemptChange, AttemptRecord, Pins};
use sluice_workspace::{NewCommit, Oid, Repo};

use crate::changes::{EXPECTED, Receipt, Taken, TreeBase, finding, take};
use crate::git_names::{RECEIPTS, attempt_ref, daemon, identity};
use crate::git_tree::GitTree;

/// What became of a reply in git.
pub(crate) struct Landed {
    pub(crate) work: Work,
    pub(crate) change: AttemptChange,
    pub(crate) pins: Option<Pins>,
    /// For the event: what was written, or why nothing was.
    pub(crate) text: String,
}

/// A reply that was refused, and its SHA-256 in hex.
#[derive(Clone)]
pub(crate) struct RefusedReply {
    pub(crate) text: String,
    pub(crate) digest: String,
}

/// The replies before an attempt that were refused since the last one that left a commit, oldest first.
pub(crate) fn refused_replies(attempt: Attempt, attempts: &[AttemptRecord]) -> Vec<RefusedReply> {
    let mut refused = Vec::new();
    for one in attempts.iter().filter(|one| one.n < attempt.0) {
        if one.commit.is_some() {
            refused.clear();
            continue;
        }
        let ask = one.asks.iter().rfind(|ask| ask.reply.is_some());
        refused.extend(ask.and_then(|ask| {
            Some(RefusedReply {
                text: ask.reply.clone()?,
                digest: ask.reply_digest.clone().unwrap_or_default(),
            })
        }));
    }
    refused
}

/// What of refused replies fitted on their base, and waits for the rest.
pub(crate) fn kept(base: &TreeBase<'_>, refused: &[RefusedReply]) -> anyhow::Result<Kept> {
    let mut kept = Kept::default();
    for one in refused {
        let reply = sluice_reply::parse(&one.text);
        let resolved = resolve_after(&kept, &reply, base, Taker::Gate);
        if let Some(more) = resolved.map_err(|e| anyhow::anyhow!(e))?.kept {
            kept = more.said_by(&one.digest);
        }
    }
    Ok(kept)
}

/// Everything that a reply's way into git depends on: the same values make the same commit.
#[derive(Clone)]
pub(crate) struct Landing {
    pub(crate) base: String,
    /// The replies that were refused since, on the same base.
    pub(crate) refused: Vec<RefusedReply>,
    pub(crate) pins: Pins,
    pub(crate) gate: sluice_gates::Gate,
    pub(crate) run: String,
    pub(crate) attempt: u16,
    pub(crate) author: String,
    pub(crate) reply: String,
    pub(crate) digest: String,
    pub(crate) at: Timestamp,
}

impl Landing {
    pub(crate) fn land(self, repo: &Repo) -> anyhow::Result<Landed> {
        let base: Oid = self.base.parse()?;
        let before = repo.commit_read(&base)?;
        let parsed = sluice_reply::parse(&self.reply);
        let change = AttemptChange {
            n: self.attempt,
            ..AttemptChange::default()
        };
        let base_tree = TreeBase::new(repo, before.tree);
        let kept = kept(&base_tree, &self.refused)?;
        let taken = take(&parsed, &kept, &base_tree).map_err(|e| anyhow::anyhow!(e))?;
        let (changes, receipts) = match taken {
            Taken::Nothing(why) => {
                let why = match self.reply.trim().is_empty() {
                    true => format!("the reply holds no file: it is empty. {EXPECTED}"),
                    false => why,
                };
                return Ok(refused(
                    change,
                    Work::Nothing,
                    &[finding("no_file", why, None, 1)],
                    &[],
                ));
            }
            Taken::Refused {
                findings,
                fitting,
                is_kept,
            } => {
                // What is kept is told as the next request is written, with what was kept before.
                let fitting = if is_kept { Vec::new() } else { fitting };
                return Ok(refused(
                    change,
                    Work::Refused(signature(&findings)),
                    &findings,
                    &fitting,
                ));
            }
            Taken::Changes(changes, receipts) => (changes, receipts),
        };
        let after = match repo.tree_build(Some(&before.tree), &changes) {
            Ok(after) => after,
            Err(error) if is_about_the_reply(&error) => {
                let findings = [finding("tree", error.to_string(), None, 1)];
                return Ok(refused(
                    change,
                    Work::Refused(signature(&findings)),
                    &findings,
                    &[],
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let receipts = with_blobs(repo, &after, receipts)?;
        if after == before.tree {
            let note = "the reply changes nothing: every file is as it was".to_owned();
            return Ok(Landed {
                work: Work::Unchanged,
                change: AttemptChange {
                    commit: Some(self.base.clone()),
                    tree: Some(after.to_string()),
                    receipts: Some(json!({ "files": receipts })),
                    note: Some(note.clone()),
                    ..change
                },
                pins: None,
                text: note,
            });
        }
        let commit = repo.commit(&self.commit(after, base, &receipts), None)?;
        // Before the ref: an attempt that can be seen has its receipts.
        repo.note_put(
            RECEIPTS,
            &commit,
            &self.note(&receipts)?,
            &daemon(),
            self.at.as_second(),
        )?;
        let name = attempt_ref(self.gate, &self.run, self.attempt);
        repo.ref_move(&name, None, commit, "attempt")?;
        let now_pinned = pins(&GitTree::open(repo, &after)?);
        let moved = pins_moved(&self.pins, &now_pinned);
        let written: Vec<&str> = receipts
            .iter()
            .map(|receipt| receipt.path.as_str())
            .collect();
        let count = match written.len() {
            1 => "1 file".to_owned(),
            many => format!("{many} files"),
        };
        let text = format!("{count}: {}", written.join(", "));
        // What this attempt adds is measured by from now on too; what it moved stays as it was until a
        // person allows it.
        let mut grown = self.pins.clone();
        for (path, digest) in now_pinned {
            grown.entry(path).or_insert(digest);
        }
        Ok(Landed {
            work: Work::Committed {
                pins_moved: !moved.is_empty(),
            },
            change: AttemptChange {
                commit: Some(commit.to_string()),
                tree: Some(after.to_string()),
                receipts: Some(json!({ "files": receipts })),
                held: Some(moved),
                ..change
            },
            pins: Some(grown),
            text,
        })
    }

    /// What is kept with the commit: which bytes of which reply became which blob.
    fn note(&self, receipts: &[Receipt]) -> anyhow::Result<Vec<u8>> {
        let note = json!({
            "format": "sluice-receipts/v1",
            "gate": self.gate.as_str(),
            "run": self.run,
            "attempt": self.attempt,
            "agent": self.author,
            "reply": format!("sha256:{}", self.digest),
            "files": receipts,
        });
        let mut text = serde_json::to_vec_pretty(&note)?;
        text.push(b'\n');
        Ok(text)
    }

    fn commit(&self, tree: Oid, base: Oid, receipts: &[Receipt]) -> NewCommit {
        let gate = self.gate.as_str();
        let files = match receipts {
            [one] => one.path.clone(),
            many => format!("{} files", many.len()),
        };
        NewCommit {
            tree,
            parents: vec![base],
            author: identity(&self.author),
            committer: daemon(),
            time: self.at.as_second(),
            message: format!("{gate}: attempt {}: {files}", self.attempt),
            trailers: vec![
                ("Gate".to_owned(), gate.to_owned()),
                ("Run".to_owned(), self.run.clone()),
                ("Attempt".to_owned(), self.attempt.to_string()),
                ("Agent".to_owned(), identity(&self.author).name),
                ("Reply-Digest".to_owned(), format!("sha256:{}", self.digest)),
            ],
        }
    }
}

fn refused(change: AttemptChange, work: Work, findings: &[Finding], fitting: &[String]) -> Landed {
    let text = findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    let failure = match &work {
        Work::Refused(signature) => Some(signature.clone()),
        _ => None,
    };
    Landed {
        work,
        change: AttemptChange {
            receipts: Some(json!({ "files": [], "refused": findings, "fitting": fitting })),
            failure,
            note: Some(format!("the reply was not taken: {text}")),
            ..change
        },
        pins: None,
        text,
    }
}

fn with_blobs(repo: &Repo, tree: &Oid, receipts: Vec<Receipt>) -> anyhow::Result<Vec<Receipt>> {
    receipts
        .into_iter()
        .map(|mut receipt| {
            let entry = repo.file_read_raw(tree, &receipt.path)?;
            receipt.blob = entry.map(|entry| entry.oid.to_string());
            Ok(receipt)
        })
        .collect()
}

fn signature(findings: &[Finding]) -> Signature {
    let mut parts: Vec<&str> = findings
        .iter()
        .map(|one| one.fingerprint.as_str())
        .collect();
    parts.sort_unstable();
    parts.dedup();
    Signature(sluice_proof::sha256_hex(parts.join("\n").as_bytes()))
}

/// Whether git refused what the reply says, as against failing itself.
fn is_about_the_reply(error: &sluice_workspace::WorkspaceError) -> bool {
    use sluice_workspace::WorkspaceError as Error;
    matches!(
        error,
        Error::Refused { .. }
            | Error::PathConflict { .. }
            | Error::Duplicate { .. }
            | Error::DeletesEverything
    )
}

#[cfg(test)]
mod tests;
