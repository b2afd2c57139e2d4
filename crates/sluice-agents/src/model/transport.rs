//! The way to a server and back: live, recorded, replayed.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde_json::Value;
use url::Url;

use super::trouble::Trouble;

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) url: Url,
    /// They may hold the key: not shown, not recorded.
    pub(crate) headers: Headers,
    pub(crate) body: Value,
}

/// Headers that may hold a key.
#[derive(Clone)]
pub(crate) struct Headers(pub(crate) Vec<(&'static str, String)>);

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Headers(…)")
    }
}

/// What comes back.
pub(crate) struct Came {
    pub(crate) status: u16,
    pub(crate) headers: Heads,
    /// The body in the pieces in which it came.
    pub(crate) pieces: BoxStream<'static, Result<Bytes, Trouble>>,
}

/// The headers that matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heads {
    pub(crate) content_type: Option<String>,
    pub(crate) retry_after: Option<String>,
    pub(crate) location: Option<String>,
}

/// Carries one request.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    /// Sends it, and waits for the head of the answer. Dropping the future or the answer ends the connection.
    async fn send(&self, wanted: &Wanted) -> Result<Came, Trouble>;
}
