//! Thinking that a model left in its reply: nothing in it is meant.

use crate::lines::Line;

/// What a line says about thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thought {
    /// Nothing.
    None,
    /// Thinking starts here and the reply goes on at this byte, where a line starts.
    Until(usize),
    /// Thinking starts here and never ends.
    Endless,
    /// Thinking ends here and was opened before the reply.
    Before,
}

const TAGS: [(&str, &str); 6] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
];

/// What a line begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    None,
    /// Thinking starts, to the line with this tag.
    Open(&'static str),
    /// The line is nothing but the end of thinking.
    Close,
}

/// Reads one line outside of code.
pub(crate) fn tag(said: &str) -> Tag {
    let said = said.trim_start();
    if !said.starts_with('<') {
        return Tag::None;
    }
    for (open, close) in TAGS {
        if said.trim_end() == close {
            return Tag::Close;
        }
        if let Some(head) = said.get(..open.len())
            && head.eq_ignore_ascii_case(open)
        {
            return Tag::Open(close);
        }
    }
    Tag::None
}

/// Reads one line outside of code, and where the thinking on it ends.
pub(crate) fn thought(text: &str, line: Line) -> Thought {
    match tag(line.text(text)) {
        Tag::None => Thought::None,
        Tag::Close => Thought::Before,
        Tag::Open(close) => {
            let rest = &text.as_bytes()[line.start..];
            match memchr::memmem::find(rest, close.as_bytes()) {
                Some(at) => {
                    let end = line.start + at;
                    Thought::Until(Line::at(text, end).map_or(text.len(), |line| line.next))
                }
                None => Thought::Endless,
            }
        }
    }
}
