//! Pkt-lines: four hexadecimal digits of length, then the data (gitprotocol-common(5)).

use super::protocol_error;
use crate::WorkspaceError;

/// The most bytes of data in one line.
pub(super) const MOST: usize = 65_516;

/// One pkt-line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// `0000`.
    Flush,
    /// `0001`.
    Delimiter,
    /// Anything else.
    Data(&'a [u8]),
}

/// All lines of a request.
pub(super) fn lines(mut body: &[u8]) -> Result<Vec<Line<'_>>, WorkspaceError> {
    let mut lines = Vec::new();
    while !body.is_empty() {
        let length = body
            .get(..4)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .ok_or_else(|| protocol_error("a pkt-line begins with four hexadecimal digits"))?;
        let (line, used) = match length {
            0 => (Line::Flush, 4),
            1 => (Line::Delimiter, 4),
            4.. => {
                let data = body
                    .get(4..length)
                    .ok_or_else(|| protocol_error("a pkt-line is longer than the request"))?;
                (Line::Data(data), length)
            }
            _ => return Err(protocol_error("a pkt-line of this length has no meaning")),
        };
        lines.push(line);
        body = &body[used..];
    }
    Ok(lines)
}

/// Appends a line of text, which is shorter than [`MOST`].
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    data(out, text.as_bytes());
}

/// Appends a line; what is longer than [`MOST`] is cut.
pub(super) fn data(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(MOST)];
    out.extend_from_slice(format!("{:04x}", bytes.len() + 4).as_bytes());
    out.extend_from_slice(bytes);
}

pub(super) fn flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

pub(super) fn delimiter(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0001");
}

#[cfg(test)]
mod tests;
