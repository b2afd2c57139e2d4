//! Reads unified diffs: git's and plain ones, with wrong or missing numbers, several files in one text.

use super::header::{bare, git_paths, sides};
use super::hunk::{FileEdit, Hunk, NewLine, Part, Problem, What, Written, lines_of};

/// What stands before the hunks of one file.
#[derive(Default)]
struct Header {
    start: usize,
    /// From `diff --git`.
    git: Option<(Written, Written)>,
    /// From `---` and `+++`; the inner `None` is `/dev/null`.
    old: Option<Option<Written>>,
    new: Option<Option<Written>>,
    rename: (Option<Written>, Option<Written>),
    copy: (Option<Written>, Option<Written>),
    is_new: bool,
    is_deleted: bool,
    mode: Option<String>,
    is_binary: bool,
}

/// The files of a diff, in order.
pub(crate) fn read(text: &str) -> Vec<Part<'_>> {
    let lines: Vec<&str> = lines_of(text);
    let mut parts = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let start = at;
        let header = header(&lines, &mut at);
        let is_named = header.git.is_some() || header.old.is_some() || header.new.is_some();
        let has_hunks = lines.get(at).is_some_and(|line| line.starts_with("@@"));
        if !is_named && !has_hunks {
            // Words around the diff; but what looks like a change must not get lost.
            if let Some(line) = lines.get(at)
                && !is_header_start(&lines, at)
                && !line.trim().is_empty()
                && line.starts_with(['+', '-'])
            {
                parts.push(headless(&lines, &mut at));
            } else if at == start {
                at += 1;
            }
            continue;
        }
        if let Some(line) = lines.get(at)
            && line.starts_with("@@@")
        {
            let end = next_file(&lines, at);
            let message =
                "a combined diff (`@@@`) relates to several files at once: send a diff against one";
            parts.push(Err(Problem::unsupported(message, start..end)));
            at = end;
            continue;
        }
        let mut hunks = Vec::new();
        while lines.get(at).is_some_and(|line| line.starts_with("@@")) {
            hunks.push(hunk(&lines, &mut at));
            // Blank lines between hunks or files are nobody's.
            let mut next = at;
            while lines.get(next).is_some_and(|line| line.trim().is_empty()) {
                next += 1;
            }
            if lines.get(next).is_some_and(|line| line.starts_with("@@")) {
                at = next;
            }
        }
        parts.push(file(header, hunks, at));
    }
    parts
}

/// Lines with marks below no header at all: one hunk without a place.
fn headless<'t>(lines: &[&'t str], at: &mut usize) -> Part<'t> {
    let start = *at;
    let mut hunk = Hunk::default();
    body(lines, at, &mut hunk, None);
    hunk.lines = start..*at;
    Ok(FileEdit {
        what: What::Hunks {
            path: Vec::new(),
            hunks: vec![hunk],
        },
        executable: None,
        lines: start..*at,
    })
}

fn header(lines: &[&str], at: &mut usize) -> Header {
    let mut header = Header {
        start: *at,
        ..Header::default()
    };
    while let Some(&line) = lines.get(*at) {
        let line = line.trim_end_matches('\r');
        if let Some(rest) = line.strip_prefix("diff --git ") {
            if header.git.is_some() || header.old.is_some() {
                break;
            }
            header.git = git_paths(rest);
        } else if line.starts_with("--- ") && is_pair(lines, *at) {
            if header.old.is_some() {
                break;
            }
            let (old, new) = sides(&line[4..], &lines[*at + 1][4..]);
            (header.old, header.new) = (Some(old), Some(new));
            *at += 1;
        } else if let Some(rest) = line.strip_prefix("rename from ") {
            header.rename.0 = Some(vec![bare(rest)]);
        } else if let Some(rest) = line.strip_prefix("rename to ") {
            header.rename.1 = Some(vec![bare(rest)]);
        } else if let Some(rest) = line.strip_prefix("copy from ") {
            header.copy.0 = Some(vec![bare(rest)]);
        } else if let Some(rest) = line.strip_prefix("copy to ") {
            header.copy.1 = Some(vec![bare(rest)]);
        } else if let Some(mode) = line.strip_prefix("new file mode ") {
            header.is_new = true;
            header.mode = Some(mode.trim().to_owned());
        } else if let Some(mode) = line.strip_prefix("new mode ") {
            header.mode = Some(mode.trim().to_owned());
        } else if line.starts_with("deleted file mode ") {
            header.is_deleted = true;
        } else if line.starts_with("Binary files ") || line.starts_with("GIT binary patch") {
            header.is_binary = true;
        } else if header.is_binary && !line.starts_with("@@") {
            // The data of a binary patch.
        } else if is_extra(line) || (header.git.is_none() && header.old.is_none() && is_talk(line))
        {
            // Says nothing that is needed.
        } else {
            break;
        }
        *at += 1;
    }
    header
}

