//! People of an OpenID Connect issuer.

use std::sync::Arc;

use axum::http::{Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_server::{Limits, Options};

use crate::issuer::{ISSUER, Issuer, Key, changed, claims};
use crate::world::{Answer, Ask, GOOD, PROJECT, World};

async fn world(keys: &[&Key]) -> (World, Arc<Issuer>) {
    let issuer = Arc::new(Issuer::default());
    issuer.has(keys);
    let options = Options {
        oidc: Some(issuer.options()),
        ..Options::default()
    };
    (World::with_options(options).await, issuer)
}

fn with<'a>(world: &'a World, token: &str, method: Method, path: &str) -> Ask<'a> {
    let ask = world.ask("", method, path);
    ask.header("authorization", &format!("Bearer {token}"))
}

async fn projects(world: &World, token: &str) -> Answer {
    with(world, token, Method::GET, "/projects").send().await
}

/// A decision on what stands at G0.
async fn decide(world: &World, token: &str, what: &str) -> Answer {
    let digest = world.gate("g0").await["subject_digest"].clone();
    let path = format!("/projects/{PROJECT}/gates/g0/{what}");
    let body = json!({ "subject_digest": digest, "comment": "seen" });
    with(world, token, Method::POST, &path)
        .json(&body)
        .send()
        .await
}

async fn with_project(world: &World) {
    let new = json!({ "name": PROJECT, "kind": "service", "template": "blank" });
    let post = world.post("olga", "/projects").json(&new);
    post.send().await.is(201);
}

async fn reply(world: &World, token: &str) {
    let path = format!("/projects/{PROJECT}/replies");
    let post = with(world, token, Method::POST, &path).markdown(GOOD);
    post.send().await.is(202);
    world.settle().await;
}

