//! What of a key set is a key, and how long keys are kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::super::Fetch;
use super::super::token::Token;
use super::{AGAIN, AGAIN_FAILED, BASE64, FRESH, KEPT, Keys, discovered, read};

/// The public key of RFC 8037, appendix A.2.
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn ed(kid: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": kid })
}

fn kinds(keys: Value) -> Vec<(Option<String>, Algorithm)> {
    let set = json!({ "keys": keys }).to_string();
    let keys = read(set.as_bytes()).unwrap_or_default();
    keys.into_iter()
        .map(|key| (key.kid, key.algorithm))
        .collect()
}

#[test]
fn a_key_is_for_what_it_says_and_its_kind_allows() {
    let n = |bytes: usize| BASE64.encode(vec![0xC1; bytes]);
    let rsa = |bytes: usize, more: Value| {
        let mut key = json!({ "kty": "RSA", "n": n(bytes), "e": "AQAB" });
        for (name, value) in more.as_object().unwrap() {
            key[name] = value.clone();
        }
        json!([key])
    };
    let of = |keys: Value| -> Vec<Algorithm> {
        kinds(keys)
            .into_iter()
            .map(|(_, algorithm)| algorithm)
            .collect()
    };
    assert_eq!(
        of(rsa(256, json!({}))),
        [Algorithm::RS256, Algorithm::PS256]
    );
    assert_eq!(of(rsa(256, json!({ "alg": "PS256" }))), [Algorithm::PS256]);
    assert_eq!(of(json!([ed("a")])), [Algorithm::EdDSA]);
    for none in [
        // Sizes that can be broken, or that cost us.
        rsa(255, json!({})),
        rsa(2048, json!({})),
        // Of another algorithm, or for another purpose.
        rsa(256, json!({ "alg": "HS256" })),
        rsa(256, json!({ "alg": "none" })),
        rsa(256, json!({ "alg": "ES256" })),
        rsa(256, json!({ "alg": "RSA-OAEP" })),
        rsa(256, json!({ "use": "enc" })),
        rsa(256, json!({ "key_ops": ["encrypt"] })),
        rsa(256, json!({ "n": "not base64!" })),
        rsa(256, json!({ "kid": 7 })),
        // A secret, which everybody who reads the set has.
        json!([{ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "a" }]),
        json!([{ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }]),
        json!([{ "kty": "OKP", "crv": "X25519", "x": X }]),
        json!([7, null, "key", {}]),
        json!([]),
    ] {
        assert_eq!(of(none.clone()), [], "{none}");
    }
    // What cannot be used takes nothing from what can.
    let mixed = json!([7, { "kty": "oct", "k": "c2VjcmV0" }, ed("a"), { "kty": "new" }]);
    assert_eq!(kinds(mixed), [(Some("a".to_owned()), Algorithm::EdDSA)]);
}

#[test]
fn a_document_that_is_no_key_set_says_so() {
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[]}"#] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
    }
    let many: Vec<Value> = (0..1000).map(|n| ed(&n.to_string())).collect();
    assert_eq!(kinds(json!(many)).len(), 100);
}

#[test]
fn a_discovery_document_is_of_the_issuer_that_was_asked() {
    let document = json!({ "issuer": "https://a.example", "jwks_uri": "https://a.example/k" });
    let document = document.to_string();
    let found = discovered(document.as_bytes(), "https://a.example");
    assert_eq!(found.as_deref(), Ok("https://a.example/k"));
    let other = discovered(document.as_bytes(), "https://b.example").unwrap_err();
    assert!(other.contains("https://a.example"), "{other}");
    assert!(discovered(b"<html>", "https://a.example").is_err());
}

/// An issuer with one key, that may be down.
#[derive(Debug, Default)]
struct Issuer {
    asked: AtomicUsize,
    keys: Mutex<Option<Vec<Value>>>,
}

impl Issuer {
    fn has(&self, keys: &[&str]) {
        *self.keys.lock().unwrap() = Some(keys.iter().map(|kid| ed(kid)).collect());
    }

