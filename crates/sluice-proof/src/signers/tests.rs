//! The allowed_signers format: what is taken, and which line is blamed.

use super::*;
use crate::key::Signer;
use proptest::prelude::*;

fn key() -> PublicKey {
    Signer::generate("a comment").public()
}

#[test]
fn what_is_written_is_read() {
    let mut signers = Signers::one("daemon@sluice", key());
    signers.add("the old, \"one\"", key());
    let text = signers.to_text();
    assert!(
        text.starts_with("daemon@sluice namespaces=\"git,sluice\" ssh-ed25519 AAAA"),
        "{text}"
    );
    assert_eq!(Signers::parse(&text).unwrap(), signers);
    assert_eq!(signers.all()[1].name, "the-old---one-");
}

#[test]
fn the_formats_people_write_are_read() {
    let line = key().openssh_line();
    let text = format!(
        "# ours\n\n  ada@x,ada {line}\n\"two words\" NAMESPACES=\"sluice\" {line}\nb namespaces=git {line}\r\n"
    );
    let signers = Signers::parse(&text).unwrap();
    let names: Vec<_> = signers
        .all()
        .iter()
        .map(|signer| signer.name.as_str())
        .collect();
    assert_eq!(names, ["ada@x", "two words", "b"]);
    assert_eq!(signers.all()[0].namespaces, None);
    assert_eq!(signers.all()[1].namespaces, Some(vec!["sluice".to_owned()]));
}

#[test]
fn namespaces_bind() {
    let key = key();
    let signers = Signers::parse(&format!("a namespaces=\"git\" {}", key.openssh_line())).unwrap();
    assert!(signers.by_key(&key, GIT_NAMESPACE).is_some());
    assert!(signers.by_key(&key, SLUICE_NAMESPACE).is_none());
    assert!(signers.by_keyid(&key.keyid(), SLUICE_NAMESPACE).is_none());
    assert!(signers.contains(&key));
}

#[test]
fn the_bad_line_is_named() {
    let good = key().openssh_line();
    for (bad, said) in [
        ("ada".to_owned(), "there is no key"),
        ("ada ssh-ed25519 AAAA".to_owned(), "not a readable"),
        (
            format!("ada valid-before=\"20200101\" {good}"),
            "not supported",
        ),
        (format!("ada cert-authority {good}"), "not supported"),
        (
            format!("ada namespaces=\"git\",valid-after=\"20200101\" {good}"),
            "not supported",
        ),
        (format!("ada namespaces=\"*\" {good}"), "patterns"),
        (format!("\"ada {good}"), "quote"),
        (format!("\"\" {good}"), "empty"),
    ] {
        let error = Signers::parse(&format!("# first\nx {good}\n{bad}\n"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 3") && error.contains(said),
            "{bad}: {error}"
        );
    }
    assert!(matches!(
        Signers::parse(&" ".repeat(MAX_SIGNERS_BYTES + 1)),
        Err(ProofError::TooLarge { .. })
    ));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[ a-z=\",#\\n]{0,80}(ssh-ed25519 AAAA)?.{0,40}") {
        let _ = Signers::parse(&text);
    }

    #[test]
    fn any_name_stays_one_field(name in ".{0,40}") {
        let signers = Signers::one(&name, key());
        prop_assert_eq!(Signers::parse(&signers.to_text()).unwrap(), signers);
    }
}
