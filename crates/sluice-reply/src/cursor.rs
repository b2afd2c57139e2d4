//! A place in a line that counts columns, because a tab can be half a container's indent.

/// Where in a line the scanner is.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'l> {
    bytes: &'l [u8],
    at: usize,
    column: usize,
    /// The tab at `at` has lost some of its columns.
    in_tab: bool,
}

impl<'l> Cursor<'l> {
    pub(crate) fn new(line: &'l str) -> Cursor<'l> {
        Cursor {
            bytes: line.as_bytes(),
            at: 0,
            column: 0,
            in_tab: false,
        }
    }

    /// Bytes consumed so far.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What is left of the line.
    pub(crate) fn rest(&self) -> &'l [u8] {
        &self.bytes[self.at..]
    }

    /// Columns of white space that come next.
    pub(crate) fn indent(&self) -> usize {
        let mut column = self.column;
        for byte in self.rest() {
            match byte {
                b' ' => column += 1,
                b'\t' => column += 4 - column % 4,
                _ => break,
            }
        }
        column - self.column
    }

    /// Whether only white space is left.
    pub(crate) fn is_blank(&self) -> bool {
        self.rest()
            .iter()
            .all(|b| matches!(b, b' ' | b'\t' | b'\r'))
    }

    /// Consumes up to `columns` columns of white space.
    pub(crate) fn skip_columns(&mut self, mut columns: usize) {
        while columns > 0 {
            match self.bytes.get(self.at) {
                Some(b' ') => {
                    self.at += 1;
                    self.column += 1;
                    columns -= 1;
                }
                Some(b'\t') => {
                    let width = 4 - self.column % 4;
                    let taken = width.min(columns);
                    self.column += taken;
                    columns -= taken;
                    self.in_tab = taken < width;
                    if taken == width {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Consumes `count` bytes that are not white space.
    pub(crate) fn skip_bytes(&mut self, count: usize) {
        self.at += count;
        self.column += count;
    }

    /// Spaces that stand for the rest of a half consumed tab, and where the text after it starts.
    pub(crate) fn split_tab(&self) -> (usize, usize) {
        if self.in_tab {
            (4 - self.column % 4, self.at + 1)
        } else {
            (0, self.at)
        }
    }
}
