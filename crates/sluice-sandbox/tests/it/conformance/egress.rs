//! The way out of a job that may reach registries.

use std::io;
use std::net::{SocketAddr, TcpListener};

use async_trait::async_trait;
use sluice_egress::{Outcome, Policy, Resolve};
use sluice_sandbox::{End, Network};

use super::{Fixture, Ran};

/// The registry of the tests; its name is known to nobody but the engine.
pub(crate) const REGISTRY: &str = "registry.test";
/// A name that is allowed and leads to the host's own loopback.
const TURNCOAT: &str = "turncoat.test";

/// The name server of the tests.
#[derive(Debug)]
pub(crate) struct Names;

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match host {
            REGISTRY | TURNCOAT => Ok(vec![([127, 0, 0, 1], port).into()]),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// A registry on this host by its port, and who may be reached.
pub(crate) fn way_out() -> (u16, Policy) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            std::thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    let mut policy = Policy::default();
    for (host, is_private) in [(REGISTRY, true), (TURNCOAT, false)] {
        let registry = format!("http://{host}:{port}/");
        policy.allow(&registry, is_private).unwrap();
    }
    (port, policy)
}

/// Says something to the proxy and hears the answer.
async fn say(f: &Fixture, text: &str) -> Ran {
    let mut job = f.probe(&["say", "127.0.0.1:3128", text]);
    job.network = Network::Registries;
    f.run(&job).await
}

pub(crate) async fn a_registry_is_reached(f: &Fixture) {
    let port = f.registry;
    let ran = say(
        f,
        &format!("CONNECT {REGISTRY}:{port} HTTP/1.1\r\n\r\nhello"),
    )
    .await;
    assert_eq!(ran.ended.end, End::Exited(0), "{}{}", ran.out(), ran.err());
    assert_eq!(
        ran.out(),
        "HTTP/1.1 200 Connection established\r\n\r\nhello"
    );
    let [record] = ran.ended.requests.as_slice() else {
        panic!("{:?}", ran.ended.requests);
    };
    assert_eq!((record.host.as_str(), record.port), (REGISTRY, port));
    assert_eq!((record.outcome, record.requests), (Outcome::Reached, 1));
    assert_eq!((record.sent, record.received), (5, 5));
}

pub(crate) async fn nobody_else_is_reached(f: &Fixture) {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let daemon = host.local_addr().unwrap();
    let cases = [
        ("169.254.169.254:80".to_owned(), Outcome::NotAllowed),
        (daemon.to_string(), Outcome::NotAllowed),
        (format!("localhost:{}", daemon.port()), Outcome::NotAllowed),
        (format!("{REGISTRY}:{}", daemon.port()), Outcome::NotAllowed),
        ("elsewhere.test:443".to_owned(), Outcome::NotAllowed),
        (format!("{TURNCOAT}:{}", f.registry), Outcome::Private),
    ];
    for (target, expected) in cases {
        let ran = say(f, &format!("CONNECT {target} HTTP/1.1\r\n\r\n")).await;
        assert!(
            ran.out().starts_with("HTTP/1.1 403 "),
            "{target}: {}",
            ran.out()
        );
        let outcomes: Vec<Outcome> = ran.ended.requests.iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes, [expected], "{target}");
    }
    host.set_nonblocking(true).unwrap();
    assert!(host.accept().is_err(), "somebody came to the host");
}

pub(crate) async fn there_is_no_way_beside_it(f: &Fixture) {
    let host = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = host.local_addr().unwrap().port();
    for target in [
        format!("127.0.0.1:{port}"),
        "169.254.169.254:80".to_owned(),
        "192.0.2.1:443".to_owned(),
    ] {
        let mut job = f.probe(&["connect", &target]);
        job.network = Network::Registries;
        assert_ne!(f.run(&job).await.ended.end, End::Exited(0), "{target}");
    }
    // No name server either: names are the proxy's affair.
    let mut job = f.probe(&["connect", "localhost.localdomain.test:80"]);
    job.network = Network::Registries;
    assert_ne!(f.run(&job).await.ended.end, End::Exited(0));
    super::inside::refuses_every_attempt_with(f, Network::Registries).await;
}

pub(crate) async fn without_it_there_is_no_proxy(f: &Fixture) {
    let ran = f.run(&f.probe(&["say", "127.0.0.1:3128", "x"])).await;
    assert_ne!(ran.ended.end, End::Exited(0), "{}", ran.out());
    assert!(ran.ended.requests.is_empty());
}

pub(crate) async fn the_end_closes_it(f: &Fixture) {
    // A child outlives the command with an open tunnel: it goes with the sandbox, and the tunnel with it.
    let port = f.registry;
    let text = format!("CONNECT {REGISTRY}:{port} HTTP/1.1\r\n\r\nhello");
    let mut job = f.sh(r#""$0" hold 127.0.0.1:3128 "$1" & "$0" say 127.0.0.1:3128 "$1""#);
    job.argv.extend([super::PROBE.to_owned(), text]);
    job.network = Network::Registries;
    let ran = f.run(&job).await;
    assert_eq!(ran.ended.end, End::Exited(0), "{}{}", ran.out(), ran.err());
    assert!(
        ran.ended
            .requests
            .iter()
            .all(|one| one.outcome == Outcome::Reached)
    );
}