/// Whether a header of a file starts here.
fn is_header_start(lines: &[&str], at: usize) -> bool {
    lines[at].starts_with("diff --git ") || is_pair(lines, at)
}

/// Whether `---` and `+++` stand here.
fn is_pair(lines: &[&str], at: usize) -> bool {
    lines[at].starts_with("--- ")
        && lines
            .get(at + 1)
            .is_some_and(|line| line.starts_with("+++ "))
}

fn is_extra(line: &str) -> bool {
    const EXTRA: [&str; 8] = [
        "index ",
        "old mode ",
        "similarity index ",
        "dissimilarity index ",
        "diff -",
        "Index: ",
        "Only in ",
        "====",
    ];
    EXTRA.iter().any(|start| line.starts_with(start))
}

/// A line before a header: a commit's message, a file's name.
fn is_talk(line: &str) -> bool {
    !line.starts_with(['+', '-', '@']) || line == "---"
}

/// The first line after `at` where another file starts.
fn next_file(lines: &[&str], at: usize) -> usize {
    (at + 1..lines.len())
        .find(|&next| lines[next].starts_with("diff --") || is_pair(lines, next))
        .unwrap_or(lines.len())
}

/// A hunk with its header line.
fn hunk<'t>(lines: &[&'t str], at: &mut usize) -> Hunk<'t> {
    let start = *at;
    let stated = Stated::read(lines[start]);
    let mut hunk = Hunk {
        at: stated.at,
        anchor: stated.anchor,
        ..Hunk::default()
    };
    *at += 1;
    body(lines, at, &mut hunk, stated.counts);
    if let Some((old, new)) = stated.counts {
        // The numbers say that bare lines at the end are not part of it.
        let over = hunk
            .old
            .len()
            .saturating_sub(old)
            .min(hunk.new.len().saturating_sub(new));
        hunk = hunk.without_tail(over);
    }
    hunk.lines = start..*at;
    hunk
}

fn body<'t>(
    lines: &[&'t str],
    at: &mut usize,
    hunk: &mut Hunk<'t>,
    counts: Option<(usize, usize)>,
) {
    let mut last = None;
    while let Some(&line) = lines.get(*at) {
        if line.starts_with("@@") || line.starts_with("diff --git ") {
            break;
        }
        if is_pair(lines, *at) && is_next_header(lines, *at, hunk, counts) {
            break;
        }
        let is_done =
            counts.is_some_and(|(old, new)| hunk.old.len() >= old && hunk.new.len() >= new);
        if is_done && (is_extra(line) || line.starts_with("-- ") || line == "--") {
            break;
        }
        if line.starts_with('\\') {
            match last {
                Some(b'-') => hunk.old_unended = true,
                Some(b'+') => hunk.new_unended = true,
                Some(_) => (hunk.old_unended, hunk.new_unended) = (true, true),
                None => {}
            }
        } else {
            last = Some(line.as_bytes().first().copied().unwrap_or(b' '));
            hunk.push(line);
        }
        *at += 1;
    }
}

/// Whether `---` and `+++` are the header of another file and not lines of this hunk that start with `--`, `++`.
fn is_next_header(
    lines: &[&str],
    at: usize,
    hunk: &Hunk<'_>,
    counts: Option<(usize, usize)>,
) -> bool {
    let follows = lines.get(at + 2).is_none_or(|line| line.starts_with("@@"));
    let fits =
        counts.is_some_and(|(old, new)| (hunk.old.len() + 1, hunk.new.len() + 1) == (old, new));
    follows && !fits
}

/// What a line `@@ … @@` says.
struct Stated<'t> {
    at: Option<usize>,
    counts: Option<(usize, usize)>,
    anchor: Option<&'t str>,
}

