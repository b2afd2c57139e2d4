//! SSHSIG: what is signed verifies, and nothing else does.

use super::*;
use proptest::prelude::*;

fn signed() -> (Signer, Signers, String) {
    let signer = Signer::generate("t");
    let signers = Signers::one("daemon", signer.public());
    let armored = sshsig("sluice", b"message", &signer).unwrap();
    (signer, signers, armored)
}

#[test]
fn what_was_signed_verifies_with_or_without_the_last_line_break() {
    let (signer, signers, armored) = signed();
    assert!(
        armored.starts_with("-----BEGIN SSH SIGNATURE-----\n")
            && armored.ends_with("-----END SSH SIGNATURE-----\n")
    );
    for text in [armored.as_str(), armored.trim_end()] {
        assert_eq!(
            sshsig_verify("sluice", b"message", text, &signers)
                .unwrap()
                .name,
            "daemon"
        );
    }
    assert_eq!(sshsig_key(&armored).unwrap(), signer.public());
}

#[test]
fn other_bytes_uses_and_keys_are_refused() {
    let (_, signers, armored) = signed();
    let verify = |namespace: &str, message: &[u8], signers: &Signers| {
        sshsig_verify(namespace, message, &armored, signers)
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(
        verify("sluice", b"messagf", &signers),
        ProofError::BadSignature { .. }
    ));
    assert!(matches!(
        verify("git", b"message", &signers),
        ProofError::Malformed { .. }
    ));
    let strangers = Signers::one("x", Signer::generate("x").public());
    assert!(matches!(
        verify("sluice", b"message", &strangers),
        ProofError::UnknownSigner { .. }
    ));
    assert!(sshsig("", b"m", &Signer::generate("x")).is_err());
}

#[test]
fn armour_has_one_form() {
    let (_, signers, armored) = signed();
    for other in [
        armored.replace('\n', "\r\n"),
        format!("\n{armored}"),
        format!("{armored}x"),
        armored.replace("-----END", "\n-----END"),
        "x".repeat(MAX_SIGNATURE_BYTES + 1),
        String::new(),
    ] {
        assert!(
            sshsig_verify("sluice", b"message", &other, &signers).is_err(),
            "{other:?}"
        );
    }
}

proptest! {
    #[test]
    fn hostile_armour_never_panics(body in "[A-Za-z0-9+/=\\n]{0,300}", bare in ".{0,100}") {
        let signers = Signers::default();
        let armored = format!("-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n");
        prop_assert!(sshsig_verify("sluice", b"m", &armored, &signers).is_err());
        prop_assert!(sshsig_verify("sluice", b"m", &bare, &signers).is_err());
    }

    #[test]
    fn one_changed_character_is_refused(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9+/= \\n-]") {
        let (_, signers, armored) = signed();
        let armored = armored.trim_end();
        let mut chars: Vec<char> = armored.chars().collect();
        let at = at.index(chars.len());
        chars[at] = to.chars().next().unwrap();
        let bent: String = chars.into_iter().collect();
        prop_assume!(bent != armored);
        prop_assert!(sshsig_verify("sluice", b"message", &bent, &signers).is_err());
    }
}

#[test]
fn every_changed_character_is_refused() {
    let (_, signers, armored) = signed();
    let armored = armored.trim_end();
    let mut taken = Vec::new();
    for at in 0..armored.len() {
        for to in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \n-".chars() {
            let mut chars: Vec<char> = armored.chars().collect();
            if chars[at] == to {
                continue;
            }
            let from = std::mem::replace(&mut chars[at], to);
            let bent: String = chars.into_iter().collect();
            if sshsig_verify("sluice", b"message", &bent, &signers).is_ok() {
                taken.push((at, from, to));
            }
        }
    }
    assert!(taken.is_empty(), "{taken:?} of {armored}");
}
