//! One attempt: what was answered, what became of it, what was found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sluice_factory::view::{AttemptView, DiffView};

use crate::dashboard::words::{Look, When, plain, short, took, verdict_look, word};

/// The longest reply that stands on the page, in characters; the rest is in the API.
const MOST_REPLY: usize = 40_000;
/// The longest patch of a file.
const MOST_PATCH: usize = 20_000;

/// An attempt, whole.
pub(crate) struct Attempt {
    pub(crate) n: u16,
    pub(crate) when: When,
    pub(crate) commit: Option<String>,
    pub(crate) tree: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) reply: Option<String>,
    pub(crate) checks: Vec<Check>,
    pub(crate) documents: Vec<Document>,
    pub(crate) findings: Vec<FileFindings>,
    pub(crate) files: Vec<File>,
    pub(crate) diff: Vec<Patch>,
    pub(crate) calls: Vec<CallOf>,
}

pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) look: Look,
    pub(crate) took: String,
    /// Where the answer comes from, when it is an earlier one.
    pub(crate) origin: Option<String>,
    pub(crate) command: String,
    pub(crate) tests: Option<String>,
    pub(crate) note: Option<String>,
}

pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) look: Look,
}

/// What was found in one file.
pub(crate) struct FileFindings {
    pub(crate) path: String,
    pub(crate) items: Vec<FindingOf>,
}

pub(crate) struct FindingOf {
    pub(crate) place: String,
    pub(crate) level: String,
    pub(crate) rule: String,
    pub(crate) message: String,
    pub(crate) check: String,
}

/// A file that the reply made, and which of its lines did.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) lines: String,
    pub(crate) what: String,
}

pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) status: String,
    pub(crate) counts: String,
    pub(crate) lines: Vec<PatchLine>,
}

pub(crate) struct PatchLine {
    pub(crate) tone: &'static str,
    pub(crate) text: String,
}

pub(crate) struct CallOf {
    pub(crate) agent: String,
    pub(crate) model: String,
    pub(crate) outcome: String,
    pub(crate) tokens: String,
    pub(crate) took: String,
    pub(crate) fault: Option<String>,
}

impl Attempt {
    pub(crate) fn of(view: AttemptView, now: Timestamp) -> Attempt {
        let report = view
            .evaluation
            .as_ref()
            .and_then(|found| found.checks.as_ref());
        let checks = report.map(|report| {
            let checks = report.checks.iter();
            checks
                .map(|check| Check {
                    name: plain(&check.name),
                    look: verdict_look(&word(&check.verdict)),
                    took: took(check.wall_ms),
                    origin: check.cached.then(|| {
                        let run = check.source_run.as_deref().unwrap_or("an earlier run");
                        format!("remembered from {}", short(run))
                    }),
                    command: plain(&check.command.join(" ")),
                    tests: check.tests.map(|tests| {
                        format!(
                            "{} passed, {} failed, {} skipped",
                            tests.passed, tests.failed, tests.skipped
                        )
                    }),
                    note: check.note.as_deref().map(plain),
                })
                .collect()
        });
        let documents = view.evaluation.iter().flat_map(|found| &found.documents);
        let documents = documents
            .map(|one| Document {
                name: plain(&one.document),
                look: verdict_look(&word(&one.verdict)),
            })
            .collect();
        Attempt {
            n: view.summary.attempt,
            when: When::of(&view.summary.created_at, now),
            commit: view
                .summary
                .commit
                .as_deref()
                .map(|oid| short(oid).to_owned()),
            tree: view
                .summary
                .tree
                .as_deref()
                .map(|oid| short(oid).to_owned()),
            note: view.note.as_deref().map(plain),
            checks: checks.unwrap_or_default(),
            documents,
            findings: findings(&view),
            files: files(&view),
            diff: view.diff.as_ref().map(patches).unwrap_or_default(),
            calls: calls(&view),
            reply: view
                .reply
                .as_deref()
                .map(|reply| plain(&cut(reply, MOST_REPLY))),
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn findings(view: &AttemptView) -> Vec<FileFindings> {
    let mut by_file: BTreeMap<String, Vec<FindingOf>> = BTreeMap::new();
    for one in &view.findings {
        let found = &one.finding;
        let path = found.path.as_deref().map(plain).unwrap_or_default();
        let place = match (found.line, found.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            (Some(line), None) => line.to_string(),
            _ => String::new(),
        };
        by_file.entry(path).or_default().push(FindingOf {
            place,
            level: word(&found.level),
            rule: plain(&format!("{} {}", found.tool, found.rule)),
            message: plain(&found.message),
            check: plain(&one.check),
        });
    }
    by_file
        .into_iter()
        .map(|(path, items)| FileFindings { path, items })
        .collect()
}

fn files(view: &AttemptView) -> Vec<File> {
    let receipts = view.files.iter();
    receipts
        .map(|receipt| File {
            path: plain(&receipt.path),
            what: format!("{}, {}", receipt.action, receipt.source),
            lines: format!("{} to {}", receipt.lines.0, receipt.lines.1),
        })
        .collect()
}

fn patches(diff: &DiffView) -> Vec<Patch> {
    let files = diff.files.iter();
    files
        .map(|file| Patch {
            path: plain(&file.path),
            status: file.status.clone(),
            counts: format!("+{} −{}", file.additions, file.deletions),
            lines: cut(&file.patch, MOST_PATCH)
                .lines()
                .map(|line| PatchLine {
                    tone: match line.as_bytes().first() {
                        Some(b'+') if !line.starts_with("+++") => "plus",
                        Some(b'-') if !line.starts_with("---") => "minus",
                        Some(b'@') => "hunk",
                        _ => "same",
                    },
                    text: plain(line),
                })
                .collect(),
        })
        .collect()
}

fn calls(view: &AttemptView) -> Vec<CallOf> {
    let calls = view.calls.iter();
    calls
        .map(|call| CallOf {
            agent: plain(&call.agent),
            model: plain(
                call.served
                    .as_deref()
                    .or(call.model.as_deref())
                    .unwrap_or(""),
            ),
            outcome: call.outcome.clone(),
            tokens: match (call.input_tokens, call.output_tokens) {
                (Some(input), Some(output)) => format!("{input} in, {output} out"),
                _ => String::new(),
            },
            took: took(call.millis),
            fault: call.fault.as_deref().map(plain),
        })
        .collect()
}
