//! Layout and links: the rules that hold the order, and what is refused.

use super::*;
use crate::signers::Signers;

fn payload(envelope: &Envelope, signer: &Signer) -> (Verified, Value) {
    let verified = envelope
        .verify(&Signers::one("d", signer.public()))
        .unwrap();
    let value = serde_json::from_slice(&verified.payload).unwrap();
    (verified, value)
}

#[test]
fn each_step_takes_what_the_one_before_it_passed() {
    let signer = Signer::generate("t");
    let envelope = layout(&["g0", "g1", "g5"], &[signer.public()], FAR_EXPIRY, &signer).unwrap();
    let (verified, value) = payload(&envelope, &signer);
    assert_eq!(read_steps(&verified).unwrap(), ["g0", "g1", "g5"]);
    assert_eq!(
        value["steps"][0]["expected_materials"],
        json!([["DISALLOW", "*"]])
    );
    assert_eq!(
        value["steps"][2]["expected_materials"][1],
        json!(["MATCH", "tree", "WITH", "PRODUCTS", "FROM", "g1"])
    );
    assert_eq!(
        value["keys"][signer.public().keyid()]["keyval"]["public"],
        signer.public().hex()
    );
}

#[test]
fn a_link_leads_from_tree_to_tree() {
    let signer = Signer::generate("t");
    let (verified, _) = payload(&link("g1", Some("aa"), "bb", &signer), &signer);
    let expected = Link {
        gate: "g1".into(),
        before: Some("aa".into()),
        passed: Some("bb".into()),
    };
    assert_eq!(read_link(&verified).unwrap(), expected);
    let (first, _) = payload(&link("g0", None, "aa", &signer), &signer);
    assert_eq!(read_link(&first).unwrap().before, None);
    assert!(read_steps(&first).is_err(), "a link is no layout");
    let name = link_name("g1", &signer.public());
    assert_eq!(name, format!("g1.{}.link", &signer.public().keyid()[..8]));
}

#[test]
fn only_in_toto_s_form_of_an_expiry_is_taken() {
    let signer = Signer::generate("t");
    for bad in [
        "",
        "2030-01-01",
        "2030-01-01T00:00:00+00:00",
        "2030-01-01T00:00:0éZ",
    ] {
        assert!(
            layout(&["g0"], &[signer.public()], bad, &signer).is_err(),
            "{bad:?}"
        );
    }
}
