//! How often somebody may ask: a bucket of requests for each token and, for those without one, each address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::auth::Caller;
use crate::meters;
use crate::problem::{ApiError, Kind};
use crate::state::App;

/// The most buckets at one time. Who comes when all are in use shares one with everybody else who does.
const MOST: usize = 16 * 1024;
/// Buckets that are full again are looked for this often, when all are in use.
const SWEEP: Duration = Duration::from_secs(1);

/// Buckets of requests, of one size. A request takes one out; so many a second come back.
///
/// Of a bucket only the time is kept at which it will be full again (the generic cell rate algorithm), so one that
/// is full need not be kept at all.
pub(crate) struct Buckets<K> {
    /// How long it takes until one request comes back.
    every: Duration,
    /// How long it takes until an empty bucket is full.
    depth: Duration,
    start: Instant,
    inner: Mutex<Inner<K>>,
}

struct Inner<K> {
    /// When a bucket will be full, from the start. `None` is everybody else's.
    full_at: HashMap<Option<K>, Duration>,
    swept: Duration,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(crate) fn new(per_second: u32, burst: u32) -> Buckets<K> {
        let every = Duration::from_secs(1) / per_second.max(1);
        Buckets {
            every,
            depth: every * burst.max(1),
            start: Instant::now(),
            inner: Mutex::new(Inner {
                full_at: HashMap::new(),
                swept: Duration::ZERO,
            }),
        }
    }

    /// Takes one request out, or says how long to wait for the next.
    pub(crate) fn take(&self, key: K) -> Result<(), Duration> {
        self.take_at(key, self.start.elapsed())
    }

    fn take_at(&self, key: K, now: Duration) -> Result<(), Duration> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Some(key);
        if inner.full_at.len() >= MOST && !inner.full_at.contains_key(&key) {
            if now >= inner.swept + SWEEP {
                inner.swept = now;
                inner.full_at.retain(|_, full_at| *full_at > now);
            }
            if inner.full_at.len() >= MOST {
                key = None;
            }
        }
        let full_at = inner.full_at.entry(key).or_default();
        let after = (*full_at).max(now) + self.every;
        match after.checked_sub(now + self.depth) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *full_at = after;
                Ok(())
            }
        }
    }
}

/// The address that a request came from; one network of IPv6 counts as one.
pub(crate) fn address(extensions: &Extensions) -> IpAddr {
    let from = extensions.get::<ConnectInfo<SocketAddr>>();
    let address = from.map(|ConnectInfo(address)| address.ip().to_canonical());
    match address {
        Some(IpAddr::V6(address)) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        Some(address) => address,
        // Called without a socket.
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

/// Lets a request of a caller through, or not yet.
pub(crate) async fn limit_caller(
    State(app): State<App>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    self::caller(&app, &caller)?;
    Ok(next.run(request).await)
}

/// Counts a request of a caller.
pub(crate) fn caller(app: &App, caller: &Caller) -> Result<(), ApiError> {
    app.callers.take(caller.principal()).map_err(|wait| {
        meters::limited("token");
        too_often(wait, "with this token")
    })
}

/// Lets a request without a token through, or not yet.
pub(crate) async fn limit_anonymous(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    anonymous(&app, request.extensions())?;
    Ok(next.run(request).await)
}

/// Counts a request without a valid token. One with a valid token is never held up by what others send from the
/// same address, so guessing locks nobody out.
pub(crate) fn anonymous(app: &App, extensions: &Extensions) -> Result<(), ApiError> {
    app.addresses.take(address(extensions)).map_err(|wait| {
        meters::limited("address");
        too_often(wait, "without a valid token from this address")
    })
}

fn too_often(wait: Duration, whose: &str) -> ApiError {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail = format!("too many requests {whose}; the next one is answered in {seconds} s");
    ApiError::new(Kind::RateLimited, detail)
        .header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
}

/// How many streams each caller has open.
#[derive(Default)]
pub(crate) struct StreamCounts(Mutex<HashMap<String, usize>>);

/// One open stream.
pub(crate) struct OpenStream {
    counts: Arc<StreamCounts>,
    whose: String,
}

impl StreamCounts {
    /// Counts one more, unless there are `most` already.
    pub(crate) fn open(self: &Arc<Self>, whose: String, most: usize) -> Option<OpenStream> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(whose.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(OpenStream {
            counts: Arc::clone(self),
            whose,
        })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests;
