//! How hosts are found from this machine.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::upstream::Upstream;

/// Finds the addresses of a name. The sandbox has no name server of its own.
#[async_trait]
pub trait Resolve: fmt::Debug + Send + Sync {
    /// All addresses of a host.
    ///
    /// # Errors
    /// When there is none, or nobody can be asked.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// The proxy that this machine has to go through, where there is one.
    fn upstream(&self) -> Option<&Upstream> {
        None
    }
}

/// The host's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

#[async_trait]
impl Resolve for System {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// The host's own resolver, and the proxy that the host has to go through.
#[derive(Debug, Clone)]
pub struct Proxied(pub Arc<Upstream>);

#[async_trait]
impl Resolve for Proxied {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        System.resolve(host, port).await
    }

    fn upstream(&self) -> Option<&Upstream> {
        Some(&self.0)
    }
}
