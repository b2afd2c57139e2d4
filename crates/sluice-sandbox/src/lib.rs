//! Runs one untrusted command on one snapshot and always cleans up.
//!
//! The port is [`Sandbox`]; what is run is a [`Job`]; what came of it is an [`Ended`].

mod docker;
mod end;
mod error;
mod job;
mod native;
mod port;
mod way_out;

pub use docker::{BuildConfig, Docker, DockerConfig, DockerKind, ImageConfig, ImageState, Say};
pub use end::{End, Ended, EngineInfo};
pub use error::SandboxError;
pub use job::{Bind, INNER_ID, Job, Limits, Network, OUT, PROXY, Stdin, Upper, WORKSPACE};
pub use native::{Native, NativeConfig, SelfTest, init_main};
pub use port::{LogSink, Sandbox, Stream};
