//! Serves the clients of one sandbox.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::head::{self, Head, MAX_HEAD_BYTES, Read, Wish};
use crate::resolve::Resolve;
use crate::upstream::{Hop, NoHop};
use crate::{Log, Outcome, Policy};

/// How long a client may take to say what it wants, and a host to be found or to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a name is looked up where this machine's proxy will look it up too: the machines of many a company know
/// no names but their own.
const LOOKUP: Duration = Duration::from_secs(2);
/// How much is read at once, in bytes.
const CHUNK: usize = 32 << 10;
/// Connections at one time; package managers open some dozens.
const MAX_CONNECTIONS: usize = 256;
/// How long to wait after an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Where the clients of a sandbox come in.
#[derive(Debug)]
pub enum Listener {
    /// A socket in the sandbox's network.
    Network(TcpListener),
    /// A socket in its files.
    Path(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Listener {
        Listener::Network(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Listener {
        Listener::Path(listener)
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<Client> {
        Ok(match self {
            Listener::Network(listener) => Box::new(listener.accept().await?.0),
            Listener::Path(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// A connection from inside.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<C: AsyncRead + AsyncWrite + Unpin + Send> Duplex for C {}
type Client = Box<dyn Duplex>;

/// What the log, the status and the answer say of a request that goes nowhere.
type Refused = (Outcome, &'static str, String);

/// The way out.
#[derive(Debug, Clone)]
pub struct Egress {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolve>,
}

impl Egress {
    /// A way out to whom the policy names, found by a resolver.
    pub fn new(policy: Policy, resolver: Arc<dyn Resolve>) -> Egress {
        Egress {
            policy: Arc::new(policy),
            resolver,
        }
    }

    /// Serves the clients of a listener until `end`, then breaks what is still open. Everything that is asked for
    /// stands in `log`.
    pub async fn serve(&self, listener: impl Into<Listener>, log: Log, end: CancellationToken) {
        let listener = listener.into();
        let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut clients = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = end.cancelled() => break,
                _ = clients.join_next(), if !clients.is_empty() => continue,
                accepted = accept(&listener, &seats) => accepted,
            };
            match accepted {
                Ok((client, seat)) => {
                    let (egress, log) = (self.clone(), log.clone());
                    clients.spawn(async move {
                        egress.client(client, &log).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a client of the proxy is lost");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        clients.shutdown().await;
    }

    async fn client(&self, mut client: Client, log: &Log) {
        let mut bytes = Vec::new();
        let head = match timeout(PATIENCE, head_of(&mut client, &mut bytes)).await {
            Ok(Some(head)) => head,
            // Nothing was asked for.
            Ok(None) if bytes.is_empty() => return,
            Ok(None) | Err(_) => {
                log.add("", 0, Outcome::Malformed, 0, 0);
                let what = "this is a proxy for http and CONNECT requests";
                refuse(&mut client, "400 Bad Request", what).await;
                return;
            }
        };
        let rest = bytes.split_off(head.length);
        let hop = self
            .resolver
            .upstream()
            .and_then(|upstream| upstream.hop(&head.host, head.port, head.wish == Wish::Tunnel));
        let reached = match &hop {
            Some(hop) => self.reach_through(&head, hop).await,
            None => self.reach(&head).await,
        };
        match reached {
            Ok(server) => {
                self.pass(client, server, &head, hop.as_ref(), &rest, log)
                    .await
            }
            Err((outcome, status, what)) => {
                log.add(&head.host, head.port, outcome, 0, 0);
                refuse(&mut client, status, &what).await;
            }
        }
    }

    /// Whether anybody may ask for this.
    fn is_named(&self, host: &str, port: u16) -> Result<(), Refused> {
        if self.policy.names(host, port) {
            return Ok(());
        }
        let what = format!(
            "{host}:{port} is not a registry that may be reached: name it in network.registries of sluice.toml"
        );
        Err((Outcome::NotAllowed, "403 Forbidden", what))
    }

    /// Those of a host's addresses that it may have.
    fn among(
        &self,
        host: &str,
        port: u16,
        found: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Refused> {
        let allowed: Vec<SocketAddr> = found
            .into_iter()
            .filter(|address| self.policy.leads_to(host, port, address.ip()))
            .collect();
        if allowed.is_empty() {
            let what = format!(
                "{host} leads to a private address: if that is meant, name its registry in network.private_registries"
            );
            return Err((Outcome::Private, "403 Forbidden", what));
        }
        Ok(allowed)
    }

    /// Has this machine's proxy connect to whom a client wants, if that is allowed. Where it leads is only known as
    /// far as the name can be looked up here.
    async fn reach_through(&self, head: &Head, hop: &Hop) -> Result<TcpStream, Refused> {
        let (host, port) = (head.host.as_str(), head.port);
        self.is_named(host, port)?;
        if let Some(upstream) = self.resolver.upstream()
            && !upstream.is_unknown(host)
        {
            match timeout(LOOKUP, self.resolver.resolve(host, port)).await {
                Ok(Ok(found)) if !found.is_empty() => {
                    self.among(host, port, found)?;
                }
                _ => upstream.note_unknown(host),
            }
        }
        let connected = async {
            match head.wish {
                Wish::Tunnel => hop.tunnel(host, port).await,
                Wish::Forward { .. } => hop.connect().await,
            }
        };
        let why = match timeout(PATIENCE, connected).await {
            Ok(Ok(server)) => return Ok(server),
            Ok(Err(NoHop::Refused(status))) => format!("answered {status}"),
            Ok(Err(NoHop::Gone)) | Err(_) => "does not answer".to_owned(),
        };
        let what = format!(
            "the proxy {} of this machine {why} when asked for {host}:{port}: see HTTPS_PROXY and network.upstream_proxy",
            hop.name()
        );
        tracing::warn!("{what}");
        Err((Outcome::Unreachable, "502 Bad Gateway", what))
    }

    /// Connects to whom a client wants, if that is allowed.
    async fn reach(&self, head: &Head) -> Result<TcpStream, Refused> {
        let (host, port) = (head.host.as_str(), head.port);
        self.is_named(host, port)?;
        let found = timeout(PATIENCE, self.resolver.resolve(host, port)).await;
        let found = match found {
            Ok(Ok(found)) if !found.is_empty() => found,
            _ => {
                let what = format!("{host} has no address that can be found");
                return Err((Outcome::Unresolved, "502 Bad Gateway", what));
            }
        };
        let allowed = self.among(host, port, found)?;
        // The address that was looked at is the one that is connected to: a name cannot change in between.
        for address in &allowed {
            if let Ok(Ok(server)) = timeout(PATIENCE, TcpStream::connect(address)).await {
                return Ok(server);
            }
        }
        let what = format!("{host}:{port} does not answer");
        Err((Outcome::Unreachable, "502 Bad Gateway", what))
    }

    /// Carries bytes both ways until both are done, or the host turns out to say nothing.
    async fn pass(
        &self,
        mut client: Client,
        mut server: TcpStream,
        head: &Head,
        hop: Option<&Hop>,
        rest: &[u8],
        log: &Log,
    ) {
        let mut passage = Passage {
            log,
            head,
            outcome: Outcome::Reached,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        };
        let first = match &head.wish {
            Wish::Tunnel => {
                let open = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
                if open.await.is_err() {
                    return;
                }
                rest.to_vec()
            }
            Wish::Forward { origin, request } => match hop {
                Some(hop) => [hop.absolute(origin, request).as_slice(), rest].concat(),
                None => [request.as_slice(), rest].concat(),
            },
        };
        if server.write_all(&first).await.is_err() {
            return;
        }
        *passage.sent.get_mut() += first.len() as u64;
        let (client_reads, client_writes) = tokio::io::split(client);
        let (server_reads, server_writes) = server.split();
        // A peer that breaks off is the client's affair.
        let both = async {
            let up = carry(client_reads, server_writes, &passage.sent);
            let down = carry(server_reads, client_writes, &passage.received);
            let _ = tokio::try_join!(up, down);
        };
        let is_silent = tokio::select! {
            () = both => false,
            () = passage.is_silent(self.policy.patience()) => true,
        };
        if is_silent {
            passage.outcome = Outcome::Unreachable;
        }
    }
}

async fn accept(
    listener: &Listener,
    seats: &Arc<Semaphore>,
) -> io::Result<(Client, tokio::sync::OwnedSemaphorePermit)> {
    let seat = Arc::clone(seats).acquire_owned().await;
    let seat = seat.map_err(io::Error::other)?;
    Ok((listener.accept().await?, seat))
}

/// Reads until there is a head; `None` for what is none.
async fn head_of(client: &mut Client, bytes: &mut Vec<u8>) -> Option<Head> {
    loop {
        match head::read(bytes) {
            Read::Whole(head) => return Some(head),
            Read::Malformed => return None,
            Read::More => {}
        }
        let mut chunk = [0; 4096];
        let room = chunk.len().min(MAX_HEAD_BYTES - bytes.len());
        let read = client.read(&mut chunk[..room]).await.ok()?;
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
}

/// Carries bytes one way to the end, and counts them.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&chunk[..read]).await?;
        count.fetch_add(read as u64, Ordering::Relaxed);
    }
}

/// What goes through one connection. Its numbers are in the log when it is dropped, which may be in the middle of
/// a transfer.
struct Passage<'a> {
    log: &'a Log,
    head: &'a Head,
    outcome: Outcome,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Passage<'_> {
    /// Ends when the host was asked something and has said nothing.
    async fn is_silent(&self, patience: Duration) {
        tokio::time::sleep(patience).await;
        let is_asked = self.sent.load(Ordering::Relaxed) > 0;
        if self.received.load(Ordering::Relaxed) > 0 || !is_asked {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        let (host, port) = (&self.head.host, self.head.port);
        let (received, sent) = (*self.received.get_mut(), *self.sent.get_mut());
        self.log.add(host, port, self.outcome, received, sent);
    }
}

async fn refuse(client: &mut Client, status: &str, what: &str) {
    let body = format!("sluice: {what}\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that does not listen learns nothing.
    if client.write_all(answer.as_bytes()).await.is_ok() {
        let _ = client.shutdown().await;
        // Closing with unread bytes would reset the connection and take the answer with it.
        let mut rest = [0; 4096];
        while let Ok(Ok(1..)) = timeout(Duration::from_secs(1), client.read(&mut rest)).await {}
    }
}

#[cfg(test)]
mod tests;
