//! Recognises edits that stand where nothing reads them: between blocks, in a tool's call, in the middle of a whole file.

use std::sync::LazyLock;

use memchr::{memchr_iter, memmem, memrchr};
use sluice_path::RelPath;

use crate::edit::{git_path, is_search_close, is_search_divider, is_search_open, side};
use crate::label::label;
use crate::lines::Line;
use crate::pathlike::{clean, is_path_like};
use crate::{Code, Warning};

/// Tools of other programs that edit, and those that write a whole file.
const TOOLS: &[(&str, bool)] = &[
    ("apply_diff", true),
    ("replace_in_file", true),
    ("search_and_replace", true),
    ("insert_content", true),
    ("write_to_file", false),
];

/// Something between the blocks of a reply that was meant as a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stray {
    /// 1-based.
    pub(crate) line: usize,
    what: What,
    path: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Search,
    Diff,
    /// A tool's name, and whether it edits.
    Call(&'static str, bool),
}

impl Stray {
    pub(crate) fn warning(&self) -> Warning {
        let path = self
            .path
            .as_deref()
            .and_then(|path| RelPath::parse(path).ok());
        let path = path.as_ref().map(RelPath::as_str);
        let (code, message) = match self.what {
            What::Search => (
                Code::EditBlockSkipped,
                "a SEARCH/REPLACE block outside of a fence is text and edits nothing: put it into a fenced block whose \
                 info string is `language:path`"
                    .to_owned(),
            ),
            What::Diff => (
                Code::DiffSkipped,
                "a diff outside of a fence is text and edits nothing: put it into a fenced block whose info string is \
                 `diff`"
                    .to_owned(),
            ),
            What::Call(name, is_edit) => (call_code(is_edit), call_message(name, is_edit)),
        };
        Warning::new(code, self.line, path, message)
    }
}

/// Looks at the lines between blocks, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    found: Vec<Stray>,
    /// The file of the last search.
    path: Option<String>,
    /// Whether the last line with text ended a replacement.
    is_closed: bool,
    /// Whether a `diff --git` waits for its `---` and `+++`.
    is_header: bool,
    /// The call that the text is in.
    call: Option<&'static str>,
}

impl Strays {
    pub(crate) fn found(&self) -> &[Stray] {
        &self.found
    }

    pub(crate) fn into_found(self) -> Vec<Stray> {
        self.found
    }

    /// Takes the next line; `before` is the text directly before it.
    pub(crate) fn line(&mut self, text: &str, line: Line, number: usize, before: Option<&str>) {
        let said = line.text(text).trim();
        if let Some(name) = self.call {
            if is_end_of(said, name) {
                self.call = None;
            }
            return;
        }
        let first = said.as_bytes().first();
        let was_closed = self.is_closed;
        self.is_closed = match first {
            Some(b'>' | b'+') => is_search_close(said),
            Some(_) => false,
            None => was_closed,
        };
        match first {
            Some(b'<' | b'-') if is_search_open(said) => {
                if !was_closed {
                    self.path = before.and_then(named);
                }
                let path = self.path.clone();
                self.push(number, What::Search, path);
            }
            Some(b'<') => {
                if let Some((name, is_edit)) = call(said) {
                    self.push(number, What::Call(name, is_edit), None);
                    self.call = (!is_end_of(said, name)).then_some(name);
                }
            }
            Some(b'd') => {
                if let Some(rest) = said.strip_prefix("diff --git ") {
                    self.is_header = true;
                    self.push(number, What::Diff, git_path(rest));
                }
            }
            Some(b'*') if said.starts_with("*** Begin Patch") => {
                self.push(number, What::Diff, None);
            }
            Some(b'+') => self.pair(said, number, before),
            _ => {}
        }
    }

    /// The second line of `--- a/x` and `+++ b/x`.
    fn pair(&mut self, said: &str, number: usize, before: Option<&str>) {
        let old = before.and_then(|before| before.trim().strip_prefix("--- "));
        let (Some(old), Some(new)) = (old, said.strip_prefix("+++ ")) else {
            return;
        };
        if !std::mem::take(&mut self.is_header) {
            let path = side(new).or_else(|| side(old));
            self.push(number - 1, What::Diff, path);
        }
    }

    fn push(&mut self, line: usize, what: What, path: Option<String>) {
        self.found.push(Stray { line, what, path });
    }
}

/// The path that the line before a search names.
fn named(before: &str) -> Option<String> {
    let path = clean(before);
    match is_path_like(path) {
        true => Some(path.to_owned()),
        false => label(before).map(|(path, _)| path),
    }
}

/// The call that a line starts.
fn call(line: &str) -> Option<(&'static str, bool)> {
    let rest = line.strip_prefix('<')?;
    let mut tools = TOOLS.iter();
    tools
        .find(|(name, _)| {
            rest.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['>', ' ']))
        })
        .copied()
}

fn is_end_of(line: &str, name: &str) -> bool {
    let mut ends = memmem::find_iter(line.as_bytes(), "</");
    ends.any(|at| line[at + 2..].starts_with(name))
}

fn call_code(is_edit: bool) -> Code {
    if is_edit {
        Code::EditBlockSkipped
    } else {
        Code::NoPath
    }
}

fn call_message(name: &str, is_edit: bool) -> String {
    let what = if is_edit {
        "its SEARCH/REPLACE block"
    } else {
        "the whole file"
    };
    format!(
        "`<{name}>` calls a tool that is not there, so it changes nothing: put {what} into a fenced block whose info \
         string is `language:path`"
    )
}

/// The warning about a block without a path whose text is a tool's call.
pub(crate) fn call_in(content: &str, line: usize) -> Option<Warning> {
    let mut lines = content.lines().map(str::trim);
    let (name, is_edit) = call(lines.find(|line| !line.is_empty())?)?;
    let message = call_message(name, is_edit);
    Some(Warning::new(call_code(is_edit), line, None, message))
}

/// Made once: that costs as much as the search of a small file.
static SEARCH: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("SEARCH"));

/// The line, from 0, of a whole file's text where a SEARCH/REPLACE block starts.
pub(crate) fn search_inside(content: &str) -> Option<usize> {
    let bytes = content.as_bytes();
    let mut from = 0;
    while let Some(at) = SEARCH.find(&bytes[from..]).map(|at| from + at) {
        let start = memrchr(b'\n', &bytes[from..at]).map_or(from, |feed| from + feed + 1);
        let mut rest = content[start..].split('\n');
        let open = rest.next().unwrap_or_default();
        from = start + open.len();
        if is_search_open(open) {
            // Searches that are not whole are looked through once: the next one starts behind.
            let mut is_divided = false;
            for line in rest {
                if is_search_open(line) {
                    break;
                }
                if is_divided && is_search_close(line) {
                    return Some(memchr_iter(b'\n', &bytes[..start]).count());
                }
                is_divided |= is_search_divider(line);
                from += line.len() + 1;
            }
            from = from.min(bytes.len());
        }
    }
    None
}
