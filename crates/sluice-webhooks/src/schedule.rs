//! When a message that was not taken is sent again.

use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

/// How often a message is sent at most.
pub const MOST_TRIES: u32 = WAITS.len() as u32 + 1;
/// The longest wait, whatever a receiver asks for.
const LONGEST: Duration = hours(24);
/// The schedule of Standard Webhooks: the first try is made at once, these are the waits before the others.
const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    hours(2),
    hours(5),
    hours(10),
    hours(14),
    hours(20),
    hours(24),
];

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

/// The wait before the next try of the message `id` after `tries` were made; `None` when that was the last one.
///
/// A receiver that asks for more time gets it, up to a day. Up to a tenth is added, another one for each message and
/// try, so that what failed together does not come back together.
pub fn wait_after(id: &str, tries: u32, asked: Option<Duration>) -> Option<Duration> {
    let wait = *WAITS.get(tries.checked_sub(1)? as usize)?;
    let wait = wait.max(asked.unwrap_or_default().min(LONGEST));
    let digest = Sha256::digest(format!("{id} {tries}"));
    let part = f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX);
    Some(wait.mul_f64(1.0 + part / 10.0))
}

/// What a `Retry-After` header asks for: seconds, or a date. What is neither asks for nothing.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
