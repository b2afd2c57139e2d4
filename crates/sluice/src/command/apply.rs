//! `sluice apply`: writes the files of a reply into a git repository, as one commit.

mod base;
mod take;

use std::env;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sluice_factory::change;
use sluice_reply::changes::{BaseError, Entry, FileAction, FileChange, Receipt, Taker, resolve};
use sluice_reply::{Code, Warning};
use sluice_workspace::checkout::{self, ApplyOutcome};
use sluice_workspace::{Change, Identity};

use super::parse::said;
use super::reply_text::ReplyText;
use crate::cli::Apply;
use crate::exit::{self, Exit, chain};
use crate::output::{Output, one_line};
use base::{At, Folder};
use take::RefusedFile;

/// What came of it: the document that `--json` prints.
#[derive(Debug, Serialize)]
struct Applied<'a> {
    /// The commit that HEAD is on; none when nothing was written.
    commit: Option<String>,
    /// Its tree.
    tree: Option<String>,
    /// Whether a commit was made; false when everything was so already.
    changed: bool,
    /// What the commit sets.
    written: Vec<String>,
    /// What it removes.
    deleted: Vec<String>,
    /// What was not written.
    refused: Vec<RefusedFile>,
    /// The edits that fit although others do not: they need not change.
    fitting: Vec<String>,
    /// Which part of the reply became which file.
    receipts: Vec<Receipt>,
    /// What the reply's parser has to say.
    warnings: Vec<&'a Warning>,
}

/// Runs the command.
pub(super) fn run(args: &Apply, output: Output) -> Result<(), Exit> {
    needs_folder(&args.into)?;
    let text = ReplyText::read(Some(&args.file), output)?;
    let reply = text.parse();
    let folder = Folder::open(&args.into)?;
    let base = folder.at(args.base.as_deref())?;
    let unreadable = |error: BaseError| Exit::failed(chain(&*error));
    let resolved = resolve(&reply, &base, Taker::Folder).map_err(unreadable)?;
    let mut refused: Vec<RefusedFile> = resolved.refused.iter().map(RefusedFile::of).collect();
    let mut changes = resolved.changes.clone();
    if args.base.is_some() {
        let now = folder.at(None)?;
        for change in moved(&changes, &base, &now).map_err(unreadable)? {
            let path = change.path.as_str().to_owned();
            refused.push(take::refused_file(
                &resolved.receipts,
                &path,
                "base_moved",
                MOVED,
            ));
            changes.retain(|change| change.path.as_str() != path);
        }
    }
    let mut applied = Applied {
        commit: None,
        tree: None,
        changed: false,
        written: Vec::new(),
        deleted: Vec::new(),
        refused: Vec::new(),
        fitting: resolved.fitting(),
        receipts: Vec::new(),
        // The edits are applied here, or refused with a reason of their own.
        warnings: reply
            .warnings
            .iter()
            .filter(|one| !matches!(one.code, Code::DiffSkipped | Code::EditBlockSkipped))
            .collect(),
    };
    let is_based = !reply.edits.is_empty() || args.base.is_some();
    let changes: Vec<Change> = changes.into_iter().map(change).collect();
    let is_to_be_written = !changes.is_empty() && (refused.is_empty() || args.partial);
    if is_to_be_written {
        let outcome = checkout::apply_to_checkout(
            &args.into,
            &checkout::Apply {
                changes: &changes,
                message: &subject(&changes),
                trailers: &[("Reply-Digest".to_owned(), format!("sha256:{}", text.digest))],
                identity: identity(),
                time: now(),
                partial: args.partial,
                onto: folder.head.filter(|_| is_based),
            },
        );
        match outcome? {
            ApplyOutcome::Applied(done) => {
                applied.receipts = receipts(&resolved.receipts, &done);
                applied.commit = Some(done.commit.to_string());
                applied.tree = Some(done.tree.to_string());
                applied.changed = done.changed;
                applied.written = done.written;
                applied.deleted = done.deleted;
                refused.extend(take::refused_by_disk(&resolved.receipts, &done.refused));
            }
            ApplyOutcome::Refused(paths) => {
                refused.extend(take::refused_by_disk(&resolved.receipts, &paths));
            }
        }
    }
    applied.refused = refused;
    report(args, &applied, reply.blocks, output)
}

/// What is said of a file that HEAD has otherwise than the base.
const MOVED: &str = "HEAD has another version of this file than the base; make the reply from HEAD, or merge by hand";

