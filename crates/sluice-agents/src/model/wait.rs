//! How long to wait before a request is tried again.

use std::time::{Duration, SystemTime};

/// When a request is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often, after the first try.
    pub most: u32,
    /// The wait before the first repeat; it doubles.
    pub first: Duration,
    /// The longest wait. A server that asks for more is not waited for.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            most: 3,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
        }
    }
}

impl Retry {
    /// The wait after so many tries when the server names none.
    pub(crate) fn after(&self, tries: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(tries.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.longest)
    }
}

/// What a `Retry-After` header asks for: seconds, or a date. What is neither asks for nothing.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    // Some servers write fractions.
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
