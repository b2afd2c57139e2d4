//! Comments that stand where content was left out.

use memchr::{memchr, memchr_iter, memmem, memrchr};

use crate::language::{Kind, kind};

/// The first line (0-based) of a file that says that the rest of something is unchanged.
pub(crate) fn first_elision(language: &str, content: &str) -> Option<usize> {
    let bytes = content.as_bytes();
    let mut start = 0;
    let mut found = None;
    for end in memchr_iter(b'\n', bytes).chain([content.len()]) {
        let first = bytes[start..end]
            .iter()
            .find(|b| !matches!(b, b'\t'..=b'\r' | b' '));
        if first.is_some_and(|first| may_start(*first))
            && is_elision(language, content[start..end].trim())
        {
            found = Some(start);
            break;
        }
        start = end + 1;
    }
    let inside = first_inside(language, &content[..found.unwrap_or(content.len())]);
    let start = inside.or(found)?;
    Some(memchr_iter(b'\n', &bytes[..start]).count())
}

/// Whether what [`is_elision`] knows can start with this byte: most lines cannot, and are not looked at.
fn may_start(byte: u8) -> bool {
    matches!(
        byte,
        b'.' | b'{'
            | b'/'
            | b'<'
            | b'('
            | b'#'
            | b'-'
            | b';'
            | b'%'
            | b'\''
            | b'"'
            | b':'
            | b'R'
            | b'r'
    ) || !byte.is_ascii()
}

/// Where the first line starts in which a comment stands for code beside other code.
fn first_inside(language: &str, content: &str) -> Option<usize> {
    if kind(language) != Kind::Code {
        return None;
    }
    let bytes = content.as_bytes();
    let first = |mark: &[u8]| {
        let finder = memmem::Finder::new(mark);
        let mut from = 0;
        while let Some(at) = finder.find(&bytes[from..]).map(|at| from + at) {
            let start = memrchr(b'\n', &bytes[from..at]).map_or(from, |feed| from + feed + 1);
            let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |feed| at + feed);
            if is_inside(content[start..end].trim()) {
                return Some(start);
            }
            from = end;
        }
        None
    };
    let block = first(b"/*");
    let said = first(b" ... existing code");
    block.into_iter().chain(said).min()
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
