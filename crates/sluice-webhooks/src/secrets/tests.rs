//! Secrets and signatures.

use super::*;

#[test]
fn the_example_of_the_specification_is_signed_as_there() {
    // https://github.com/standard-webhooks/standard-webhooks, the libraries' common test.
    let secrets = Secrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let signed = secrets.sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn while_one_secret_replaces_another_both_sign() {
    let (old, new) = (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    );
    let sign = |text: &str| Secrets::parse(text).unwrap().sign("id", 1, b"{}");
    let both = sign(&format!("{new}\n {old}\n"));
    assert_eq!(both, format!("{} {}", sign(new), sign(old)));
    assert_ne!(sign(new), sign(old));
}

#[test]
fn what_is_no_secret_is_refused_and_none_is_shown() {
    let long = format!("whsec_{}", STANDARD.encode([7; 65]));
    let many = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"; 5].join(" ");
    for text in [
        "",
        "  \n",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        &long,
        &many,
    ] {
        let refused = Secrets::parse(text).unwrap_err().to_string();
        assert!(text.len() < 7 || !refused.contains(text), "{refused}");
    }
    let secrets = Secrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    assert_eq!(format!("{secrets:?}"), "Secrets(…)");
}
