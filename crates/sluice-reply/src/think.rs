//! Thinking that a model left in its reply: nothing in it is meant.

use crate::lines::Lines;

/// What a line says about thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thought {
    /// Nothing.
    None,
    /// Thinking starts here and the reply goes on at this line.
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
pub(crate) fn thought(lines: &Lines<'_>, index: usize) -> Thought {
    let text = lines.text(index).trim_start();
    if !text.starts_with('<') {
        return Thought::None;
    }
    for (open, close) in TAGS {
        if text.trim_end() == close {
            return Thought::Before;
        }
        let Some(head) = text.get(..open.len()) else {
            continue;
        };
        if !head.eq_ignore_ascii_case(open) {
            continue;
        }
        let ends = |line: &usize| {
            memchr::memmem::find(lines.text(*line).as_bytes(), close.as_bytes()).is_some()
        };
        return match (index..lines.len()).find(ends) {
            Some(line) => Thought::Until(line + 1),
            None => Thought::Endless,
        };
    }
    Thought::None
}
