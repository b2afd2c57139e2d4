//! Server-sent events, read as they come.
//!
//! Our own, since a server is not trusted: every byte is looked at once however the stream is cut, and an event
//! has a bound. The form is the one of the HTML standard, without ids and reconnection times.

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// Its name; empty for an ordinary message.
    pub(crate) name: String,
    /// Its data lines.
    pub(crate) data: String,
}

/// An event is longer than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endless;

/// Reads a stream.
#[derive(Debug)]
pub(crate) struct Sse {
    /// The longest event, in bytes.
    limit: usize,
    /// The line that has not ended.
    line: Vec<u8>,
    event: SseEvent,
    has_data: bool,
    /// The last byte was a carriage return, so that a line feed now ends nothing.
    after_return: bool,
    is_first_line: bool,
}

impl Sse {
    /// Reads events of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Sse {
        Sse {
            limit,
            line: Vec::new(),
            event: SseEvent::default(),
            has_data: false,
            after_return: false,
            is_first_line: true,
        }
    }

    /// Reads on; gives the events that end in these bytes.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<SseEvent>, Endless> {
        let mut events = Vec::new();
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let more = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + self.event.data.len() + more.len() > self.limit {
                return Err(Endless);
            }
            self.line.extend_from_slice(more);
            let Some(end) = end else { break };
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            events.extend(self.line_ended(&line));
        }
        Ok(events)
    }

    fn line_ended(&mut self, line: &[u8]) -> Option<SseEvent> {
        let line = match std::mem::take(&mut self.is_first_line) {
            true => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.name),
            // A comment, or what concerns only browsers.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
