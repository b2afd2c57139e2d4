//! What the agent is told: the task, and when it heals everything that a person would want to know.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sluice_checks::{Class, Finding, Fixable, Level, Verdict};
use sluice_gates::{Gate, Strategy};

use crate::evaluation::Evaluation;
use crate::gate_file::GateFile;
use crate::prompts::Prompts;

/// Lines of source shown before and after a finding.
const AROUND: usize = 8;
/// Lines shown of one file at most.
const FILE_LINES: usize = 400;
/// Bytes shown of one check's output at most, from its end.
const OUTPUT_BYTES: usize = 6_000;
/// Findings shown of one file at most.
const FINDINGS: usize = 20;
/// Files shown with what was found in them at most.
const FILES: usize = 30;
/// Paths listed at most.
const PATHS: usize = 500;
/// Characters shown of one line of source at most.
const LINE_CHARS: usize = 500;
/// Characters shown of one message at most.
const MESSAGE_CHARS: usize = 2_000;

/// An earlier attempt of the run, in short.
#[derive(Debug, Clone)]
pub(crate) struct Earlier {
    /// Its number.
    pub(crate) attempt: u16,
    /// The paths that it changed.
    pub(crate) changed: Vec<String>,
    /// What came of it, in one sentence.
    pub(crate) outcome: String,
}

/// Everything that a request is made from.
pub(crate) struct Material<'a> {
    pub(crate) project: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) gate: Gate,
    pub(crate) file: &'a GateFile,
    /// The fixed prose, from `templates/prompts/`.
    pub(crate) prompts: &'a Prompts,
    /// The role's prompt, from `templates/agents/`.
    pub(crate) role: &'a str,
    pub(crate) attempt: u16,
    pub(crate) strategy: Strategy,
    /// The paths of the tree that the attempt builds on.
    pub(crate) paths: &'a [String],
    /// Reads a text file of that tree.
    pub(crate) read: &'a dyn Fn(&str) -> Option<String>,
    /// Reads the end of a stored log.
    pub(crate) log_tail: &'a dyn Fn(&str, usize) -> Option<String>,
    /// What was found out about the newest attempt.
    pub(crate) last: Option<&'a Evaluation>,
    /// Why the newest reply was not taken, or what a person said no to.
    pub(crate) refused: Vec<Finding>,
    /// The edits of a refused reply that fitted.
    pub(crate) fitting: Vec<String>,
    /// What of refused replies is kept, a line for each file.
    pub(crate) kept: Vec<String>,
    pub(crate) earlier: Vec<Earlier>,
    /// What people answered and rejected, oldest first.
    pub(crate) guidance: Vec<String>,
    /// What stands in the journal, oldest first.
    pub(crate) journal: Vec<String>,
    /// What may not be changed without a person's yes.
    pub(crate) pinned: Vec<String>,
}

/// Writes the request.
pub(crate) fn compose(material: &Material<'_>) -> String {
    let mut text = String::new();
    task(&mut text, material);
    failures(&mut text, material);
    fitting(&mut text, material);
    kept(&mut text, material);
    outputs(&mut text, material);
    earlier(&mut text, material);
    guidance(&mut text, material);
    journal(&mut text, material);
    pinned(&mut text, material);
    sources(&mut text, material);
    format(&mut text, material);
    text
}

fn task(text: &mut String, material: &Material<'_>) {
    let file = material.file;
    let gate = material.gate.as_str().to_uppercase();
    let task = material.prompts.fill(
        "task",
        &[
            ("gate", &gate),
            ("name", &file.name),
            ("project", material.project),
            ("role", material.role.trim()),
            ("purpose", &file.purpose),
            ("kind", material.kind),
        ],
    );
    line(text, format_args!("{task}"));
    if !file.documents.is_empty() {
        line(
            text,
            format_args!("\nThese documents must exist, parse and have their parts:"),
        );
        for document in &file.documents {
            line(text, format_args!("- {}", document.describe()));
        }
    }
    if !file.checks.is_empty() {
        line(
            text,
            format_args!(
                "\nThese checks must pass, in a sandbox without network: {}.",
                file.checks.join(", ")
            ),
        );
    }
    if let Some(floor) = file.coverage {
        line(
            text,
            format_args!("The tests must cover {:.1} % of the lines.", floor * 100.0),
        );
    }
    if material.attempt > 0 {
        let attempt = material.attempt.to_string();
        let heal = material.prompts.fill("heal", &[("attempt", &attempt)]);
        line(text, format_args!("\n{heal}"));
    }
}

