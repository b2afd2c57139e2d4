//! Real sockets: who is reached, who is not, and what the log says.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::*;
use crate::{Record, Upstream};

/// Names that lead where a test says.
#[derive(Debug)]
struct Names(BTreeMap<&'static str, Vec<SocketAddr>>);

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        self.0
            .get(host)
            .cloned()
            .ok_or(io::ErrorKind::NotFound.into())
    }
}

/// The same on a machine that has to go through a proxy.
#[derive(Debug)]
struct Behind(Names, Upstream);

#[async_trait]
impl Resolve for Behind {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.0.resolve(host, port).await
    }

    fn upstream(&self) -> Option<&Upstream> {
        Some(&self.1)
    }
}

/// A proxy that wants to know who comes, answers a tunnel itself, and answers a request with its head.
async fn company(credentials: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let answer =
                    match head.contains(&format!("Proxy-Authorization: Basic {credentials}\r\n")) {
                        false => "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n".to_owned(),
                        true if head.starts_with("CONNECT ") => {
                            let line = head.lines().next().unwrap_or_default();
                            format!("HTTP/1.1 200 OK\r\nVia: company\r\n\r\n[{line}]")
                        }
                        true => format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{head}"),
                    };
                stream.write_all(answer.as_bytes()).await.unwrap();
                let (mut reader, mut writer) = stream.split();
                if head.starts_with("CONNECT ") && answer.contains(" 200 ") {
                    let _ = tokio::io::copy(&mut reader, &mut writer).await;
                }
            });
        }
    });
    address
}

/// A server that answers every connection with what it got.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
        }
    });
    address
}

struct Bench {
    proxy: SocketAddr,
    log: Log,
    end: CancellationToken,
}

