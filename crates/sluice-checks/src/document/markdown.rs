//! Markdown: the headings that must be there, with something below them that is no placeholder.

use std::sync::LazyLock;

use regex::Regex;

use super::{DocumentRule, Faults};

/// The fewest words below a heading, where the rule says nothing.
const FEWEST_WORDS: usize = 5;

/// Marks of a text that is still to be written. `TODO` alone may be the subject of a document.
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^\W*(?:TODO|FIXME|XXX)\W*$|\b(?:TODO|FIXME|XXX)\s*[:(]|\bTBD\b|(?i:lorem ipsum)|(?i:\[(?:insert|your|describe|fill|placeholder)\b[^\]]*\])",
    )
    .expect("a constant pattern")
});

struct Heading {
    level: usize,
    title: String,
    line: u32,
    /// Where its text starts and ends, with that of the headings below it, in lines.
    body: std::ops::Range<usize>,
}

pub(super) fn inspect(text: &str, rule: &DocumentRule, faults: &mut Faults) {
    let (lines, headings) = scan(text);
    for (at, line) in lines.iter().enumerate() {
        if let Some(found) = line.prose.then(|| PLACEHOLDER.find(&line.text)).flatten() {
            let number = u32::try_from(at + 1).unwrap_or(0);
            faults.add(
                "placeholder",
                format!(
                    "{:?} is a placeholder; write the text",
                    found.as_str().trim()
                ),
                number,
            );
        }
    }
    let fewest = rule.min_words.unwrap_or(FEWEST_WORDS);
    for section in &rule.sections {
        let found: Vec<&Heading> = headings
            .iter()
            .filter(|heading| is_meant(section, &heading.title))
            .collect();
        let words = |heading: &Heading| -> usize {
            let body = lines[heading.body.clone()]
                .iter()
                .filter(|line| !line.heading);
            body.map(|line| words(&line.text)).sum()
        };
        match found.first() {
            None => faults.add(
                "section-missing",
                format!("there is no section {section:?}"),
                0,
            ),
            Some(first) if !found.iter().any(|heading| words(heading) >= fewest) => {
                let message = format!(
                    "section {section:?} has {} words, at least {fewest} are asked for",
                    words(first)
                );
                faults.add("section-empty", message, first.line);
            }
            Some(_) => {}
        }
    }
}

struct Line {
    text: String,
    heading: bool,
    /// Outside of code.
    prose: bool,
}

/// The lines without comments, and the headings with the lines below them.
fn scan(text: &str) -> (Vec<Line>, Vec<Heading>) {
    let mut lines: Vec<Line> = Vec::new();
    let mut headings: Vec<Heading> = Vec::new();
    let (mut fence, mut comment): (Option<String>, bool) = (None, false);
    for raw in text.lines() {
        let trimmed = raw.trim_start();
        if let Some(open) = &fence {
            if trimmed.starts_with(open.as_str()) {
                fence = None;
            }
            lines.push(Line {
                text: raw.to_owned(),
                heading: false,
                prose: false,
            });
            continue;
        }
        let visible = without_comments(raw, &mut comment);
        let mark: String = trimmed.chars().take_while(|c| *c == '`').collect();
        let mark = if mark.is_empty() {
            trimmed.chars().take_while(|c| *c == '~').collect()
        } else {
            mark
        };
        if mark.len() >= 3 {
            fence = Some(mark);
            lines.push(Line {
                text: String::new(),
                heading: false,
                prose: false,
            });
            continue;
        }
        let number = lines.len();
        let level = visible.chars().take_while(|c| *c == '#').count();
        let title = visible
            .get(level..)
            .filter(|rest| rest.starts_with([' ', '\t']));
        let underlined = underline(&visible).filter(|_| {
            lines
                .last()
                .is_some_and(|line| !line.heading && !line.text.trim().is_empty())
        });
        if let (1..=6, Some(title)) = (level, title) {
            headings.push(heading(level, title, number));
            lines.push(Line {
                text: visible,
                heading: true,
                prose: true,
            });
        } else if let (Some(level), Some(above)) = (underlined, lines.last_mut()) {
            above.heading = true;
            headings.push(heading(level, &above.text, number));
            lines.push(Line {
                text: String::new(),
                heading: true,
                prose: true,
            });
        } else {
            lines.push(Line {
                text: visible,
                heading: false,
                prose: true,
            });
        }
    }
    for at in 0..headings.len() {
        let level = headings[at].level;
        let next = headings[at + 1..].iter().find(|other| other.level <= level);
        headings[at].body.end = next.map_or(lines.len(), |other| other.line as usize - 1);
    }
    (lines, headings)
}

fn heading(level: usize, title: &str, line: usize) -> Heading {
    let title = plain(title.trim().trim_end_matches('#'));
    Heading {
        level,
        title,
        line: u32::try_from(line + 1).unwrap_or(u32::MAX),
        body: line + 1..line + 1,
    }
}

/// The level of a heading that a line of `=` or `-` makes of the line above it.
fn underline(line: &str) -> Option<usize> {
    let line = line.trim();
    match line.chars().next()? {
        '=' if line.chars().all(|c| c == '=') => Some(1),
        '-' if line.len() > 1 && line.chars().all(|c| c == '-') => Some(2),
        _ => None,
    }
}

fn without_comments(line: &str, inside: &mut bool) -> String {
    let mut visible = String::new();
    let mut rest = line;
    loop {
        let (mark, keep) = if *inside {
            ("-->", false)
        } else {
            ("<!--", true)
        };
        let Some((before, after)) = rest.split_once(mark) else {
            visible.push_str(if keep { rest } else { "" });
            return visible;
        };
        visible.push_str(if keep { before } else { "" });
        *inside = !*inside;
        rest = after;
    }
}

/// Lower case words without numbering and marks.
fn plain(title: &str) -> String {
    let words = title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words
        .skip_while(|word| word.chars().all(|c| c.is_ascii_digit()))
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

/// Whether a heading is the section that is asked for: it holds its words, one after the other.
fn is_meant(section: &str, title: &str) -> bool {
    let title = format!(" {title} ");
    section
        .split('|')
        .map(plain)
        .any(|wanted| !wanted.is_empty() && title.contains(&format!(" {wanted} ")))
}

fn words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count()
}