/// The failing findings grouped by file, each file with the source around what was found.
fn failures(text: &mut String, material: &Material<'_>) {
    let mut groups: BTreeMap<String, Vec<(String, Finding)>> = BTreeMap::new();
    let found = material.last.map(Evaluation::findings).unwrap_or_default();
    let refused = material
        .refused
        .iter()
        .map(|finding| ("reply".to_owned(), finding.clone()));
    let all: Vec<_> = found.into_iter().chain(refused).collect();
    let errors = all.iter().any(|(_, finding)| finding.level == Level::Error);
    // Warnings only distract an agent that has errors to mend.
    let (machines, own): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|(_, finding)| !errors || finding.level == Level::Error)
        .partition(|(_, finding)| finding.fixable == Fixable::Environment);
    let mut classes = [0_usize; Class::ALL.len()];
    for (check, finding) in own {
        classes[place_of(finding.class)] += 1;
        let path = finding.path.clone().unwrap_or_default();
        groups.entry(path).or_default().push((check, finding));
    }
    if groups.is_empty() && machines.is_empty() {
        return;
    }
    line(text, format_args!("\n# What failed"));
    let counted: Vec<String> = Class::ALL
        .iter()
        .zip(classes)
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| format!("{} {count}", class.as_str()))
        .collect();
    if counted.len() > 1 {
        let order = counted.join(", ");
        line(
            text,
            format_args!("\nBy kind, those first that others may follow from: {order}."),
        );
    }
    environment(text, material, &machines);
    for findings in groups.values_mut() {
        findings.sort_by_key(|(_, finding)| place_of(finding.class));
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, findings)| place_of(findings[0].1.class));
    let left_out = groups.len().saturating_sub(FILES);
    for (path, findings) in groups.into_iter().take(FILES) {
        let title = if path.is_empty() { "(no file)" } else { &path };
        line(text, format_args!("\n## {}", one_line(title)));
        for (check, finding) in findings.iter().take(FINDINGS) {
            let place = match (finding.line, finding.column) {
                (Some(l), Some(c)) => format!(" line {l}, column {c}:"),
                (Some(l), None) => format!(" line {l}:"),
                _ => String::new(),
            };
            let rule = if finding.rule.is_empty() {
                String::new()
            } else {
                format!(" {}", finding.rule)
            };
            line(
                text,
                format_args!(
                    "- {check} ({}{rule}, {}){place} {}",
                    finding.tool,
                    finding.class.as_str(),
                    item(&finding.message)
                ),
            );
        }
        if findings.len() > FINDINGS {
            line(
                text,
                format_args!("- and {} more", findings.len() - FINDINGS),
            );
        }
        if let Some(source) = (material.read)(&path) {
            let lines: BTreeSet<usize> = findings
                .iter()
                .filter_map(|(_, finding)| finding.line)
                .map(|number| number as usize)
                .collect();
            excerpt(text, &path, &source, &lines);
        }
    }
    if left_out > 0 {
        line(text, format_args!("\nAnd {left_out} more files."));
    }
}

/// Where a class stands in the order in which faults are mended.
fn place_of(class: Class) -> usize {
    let at = Class::ALL.iter().position(|one| *one == class);
    at.unwrap_or(Class::ALL.len() - 1)
}