async fn bench(policy: Policy, names: &[(&'static str, SocketAddr)]) -> Bench {
    let patience = policy.patience();
    bench_with(policy, names, patience).await
}

async fn bench_with(
    mut policy: Policy,
    names: &[(&'static str, SocketAddr)],
    silence: Duration,
) -> Bench {
    policy.set_patience(silence);
    let mut map: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, address) in names {
        map.entry(*name).or_default().push(*address);
    }
    serve(Egress::new(policy, Arc::new(Names(map)))).await
}

async fn serve(egress: Egress) -> Bench {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bench = Bench {
        proxy: listener.local_addr().unwrap(),
        log: Log::default(),
        end: CancellationToken::new(),
    };
    let (log, end) = (bench.log.clone(), bench.end.clone());
    tokio::spawn(async move { egress.serve(listener, log, end).await });
    bench
}

impl Bench {
    /// Says something and reads to the end.
    async fn say(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.proxy).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// The outcomes with their hosts, once there are `count`.
    async fn outcomes(&self, count: usize) -> Vec<(String, Outcome, u64)> {
        loop {
            let (records, _) = self.log.records();
            if records.len() >= count {
                let told = records.into_iter();
                return told
                    .map(|one| (one.host, one.outcome, one.requests))
                    .collect();
            }
            tokio::task::yield_now().await;
        }
    }
}

fn policy(registries: &[(&str, bool)]) -> Policy {
    let mut policy = Policy::default();
    for (registry, private) in registries {
        policy.allow(registry, *private).unwrap();
    }
    policy
}

#[tokio::test]
async fn a_registry_is_reached_through_a_tunnel_and_by_plain_requests() {
    let server = echo().await;
    let registry = format!("http://registry.test:{}", server.port());
    let bench = bench(policy(&[(&registry, true)]), &[("registry.test", server)]).await;
    let port = server.port();
    let answer = bench
        .say(&format!(
            "CONNECT registry.test:{port} HTTP/1.1\r\n\r\nhello"
        ))
        .await;
    assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\nhello");
    let answer = bench
        .say(&format!(
            "GET {registry}/left-pad HTTP/1.1\r\nHost: x\r\n\r\n"
        ))
        .await;
    assert!(
        answer.starts_with("GET /left-pad HTTP/1.1\r\nHost: registry.test"),
        "{answer}"
    );
    let told = bench.outcomes(1).await;
    assert_eq!(told, [("registry.test".to_owned(), Outcome::Reached, 2)]);
    let (records, _) = bench.log.records();
    assert!(
        records[0].sent > 5 && records[0].received > 5,
        "{records:?}"
    );
}

#[tokio::test]
async fn whoever_is_not_named_is_refused_and_told_why() {
    let server = echo().await;
    let bench = bench(
        policy(&[("https://registry.test", false)]),
        &[("evil.test", server)],
    )
    .await;
    for target in [
        "evil.test:443",
        "registry.test:80",
        "169.254.169.254:80",
        "127.0.0.1:443",
        "[::1]:443",
    ] {
        let answer = bench
            .say(&format!("CONNECT {target} HTTP/1.1\r\n\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{target}: {answer}");
        assert!(answer.contains("network.registries"), "{answer}");
    }
    let told = bench.outcomes(5).await;
    assert!(
        told.iter()
            .all(|(_, outcome, _)| *outcome == Outcome::NotAllowed),
        "{told:?}"
    );
    assert!(bench.log.records().0.iter().all(Record::is_refused));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_after_it_is_resolved() {
    let server = echo().await;
    let to = |text: &str| -> SocketAddr { text.parse().unwrap() };
    let names = [
        ("rebound.test", server),
        ("metadata.test", to("169.254.169.254:80")),
        ("mapped.test", to("[::ffff:10.0.0.1]:443")),
    ];
    let registries = [
        ("https://rebound.test", false),
        ("http://metadata.test", true),
        ("https://mapped.test", false),
        ("https://nowhere.test", false),
    ];
    let bench = bench(policy(&registries), &names).await;
    for target in ["rebound.test:443", "metadata.test:80", "mapped.test:443"] {
        let answer = bench
            .say(&format!("CONNECT {target} HTTP/1.1\r\n\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{target}: {answer}");
    }
    let answer = bench.say("CONNECT nowhere.test:443 HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let told = bench.outcomes(4).await;
    let private = |host: &str| (host.to_owned(), Outcome::Private, 1);
    let expected = [
        private("mapped.test"),
        private("metadata.test"),
        ("nowhere.test".to_owned(), Outcome::Unresolved, 1),
        private("rebound.test"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn of_several_addresses_the_public_ones_count_and_a_dead_one_is_unreachable() {
    // Nobody listens on a port that was just given back.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = free.local_addr().unwrap();
    drop(free);
    let registry = format!("http://dead.test:{}", dead.port());
    let bench = bench(policy(&[(&registry, true)]), &[("dead.test", dead)]).await;
    let answer = bench
        .say(&format!(
            "CONNECT dead.test:{} HTTP/1.1\r\n\r\n",
            dead.port()
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!(bench.outcomes(1).await[0].1, Outcome::Unreachable);
}

#[tokio::test]
async fn a_host_that_takes_a_question_and_says_nothing_does_not_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let registry = format!("http://mute.test:{}", server.port());
    let bench = bench_with(
        policy(&[(&registry, true)]),
        &[("mute.test", server)],
        Duration::from_millis(50),
    )
    .await;
    let wish = format!("CONNECT mute.test:{} HTTP/1.1\r\n\r\n", server.port());
    // Nothing is asked yet: the host owes nothing.
    let mut idle = TcpStream::connect(bench.proxy).await.unwrap();
    idle.write_all(wish.as_bytes()).await.unwrap();
    let (mut taken, _) = listener.accept().await.unwrap();
    let answer = bench.say(&format!("{wish}hello")).await;
    assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\n");
    let told = bench.outcomes(1).await;
    assert_eq!(told, [("mute.test".to_owned(), Outcome::Unreachable, 1)]);
    assert_eq!(bench.log.records().0[0].sent, 5);
    // The idle one is older, and is still open.
    idle.write_all(b"late").await.unwrap();
    let mut heard = [0; 4];
    taken.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"late");
}

#[tokio::test]
async fn nonsense_is_answered_and_counted_and_the_end_breaks_what_is_open() {
    let server = echo().await;
    let registry = format!("http://registry.test:{}", server.port());
    let bench = bench(policy(&[(&registry, true)]), &[("registry.test", server)]).await;
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "\u{16}\u{3}\u{1}",
        "SSH-2.0-x\r\n\r\n",
    ] {
        let answer = bench.say(text).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(
        bench.outcomes(1).await,
        [(String::new(), Outcome::Malformed, 3)]
    );

    let mut open = TcpStream::connect(bench.proxy).await.unwrap();
    let wish = format!("CONNECT registry.test:{} HTTP/1.1\r\n\r\n", server.port());
    open.write_all(wish.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    open.read_exact(&mut answer).await.unwrap();
    bench.end.cancel();
    let mut rest = Vec::new();
    // The proxy closes: the read ends, with an end of file or with a reset.
    let _ = open.read_to_end(&mut rest).await;
    assert_eq!(bench.outcomes(2).await[1].1, Outcome::Reached);
}

fn behind(names: &[(&'static str, &str)], proxy: &str) -> Arc<Behind> {
    let names = names
        .iter()
        .map(|(name, to)| (*name, vec![to.parse().unwrap()]));
    let upstream = Upstream::new(Some(proxy), Some(proxy), "direct.test").unwrap();
    Arc::new(Behind(Names(names.collect()), upstream.unwrap()))
}

#[tokio::test]
async fn behind_another_proxy_the_registry_is_asked_for_by_name() {
    let proxy = company("YWRhOmh1bnRlcjI=").await;
    let direct = echo().await.to_string();
    let registries = [
        ("https://registry.test", false),
        ("http://plain.test:8080", false),
        ("https://inside.test", false),
        ("https://metadata.test", true),
        ("https://169.254.169.254", true),
        (
            &format!("http://direct.test:{}", direct.rsplit(':').next().unwrap()),
            true,
        ),
    ];
    let names = [
        ("inside.test", "10.0.0.1:443"),
        ("metadata.test", "169.254.169.254:443"),
        ("169.254.169.254", "169.254.169.254:443"),
        ("direct.test", direct.as_str()),
    ];
    let resolver = behind(&names, &format!("http://ada:hunter2@{proxy}"));
    let bench = serve(Egress::new(policy(&registries), resolver)).await;
    // Nobody here knows the name; the proxy does. What it sends behind its answer is the registry's.
    let answer = bench
        .say("CONNECT registry.test:443 HTTP/1.1\r\n\r\nhello")
        .await;
    assert_eq!(
        answer,
        "HTTP/1.1 200 Connection established\r\n\r\n[CONNECT registry.test:443 HTTP/1.1]hello"
    );
    let answer = bench
        .say("GET http://plain.test:8080/x HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(
        answer.contains(
            "\r\n\r\nGET http://plain.test:8080/x HTTP/1.1\r\nProxy-Authorization: Basic "
        ),
        "{answer}"
    );
    let port = direct.rsplit(':').next().unwrap();
    let answer = bench
        .say(&format!("CONNECT direct.test:{port} HTTP/1.1\r\n\r\nhello"))
        .await;
    assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\nhello");
    // What is known here of where a name leads holds as ever.
    for target in [
        "inside.test",
        "metadata.test",
        "169.254.169.254",
        "evil.test",
    ] {
        let answer = bench
            .say(&format!("CONNECT {target}:443 HTTP/1.1\r\n\r\n"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{target}: {answer}");
    }
    let mut told: Vec<(String, Outcome)> = bench
        .outcomes(7)
        .await
        .into_iter()
        .map(|(host, outcome, _)| (host, outcome))
        .collect();
    told.sort();
    let expected = [
        ("169.254.169.254", Outcome::Private),
        ("direct.test", Outcome::Reached),
        ("evil.test", Outcome::NotAllowed),
        ("inside.test", Outcome::Private),
        ("metadata.test", Outcome::Private),
        ("plain.test", Outcome::Reached),
        ("registry.test", Outcome::Reached),
    ];
    assert_eq!(
        told,
        expected.map(|(host, outcome)| (host.to_owned(), outcome))
    );
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let proxy = company("somebody else").await;
    for (proxy, why) in [
        (proxy.to_string(), "answered 407"),
        ("127.0.0.1:1".to_owned(), "does not answer"),
    ] {
        let resolver = behind(&[], &format!("http://ada:hunter2@{proxy}"));
        let bench = serve(Egress::new(
            policy(&[("https://registry.test", false)]),
            resolver,
        ))
        .await;
        let answer = bench
            .say("CONNECT registry.test:443 HTTP/1.1\r\n\r\n")
            .await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        assert!(
            answer.contains(&format!("the proxy {proxy} of this machine {why}")),
            "{answer}"
        );
        assert!(!answer.contains("hunter2"), "{answer}");
        assert_eq!(bench.outcomes(1).await[0].1, Outcome::Unreachable);
    }
}
