//! CommonMark's container blocks: quotes and list items, as far as fences need them.

use crate::cursor::Cursor;

/// Containers deeper than this are read as text, so that a line costs no more than its length and this.
const MAX_DEPTH: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Quote,
    /// `indent` columns belong to the item; `empty` while nothing has come after the marker.
    Item {
        indent: usize,
        empty: bool,
    },
}

/// The containers that are open, outermost first.
#[derive(Default)]
pub(crate) struct Containers(Vec<Container>);

impl Containers {
    pub(crate) fn depth(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn truncate(&mut self, depth: usize) {
        self.0.truncate(depth);
    }

    /// Consumes the marks of the open containers that this line continues, and counts these containers.
    pub(crate) fn matched(&mut self, cursor: &mut Cursor<'_>) -> usize {
        let depth = self.0.len();
        for (index, container) in self.0.iter_mut().enumerate() {
            match container {
                Container::Quote => {
                    if cursor.indent() > 3 || !skip_quote_mark(cursor) {
                        return index;
                    }
                }
                Container::Item { indent, empty } => {
                    if cursor.is_blank() {
                        // An item may start with one blank line, not with two.
                        if *empty && index + 1 == depth {
                            return index;
                        }
                        cursor.skip_columns(*indent);
                    } else if cursor.indent() >= *indent {
                        cursor.skip_columns(*indent);
                        *empty = false;
                    } else {
                        return index;
                    }
                }
            }
        }
        depth
    }

    /// The quote or item that the line starts here, and the place after its mark. `interrupts`: it would end
    /// a paragraph. `kept`: how many open containers would stay, if the line has not opened one yet.
    pub(crate) fn next<'l>(
        &self,
        cursor: Cursor<'l>,
        interrupts: bool,
        kept: Option<usize>,
    ) -> Option<(Container, Cursor<'l>)> {
        if kept.unwrap_or(self.0.len()) >= MAX_DEPTH {
            return None;
        }
        let mut ahead = cursor;
        if skip_quote_mark(&mut ahead) {
            return Some((Container::Quote, ahead));
        }
        skip_item_mark(&mut ahead, interrupts).map(|item| (item, ahead))
    }

    pub(crate) fn push(&mut self, container: Container) {
        self.0.push(container);
    }
}

fn skip_quote_mark(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = *cursor;
    ahead.skip_columns(3);
    if ahead.rest().first() != Some(&b'>') {
        return false;
    }
    ahead.skip_bytes(1);
    ahead.skip_columns(1);
    *cursor = ahead;
    true
}

fn skip_item_mark(cursor: &mut Cursor<'_>, interrupts: bool) -> Option<Container> {
    let mut ahead = *cursor;
    let indent = ahead.indent();
    ahead.skip_columns(indent);
    let rest = ahead.rest();
    let digits = rest
        .iter()
        .take(10)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let width = match rest.get(digits)? {
        b'-' | b'+' | b'*' if digits == 0 => 1,
        b'.' | b')' if (1..=9).contains(&digits) => {
            let one = rest[..digits]
                .iter()
                .rev()
                .enumerate()
                .all(|(place, b)| *b == if place == 0 { b'1' } else { b'0' });
            if interrupts && !one {
                return None;
            }
            digits + 1
        }
        _ => return None,
    };
    ahead.skip_bytes(width);
    let empty = ahead.is_blank();
    if !empty && !matches!(ahead.rest().first(), Some(b' ' | b'\t')) || (empty && interrupts) {
        return None;
    }
    let space = ahead.indent();
    // Five columns and more are one column and an indented code block.
    let space = if empty || space > 4 { 1 } else { space };
    ahead.skip_columns(space);
    *cursor = ahead;
    Some(Container::Item {
        indent: indent + width + space,
        empty,
    })
}

/// Whether the rest of a line (no indent) is a thematic break: three or more of one of `*-_`.
pub(crate) fn is_thematic_break(rest: &[u8]) -> bool {
    let Some(&mark @ (b'*' | b'-' | b'_')) = rest.first() else {
        return false;
    };
    let marks = rest.iter().filter(|b| **b == mark).count();
    marks >= 3
        && rest
            .iter()
            .all(|b| *b == mark || matches!(b, b' ' | b'\t' | b'\r'))
}

/// Whether the rest of a line (no indent) is an ATX heading.
pub(crate) fn is_heading(rest: &[u8]) -> bool {
    let hashes = rest.iter().take(7).take_while(|b| **b == b'#').count();
    (1..=6).contains(&hashes) && matches!(rest.get(hashes), None | Some(b' ' | b'\t' | b'\r'))
}

/// Whether the rest of a line (no indent) underlines a paragraph as a heading.
pub(crate) fn is_underline(rest: &[u8]) -> bool {
    let text = rest.trim_ascii_end();
    match text.first() {
        Some(mark @ (b'=' | b'-')) => text.iter().all(|b| b == mark),
        _ => false,
    }
}