/// What the machine lacks, which the agent is not to work around.
fn environment(text: &mut String, material: &Material<'_>, found: &[(String, Finding)]) {
    if found.is_empty() {
        return;
    }
    let prompt = material.prompts.fill("machine", &[]);
    line(text, format_args!("\n## What you cannot mend\n{prompt}"));
    for (check, finding) in found.iter().take(FINDINGS) {
        line(
            text,
            format_args!("- {check} ({}) {}", finding.tool, item(&finding.message)),
        );
    }
}

/// The source around the lines in question, numbered; the whole file when no line is known.
fn excerpt(text: &mut String, path: &str, source: &str, wanted: &BTreeSet<usize>) {
    let source = plain(source);
    let total = source.lines().count();
    let shown: BTreeSet<usize> = if wanted.is_empty() {
        (1..=total.min(FILE_LINES)).collect()
    } else {
        wanted
            .iter()
            .flat_map(|at| at.saturating_sub(AROUND).max(1)..=(at + AROUND).min(total))
            .take(FILE_LINES)
            .collect()
    };
    let mut body = String::new();
    let mut previous = 0;
    for (index, content) in source.lines().enumerate() {
        let number = index + 1;
        if shown.contains(&number) {
            if previous != 0 && previous + 1 != number {
                body.push_str("    …\n");
            }
            let mark = if wanted.contains(&number) { '>' } else { ' ' };
            let content = cut(content, LINE_CHARS);
            let _ = writeln!(body, "{mark}{number:4} {content}");
            previous = number;
        }
    }
    let fence = fence_for(&body);
    line(
        text,
        format_args!(
            "\nThe source of {path} (line numbers are not part of it):\n{fence}text\n{body}{fence}"
        ),
    );
}

/// What of a refused reply need not change.
fn fitting(text: &mut String, material: &Material<'_>) {
    if material.fitting.is_empty() {
        return;
    }
    let what = match material.fitting.len() {
        1 => "This edit matches and need not change".to_owned(),
        many => format!("These {many} edits match and need not change"),
    };
    line(
        text,
        format_args!(
            "\n# Edits that fit\nNothing of the last reply was written. {what}; send it as it was, with the others mended:"
        ),
    );
    for edit in material.fitting.iter().take(FILES) {
        line(text, format_args!("- {}", one_line(edit)));
    }
    if material.fitting.len() > FILES {
        let more = material.fitting.len() - FILES;
        line(text, format_args!("- and {more} more"));
    }
}

/// What of refused replies need not be sent again.
fn kept(text: &mut String, material: &Material<'_>) {
    if material.kept.is_empty() {
        return;
    }
    let prompt = material.prompts.fill("kept", &[]);
    line(text, format_args!("\n# What is kept\n{prompt}"));
    for kept in material.kept.iter().take(PATHS) {
        line(text, format_args!("- {}", one_line(kept)));
    }
    if material.kept.len() > PATHS {
        let more = material.kept.len() - PATHS;
        line(text, format_args!("- and {more} more"));
    }
}

/// The end of the output of each failing check.
fn outputs(text: &mut String, material: &Material<'_>) {
    let Some(report) = material.last.and_then(|last| last.checks.as_ref()) else {
        return;
    };
    for check in report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Fail)
    {
        let Some(tail) = (material.log_tail)(&check.log.sha256, OUTPUT_BYTES) else {
            continue;
        };
        let tail = plain(&tail);
        if tail.trim().is_empty() {
            continue;
        }
        let fence = fence_for(&tail);
        let command = check.command.join(" ");
        line(
            text,
            format_args!(
                "\n# Output of {} (`{command}`, its end)\n{fence}text\n{}\n{fence}",
                check.name,
                tail.trim_end()
            ),
        );
    }
}

fn earlier(text: &mut String, material: &Material<'_>) {
    if material.earlier.is_empty() {
        return;
    }
    line(text, format_args!("\n# Earlier attempts"));
    for earlier in &material.earlier {
        let changed = if earlier.changed.is_empty() {
            "nothing".to_owned()
        } else {
            one_line(&earlier.changed.join(", "))
        };
        line(
            text,
            format_args!(
                "- attempt {} changed {changed}: {}",
                earlier.attempt,
                item(&earlier.outcome)
            ),
        );
    }
}

