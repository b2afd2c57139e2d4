//! Heads of tokens.

use base64::Engine as _;
use jsonwebtoken::Algorithm;

use super::{BASE64, Doubt, Token, is_jwt};

fn read(head: &str) -> Result<(Algorithm, Option<String>), Doubt> {
    let text = format!("{}.e30.AAAA", BASE64.encode(head));
    let token = Token::read(&text)?;
    Ok((token.algorithm, token.kid))
}

#[test]
fn only_signatures_with_public_keys_are_accepted() {
    for (alg, algorithm) in [
        ("RS256", Algorithm::RS256),
        ("PS256", Algorithm::PS256),
        ("ES256", Algorithm::ES256),
        ("EdDSA", Algorithm::EdDSA),
    ] {
        let head = format!(r#"{{"alg":"{alg}","kid":"k"}}"#);
        assert_eq!(read(&head), Ok((algorithm, Some("k".to_owned()))));
    }
    for alg in [
        "none", "None", "NONE", "", "HS256", "HS384", "HS512", "RS1", "RS384", "ES256K", "ES512",
        "rs256", "EdDSA ", "RSA-OAEP", "dir",
    ] {
        let head = format!(r#"{{"alg":"{alg}"}}"#);
        assert_eq!(read(&head), Err(Doubt::Algorithm), "{alg}");
    }
}

#[test]
fn what_is_for_another_purpose_or_not_understood_is_refused() {
    for typ in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        assert!(
            read(&format!(r#"{{"alg":"EdDSA","typ":"{typ}"}}"#)).is_ok(),
            "{typ}"
        );
    }
    for head in [
        r#"{"alg":"EdDSA","typ":"logout+jwt"}"#,
        r#"{"alg":"EdDSA","typ":"dpop+jwt"}"#,
        r#"{"alg":"EdDSA","typ":""}"#,
        r#"{"alg":"EdDSA","crit":["exp"],"exp":1}"#,
        r#"{"alg":"EdDSA","crit":null,"b64":false}"#,
    ] {
        assert_eq!(read(head), Err(Doubt::Purpose), "{head}");
    }
}

#[test]
fn what_is_no_head_is_refused() {
    for head in [
        "",
        "{",
        "[]",
        "7",
        "{}",
        r#"{"alg":7}"#,
        r#"{"alg":["EdDSA"]}"#,
    ] {
        assert_eq!(read(head), Err(Doubt::Malformed), "{head}");
    }
    for text in [
        "",
        "a",
        "a.b.c",
        "eyJ=.e30.AA",
        "eyJ+.e30.AA",
        "\u{1F600}.e30.AA",
    ] {
        assert_eq!(Token::read(text).map(drop), Err(Doubt::Malformed), "{text}");
    }
    let huge = format!(
        "{}.e30.AA",
        BASE64.encode(r#"{"alg":"EdDSA"}"#.to_owned() + &" ".repeat(20_000))
    );
    assert_eq!(Token::read(&huge).map(drop), Err(Doubt::TooLong));
}

#[test]
fn our_own_tokens_are_no_signed_ones() {
    for text in [
        "sluice_0123456789abcdef",
        "secret.with.dots",
        "eyJ.two",
        "eyJ.a.b.c.d",
        "",
    ] {
        assert!(!is_jwt(text), "{text}");
    }
    assert!(is_jwt("eyJhbGciOiJub25lIn0.e30."));
}
