//! Comments that stand where content was left out.

use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memmem, memrchr};
use wide::u8x16;

use crate::language::{Kind, kind};

/// The first line (0-based) of a file that says that the rest of something is unchanged.
pub(crate) fn first_elision(language: &str, content: &str) -> Option<usize> {
    let file = File::new(language, content);
    let found = file.first();
    let before = &file.bytes[..found.unwrap_or(content.len())];
    let existing = file
        .is_code
        .then(|| EXISTING.find_iter(before))
        .into_iter()
        .flatten();
    let start = first_line_inside(content, existing).or(found)?;
    Some(memchr_iter(b'\n', &file.bytes[..start]).count())
}

/// A file that is searched.
struct File<'t> {
    language: &'t str,
    content: &'t str,
    bytes: &'t [u8],
    /// In code, what was left out may also stand beside other code.
    is_code: bool,
    /// Whether what [`is_elision`] knows can start with a byte: most lines cannot, and are not looked at.
    may_start: [bool; 256],
}

impl File<'_> {
    fn new<'t>(language: &'t str, content: &'t str) -> File<'t> {
        File {
            language,
            content,
            bytes: content.as_bytes(),
            is_code: kind(language) == Kind::Code,
            may_start: may_start(language),
        }
    }

    /// Where the first line starts that is nothing but such a comment, or has one between a slash and a star.
    ///
    /// Every byte of every file comes by here.
    fn first(&self) -> Option<usize> {
        if self.may_be_alone(0) && self.is_alone(0) {
            return Some(0);
        }
        let mut line = 0;
        // Up to here nothing is looked at twice.
        let mut seen = 0;
        let mut look = |from: usize, block: &[u8; 64]| {
            let (feeds, mut places) = places(block);
            while places != 0 {
                let bit = places & places.wrapping_neg();
                let place = from + places.trailing_zeros() as usize;
                places ^= bit;
                if feeds & bit != 0 {
                    line = place + 1;
                    if self.may_be_alone(line) && self.is_alone(line) {
                        return Some(line);
                    }
                } else if self.may_be_inside(place) && place >= seen {
                    seen = self.line_end(place);
                    if is_inside(self.content[line..seen].trim()) {
                        return Some(line);
                    }
                }
            }
            None
        };
        let (blocks, rest) = self.bytes.as_chunks();
        for (at, block) in blocks.iter().enumerate() {
            if let Some(line) = look(64 * at, block) {
                return Some(line);
            }
        }
        let mut last = [0; 64];
        last[..rest.len()].copy_from_slice(rest);
        look(self.bytes.len() - rest.len(), &last)
    }

    fn may_be_alone(&self, line: usize) -> bool {
        self.may_start[usize::from(first_byte(self.bytes, line))]
    }

    #[inline(never)]
    fn is_alone(&self, line: usize) -> bool {
        let said = &self.content[line..self.line_end(line)];
        is_elision(self.language, said.trim())
    }

    /// Whether the star opens a comment that can be [`is_inside`]: most say something else.
    fn may_be_inside(&self, star: usize) -> bool {
        if !self.is_code || star == 0 || self.bytes[star - 1] != b'/' {
            return false;
        }
        let first = first_byte(self.bytes, star + 1);
        matches!(first, b'.' | b'e' | b'u') || !first.is_ascii()
    }

    fn line_end(&self, from: usize) -> usize {
        memchr(b'\n', &self.bytes[from..]).map_or(self.bytes.len(), |feed| from + feed)
    }
}

/// A bit for each byte that is a line feed, and one for each that is that or a star. Both are so frequent that
/// `memchr2_iter`, which starts anew behind each, takes several times as long.
fn places(block: &[u8; 64]) -> (u64, u64) {
    let (mut feeds, mut stars) = (0, 0);
    for (at, part) in block.as_chunks().0.iter().enumerate() {
        let part = u8x16::new(*part);
        let is = |byte| u64::from(part.simd_eq(u8x16::splat(byte)).to_bitmask()) << (16 * at);
        feeds |= is(b'\n');
        stars |= is(b'*');
    }
    (feeds, feeds | stars)
}

/// The first byte that is not white space, from a place on a line; a line feed when nothing is left.
fn first_byte(bytes: &[u8], from: usize) -> u8 {
    // Eight columns of indent in one step.
    let eight = bytes.get(from..).and_then(<[u8]>::first_chunk);
    let spaces = eight.map_or(0, |eight| {
        (u64::from_le_bytes(*eight) ^ u64::from_le_bytes([b' '; 8])).trailing_zeros() / 8
    });
    let mut at = from + spaces as usize;
    while let Some(byte) = bytes.get(at) {
        if !matches!(byte, b'\t' | b'\x0b' | b'\x0c' | b'\r' | b' ') {
            return *byte;
        }
        at += 1;
    }
    b'\n'
}

/// See [`File::may_start`].
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
        "bat" | "batch" | "cmd" => b"Rr:",
        _ => b"",
    };
    let mut may = ANY;
    for byte in more {
        may[usize::from(*byte)] = true;
    }
    may
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
