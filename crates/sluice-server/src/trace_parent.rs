//! The trace that a request belongs to, as W3C Trace Context has it in `traceparent`.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use tracing::Span;

const NAME: HeaderName = HeaderName::from_static("traceparent");

/// The caller's span, and the trace that it is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; not zero.
    pub trace: u128,
    /// The caller's span; not zero.
    pub span: u64,
    /// Whether the caller records it.
    pub is_sampled: bool,
}

/// What is told of each request: its span, and the trace that it is of.
type Told = dyn Fn(&Span, &TraceParent) + Send + Sync;

/// Makes a span a part of a caller's trace.
#[derive(Clone)]
pub struct Follow(Arc<Told>);

impl Follow {
    /// By a function.
    pub fn new(follow: impl Fn(&Span, &TraceParent) + Send + Sync + 'static) -> Follow {
        Follow(Arc::new(follow))
    }

    /// Does it.
    pub fn apply(&self, span: &Span, parent: &TraceParent) {
        (self.0)(span, parent);
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Follow(…)")
    }
}

impl TraceParent {
    /// What the headers name; `None` for what is not as the standard has it, which is then as if it were not there.
    pub(crate) fn of(headers: &HeaderMap) -> Option<TraceParent> {
        let mut given = headers.get_all(NAME).iter();
        let (Some(value), None) = (given.next(), given.next()) else {
            return None;
        };
        TraceParent::parse(value.to_str().ok()?.trim())
    }

    /// `VERSION-TRACE-SPAN-FLAGS` in lower-case hexadecimal; a later version may have more behind.
    fn parse(text: &str) -> Option<TraceParent> {
        let (version, rest) = text.split_once('-')?;
        let mut parts = rest.splitn(4, '-');
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let version = hex(version, 2)?;
        let more = parts.next();
        if version == 0xff || (version == 0 && more.is_some()) {
            return None;
        }
        let trace = hex(trace, 32).filter(|trace| *trace != 0)?;
        let span = hex(span, 16).filter(|span| *span != 0)?;
        Some(TraceParent {
            trace,
            span: u64::try_from(span).ok()?,
            is_sampled: hex(flags, 2)? & 1 == 1,
        })
    }

    /// The trace as it is written.
    pub(crate) fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

fn hex(text: &str, length: usize) -> Option<u128> {
    let is_good = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != length || !text.bytes().all(is_good) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests;
