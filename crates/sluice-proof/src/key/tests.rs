//! Keys: known forms of a known key, and what is not a key of ours.

use super::*;

/// RFC 8032, section 7.1, test 1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn rfc_key() -> Signer {
    let seed: [u8; 32] = hex::decode(SEED).unwrap().try_into().unwrap();
    Signer {
        key: SigningKey::from_bytes(&seed),
        comment: "rfc".into(),
    }
}

#[test]
fn signatures_are_rfc_8032_s() {
    let signer = rfc_key();
    assert_eq!(signer.public().hex(), PUBLIC);
    let signature = hex::encode(signer.sign_raw(b""));
    assert!(
        signature.starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"),
        "{signature}"
    );
    assert!(signer.public().verifies(b"", &signer.sign_raw(b"")));
    assert!(!signer.public().verifies(b"x", &signer.sign_raw(b"")));
    assert!(!signer.public().verifies(b"", b"too short"));
}

#[test]
fn a_signature_has_one_encoding() {
    let signer = rfc_key();
    let mut signature = signer.sign_raw(b"m");
    // S + L, the same point of view to a lenient verifier (RFC 8032, 5.1.7 demands S < L).
    let order =
        hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut carry = 0u16;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(!signer.public().verifies(b"m", &signature));
}

#[test]
fn the_forms_of_a_known_key() {
    let key = rfc_key().public();
    assert_eq!(
        key.openssh_line(),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea rfc"
    );
    assert_eq!(
        key.pem(),
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
    );
    assert_eq!(key.keyid().len(), 64);
    assert_eq!(
        PublicKey::from_openssh_line(&key.openssh_line()).unwrap(),
        key
    );
}

#[test]
fn a_private_key_comes_back_whole() {
    let signer = Signer::generate("daemon at\nhome");
    let text = signer.to_openssh();
    assert!(text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n") && text.ends_with("-----\n"));
    let again = Signer::from_openssh(&text).unwrap();
    assert_eq!(again.public(), signer.public());
    assert_eq!(again.public().comment(), "daemon at home");
    assert_ne!(Signer::generate("x").public(), signer.public());
}

#[test]
fn debug_never_shows_the_private_key() {
    let signer = rfc_key();
    let shown = format!("{signer:?}");
    assert_eq!(shown, format!("Signer({})", signer.public().fingerprint()));
}

#[test]
fn what_is_no_key_is_refused() {
    for text in [
        "",
        "hello",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    ] {
        assert!(Signer::from_openssh(text).is_err(), "{text:?}");
    }
    let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7 x";
    for line in ["", "ssh-ed25519", "ssh-ed25519 AAAA", rsa] {
        assert!(PublicKey::from_openssh_line(line).is_err(), "{line:?}");
    }
}

#[test]
fn a_key_that_accepts_any_message_is_refused() {
    // The identity point: a signature (R = identity, S = 0) by it fits every message.
    let mut identity = [0u8; 32];
    identity[0] = 1;
    let error =
        PublicKey::from_key_data(&KeyData::Ed25519(Ed25519PublicKey(identity)), "").unwrap_err();
    assert!(error.to_string().contains("weak"), "{error}");
}
