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

/// Reads one line outside of code.
pub(crate) fn thought(text: &str, line: Line) -> Thought {
    let said = line.text(text).trim_start();
    if !said.starts_with('<') {
        return Thought::None;
    }
    for (open, close) in TAGS {
        if said.trim_end() == close {
            return Thought::Before;
        }
        let Some(head) = said.get(..open.len()) else {
            continue;
        };
        if !head.eq_ignore_ascii_case(open) {
            continue;
        }
        let rest = &text.as_bytes()[line.start..];
        return match memchr::memmem::find(rest, close.as_bytes()) {
            Some(at) => {
                let end = line.start + at;
                Thought::Until(Line::at(text, end).map_or(text.len(), |line| line.next))
            }
            None => Thought::Endless,
        };
    }
    Thought::None
}
