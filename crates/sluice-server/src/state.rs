//! What every handler can reach.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use sha2::{Digest as _, Sha256};
use sluice_factory::{Asked, Factory};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::host::Hosts;
use crate::limit::{Buckets, StreamCounts};
use crate::oidc::Oidc;
use crate::options::Options;
use crate::problem::{ApiError, Kind};

/// The most event streams at one time; one more is answered 503.
const MOST_STREAMS: usize = 512;

/// The most clones and fetches at one time: each packs on a core of its own. One more waits for its turn.
const MOST_CLONES: usize = 4;

/// What every handler can reach.
pub(crate) type App = Arc<State>;

/// What [`App`] shares.
pub(crate) struct State {
    pub(crate) factory: Arc<Factory>,
    pub(crate) hosts: Hosts,
    /// Ends the event streams.
    pub(crate) shutdown: CancellationToken,
    /// One permit an open event stream.
    pub(crate) streams: Arc<Semaphore>,
    /// The streams of each caller.
    pub(crate) streams_of: Arc<StreamCounts>,
    /// What each caller may still ask.
    pub(crate) callers: Buckets<String>,
    /// What may still be asked without a valid token from each address.
    pub(crate) addresses: Buckets<IpAddr>,
    pub(crate) options: Options,
    /// The issuer whose people are let in.
    pub(crate) oidc: Option<Arc<Oidc>>,
    /// The name of the daemon on this data directory, now and after a restart.
    pub(crate) owner: String,
    /// One permit a clone or fetch that is being answered.
    pub(crate) clones: Arc<Semaphore>,
    pub(crate) counts: Counts,
    /// The OpenAPI document.
    pub(crate) document: String,
}

/// What `/metrics` tells of the server itself.
#[derive(Default)]
pub(crate) struct Counts {
    /// Answers by the first digit of their status.
    pub(crate) answers: [AtomicU64; 6],
    /// Requests that are being answered.
    pub(crate) in_flight: AtomicI64,
}

impl State {
    pub(crate) fn new(
        factory: Arc<Factory>,
        options: &Options,
        shutdown: CancellationToken,
        document: String,
    ) -> App {
        let limits = options.limits;
        let root = factory.data().root().as_os_str().as_encoded_bytes();
        Arc::new(State {
            owner: hex::encode(Sha256::digest(root)),
            factory,
            hosts: Hosts::new(options),
            callers: Buckets::new(limits.per_second, limits.burst),
            addresses: Buckets::new(limits.anonymous_per_second, limits.anonymous_burst),
            streams_of: Arc::default(),
            oidc: options.oidc.clone().map(|oidc| Arc::new(Oidc::new(oidc))),
            options: options.clone(),
            shutdown,
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            clones: Arc::new(Semaphore::new(MOST_CLONES)),
            counts: Counts::default(),
            document,
        })
    }

    /// How many event streams are open.
    pub(crate) fn open_streams(&self) -> usize {
        MOST_STREAMS - self.streams.available_permits()
    }
}

/// Carries a change through to its end, also when the client goes away in the middle of it.
pub(crate) async fn finish<T, F>(work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: Future<Output = Asked<T>> + Send + 'static,
{
    match tokio::spawn(work.in_current_span()).await {
        Ok(asked) => asked.map_err(ApiError::from),
        Err(ended) => {
            Err(ApiError::new(Kind::Internal, "the daemon failed at this").caused_by(ended))
        }
    }
}
