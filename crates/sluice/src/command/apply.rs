//! `sluice apply`: writes the files of a reply into a git repository, as one commit.

mod take;

use std::env;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sluice_reply::Warning;
use sluice_workspace::checkout::{self, ApplyOutcome};
use sluice_workspace::{Change, Identity};

use super::parse::said;
use super::reply_text::ReplyText;
use crate::cli::Apply;
use crate::exit::{self, Exit};
use crate::output::{Output, one_line};
use take::{RefusedFile, Taken, take};

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
    /// What the reply's parser has to say.
    warnings: &'a [Warning],
}

/// Runs the command.
pub(super) fn run(args: &Apply, output: Output) -> Result<(), Exit> {
    needs_folder(&args.into)?;
    let text = ReplyText::read(Some(&args.file), output)?;
    let reply = text.parse();
    let exists = |path: &str| args.into.join(path).symlink_metadata().is_ok();
    let Taken {
        changes,
        mut refused,
    } = take(&reply, &exists);
    let mut applied = Applied {
        commit: None,
        tree: None,
        changed: false,
        written: Vec::new(),
        deleted: Vec::new(),
        refused: Vec::new(),
        warnings: &reply.warnings,
    };
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
            },
        );
        match outcome? {
            ApplyOutcome::Applied(done) => {
                applied.commit = Some(done.commit.to_string());
                applied.tree = Some(done.tree.to_string());
                applied.changed = done.changed;
                applied.written = done.written;
                applied.deleted = done.deleted;
                refused.extend(take::refused_by_disk(&reply, &done.refused));
            }
            ApplyOutcome::Refused(paths) => {
                refused.extend(take::refused_by_disk(&reply, &paths));
            }
        }
    }
    applied.refused = refused;
    report(args, &applied, reply.blocks, output)
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
