//! Comments that stand where content was left out.

use memchr::memchr_iter;

/// The first line (0-based) of a file that says that the rest of something is unchanged.
pub(crate) fn first_elision(language: &str, content: &str) -> Option<usize> {
    let bytes = content.as_bytes();
    let mut start = 0;
    for end in memchr_iter(b'\n', bytes).chain([content.len()]) {
        let first = bytes[start..end]
            .iter()
            .find(|b| !matches!(b, b'\t'..=b'\r' | b' '));
        if first.is_some_and(|first| may_start(*first))
            && is_elision(language, content[start..end].trim())
        {
            return Some(memchr_iter(b'\n', &bytes[..start]).count());
        }
        start = end + 1;
    }
    None
}

/// Whether what [`is_elision`] knows can start with this byte: most lines cannot, and are not looked at.
fn may_start(byte: u8) -> bool {
    matches!(byte, b'.' | b'{' | b'/' | b'<' | b'(' | b'#' | b'-' | b';' | b'%') || !byte.is_ascii()
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
    let Some(comment) = comment(line) else {
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
    if (starts || ends) && words.is_empty() {
        return true;
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
    const SAID: [&str; 14] = [
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
    ];
    SAID.iter().any(|said| words.contains(said))
        || (words.starts_with("existing ") && words.ends_with(" here"))
        || matches!(
            words,
            "existing code"
                | "unchanged"
                | "same as before"
                | "previous code"
                | "rest of implementation"
                | "rest of the implementation"
        )
}

/// The text of a line that is only a comment.
fn comment(line: &str) -> Option<&str> {
    let pairs = [
        ("{/*", "*/}"),
        ("/*", "*/"),
        ("<!--", "-->"),
        ("{#", "#}"),
        ("(*", "*)"),
    ];
    for (open, close) in pairs {
        if let Some(inner) = line
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
        {
            return Some(inner.trim());
        }
    }
    ["//", "#", "--", ";", "%"]
        .iter()
        .find_map(|mark| line.strip_prefix(mark))
        .map(|rest| rest.trim_start_matches('/').trim())
}
