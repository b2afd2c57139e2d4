//! Signs messages and sends them to webhooks (Standard Webhooks), at addresses that may be reached and nowhere else.

mod door;
mod endpoint;
mod error;
mod schedule;
mod secrets;

pub use endpoint::{Answer, Endpoint, Settings, TIMEOUT};
pub use error::WebhookError;
pub use schedule::{MOST_TRIES, wait_after};
pub use secrets::{NotASecret, Secrets};
