//! Envelopes: the specification's vector, and hostile bytes.

use super::*;
use proptest::prelude::*;

fn signed() -> (Signer, Signers, Envelope) {
    let signer = Signer::generate("t");
    let signers = Signers::one("daemon", signer.public());
    let envelope = envelope("http://example.com/HelloWorld", b"hello world", &signer);
    (signer, signers, envelope)
}

#[test]
fn pae_is_the_specification_s() {
    // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, test vector.
    let expected = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";
    assert_eq!(
        pae("http://example.com/HelloWorld", b"hello world"),
        expected.as_bytes()
    );
    assert_eq!(
        pae("é", b""),
        "DSSEv1 2 é 0 ".as_bytes(),
        "lengths are bytes"
    );
}

#[test]
fn what_was_signed_comes_back_with_the_signer() {
    let (signer, signers, envelope) = signed();
    let parsed = Envelope::parse_exact(&envelope.to_bytes()).unwrap();
    let verified = parsed.verify(&signers).unwrap();
    assert_eq!(verified.payload, b"hello world");
    assert_eq!(
        (verified.keyid, verified.signer_name.as_str()),
        (signer.public().keyid(), "daemon")
    );
}

#[test]
fn signing_twice_gives_the_same_bytes() {
    let (signer, _, first) = signed();
    assert_eq!(
        envelope("http://example.com/HelloWorld", b"hello world", &signer),
        first
    );
}

#[test]
fn other_keys_types_and_payloads_are_refused() {
    let (_, signers, honest) = signed();
    let stranger = Signer::generate("s");
    let by_stranger = envelope("x", b"y", &stranger);
    assert!(matches!(
        by_stranger.verify(&signers),
        Err(ProofError::UnknownSigner { .. })
    ));

    // A stranger's signature under the trusted key's id.
    let mut claimed = by_stranger;
    claimed.signatures[0].keyid = honest.signatures[0].keyid.clone();
    assert!(matches!(
        claimed.verify(&signers),
        Err(ProofError::BadSignature { .. })
    ));

    let mut other_type = honest.clone();
    other_type.payload_type.push('x');
    assert!(matches!(
        other_type.verify(&signers),
        Err(ProofError::BadSignature { .. })
    ));

    let mut other_payload = honest.clone();
    other_payload.payload = STANDARD.encode("hello worle");
    assert!(matches!(
        other_payload.verify(&signers),
        Err(ProofError::BadSignature { .. })
    ));

    // Moving a character over the border between type and payload must not keep the signature.
    let mut shifted = honest;
    shifted.payload_type.push('h');
    shifted.payload = STANDARD.encode("ello world");
    assert!(shifted.verify(&signers).is_err());
}

#[test]
fn a_key_trusted_for_git_alone_says_nothing_here() {
    let (signer, _, honest) = signed();
    let line = format!("d namespaces=\"git\" {}", signer.public().openssh_line());
    assert!(honest.verify(&Signers::parse(&line).unwrap()).is_err());
}

#[test]
fn the_url_safe_alphabet_is_read_too() {
    let signer = Signer::generate("t");
    let mut envelope = envelope("t", &[0xfb, 0xff, 0xfe], &signer);
    envelope.payload = URL_SAFE.encode([0xfb, 0xff, 0xfe]);
    assert!(envelope.payload.contains('-'));
    assert!(envelope.verify(&Signers::one("d", signer.public())).is_ok());
    assert!(Envelope::parse_exact(&envelope.to_bytes()).is_ok());
}

#[test]
fn bytes_around_the_signature_are_fixed_too() {
    let (_, _, envelope) = signed();
    let bytes = envelope.to_bytes();
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let spaced = serde_json::to_vec_pretty(&value).unwrap();
    let mut extra = value;
    extra["note"] = "hi".into();
    for other in [
        spaced,
        extra.to_string().into_bytes(),
        bytes[..bytes.len() - 1].to_vec(),
    ] {
        assert!(
            Envelope::parse(&other).is_ok(),
            "any JSON form is an envelope"
        );
        assert!(
            Envelope::parse_exact(&other).is_err(),
            "but not one that we wrote"
        );
    }
}

#[test]
fn sizes_and_counts_are_bounded() {
    let large = vec![b' '; MAX_ENVELOPE_BYTES + 1];
    assert!(matches!(
        Envelope::parse(&large),
        Err(ProofError::TooLarge { .. })
    ));
    let with = |count: usize| {
        let signatures = vec![serde_json::json!({ "keyid": "", "sig": "" }); count];
        serde_json::json!({ "payload": "", "payloadType": "", "signatures": signatures })
            .to_string()
    };
    assert!(Envelope::parse(with(0).as_bytes()).is_err());
    assert!(Envelope::parse(with(16).as_bytes()).is_ok());
    assert!(Envelope::parse(with(17).as_bytes()).is_err());
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(Envelope::parse(deep.as_bytes()).is_err());
    let twice =
        r#"{"payload":"","payload":"","payloadType":"","signatures":[{"keyid":"","sig":""}]}"#;
    assert!(
        Envelope::parse(twice.as_bytes()).is_err(),
        "a key given twice means two things"
    );
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(envelope) = Envelope::parse(&bytes) {
            prop_assert!(envelope.verify(&Signers::default()).is_err());
        }
    }

    #[test]
    fn hostile_envelopes_never_verify(payload in ".{0,40}", kind in ".{0,20}", keyid in ".{0,10}", sig in ".{0,90}", ours in any::<bool>()) {
        let signer = Signer::generate("t");
        let keyid = if ours { signer.public().keyid() } else { keyid };
        let json = serde_json::json!({
            "payload": payload, "payloadType": kind, "signatures": [{ "keyid": keyid, "sig": sig }],
        });
        let envelope = Envelope::parse(json.to_string().as_bytes()).unwrap();
        prop_assert!(envelope.verify(&Signers::one("d", signer.public())).is_err());
    }

    #[test]
    fn any_payload_comes_back(payload in proptest::collection::vec(any::<u8>(), 0..300), kind in ".{0,30}") {
        let signer = Signer::generate("t");
        let bytes = envelope(&kind, &payload, &signer).to_bytes();
        let verified = Envelope::parse_exact(&bytes).unwrap().verify(&Signers::one("d", signer.public())).unwrap();
        prop_assert_eq!((verified.payload, verified.payload_type), (payload, kind));
    }

    #[test]
    fn one_flipped_bit_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (_, signers, envelope) = signed();
        let mut bytes = envelope.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Envelope::parse_exact(&bytes).and_then(|envelope| envelope.verify(&signers)).is_err());
    }
}