/// The changes of files that changed since the base, but for those that are so already.
fn moved(
    changes: &[FileChange],
    base: &At<'_>,
    now: &At<'_>,
) -> Result<Vec<FileChange>, BaseError> {
    let mut moved = Vec::new();
    for change in changes {
        let path = change.path.as_str();
        let is = now.committed(path)?;
        let is_done = match (&change.action, &is) {
            (
                FileAction::Write { bytes, executable },
                Entry::File {
                    bytes: has,
                    executable: runs,
                },
            ) => bytes == has && executable == runs,
            (FileAction::Delete, Entry::Missing) => true,
            _ => false,
        };
        if !is_done && is != base.committed(path)? {
            moved.push(change.clone());
        }
    }
    Ok(moved)
}

/// The receipts of what was written, with the blobs.
fn receipts(all: &[Receipt], done: &checkout::Applied) -> Vec<Receipt> {
    let is_done = |path: &String| done.written.contains(path) || done.deleted.contains(path);
    all.iter()
        .filter(|one| is_done(&one.path))
        .cloned()
        .collect()
}

fn report(args: &Apply, applied: &Applied<'_>, blocks: usize, output: Output) -> Result<(), Exit> {
    if output.is_json() {
        output.document(applied)?;
    } else {
        let is_told = |warning: &Warning| applied.refused.iter().any(|one| one.covers(warning));
        for warning in applied.warnings.iter().filter(|one| !is_told(one)) {
            output.note(&said(warning));
        }
        output.text(&done_text(applied))?;
    }
    for file in &applied.refused {
        let path = file.path.as_deref().unwrap_or("?");
        output.note(&one_line(&format!(
            "refused: line {}: {path} ({}): {}",
            file.line, file.reason, file.message
        )));
        for line in &file.nearest_lines {
            output.note(&one_line(line));
        }
    }
    if !applied.fitting.is_empty() {
        output.note(match applied.fitting.len() {
            1 => "this edit matches and need not change:",
            _ => "these edits match and need not change:",
        });
        for edit in &applied.fitting {
            output.note(&one_line(&format!("  {edit}")));
        }
    }
    if applied.commit.is_none() {
        if applied.refused.is_empty() {
            output.note(&format!(
                "sluice: the reply holds no file ({blocks} fenced blocks); name each block's path after its \
                 language, as in ```ts:src/a.ts"
            ));
        } else if args.partial {
            output.note("sluice: nothing was written: no file is left");
        } else {
            output.note(
                "sluice: nothing was written; mend the reply, or write the other files with --partial",
            );
        }
        return Err(Exit::said(exit::FAILED));
    }
    match applied.refused.is_empty() {
        true => Ok(()),
        false => Err(Exit::said(exit::FAILED)),
    }
}

fn done_text(applied: &Applied<'_>) -> String {
    let Some(commit) = &applied.commit else {
        return String::new();
    };
    let mut text = String::new();
    for path in &applied.written {
        text.push_str(&format!("write   {}\n", one_line(path)));
    }
    for path in &applied.deleted {
        text.push_str(&format!("delete  {}\n", one_line(path)));
    }
    let note = if applied.changed {
        ""
    } else {
        " (was so already)"
    };
    text.push_str(&format!("commit  {commit}{note}\n"));
    text
}

fn subject(changes: &[Change]) -> String {
    let first = changes.first().map_or("", |change| change.path.as_str());
    // A subject is one short line; the rest of a long path says less than its end.
    let first: String = match first.char_indices().rev().nth(47) {
        Some((at, _)) => format!("…{}", &first[at..]),
        None => first.to_owned(),
    };
    match changes.len() {
        1 => format!("Apply {first}"),
        n => format!("Apply {first} and {} more", n - 1),
    }
}

/// Who the author is, as git would take it from the environment.
fn identity() -> Identity {
    let named = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    Identity {
        name: named("GIT_AUTHOR_NAME").unwrap_or_else(|| "Sluice".to_owned()),
        email: named("GIT_AUTHOR_EMAIL").unwrap_or_else(|| "sluice@localhost".to_owned()),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// A path that leads through a file is wrong usage, not a failure of the work.
fn needs_folder(into: &Path) -> Result<(), Exit> {
    let wrong = |error| Exit::usage(format!("{}: {error}", into.display()));
    let into = std::path::absolute(into).map_err(wrong)?;
    match into
        .ancestors()
        .find(|path| path.symlink_metadata().is_ok())
    {
        Some(there) if !there.is_dir() => {
            Err(Exit::usage(format!("{}: not a folder", there.display())))
        }
        _ => Ok(()),
    }
}
