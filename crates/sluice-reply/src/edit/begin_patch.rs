//! Reads `*** Begin Patch` diffs (V4A): files by name, hunks without numbers.

use super::header::bare;
use super::hunk::{FileEdit, Hunk, Part, Problem, What, Written, lines_of};

/// What a `*** … File:` line announces.
enum Section {
    Update,
    Add,
    Delete,
}

/// Whether the text is one of these.
pub(crate) fn is_begin_patch(text: &str) -> bool {
    text.lines()
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| line.starts_with("*** Begin Patch") || section(line).is_some())
}

/// The files of the patch, in order.
pub(crate) fn read(text: &str) -> Vec<Part<'_>> {
    let lines = lines_of(text);
    let mut parts = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let start = at;
        let Some((kind, path)) = section(lines[at]) else {
            at += 1;
            continue;
        };
        at += 1;
        let path = vec![path];
        let part = match kind {
            Section::Delete => Ok(What::Delete {
                path,
                hunks: Vec::new(),
            }),
            Section::Add => add(&lines, &mut at, path),
            Section::Update => update(&lines, &mut at, path),
        };
        parts.push(part.map(|what| FileEdit {
            what,
            executable: None,
            lines: start..at,
        }));
    }
    parts
}

fn section(line: &str) -> Option<(Section, String)> {
    let rest = line.strip_prefix("*** ")?;
    let (word, path) = rest.split_once(" File: ")?;
    let kind = match word {
        "Update" => Section::Update,
        "Add" => Section::Add,
        "Delete" => Section::Delete,
        _ => return None,
    };
    Some((kind, bare(path)))
}

/// Whether a file's part ends here.
fn is_end(line: &str) -> bool {
    section(line).is_some()
        || line.trim_end() == "*** End Patch"
        || line.trim_end() == "*** Begin Patch"
}

fn add<'t>(lines: &[&'t str], at: &mut usize, path: Written) -> Result<What<'t>, Problem> {
    let start = *at;
    let mut body = Vec::new();
    while let Some(&line) = lines.get(*at).filter(|line| !is_end(line)) {
        *at += 1;
        match line.strip_prefix('+') {
            Some(line) => body.push(line),
            None if line.trim().is_empty() => body.push(""),
            None => {
                while lines.get(*at).is_some_and(|line| !is_end(line)) {
                    *at += 1;
                }
                let message = "every line of a new file starts with `+`";
                let problem = Problem::malformed(message, start..*at);
                return Err(problem.about(path.first().map(String::as_str)));
            }
        }
    }
    // Bare lines before the next part are nobody's.
    let bare = lines[start..*at]
        .iter()
        .rev()
        .take_while(|line| line.trim().is_empty())
        .count();
    body.truncate(body.len() - bare);
    Ok(What::New {
        path,
        lines: body,
        ends_with_newline: true,
    })
}

fn update<'t>(lines: &[&'t str], at: &mut usize, path: Written) -> Result<What<'t>, Problem> {
    let start = *at;
    let mut to = None;
    let mut hunks: Vec<Hunk<'t>> = Vec::new();
    let mut open = Hunk {
        lines: start..start,
        ..Hunk::default()
    };
    while let Some(&line) = lines.get(*at).filter(|line| !is_end(line)) {
        if let Some(path) = line.strip_prefix("*** Move to: ") {
            to = Some(vec![bare(path)]);
            open.lines = *at + 1..*at + 1;
        } else if line.trim_end() == "*** End of File" {
            open.at_end = true;
        } else if let Some(rest) = line.strip_prefix("@@") {
            let anchor = rest.trim().trim_end_matches("@@").trim();
            let is_stacked = open.old.is_empty() && open.new.is_empty();
            if !is_stacked {
                hunks.push(close(std::mem::take(&mut open), *at));
            }
            // Of several anchors in a row the last one is the nearest.
            open.anchor = Some(anchor).filter(|text| !text.is_empty()).or(open.anchor);
            open.lines = *at..*at;
        } else {
            open.push(line);
        }
        *at += 1;
    }
    if !open.old.is_empty() || !open.new.is_empty() {
        hunks.push(close(open, *at));
    }
    match to {
        Some(to) => Ok(What::Rename {
            from: path,
            to,
            hunks,
        }),
        None if hunks.is_empty() => {
            let message = "the patch names a file and says no change of it";
            let problem = Problem::malformed(message, start..*at);
            Err(problem.about(path.first().map(String::as_str)))
        }
        None => Ok(What::Hunks { path, hunks }),
    }
}

fn close(mut hunk: Hunk<'_>, end: usize) -> Hunk<'_> {
    hunk.lines.end = end;
    hunk
}
