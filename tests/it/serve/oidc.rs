//! A daemon whose people come from an OpenID Connect issuer on loopback; openssl holds the key and signs.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ADMIN, Daemon, gates};
use crate::built::sluice;

/// An issuer that serves its documents, unless it is down.
struct Issuer {
    url: String,
    is_up: Arc<AtomicBool>,
}

impl Issuer {
    fn start(jwk: Value) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_up = Arc::new(AtomicBool::new(true));
        let (base, up) = (url.clone(), Arc::clone(&is_up));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = String::new();
                let mut reader = BufReader::new(&stream);
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
                let path = head.split(' ').nth(1).unwrap_or_default();
                let document = match path {
                    "/.well-known/openid-configuration" => {
                        json!({ "issuer": base, "jwks_uri": format!("{base}/keys") })
                    }
                    "/keys" => json!({ "keys": [jwk] }),
                    _ => json!(null),
                };
                let status = match up.load(Ordering::SeqCst) {
                    true => 200,
                    false => 503,
                };
                let body = document.to_string();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} So\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Issuer { url, is_up }
    }
}

fn openssl(arguments: &[&str], folder: &Path) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// A token that openssl signs with the key in `folder`.
fn token(folder: &Path, issuer: &str, subject: &str, name: &str, roles: &[&str]) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_secs();
    let head = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "one" });
    let claims = json!({
        "iss": issuer, "aud": ["others", "sluice"], "sub": subject, "name": name, "iat": now, "exp": now + 600,
        "groups": roles,
    });
    let text = format!(
        "{}.{}",
        BASE64.encode(head.to_string()),
        BASE64.encode(claims.to_string())
    );
    std::fs::write(folder.join("message"), &text).unwrap();
    let sign = [
        "pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "message",
    ];
    format!("{text}.{}", BASE64.encode(openssl(&sign, folder)))
}

#[tokio::test]
async fn people_of_an_issuer_take_a_gate_and_nobody_approves_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let keys = tempfile::tempdir().unwrap();
    openssl(
        &["genpkey", "-algorithm", "ED25519", "-out", "key.pem"],
        keys.path(),
    );
    let public = openssl(
        &["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"],
        keys.path(),
    );
    let x = BASE64.encode(&public[public.len() - 32..]);
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "one", "use": "sig", "x": x });
    let issuer = Issuer::start(jwk);
    gates(&folder.path().join("gates"));
    let config = |allow: bool| {
        format!(
            "[gates]\ndir = {gates:?}\n[engine]\ndefault = \"native\"\n[oidc]\nissuer = {url:?}\naudience = \"sluice\"\n\
             role_claim = \"groups\"\nallow_private = {allow}\n\
             roles = {{ operator = [\"writers\"], approver = [\"leads\"] }}\n",
            gates = folder.path().join("gates"),
            url = issuer.url,
        )
    };
    // A machine that is not to reach itself says so before anything starts.
    std::fs::write(folder.path().join("sluice.toml"), config(false)).unwrap();
    let refused = Command::new(sluice())
        .args(["serve", "--data", "data"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("oidc.allow_private"), "{said}");

    let config = config(true);
    let mut daemon = Daemon::on(folder, &config);
    let new = json!({ "name": "adder", "kind": "service", "template": "blank" });
    let (status, answer) = daemon.post("/projects", ADMIN, new).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let of = |subject: &str, name: &str, roles: &[&str]| {
        token(keys.path(), &issuer.url, subject, name, roles)
    };
    let writer = of("17", "Ada", &["writers"]);
    let url = format!("http://{}/api/v1/projects/adder/replies", daemon.address);
    let reply = "```md:docs/G0.md\n# G0\n\n## Goals\n\nPeople add numbers and see the sum.\n```\n";
    let sent = daemon.client.post(url).bearer_auth(&writer);
    let sent = sent.header("content-type", "text/markdown").body(reply);
    assert_eq!(sent.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let gate = daemon.until("g0", "awaiting_approval").await;
    let body = json!({ "subject_digest": gate["subject_digest"], "comment": "seen" });
    let approve = async |daemon: &Daemon, token: &str| {
        daemon
            .post("/projects/adder/gates/g0/approve", token, body.clone())
            .await
    };
    // Ada, promoted, under another name: still Ada, also for a daemon that was killed and has no names in memory.
    let promoted = of("17", "Zoe", &["leads"]);
    daemon.kill_and_start_again();
    let (status, answer) = approve(&daemon, &promoted).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::FORBIDDEN, &json!("own_work"))
    );
    let (status, answer) = approve(&daemon, &of("18", "Bob", &["nobody"])).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::FORBIDDEN, &json!("no_role"))
    );
    // The issuer may be gone meanwhile: its keys are known.
    issuer.is_up.store(false, Ordering::SeqCst);
    let (status, answer) = approve(&daemon, &of("18", "Bob", &["leads"])).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let gate = daemon.until("g0", "approved").await;
    assert_eq!(gate["approved_by"], json!(["Bob"]));
    // After a start without the issuer they are not.
    daemon.kill_and_start_again();
    let known = daemon.ask(Method::GET, "/projects", &writer, None).await;
    assert_eq!(known.0, StatusCode::SERVICE_UNAVAILABLE, "{}", known.1);
    let doctor = Command::new(sluice())
        .args(["doctor", "--json"])
        .current_dir(daemon.folder.path())
        .output()
        .unwrap();
    let doctor: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let items = doctor["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["name"] == "issuer").unwrap();
    assert_eq!(item["state"], "missing", "{item}");
    assert!(item["detail"].as_str().unwrap().contains("503"), "{item}");
}