#[tokio::test]
async fn a_token_of_the_issuer_is_a_credential_whichever_key_signs() {
    let keys = ["RS256", "PS256", "ES256", "EdDSA"].map(|alg| Key::new(alg, alg));
    let (world, _) = world(&keys.each_ref()).await;
    for key in &keys {
        let token = key.token(&claims("1", "Ada", "viewers"));
        projects(&world, &token).await.is(200);
        // A signature is bound to every byte.
        let (text, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = BASE64.decode(signature).unwrap();
        bytes[10] ^= 1;
        let broken = format!("{text}.{}", BASE64.encode(&bytes));
        let answer = projects(&world, &broken).await.is(401);
        assert!(
            answer
                .header(header::WWW_AUTHENTICATE)
                .contains("invalid_token")
        );
    }
    let ready = world.get("", "/readyz").send().await.is(200);
    assert_eq!(&ready.body[..], b"ok\noidc: the issuer answers");
    // Git takes it as a password.
    let token = keys[3].token(&claims("1", "Ada", "viewers"));
    let basic = STANDARD.encode(format!("git:{token}"));
    let git = world
        .get("", "/git/none.git/info/refs?service=git-upload-pack")
        .header("authorization", &format!("Basic {basic}"));
    assert_eq!(git.open().await.status(), 404);
}

#[tokio::test]
async fn a_token_that_is_not_good_opens_nothing() {
    let (rsa, ec) = (Key::new("rsa", "RS256"), Key::new("ec", "ES256"));
    let (world, _) = world(&[&rsa, &ec]).await;
    let now = Timestamp::now().as_second();
    let good = || claims("1", "Ada", "admins");
    let head = |alg: &str, kid: &str| json!({ "typ": "JWT", "alg": alg, "kid": kid });
    let unsigned = |head: Value| {
        let (head, body) = (head.to_string(), good().to_string());
        format!("{}.{}.", BASE64.encode(head), BASE64.encode(body))
    };
    // What everybody may have is taken for a secret: the public key in each of its forms.
    let modulus = rsa.jwk["n"].as_str().unwrap();
    let secrets = [
        rsa.public_pem(),
        modulus.as_bytes().to_vec(),
        BASE64.decode(modulus).unwrap(),
        rsa.jwk.to_string().into_bytes(),
    ];
    let mut bad: Vec<(String, String)> = Vec::new();
    let mut add = |what: &str, token: String| bad.push((what.to_owned(), token));
    for secret in &secrets {
        let mut head = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        head.kid = Some("rsa".to_owned());
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        add("HS256", jsonwebtoken::encode(&head, &good(), &key).unwrap());
    }
    for alg in ["none", "None", "HS256", "RS256"] {
        add(alg, unsigned(head(alg, "rsa")));
    }
    add(
        "another algorithm of the key's kind",
        rsa.signed(&head("PS256", "rsa"), &good()),
    );
    add(
        "another key's name",
        rsa.signed(&head("ES256", "ec"), &good()),
    );
    add("a stranger's key", Key::new("rsa", "RS256").token(&good()));
    add("an unknown key", Key::new("new", "ES256").token(&good()));
    add(
        "logout",
        rsa.signed(
            &json!({ "typ": "logout+jwt", "alg": "RS256", "kid": "rsa" }),
            &good(),
        ),
    );
    let mine = json!({ "alg": "ES256", "jwk": ec.jwk, "jku": "https://evil.example/keys" });
    add(
        "brings its key",
        Key::new("x", "ES256").signed(&mine, &good()),
    );
    for (what, changes) in [
        (
            "issuer",
            json!({ "iss": "https://login.example.org/realms/two" }),
        ),
        ("audience", json!({ "aud": "another" })),
        ("no audience", json!({ "aud": null })),
        ("not yet", json!({ "nbf": now + 3600 })),
        ("made tomorrow", json!({ "iat": now + 86_400 })),
        ("without end", json!({ "exp": null })),
        ("end as text", json!({ "exp": (now + 300).to_string() })),
        ("nobody", json!({ "sub": null })),
    ] {
        add(what, ec.token(&changed(good(), changes)));
    }
    let token = ec.token(&good());
    let parts: Vec<&str> = token.split('.').collect();
    let other = BASE64.encode(claims("2", "Eve", "admins").to_string());
    add("another body", format!("{}.{other}.{}", parts[0], parts[2]));
    add(
        "a body that is no JSON",
        ec.signed(&head("ES256", "ec"), &json!("text")),
    );
    add("nothing inside", format!("{}..{}", parts[0], parts[2]));
    add(
        "huge",
        ec.token(&changed(good(), json!({ "more": "a".repeat(20_000) }))),
    );
    for (what, token) in &bad {
        let answer = projects(&world, token).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        let body = answer.json();
        assert!(body["code"].is_null(), "{what}: {body}");
    }
    let expired = ec.token(&changed(good(), json!({ "exp": now - 60 })));
    let answer = projects(&world, &expired).await.is(401);
    assert_eq!(answer.json()["code"], "token_expired");
    // Nobody was let in on the way.
    let audit = world
        .get("vera", "/audit?kind=person.known")
        .send()
        .await
        .json();
    assert_eq!(audit["items"], json!([]));
    projects(&world, &token).await.is(200);
}

#[tokio::test]
async fn roles_come_from_the_claim() {
    let key = Key::new("a", "EdDSA");
    let (world, _) = world(&[&key]).await;
    with_project(&world).await;
    let of = |role: &str| key.token(&claims(role, role, role));
    reply(&world, &of("operators")).await;
    let approve = async |role: &str| decide(&world, &of(role), "approve").await;
    for low in ["viewers", "operators"] {
        assert_eq!(approve(low).await.is(403).json()["code"], "role", "{low}");
    }
    let none = approve("guests").await.is(403).json();
    assert_eq!(none["code"], "no_role");
    assert!(
        none["detail"]
            .as_str()
            .unwrap()
            .contains("realm_access.roles"),
        "{none}"
    );
    approve("approvers").await.is(200);
    let tokens = async |role: &str| {
        let ask = with(&world, &of(role), Method::GET, "/tokens");
        ask.send().await.status.as_u16()
    };
    assert_eq!(tokens("approvers").await, 403);
    assert_eq!(tokens("admins").await, 200);
}

#[tokio::test]
async fn who_somebody_is_does_not_hang_on_their_name() {
    let key = Key::new("a", "EdDSA");
    let (world, _) = world(&[&key]).await;
    with_project(&world).await;
    // Ada writes, then calls herself somebody else.
    reply(&world, &key.token(&claims("1", "Ada", "admins"))).await;
    for name in ["Ada", "Bob", "anna", ""] {
        let token = key.token(&claims("1", name, "approvers"));
        let answer = decide(&world, &token, "approve").await.is(403);
        assert_eq!(answer.json()["code"], "own_work", "{name}");
    }
    // Somebody else of the same name, and one who takes the name of a token, have names of their own.
    let namesake = key.token(&claims("2", "ADA", "approvers"));
    decide(&world, &namesake, "approve").await.is(200);
    for name in ["anna", "Sluice", "admin"] {
        projects(&world, &key.token(&claims(name, name, "viewers")))
            .await
            .is(200);
    }
    world.settle().await;
    let gate = world.gate("g0").await;
    assert_eq!(gate["state"], "approved");
    let by = gate["approved_by"][0].as_str().unwrap().to_owned();
    assert!(by.starts_with("ADA (") && by.len() > "ADA (".len(), "{by}");
    // The log says whose each name is, once.
    let audit = world
        .get("vera", "/audit?kind=person.known")
        .send()
        .await
        .json();
    let known: Vec<(&str, &str)> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert_eq!(row["body"]["issuer"], ISSUER);
            let body = &row["body"];
            (
                body["subject"].as_str().unwrap(),
                body["name"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(known.len(), 5, "{known:?}");
    assert_eq!(known[..2], [("1", "Ada"), ("2", by.as_str())]);
    for (subject, name) in &known[2..] {
        assert!(name.starts_with(&format!("{subject} (")), "{name}");
    }
}

#[tokio::test]
async fn projects_of_the_claim_bound_a_person() {
    let key = Key::new("a", "EdDSA");
    let issuer = Arc::new(Issuer::default());
    issuer.has(&[&key]);
    let mut oidc = issuer.options();
    oidc.projects_claim = Some("projects".to_owned());
    let world = World::with_options(Options {
        oidc: Some(oidc),
        ..Options::default()
    })
    .await;
    with_project(&world).await;
    let get = async |changes: Value, path: &str| {
        let token = key.token(&changed(claims("1", "Ada", "admins"), changes));
        let ask = with(&world, &token, Method::GET, path);
        ask.send().await.status.as_u16()
    };
    let path = format!("/projects/{PROJECT}");
    assert_eq!(get(json!({ "projects": [PROJECT] }), &path).await, 200);
    assert_eq!(get(json!({ "projects": ["another"] }), &path).await, 404);
    assert_eq!(get(json!({}), &path).await, 404);
    assert_eq!(get(json!({ "projects": [PROJECT] }), "/tokens").await, 403);
    assert_eq!(get(json!({ "projects": "*" }), "/tokens").await, 200);
}

#[tokio::test]
async fn without_the_issuers_keys_only_our_own_tokens_are_good() {
    let key = Key::new("a", "EdDSA");
    let issuer = Arc::new(Issuer::default());
    let world = World::with_options(Options {
        oidc: Some(issuer.options()),
        ..Options::default()
    })
    .await;
    let token = key.token(&claims("1", "Ada", "viewers"));
    let answer = projects(&world, &token).await.is(503);
    assert_eq!(answer.json()["code"], "issuer_unavailable");
    assert_eq!(answer.header(header::RETRY_AFTER), "5");
    world.get("vera", "/projects").send().await.is(200);
    let ready = world.get("", "/readyz").send().await.is(200);
    let ready = String::from_utf8(ready.body.to_vec()).unwrap();
    assert!(
        ready.starts_with("ok\noidc: the issuer does not answer"),
        "{ready}"
    );
}

#[tokio::test]
async fn bad_tokens_are_counted_like_guesses() {
    let key = Key::new("a", "EdDSA");
    let issuer = Arc::new(Issuer::default());
    issuer.has(&[&key]);
    let limits = Limits {
        anonymous_per_second: 1,
        anonymous_burst: 3,
        ..Limits::default()
    };
    let world = World::with_options(Options {
        oidc: Some(issuer.options()),
        limits,
        ..Options::default()
    })
    .await;
    let bad = Key::new("a", "EdDSA").token(&claims("1", "Eve", "admins"));
    let mut last = 0;
    for _ in 0..10 {
        last = projects(&world, &bad).await.status.as_u16();
    }
    assert_eq!(last, 429);
    let good = key.token(&claims("1", "Ada", "viewers"));
    projects(&world, &good).await.is(200);
}
