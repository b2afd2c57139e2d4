//! The subject digest: a fixed vector, and everything that must change it.

use super::*;

fn subject() -> Subject {
    Subject::new("a".repeat(40), "b".repeat(40)).unwrap()
}

fn saw(kind: &str, digest: &str) -> Saw {
    Saw {
        predicate_type: kind.into(),
        sha256: digest.into(),
        path: "x".into(),
    }
}

#[test]
fn the_vector_in_the_documentation() {
    let text = format!(
        r#"["sluice-subject/v1","todo","g5","r1","{}","{}",[["t","01"],["u","00"]]]"#,
        "a".repeat(40),
        "b".repeat(40)
    );
    let digest = subject_digest(
        "todo",
        "g5",
        "r1",
        &subject(),
        &[saw("u", "00"), saw("t", "01"), saw("u", "00")],
    );
    assert_eq!(digest, sha256_hex(text.as_bytes()));
}

#[test]
fn every_part_counts() {
    let base = subject_digest("p", "g", "r", &subject(), &[saw("t", "0")]);
    let other = Subject::new("a".repeat(40), "c".repeat(40)).unwrap();
    for changed in [
        subject_digest("q", "g", "r", &subject(), &[saw("t", "0")]),
        subject_digest("p", "h", "r", &subject(), &[saw("t", "0")]),
        subject_digest("p", "g", "s", &subject(), &[saw("t", "0")]),
        subject_digest("p", "g", "r", &other, &[saw("t", "0")]),
        subject_digest("p", "g", "r", &subject(), &[saw("t", "1")]),
        subject_digest("p", "g", "r", &subject(), &[]),
        subject_digest("p\",\"g", "", "r", &subject(), &[saw("t", "0")]),
    ] {
        assert_ne!(changed, base);
    }
}

#[test]
fn object_ids_are_checked() {
    let good = "a".repeat(40);
    assert!(Subject::new(good.clone(), "b".repeat(64)).is_ok());
    for bad in [
        "",
        "A".repeat(40).as_str(),
        "a".repeat(39).as_str(),
        "g".repeat(40).as_str(),
    ] {
        assert!(Subject::new(good.clone(), bad).is_err(), "{bad:?}");
    }
}
