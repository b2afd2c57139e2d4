//! Texts from elsewhere, made harmless for the eye; and times, digests and states in words.

use jiff::Timestamp;
use serde::Serialize;

/// A text without what a terminal would do with it, and with the characters that cannot be seen, or that turn the
/// order of others around, written out.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => plain.push(c),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\u{1b}' => sequence(&mut rest),
            c if is_unseen(c) => plain.push_str(&format!("‹U+{:04X}›", u32::from(c))),
            c => plain.push(c),
        }
    }
    plain
}

/// Leaves out a control sequence of ECMA-48.
fn sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            while rest
                .next_if(|c| !('\u{40}'..='\u{7e}').contains(c))
                .is_some()
            {}
            rest.next();
        }
        // A command to the terminal, up to BEL or the string's end.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' || (c == '\u{1b}' && rest.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        Some(_) => {
            rest.next();
        }
        None => {}
    }
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first figures of a digest or object id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A time as both are needed: for machines and exact, and how long ago.
#[derive(Debug, Clone)]
pub(crate) struct When {
    pub(crate) exact: String,
    pub(crate) ago: String,
}

impl When {
    /// Of a time as views give it, RFC 3339; a text that is none stays as it is.
    pub(crate) fn of(text: &str, now: Timestamp) -> When {
        let ago = text.parse::<Timestamp>().ok().map(|at| ago(at, now));
        When {
            ago: ago.unwrap_or_else(|| text.to_owned()),
            exact: text.to_owned(),
        }
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    let (is_past, seconds) = (seconds >= 0, seconds.unsigned_abs());
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "min"),
        3600..86_400 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    match is_past {
        true => format!("{count} {unit} ago"),
        false => format!("in {count} {unit}"),
    }
}

/// A length of time, from milliseconds.
pub(crate) fn took(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{:.1} s", millis as f64 / 1000.0),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

/// The word that a value has in JSON.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// How a state is shown: its word, a sign beside it, and which of the few colours it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) sign: &'static str,
    pub(crate) words: &'static str,
    pub(crate) tone: &'static str,
}

/// How a gate's state is shown.
pub(crate) fn gate_look(state: &str) -> Look {
    let (sign, words, tone) = match state {
        "approved" => ("✓", "approved", "good"),
        "not_applicable" => ("–", "not for this project", "quiet"),
        "awaiting_approval" => ("?", "waits for approval", "ask"),
        "escalated" => ("!", "asks for help", "ask"),
        "held" => ("!", "held: it moved what it is measured by", "ask"),
        "working" => ("…", "the agent works", "busy"),
        "healing" => ("…", "the agent mends", "busy"),
        "checking" => ("…", "checks run", "busy"),
        "sealing" => ("…", "is being sealed", "busy"),
        "rejected" => ("✕", "rejected", "bad"),
        "cancelled" => ("✕", "cancelled", "quiet"),
        "reopened" => ("↺", "reopened", "ask"),
        "ready" => ("▸", "ready to start", "ready"),
        "pending" => ("·", "comes later", "quiet"),
        _ => ("·", "in another state", "quiet"),
    };
    Look { sign, words, tone }
}

/// How a verdict is shown.
pub(crate) fn verdict_look(verdict: &str) -> Look {
    let (sign, words, tone) = match verdict {
        "pass" => ("✓", "pass", "good"),
        "fail" => ("✕", "fail", "bad"),
        _ => ("?", "unknown", "ask"),
    };
    Look { sign, words, tone }
}

/// How an attempt's state is shown.
pub(crate) fn attempt_look(state: &str) -> Look {
    let (sign, words, tone) = match state {
        "green" => ("✓", "green", "good"),
        "red" => ("✕", "red", "bad"),
        "refused" => ("✕", "the reply was refused", "bad"),
        "unchanged" => ("–", "changed nothing", "quiet"),
        "held" => ("!", "held", "ask"),
        "replied" => ("…", "replied", "busy"),
        _ => ("…", "asked", "busy"),
    };
    Look { sign, words, tone }
}
