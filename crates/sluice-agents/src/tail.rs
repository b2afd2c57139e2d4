//! The end of a stream that may be endless.

/// Keeps the last bytes of what it is given.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

/// How much is kept.
const LIMIT: usize = 4096;

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(LIMIT)..];
        let surplus = (self.0.len() + bytes.len()).saturating_sub(LIMIT);
        self.0.drain(..surplus);
        self.0.extend_from_slice(bytes);
    }

    /// The text, safe for logs and terminals: control characters but the line break become U+FFFD.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let text: String = text
            .trim()
            .chars()
            .map(|c| match c {
                '\n' => c,
                '\t' => ' ',
                c if c.is_control() => char::REPLACEMENT_CHARACTER,
                c => c,
            })
            .collect();
        if text.is_empty() {
            "nothing".to_owned()
        } else {
            text
        }
    }
}

#[cfg(test)]
mod tests;
