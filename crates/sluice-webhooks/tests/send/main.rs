//! Messages to a real receiver on loopback, which misbehaves in every way that one can.
#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use sluice_egress::{Resolve, System};
use sluice_webhooks::{Answer, Endpoint, Secrets, Settings, WebhookError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn settings(url: &str) -> Settings {
    Settings {
        url: url.to_owned(),
        secrets: Secrets::parse(SECRET).unwrap(),
        allow_private: true,
        extra_ca: None,
        resolver: Arc::new(System),
        timeout: Duration::from_secs(5),
    }
}

/// A receiver that takes one request and answers these bytes; what it was sent.
async fn receiver(answer: &'static [u8]) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let request = request(&mut client).await;
        client.write_all(answer).await.unwrap();
        client.shutdown().await.unwrap();
        request
    });
    (address, taken)
}

async fn request(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").parse::<usize>().unwrap();
            if body.len() == length {
                return text;
            }
        }
        let read = client.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "the request ended early: {text}");
    }
}

fn header(head: &str, name: &str) -> String {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut found = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
    let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}: {head}"));
    value.to_owned()
}

async fn send(endpoint: &Endpoint) -> Answer {
    endpoint
        .send("an-id", r#"{"type":"a.test"}"#, SystemTime::now())
        .await
}

async fn answered(answer: &'static [u8]) -> Answer {
    let (address, taken) = receiver(answer).await;
    let endpoint = Endpoint::new(settings(&format!("http://{address}/hook?key=k"))).unwrap();
    let answer = send(&endpoint).await;
    taken.await.unwrap();
    answer
}

/// The words of a message that was not taken.
fn words(answer: Answer) -> String {
    match answer {
        Answer::Not { what, .. } => what,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_has_the_headers_of_standard_webhooks_and_another_program_finds_it_signed() {
    let (address, taken) = receiver(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let endpoint = Endpoint::new(settings(&format!("http://{address}/hook?key=k"))).unwrap();
    let at = UNIX_EPOCH + Duration::from_millis(1_614_265_330_500);
    let answer = endpoint.send("an-id", r#"{"type":"ä"}"#, at).await;
    assert_eq!(answer, Answer::Taken { status: 204 });
    let taken = taken.await.unwrap();
    let (head, body) = taken.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?key=k HTTP/1.1\r\n"), "{head}");
    assert_eq!(body, r#"{"type":"ä"}"#);
    assert_eq!(header(head, "content-type"), "application/json");
    assert_eq!(header(head, "webhook-id"), "an-id");
    assert_eq!(header(head, "webhook-timestamp"), "1614265330");
    let check = "import base64,hashlib,hmac,sys\nsecret,id,time,body=sys.argv[1:]\n\
                 key=base64.b64decode(secret.removeprefix('whsec_'))\n\
                 mac=hmac.new(key,f'{id}.{time}.{body}'.encode(),hashlib.sha256)\n\
                 print('v1,'+base64.b64encode(mac.digest()).decode())";
    let python = std::process::Command::new("python3")
        .args(["-c", check, SECRET, "an-id", "1614265330", body])
        .env("PYTHONUTF8", "1")
        .output()
        .unwrap();
    let expected = String::from_utf8(python.stdout).unwrap();
    assert_eq!(header(head, "webhook-signature"), expected.trim());
}

#[tokio::test]
async fn what_is_no_success_is_told_without_the_address() {
    let asks = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 90\r\ncontent-length: 0\r\n\r\n";
    let Answer::Not { status, after, .. } = answered(asks).await else {
        panic!("429 is no success");
    };
    let expected = (Some(429), Some(Duration::from_secs(90)));
    assert_eq!((status, after), expected);
    let faulty = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 6\r\n\r\nsecret";
    assert_eq!(words(answered(faulty).await), "it answered 500");
    let moved = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let said = words(answered(moved).await);
    assert_eq!(said, "it answered 307, and redirects are not followed");
    let gone = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(answered(gone).await, Answer::Gone);
    // The head is there, the rest never comes: it has the message.
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhalf";
    assert_eq!(answered(cut).await, Answer::Taken { status: 200 });
    for broken in [
        &b""[..],
        b"HTTP/1.1 200",
        b"220 smtp.example ESMTP\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
    ] {
        let said = words(answered(broken).await);
        assert!(said.starts_with("the connection broke ("), "{said}");
        assert!(
            !said.contains("key=k") && !said.contains("127.0.0.1"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_receiver_that_is_silent_or_not_there_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let patience = Duration::from_millis(300);
    let silent = Endpoint::new(Settings {
        timeout: patience,
        ..settings(&url)
    });
    let said = words(send(&silent.unwrap()).await);
    assert_eq!(said, "no answer came within 300ms");
    drop(listener);
    let said = words(send(&Endpoint::new(settings(&url)).unwrap()).await);
    assert!(said.starts_with("it cannot be reached ("), "{said}");
}

/// Answers a name with one address after the other.
#[derive(Debug)]
struct Rebinding {
    addresses: Vec<&'static str>,
    asked: AtomicUsize,
}

#[async_trait]
impl Resolve for Rebinding {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        let address = self.addresses[n.min(self.addresses.len() - 1)];
        match address {
            "" => Err(io::ErrorKind::NotFound.into()),
            address => Ok(vec![SocketAddr::new(address.parse().unwrap(), port)]),
        }
    }
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_however_it_is_written() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let public_only = |url: String| {
        Endpoint::new(Settings {
            allow_private: false,
            ..settings(&url)
        })
        .unwrap()
    };
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "0.0.0.0",
        "[64:ff9b::7f00:1]",
    ] {
        let said = words(send(&public_only(format!("https://{host}:{port}/"))).await);
        assert!(said.contains("not public"), "{host}: {said}");
    }
    // What is nobody's is refused also where private addresses are allowed.
    for host in ["169.254.169.254", "[fe80::1]", "100.100.100.200"] {
        let endpoint = Endpoint::new(settings(&format!("http://{host}:{port}/"))).unwrap();
        let said = words(send(&endpoint).await);
        assert!(said.contains("not public"), "{host}: {said}");
    }
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_each_time_that_it_does() {
    let (address, taken) = receiver(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let resolver = Arc::new(Rebinding {
        addresses: vec!["169.254.169.254", "", "127.0.0.1"],
        asked: AtomicUsize::new(0),
    });
    let url = format!("http://hooks.example:{}/", address.port());
    let endpoint = Endpoint::new(Settings {
        resolver: Arc::clone(&resolver) as Arc<dyn Resolve>,
        ..settings(&url)
    })
    .unwrap();
    let said = words(send(&endpoint).await);
    assert!(said.contains("not public"), "{said}");
    let said = words(send(&endpoint).await);
    assert!(said.starts_with("its name leads to no address"), "{said}");
    // It is allowed this address: the one that was looked at is the one that is connected to, and asked for once.
    assert_eq!(send(&endpoint).await, Answer::Taken { status: 200 });
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 3);
    let taken = taken.await.unwrap();
    assert_eq!(
        header(&taken, "host"),
        format!("hooks.example:{}", address.port())
    );

    let rebinding = Arc::new(Rebinding {
        addresses: vec!["127.0.0.1"],
        asked: AtomicUsize::new(0),
    });
    let endpoint = Endpoint::new(Settings {
        resolver: Arc::clone(&rebinding) as Arc<dyn Resolve>,
        allow_private: false,
        ..settings("https://hooks.example/")
    });
    let said = words(send(&endpoint.unwrap()).await);
    assert!(said.contains("allow_private = true"), "{said}");
}

#[test]
fn an_endpoint_that_cannot_be_meant_is_refused_without_its_address() {
    let refused = |url: &str, allow_private| {
        let settings = Settings {
            allow_private,
            ..settings(url)
        };
        Endpoint::new(settings).unwrap_err()
    };
    for url in [
        "",
        "hooks.example/secret",
        "ftp://hooks.example/secret",
        "https://",
        "file:///secret",
    ] {
        let error = refused(url, true);
        assert!(matches!(error, WebhookError::Url), "{url}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(matches!(
        refused("http://hooks.example/", false),
        WebhookError::Plain
    ));
    let endpoint =
        Endpoint::new(settings("https://ada:pass@Hooks.Example/T0/secret?key=k")).unwrap();
    assert_eq!(endpoint.shown(), "https://hooks.example/…");
    assert_eq!(
        format!("{endpoint:?}"),
        "Endpoint(\"https://hooks.example/…\")"
    );
}