    fn is_down(&self) {
        *self.keys.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Fetch for Issuer {
    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        assert_eq!(url, "https://login.example.org/keys");
        self.asked.fetch_add(1, Ordering::SeqCst);
        // Others come while this one is on its way.
        tokio::task::yield_now().await;
        let keys = self.keys.lock().unwrap().clone();
        let keys = keys.ok_or("the connection was refused")?;
        Ok(json!({ "keys": keys }).to_string().into_bytes())
    }
}

fn keys() -> (Arc<Issuer>, Arc<Keys>) {
    let issuer = Arc::new(Issuer::default());
    let keys = Keys::new(
        Arc::clone(&issuer) as Arc<dyn Fetch>,
        "https://login.example.org",
        Some("https://login.example.org/keys"),
    );
    (issuer, Arc::new(keys))
}

/// How many keys fit a token that names one; `None` when none can be had.
async fn fitting(keys: &Arc<Keys>, kid: Option<&str>, now: Duration) -> Option<usize> {
    let head = json!({ "alg": "EdDSA", "kid": kid }).to_string();
    let text = format!("{}.e30.AA", BASE64.encode(head));
    let token = Token::read(&text).unwrap();
    keys.find_at(&token, now).await.map(|keys| keys.len())
}

const START: Duration = Duration::from_secs(1000);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_issuer_once_a_minute() {
    let (issuer, keys) = keys();
    issuer.has(&["a"]);
    assert_eq!(fitting(&keys, Some("a"), START).await, Some(1));
    assert_eq!(issuer.asked(), 1);
    for second in 0..180 {
        let now = START + SECOND * second;
        let floods = (0..5).map(|n| {
            let (keys, kid) = (Arc::clone(&keys), format!("{second}-{n}"));
            async move { fitting(&keys, Some(&kid), now).await }
        });
        let found = futures::future::join_all(floods).await;
        assert_eq!(found, [Some(0); 5]);
    }
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn a_new_key_is_found_and_one_that_was_given_up_is_not() {
    let (issuer, keys) = keys();
    issuer.has(&["a"]);
    assert_eq!(fitting(&keys, Some("a"), START).await, Some(1));
    issuer.has(&["b"]);
    assert_eq!(fitting(&keys, Some("b"), START + AGAIN).await, Some(1));
    assert_eq!(fitting(&keys, Some("a"), START + AGAIN).await, Some(0));
    // A token that names no key is of the only one.
    assert_eq!(fitting(&keys, None, START + AGAIN).await, Some(1));
    issuer.has(&["b", "c"]);
    let later = START + AGAIN * 2;
    assert_eq!(fitting(&keys, Some("c"), later).await, Some(1));
    assert_eq!(fitting(&keys, None, later).await, Some(0));
}

#[tokio::test]
async fn the_first_requests_wait_for_one_answer() {
    let (issuer, keys) = keys();
    issuer.has(&["a"]);
    let first = (0..20).map(|_| fitting(&keys, Some("a"), START));
    assert_eq!(futures::future::join_all(first).await, [Some(1); 20]);
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn keys_outlive_an_outage_for_a_while() {
    let (issuer, keys) = keys();
    assert_eq!(fitting(&keys, Some("a"), START).await, None);
    issuer.has(&["a"]);
    // Not again at once.
    assert_eq!(fitting(&keys, Some("a"), START + SECOND).await, None);
    let up = START + AGAIN_FAILED;
    assert_eq!(fitting(&keys, Some("a"), up).await, Some(1));
    assert_eq!(issuer.asked(), 2);
    issuer.is_down();
    assert_eq!(fitting(&keys, Some("a"), up + FRESH).await, Some(1));
    assert_eq!(fitting(&keys, Some("a"), up + KEPT - SECOND).await, Some(1));
    assert_eq!(fitting(&keys, Some("a"), up + KEPT).await, None);
    issuer.has(&["a"]);
    let back = up + KEPT + AGAIN_FAILED;
    assert_eq!(fitting(&keys, Some("a"), back).await, Some(1));
}

#[tokio::test]
async fn it_is_told_whether_the_issuer_answers() {
    let (issuer, keys) = keys();
    assert_eq!(keys.told(), "the issuer was not asked yet");
    assert_eq!(keys.state(), (false, None));
    fitting(&keys, None, Duration::ZERO).await;
    assert!(
        keys.told().starts_with("the issuer does not answer"),
        "{}",
        keys.told()
    );
    issuer.has(&["a"]);
    fitting(&keys, None, AGAIN_FAILED).await;
    assert_eq!(keys.told(), "the issuer answers");
    assert_eq!(keys.state(), (true, Some(0)));
}
