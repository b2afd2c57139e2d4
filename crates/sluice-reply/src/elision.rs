//! Comments that stand where content was left out.

use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memmem, memrchr};

use crate::language::{Kind, kind};

/// The first line (0-based) of a file that says that the rest of something is unchanged.
pub(crate) fn first_elision(language: &str, content: &str) -> Option<usize> {
    let alone = first_alone(language, content);
    let inside = first_inside(language, &content[..alone.unwrap_or(content.len())]);
    let start = inside.or(alone)?;
    Some(memchr_iter(b'\n', &content.as_bytes()[..start]).count())
}

/// Where the first line starts that is nothing but such a comment.
fn first_alone(language: &str, content: &str) -> Option<usize> {
    let bytes = content.as_bytes();
    let more = more_starts(language);
    let below = memchr_iter(b'\n', bytes).map(|feed| feed + 1);
    std::iter::once(0)
        .chain(below)
        .filter(|start| {
            let first = first_byte(&bytes[*start..]);
            MAY_START[usize::from(first)] || more.contains(&first)
        })
        .find(|start| {
            let end = memchr(b'\n', &bytes[*start..]).map_or(bytes.len(), |feed| start + feed);
            is_elision(language, content[*start..end].trim())
        })
}

/// The first byte of a line that is not white space, or a line feed.
fn first_byte(bytes: &[u8]) -> u8 {
    // Most of the time goes into this, so eight columns of indent are looked at in one step.
    let spaces = bytes.first_chunk().map_or(0, |eight| {
        (u64::from_le_bytes(*eight) ^ u64::from_le_bytes([b' '; 8])).trailing_zeros() / 8
    });
    let white = |b: &u8| matches!(b, b'\t' | b'\x0b' | b'\x0c' | b'\r' | b' ');
    let mut rest = bytes[spaces as usize..].iter().copied();
    rest.find(|b| !white(b)).unwrap_or(b'\n')
}

/// Whether what [`is_elision`] knows can start with a byte, in any language: most lines cannot, and are not
/// looked at.
const MAY_START: [bool; 256] = {
    let mut all = [false; 256];
    let mut byte = 0x80;
    while byte < 256 {
        all[byte] = true;
        byte += 1;
    }
    let ascii = b".{/<(#-;%";
    let mut at = 0;
    while at < ascii.len() {
        all[ascii[at] as usize] = true;
        at += 1;
    }
    all
};

/// What else it can start with in this language.
fn more_starts(language: &str) -> &'static [u8] {
    match language {
        "json" => b"\"",
        "vb" | "vbnet" | "vba" | "vbs" => b"'",
        "bat" | "batch" | "cmd" => b"Rr:",
        _ => b"",
    }
}

/// Where the first line starts in which a comment stands for code beside other code.
fn first_inside(language: &str, content: &str) -> Option<usize> {
    if kind(language) != Kind::Code {
        return None;
    }
    let bytes = content.as_bytes();
    let opened = memchr_iter(b'*', bytes).filter(|star| {
        // Most comments say something else.
        let may = |b: u8| matches!(b, b'.' | b'e' | b'u') || !b.is_ascii();
        bytes[..*star].ends_with(b"/") && may(first_byte(&bytes[star + 1..]))
    });
    let block = first_line_inside(content, opened);
    let said = first_line_inside(content, EXISTING.find_iter(bytes));
    block.into_iter().chain(said).min()
}

static EXISTING: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(" ... existing code"));

/// Where the first of the lines starts that have a mark at one of these places and are [`is_inside`].
fn first_line_inside(content: &str, marks: impl Iterator<Item = usize>) -> Option<usize> {
    let bytes = content.as_bytes();
    // No line is looked at twice.
    let mut seen = 0;
    for mark in marks {
        if mark < seen {
            continue;
        }
        let start = memrchr(b'\n', &bytes[seen..mark]).map_or(seen, |feed| seen + feed + 1);
        let end = memchr(b'\n', &bytes[mark..]).map_or(bytes.len(), |feed| mark + feed);
        if is_inside(content[start..end].trim()) {
            return Some(start);
        }
        seen = end;
    }
    None
}

