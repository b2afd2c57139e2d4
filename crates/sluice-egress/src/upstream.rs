//! The proxy that this machine itself has to go through, as in many companies.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest head of an answer, in bytes.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// The port of a proxy whose URL names none.
const PORT: u16 = 80;

/// A text that is no proxy. It is not repeated, since it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no proxy that can be used: give http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT"
)]
pub struct NotAProxy;

/// Whom to go through, and for whom not. Never shows a password.
pub struct Upstream {
    matcher: Matcher,
    /// Names that nobody here could look up, so that each is waited for once.
    unknown: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").finish_non_exhaustive()
    }
}

/// The proxy for one connection.
pub(crate) struct Hop {
    intercept: Intercept,
}

/// Why a proxy did not connect.
pub(crate) enum NoHop {
    /// It cannot be reached, or breaks off.
    Gone,
    /// It said no, with this status.
    Refused(u16),
}

impl Upstream {
    /// Takes what `HTTP_PROXY` (for plain requests), `HTTPS_PROXY` (for tunnels) and `NO_PROXY` hold. `None` where
    /// neither names a proxy.
    ///
    /// # Errors
    /// [`NotAProxy`] for what is no URL, and for proxies that are spoken to by TLS or SOCKS.
    pub fn new(
        plain: Option<&str>,
        tunnel: Option<&str>,
        none: &str,
    ) -> Result<Option<Upstream>, NotAProxy> {
        let named = |text: Option<&str>| text.unwrap_or_default().trim().to_owned();
        let (plain, tunnel) = (named(plain), named(tunnel));
        for text in [&plain, &tunnel]
            .into_iter()
            .filter(|text| !text.is_empty())
        {
            let one = Matcher::builder().all(text.clone()).build();
            let is_usable = one
                .intercept(&Uri::from_static("https://registry.example/"))
                .is_some_and(|found| {
                    found.uri().scheme_str() == Some("http") && found.uri().host().is_some()
                });
            if !is_usable {
                return Err(NotAProxy);
            }
        }
        if plain.is_empty() && tunnel.is_empty() {
            return Ok(None);
        }
        let matcher = Matcher::builder()
            .http(plain)
            .https(tunnel)
            .no(none.to_owned());
        Ok(Some(Upstream {
            matcher: matcher.build(),
            unknown: Mutex::default(),
        }))
    }

    /// The proxy on the way to a host; this machine itself is never beyond one.
    pub(crate) fn hop(&self, host: &str, port: u16, is_tunnel: bool) -> Option<Hop> {
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        let is_here = plain
            .parse::<IpAddr>()
            .map_or(plain == "localhost", |address| address.is_loopback());
        if is_here {
            return None;
        }
        let scheme = if is_tunnel { "https" } else { "http" };
        let uri = format!("{scheme}://{}/", authority(host, port))
            .parse()
            .ok()?;
        let intercept = self.matcher.intercept(&uri)?;
        Some(Hop { intercept })
    }

    /// Whether nobody here could look this name up before.
    pub(crate) fn is_unknown(&self, host: &str) -> bool {
        self.unknown().contains(host)
    }

    /// Nobody here can look this name up.
    pub(crate) fn note_unknown(&self, host: &str) {
        self.unknown().insert(host.to_owned());
    }

    fn unknown(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hop {
    /// The proxy's own place, without user and password.
    pub(crate) fn name(&self) -> String {
        let uri = self.intercept.uri();
        let port = uri.port_u16().unwrap_or(PORT);
        format!("{}:{port}", uri.host().unwrap_or_default())
    }

    /// The line that says who we are, where the proxy wants to know.
    fn authorization(&self) -> String {
        match self.intercept.basic_auth().map(|value| value.to_str()) {
            Some(Ok(value)) => format!("Proxy-Authorization: {value}\r\n"),
            _ => String::new(),
        }
    }

    /// Connects to the proxy.
    pub(crate) async fn connect(&self) -> Result<TcpStream, NoHop> {
        TcpStream::connect(self.name())
            .await
            .map_err(|_| NoHop::Gone)
    }

    /// Has it open a tunnel (RFC 9110 section 9.3.6), and reads its answer to the last byte of the head and no
    /// further: what follows is the host's.
    pub(crate) async fn tunnel(&self, host: &str, port: u16) -> Result<TcpStream, NoHop> {
        let mut server = self.connect().await?;
        let to = authority(host, port);
        let head = format!(
            "CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{}\r\n",
            self.authorization()
        );
        let asked = server.write_all(head.as_bytes()).await;
        asked.map_err(|_| NoHop::Gone)?;
        let answer = head_of(&mut server).await.map_err(|_| NoHop::Gone)?;
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(&answer).map(|_| response.code) {
            Ok(Some(200..=299)) => Ok(server),
            Ok(Some(status)) => Err(NoHop::Refused(status)),
            Ok(None) | Err(_) => Err(NoHop::Gone),
        }
    }

    /// A request as this proxy expects it: with the whole URL (RFC 9112 section 3.2.2), and with who we are.
    pub(crate) fn absolute(&self, origin: &str, request: &[u8]) -> Vec<u8> {
        let mut sent = Vec::with_capacity(request.len() + 256);
        let space = request.iter().position(|byte| *byte == b' ');
        let (method, rest) = request.split_at(space.map_or(0, |at| at + 1));
        let line = rest.iter().position(|byte| *byte == b'\n');
        let (target, fields) = rest.split_at(line.map_or(0, |at| at + 1));
        for part in [
            method,
            b"http://",
            origin.as_bytes(),
            target,
            self.authorization().as_bytes(),
            fields,
        ] {
            sent.extend_from_slice(part);
        }
        sent
    }
}

async fn head_of(server: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(server.read_u8().await?);
    }
    Ok(head)
}

fn authority(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests;
