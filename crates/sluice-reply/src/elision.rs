//! Comments that stand where content was left out.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use memchr::{memchr, memchr_iter, memrchr};
use wide::u8x16;

use crate::language::{Kind, kind};

/// The first line (0-based) of a file that says that the rest of something is unchanged.
pub(crate) fn first_elision(language: &str, content: &str) -> Option<usize> {
    let alone = first_alone(language, content);
    let before = &content[..alone.unwrap_or(content.len())];
    // In code, what was left out may also stand beside other code.
    let inside = (kind(language) == Kind::Code)
        .then(|| first_inside(before))
        .flatten();
    let start = inside.or(alone)?;
    Some(memchr_iter(b'\n', &content.as_bytes()[..start]).count())
}

/// Where the first line starts that is nothing but such a comment.
///
/// Every byte of every file comes by here.
fn first_alone(language: &str, content: &str) -> Option<usize> {
    let bytes = content.as_bytes();
    let may_start = may_start(language);
    let is_batch = is_batch(language);
    let mut firsts = Firsts { after_feed: 1 };
    let mut look = |from: usize, block: &[u8; 64]| {
        let mut places = firsts.next(block, is_batch);
        while places != 0 {
            let place = from + places.trailing_zeros() as usize;
            places &= places - 1;
            if may_start[usize::from(bytes[place])] {
                let line = memrchr(b'\n', &bytes[..place]).map_or(0, |feed| feed + 1);
                let end = memchr(b'\n', &bytes[place..]).map_or(bytes.len(), |feed| place + feed);
                if is_elision(language, content[line..end].trim()) {
                    return Some(line);
                }
            }
        }
        None
    };
    let (blocks, rest) = bytes.as_chunks();
    for (at, block) in blocks.iter().enumerate() {
        if let Some(line) = look(64 * at, block) {
            return Some(line);
        }
    }
    let mut last = [0; 64];
    last[..rest.len()].copy_from_slice(rest);
    look(bytes.len() - rest.len(), &last)
}

/// Finds the first byte of each line that is not white space, if [`is_elision`] might know it, without a branch:
/// which line has one cannot be foretold, and looking at each takes several times as long.
struct Firsts {
    /// 1 where nothing but white space came since the last line feed.
    after_feed: u64,
}

impl Firsts {
    /// A bit for each such byte of the next block, and for some more.
    fn next(&mut self, block: &[u8; 64], is_batch: bool) -> u64 {
        let (mut feeds, mut blanks, mut known) = (0, 0, 0);
        for (at, part) in block.as_chunks().0.iter().enumerate() {
            let part = u8x16::new(*part);
            let is = |byte| part.simd_eq(u8x16::splat(byte));
            let is_from = |first, last: u8| {
                let above = part - u8x16::splat(first);
                above.simd_eq(above.min(u8x16::splat(last - first)))
            };
            // The high bit of a byte is that of its mask: what is not ASCII is known.
            let mut some = part | is_from(b'"', b'/') | is_from(b':', b'<') | is(b'{');
            if is_batch {
                some |= is(b'R') | is(b'r');
            }
            let bits = |mask: u8x16| u64::from(mask.to_bitmask()) << (16 * at);
            feeds |= bits(is(b'\n'));
            blanks |= bits(is_from(b'\t', b'\r') | is(b' '));
            known |= bits(some);
        }
        let starts = feeds << 1 | self.after_feed;
        // Added to the white space that it stands in, a start moves to the first byte behind.
        let (behind, is_all) = blanks.overflowing_add(starts & blanks);
        self.after_feed = u64::from(is_all) | feeds >> 63;
        (behind | starts) & !blanks & known
    }
}

/// Whether a line that [`is_elision`] knows can start with a byte.
fn may_start(language: &str) -> [bool; 256] {
    const ANY: [bool; 256] = {
        let mut any = [false; 256];
        let mut byte = 0x80;
        while byte < 256 {
            any[byte] = true;
            byte += 1;
        }
        let ascii = b".{/<(#-;%";
        let mut at = 0;
        while at < ascii.len() {
            any[ascii[at] as usize] = true;
            at += 1;
        }
        any
    };
    let more: &[u8] = match language {
        "json" => b"\"",
        "vb" | "vbnet" | "vba" | "vbs" => b"'",
        _ if is_batch(language) => b"Rr:",
        _ => b"",
    };
    let mut may = ANY;
    for byte in more {
        may[usize::from(*byte)] = true;
    }
    may
}

fn is_batch(language: &str) -> bool {
    matches!(language, "bat" | "batch" | "cmd")
}

/// Where the first line starts that is [`is_inside`].
fn first_inside(content: &str) -> Option<usize> {
    // One of these is in each such line.
    static MARKS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        AhoCorasick::new(["...", "…", "existing code", "unchanged"]).expect("four constant words")
    });
    let bytes = content.as_bytes();
    // No line is looked at twice.
    let mut seen = 0;
    for mark in MARKS.find_iter(bytes) {
        let mark = mark.start();
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
        _ if is_batch(language) => &["REM ", "rem ", "::"],
        _ => &[],
    };
    ["//", "#", "--", ";", "%"]
        .iter()
        .chain(more)
        .find_map(|mark| line.strip_prefix(mark))
        .map(|rest| rest.trim_start_matches(['/', '#', ';', '%', '-']).trim())
}

#[cfg(test)]
mod tests;