fn guidance(text: &mut String, material: &Material<'_>) {
    if material.guidance.is_empty() {
        return;
    }
    line(text, format_args!("\n# What people said"));
    for said in &material.guidance {
        line(text, format_args!("- {}", item(said)));
    }
}

fn journal(text: &mut String, material: &Material<'_>) {
    if material.journal.is_empty() {
        return;
    }
    line(text, format_args!("\n# Journal of the project"));
    for entry in &material.journal {
        line(text, format_args!("- {}", item(entry)));
    }
}

fn pinned(text: &mut String, material: &Material<'_>) {
    if material.pinned.is_empty() {
        return;
    }
    let prompt = material.prompts.fill("pinned", &[]);
    line(text, format_args!("\n# What you may not change\n{prompt}"));
    for path in &material.pinned {
        line(text, format_args!("- {path}"));
    }
}

/// The tree, and with a wider strategy the whole of the failing files and of what they import.
fn sources(text: &mut String, material: &Material<'_>) {
    if !material.paths.is_empty() {
        line(text, format_args!("\n# Files of the project"));
        for path in material.paths.iter().take(PATHS) {
            line(text, format_args!("- {}", one_line(path)));
        }
        if material.paths.len() > PATHS {
            let more = material.paths.len() - PATHS;
            line(text, format_args!("- and {more} more"));
        }
    }
    if material.strategy != Strategy::WiderContext {
        return;
    }
    let named: BTreeSet<String> = material
        .last
        .map(Evaluation::findings)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(_, finding)| finding.path)
        .collect();
    let mut wanted = named.clone();
    for path in &named {
        let Some(source) = (material.read)(path) else {
            continue;
        };
        wanted.extend(
            material
                .paths
                .iter()
                .filter(|other| mentions(&source, other))
                .cloned(),
        );
    }
    for path in wanted.into_iter().take(FILES) {
        if let Some(source) = (material.read)(&path) {
            excerpt(text, &path, &source, &BTreeSet::new());
        }
    }
}

/// Whether a source names another file the way imports do: by its name without the ending.
fn mentions(source: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    let ends = |rest: &str| {
        let next = rest.chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    };
    !stem.is_empty()
        && source
            .match_indices(&format!("/{stem}"))
            .any(|(at, found)| ends(&source[at + found.len()..]))
}

fn format(text: &mut String, material: &Material<'_>) {
    let answer = material.prompts.fill("answer", &[]);
    line(text, format_args!("\n# How to answer\n{answer}"));
    let name = match material.strategy {
        Strategy::Normal => return,
        Strategy::WholeFiles => "whole-files",
        Strategy::NextModel => "next-model",
        Strategy::WiderContext => "wider-context",
    };
    let more = material.prompts.fill(name, &[]);
    line(text, format_args!("\n{more}"));
}

/// A fence that nothing in the body closes.
fn fence_for(body: &str) -> String {
    let runs = body.split(|c| c != '`').map(str::len);
    "`".repeat(runs.max().unwrap_or(0).max(2) + 1)
}

/// Text that somebody else wrote, with one kind of line end and nothing that steers a terminal or hides.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\r' => '\n',
            '\n' | '\t' => c,
            c if c.is_control() || is_bidi(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// The same on one line.
fn one_line(text: &str) -> String {
    cut(&plain(text), MESSAGE_CHARS).replace('\n', " ")
}

/// The same as the entry of a list: further lines are indented, so that they stay in it.
fn item(text: &str) -> String {
    let text = plain(text);
    let lines = cut(text.trim(), MESSAGE_CHARS);
    let mut entry = String::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        if !entry.is_empty() {
            entry.push_str("\n  ");
        }
        entry.push_str(line);
    }
    entry
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most so many characters of a text, with a mark where it is cut.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{what}");
}

#[cfg(test)]
mod tests;
