//! An OpenID Connect issuer: keys that openssl makes, and tokens that openssl signs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_factory::Role;
use sluice_server::{Fetch, OidcOptions};
use tempfile::TempDir;

/// What `iss` and `aud` are.
pub(crate) const ISSUER: &str = "https://login.example.org/realms/one";
pub(crate) const AUDIENCE: &str = "sluice";

/// Runs openssl, which is nobody's library here.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output.stdout
}

/// A key of the issuer.
pub(crate) struct Key {
    folder: TempDir,
    pub(crate) kid: String,
    pub(crate) alg: &'static str,
    /// The public key as it is published.
    pub(crate) jwk: Value,
}

impl Key {
    /// Makes a key for an algorithm.
    pub(crate) fn new(kid: &str, alg: &'static str) -> Key {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem").display().to_string();
        let kind: &[&str] = match alg {
            "EdDSA" => &["-algorithm", "ED25519"],
            "ES256" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            _ => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        };
        openssl(&[&["genpkey", "-out", &file], kind].concat(), b"");
        let public = openssl(&["pkey", "-in", &file, "-pubout", "-outform", "DER"], b"");
        let last = |bytes: usize| &public[public.len() - bytes..];
        let mut jwk = match alg {
            "EdDSA" => json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(last(32)) }),
            "ES256" => {
                let (x, y) = last(64).split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y) })
            }
            _ => {
                let modulus = openssl(&["rsa", "-in", &file, "-noout", "-modulus"], b"");
                let modulus = String::from_utf8(modulus).unwrap();
                let modulus =
                    hex::decode(modulus.trim().strip_prefix("Modulus=").unwrap()).unwrap();
                json!({ "kty": "RSA", "n": BASE64.encode(modulus), "e": "AQAB" })
            }
        };
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(alg);
        Key {
            folder,
            kid: kid.to_owned(),
            alg,
            jwk,
        }
    }

    /// A token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let head = json!({ "typ": "JWT", "alg": self.alg, "kid": self.kid });
        self.signed(&head, claims)
    }

    /// A token with this head, signed as the key does, whatever the head says.
    pub(crate) fn signed(&self, head: &Value, claims: &Value) -> String {
        let text = format!(
            "{}.{}",
            BASE64.encode(head.to_string()),
            BASE64.encode(claims.to_string())
        );
        let signature = self.signature(text.as_bytes());
        format!("{text}.{}", BASE64.encode(signature))
    }

    fn signature(&self, text: &[u8]) -> Vec<u8> {
        let file = self.folder.path().join("key.pem").display().to_string();
        let message = self.folder.path().join("message");
        match self.alg {
            "EdDSA" => {
                // openssl reads the whole message twice, so it must be a file.
                std::fs::write(&message, text).unwrap();
                let message = message.display().to_string();
                openssl(
                    &[
                        "pkeyutl", "-sign", "-rawin", "-inkey", &file, "-in", &message,
                    ],
                    b"",
                )
            }
            "PS256" => openssl(
                &[
                    "dgst",
                    "-sha256",
                    "-sign",
                    &file,
                    "-sigopt",
                    "rsa_padding_mode:pss",
                    "-sigopt",
                    "rsa_pss_saltlen:digest",
                ],
                text,
            ),
            "ES256" => fixed(&openssl(&["dgst", "-sha256", "-sign", &file], text)),
            _ => openssl(&["dgst", "-sha256", "-sign", &file], text),
        }
    }

    pub(crate) fn public_pem(&self) -> Vec<u8> {
        let file = self.folder.path().join("key.pem").display().to_string();
        openssl(&["pkey", "-in", &file, "-pubout"], b"")
    }
}

/// A DER signature as two numbers of 32 bytes, which is how tokens have it.
fn fixed(der: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let length = usize::from(der[at + 1]);
        let bytes = &der[at + 2..at + 2 + length];
        let bytes = &bytes[length.saturating_sub(32)..];
        (
            [vec![0; 32 - bytes.len()], bytes.to_vec()].concat(),
            at + 2 + length,
        )
    };
    let (r, next) = number(2);
    let (s, _) = number(next);
    [r, s].concat()
}

/// What the issuer serves.
#[derive(Debug, Default)]
pub(crate) struct Issuer {
    keys: Mutex<Option<Vec<Value>>>,
}

impl Issuer {
    /// It has these keys.
    pub(crate) fn has(&self, keys: &[&Key]) {
        *self.keys.lock().unwrap() = Some(keys.iter().map(|key| key.jwk.clone()).collect());
    }

    /// How a daemon believes it.
    pub(crate) fn options(self: &Arc<Self>) -> OidcOptions {
        OidcOptions {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            jwks_url: None,
            role_claim: "realm_access.roles".to_owned(),
            roles: [
                (Role::Viewer, "viewers"),
                (Role::Operator, "operators"),
                (Role::Approver, "approvers"),
                (Role::Admin, "admins"),
            ]
            .map(|(role, word)| (role, vec![word.to_owned()]))
            .to_vec(),
            projects_claim: None,
            name_claim: None,
            leeway: std::time::Duration::from_secs(5),
            fetch: Arc::clone(self) as Arc<dyn Fetch>,
        }
    }
}

#[async_trait]
impl Fetch for Issuer {
    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let keys = self.keys.lock().unwrap().clone().ok_or("it is down")?;
        let document = match url.strip_prefix(ISSUER) {
            Some("/.well-known/openid-configuration") => {
                json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/keys"), "response_types_supported": [] })
            }
            Some("/keys") => json!({ "keys": keys }),
            _ => panic!("{url} is not the issuer's"),
        };
        Ok(document.to_string().into_bytes())
    }
}

/// The claims of somebody, which hold now.
pub(crate) fn claims(subject: &str, name: &str, role: &str) -> Value {
    let now = Timestamp::now().as_second();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "name": name,
        "iat": now, "nbf": now, "exp": now + 300,
        "realm_access": { "roles": [role, "offline_access"] },
    })
}

/// The same with other claims; null takes one away.
pub(crate) fn changed(mut claims: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// openssl is there; where it is not, a test says so instead of passing.
#[test]
fn openssl_signs() {
    let key = Key::new("a", "EdDSA");
    assert!(Path::new(&key.folder.path().join("key.pem")).exists());
    assert_eq!(key.token(&json!({})).split('.').count(), 3);
}