fn is_elision(language: &str, line: &str) -> bool {
    if line.len() > 200 || line.len() < 3 {
        return false;
    }
    if matches!(line, "..." | "…") {
        // An expression in Python, a rest in YAML and prose.
        return matches!(
            language,
            "ts" | "typescript"
                | "js"
                | "javascript"
                | "tsx"
                | "jsx"
                | "rs"
                | "rust"
                | "go"
                | "java"
                | "c"
                | "cpp"
                | "json"
        );
    }
    if language == "json" && line.starts_with("\"...") {
        return true;
    }
    let Some(comment) = comment(language, line) else {
        return false;
    };
    let text = comment.to_lowercase();
    let starts = text.starts_with("...")
        || text.starts_with('…')
        || text.starts_with("[...")
        || text.starts_with("(...");
    let ends = text.ends_with("...")
        || text.ends_with('…')
        || text.ends_with("...]")
        || text.ends_with("...)");
    let words = text.trim_matches(|c: char| !c.is_alphanumeric());
    if words.is_empty() {
        return starts || ends || text.starts_with(". .");
    }
    const LEFT_OUT: [&str; 16] = [
        "unchanged",
        "existing",
        "rest of",
        "the rest",
        "same as",
        "remain",
        "as before",
        "previous",
        "other ",
        "omitted",
        "more ",
        "keep ",
        "similar",
        "code here",
        "your code",
        "goes here",
    ];
    if starts || (ends && LEFT_OUT.iter().any(|word| words.contains(word))) {
        return true;
    }
    const SAID: [&str; 15] = [
        "rest of the code",
        "rest of code",
        "rest of the file",
        "rest of file",
        "rest of the class",
        "rest of the function",
        "rest of the component",
        "rest unchanged",
        "rest remains",
        "remains unchanged",
        "remain unchanged",
        "existing code here",
        "code unchanged",
        "omitted for brevity",
        "implement the rest",
    ];
    SAID.iter().any(|said| words.contains(said))
        || is_rest(words)
        || words.starts_with("previous code ")
        || (words.starts_with("same ") && words.ends_with("as before"))
        || ["goes here", "go here"]
            .iter()
            .any(|end| words.ends_with(end))
        || [
            "keep existing ",
            "keep the existing ",
            "keep your existing ",
        ]
        .iter()
        .any(|start| words.starts_with(start))
        || (words.starts_with("existing ") && words.ends_with(" here"))
        || matches!(
            words,
            "existing code"
                | "unchanged"
                | "same as before"
                | "previous code"
                | "snip"
                | "etc"
                | "no change"
                | "no changes"
                | "no change here"
                | "no changes here"
                | "no changes below"
                | "rest of implementation"
                | "rest of the implementation"
        )
}

/// `rest of the page`, `the other functions stay as they are`: what is left of a kind, and perhaps that it stays.
fn is_rest(words: &str) -> bool {
    const KINDS: [&str; 28] = [
        "class",
        "classes",
        "code",
        "component",
        "components",
        "config",
        "configuration",
        "content",
        "contents",
        "document",
        "file",
        "function",
        "functions",
        "implementation",
        "imports",
        "jsx",
        "logic",
        "markup",
        "method",
        "methods",
        "module",
        "page",
        "program",
        "schema",
        "script",
        "styles",
        "template",
        "tests",
    ];
    const STAYS: [&str; 16] = [
        "above",
        "are",
        "as",
        "before",
        "below",
        "goes",
        "here",
        "is",
        "remain",
        "remains",
        "same",
        "stay",
        "stays",
        "the",
        "they",
        "unchanged",
    ];
    const WHOSE: [&str; 6] = ["the", "your", "this", "my", "original", "existing"];
    let mut words = words.split_whitespace().peekable();
    let first = words.next().unwrap_or_default();
    let first = if first == "the" || first == "all" {
        words.next().unwrap_or_default()
    } else {
        first
    };
    let rest = match first {
        "rest" => words.next() == Some("of"),
        "other" | "remaining" => true,
        _ => false,
    };
    if !rest {
        return false;
    }
    while words.next_if(|word| WHOSE.contains(word)).is_some() {}
    if !words.next().is_some_and(|word| KINDS.contains(&word)) {
        return false;
    }
    let stays: Vec<&str> = words.collect();
    // "other functions" may stand above other functions.
    (first == "rest" || !stays.is_empty()) && stays.iter().all(|word| STAYS.contains(word))
}

/// Whether a comment in the line stands for code: `fn a() { /* ... */ }`, `f() // ... existing code`.
fn is_inside(line: &str) -> bool {
    if line.starts_with('*') {
        return false;
    }
    if let Some((_, rest)) = line.split_once("/*") {
        let inner = rest.split("*/").next().unwrap_or(rest).trim();
        return matches!(
            inner,
            "..." | "…" | "existing code" | "... existing code ..." | "unchanged"
        );
    }
    ["// ... existing code", "# ... existing code"]
        .iter()
        .any(|mark| line.contains(mark))
}

/// The text of a line that is only a comment.
fn comment<'t>(language: &str, line: &'t str) -> Option<&'t str> {
    let pairs = [
        ("{/*", "*/}"),
        ("/*", "*/"),
        ("<!--", "-->"),
        ("{#", "#}"),
        ("(*", "*)"),
        ("{-", "-}"),
        ("<%#", "%>"),
        ("<%--", "--%>"),
        ("{{!--", "--}}"),
    ];
    for (open, close) in pairs {
        if let Some(inner) = line
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
        {
            return Some(inner.trim());
        }
    }
    let more: &[&str] = match language {
        "vb" | "vbnet" | "vba" | "vbs" => &["'"],
        "bat" | "batch" | "cmd" => &["REM ", "rem ", "::"],
        _ => &[],
    };
    ["//", "#", "--", ";", "%"]
        .iter()
        .chain(more)
        .find_map(|mark| line.strip_prefix(mark))
        .map(|rest| rest.trim_start_matches(['/', '#', ';', '%', '-']).trim())
}