impl<'t> Stated<'t> {
    fn read(line: &'t str) -> Stated<'t> {
        let inner = line.trim_end_matches('\r').trim_start_matches('@');
        let (numbers, section) = inner.split_once("@@").unwrap_or((inner, ""));
        let mut words = numbers.split_whitespace();
        let old = words
            .next()
            .and_then(|word| range(word.trim_start_matches('-')));
        let new = words
            .next()
            .and_then(|word| range(word.trim_start_matches('+')));
        // Without numbers, the words are a line of the file before the hunk.
        let anchor = match old {
            Some(_) => "",
            None if section.trim().is_empty() => numbers.trim(),
            None => section.trim(),
        };
        Stated {
            at: old.map(|(at, _)| at),
            counts: match (old, new) {
                (Some((_, old)), Some((_, new))) => Some((old, new)),
                _ => None,
            },
            anchor: Some(anchor).filter(|text| text.chars().any(char::is_alphanumeric)),
        }
    }
}

/// `12,3` or `12`, which counts one.
fn range(text: &str) -> Option<(usize, usize)> {
    match text.split_once(',') {
        Some((at, count)) => Some((at.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

/// What the header and the hunks say together.
fn file<'t>(header: Header, hunks: Vec<Hunk<'t>>, end: usize) -> Part<'t> {
    let lines = header.start..end;
    let path = path_of(&header);
    let shown = path.first().cloned();
    let refuse = |problem: Problem| Err(problem.about(shown.as_deref()));
    if header.is_binary {
        let message = "a binary file cannot be edited by a reply";
        return refuse(Problem::unsupported(message, lines));
    }
    let executable = match header.mode.as_deref() {
        None => None,
        Some("100755") => Some(true),
        Some("100644" | "100664") => Some(false),
        Some(mode) => {
            let message =
                format!("mode {mode} is neither a file's (100644) nor a program's (100755)");
            return refuse(Problem::unsupported(message, lines));
        }
    };
    let what = if let (Some(from), Some(to)) = header.rename {
        What::Rename { from, to, hunks }
    } else if let (Some(from), Some(to)) = header.copy {
        What::Copy { from, to, hunks }
    } else if header.is_new || header.old == Some(None) {
        match new_file(&hunks) {
            Ok((lines, ends_with_newline)) => What::New {
                path,
                lines,
                ends_with_newline,
            },
            Err(problem) => return refuse(problem),
        }
    } else if header.is_deleted || header.new == Some(None) {
        What::Delete { path, hunks }
    } else if hunks.is_empty() && executable.is_none() {
        let message = "the diff names a file and has no hunk (`@@ … @@`)";
        return refuse(Problem::malformed(message, lines));
    } else {
        if let (Some(Some(old)), Some(Some(new))) = (&header.old, &header.new)
            && !old.iter().any(|reading| new.contains(reading))
            && !is_backup(old, new)
        {
            let message = format!(
                "the diff names two files, `{}` and `{}`: to rename a file, say `rename from` and `rename to`",
                old.first().map_or("", String::as_str),
                new.first().map_or("", String::as_str),
            );
            return refuse(Problem::malformed(message, lines));
        }
        What::Hunks { path, hunks }
    };
    Ok(FileEdit {
        what,
        executable,
        lines,
    })
}

/// The path that a header names: the new one where there is one.
fn path_of(header: &Header) -> Written {
    let from_pair = match (&header.new, &header.old) {
        (Some(Some(new)), _) => Some(new),
        (_, Some(Some(old))) => Some(old),
        _ => None,
    };
    from_pair
        .or(header.rename.1.as_ref())
        .or(header.copy.1.as_ref())
        .or(header.git.as_ref().map(|(_, new)| new))
        .cloned()
        .unwrap_or_default()
}

/// Whether the old name is that of a copy which was kept aside: `a.ts.orig`, `a.ts~`.
fn is_backup(old: &Written, new: &Written) -> bool {
    let ends = [".orig", ".old", ".bak", "~"];
    old.iter().any(|old| {
        ends.iter()
            .filter_map(|end| old.strip_suffix(end))
            .any(|stem| new.iter().any(|new| new == stem))
    })
}

/// The lines of a new file, and whether the last one is ended.
fn new_file<'t>(hunks: &[Hunk<'t>]) -> Result<(Vec<&'t str>, bool), Problem> {
    let mut lines = Vec::new();
    for hunk in hunks {
        let hunk = hunk.without_tail(hunk.bare_tail);
        for line in &hunk.new {
            match line {
                NewLine::Add(line) => lines.push(*line),
                // A line that lost its mark because it is empty.
                NewLine::Keep(at) if hunk.old[*at].trim().is_empty() => lines.push(""),
                NewLine::Keep(_) => {
                    let message = "every line of a new file starts with `+`";
                    return Err(Problem::malformed(message, hunk.lines.clone()));
                }
            }
        }
        if hunk.old.len()
            > hunk
                .new
                .iter()
                .filter(|line| matches!(line, NewLine::Keep(_)))
                .count()
        {
            let message = "a new file has no lines to remove";
            return Err(Problem::malformed(message, hunk.lines.clone()));
        }
    }
    let ends_with_newline = !hunks.last().is_some_and(|hunk| hunk.new_unended);
    Ok((lines, ends_with_newline))
}
