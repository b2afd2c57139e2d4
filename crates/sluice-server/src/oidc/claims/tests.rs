//! What a token must say, at any time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sluice_factory::Role;

use super::super::token::Doubt;
use super::super::{Fetch, OidcOptions};
use super::{Rights, judge};

const NOW: i64 = 1_800_000_000;

#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl Fetch for Nobody {
    async fn get(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("nobody is asked".to_owned())
    }
}

fn options() -> OidcOptions {
    OidcOptions {
        issuer: "https://login.example.org".to_owned(),
        audience: "sluice".to_owned(),
        jwks_url: None,
        role_claim: "realm.roles".to_owned(),
        roles: vec![
            (Role::Viewer, vec!["reader".to_owned()]),
            (Role::Operator, vec!["writer".to_owned()]),
            (
                Role::Approver,
                vec!["boss".to_owned(), "deputy boss".to_owned()],
            ),
            (Role::Admin, vec!["root".to_owned()]),
        ],
        projects_claim: None,
        name_claim: None,
        leeway: Duration::from_secs(30),
        fetch: Arc::new(Nobody),
    }
}

fn claims(changes: Value) -> Map<String, Value> {
    let mut claims = json!({
        "iss": "https://login.example.org", "aud": "sluice", "sub": "248289761001",
        "exp": NOW + 300, "nbf": NOW - 10, "iat": NOW - 10, "name": "Ada",
        "realm": { "roles": ["writer"] },
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims.as_object().unwrap().clone()
}

#[track_caller]
fn judged(changes: Value, options: &OidcOptions) -> Result<Rights, Doubt> {
    judge(&claims(changes), options, NOW)
}

#[test]
fn who_it_is_and_what_they_may_do_is_read() {
    let expected = Rights {
        subject: "248289761001".to_owned(),
        shown: "Ada".to_owned(),
        role: Some(Role::Operator),
        projects: None,
    };
    assert_eq!(judged(json!({}), &options()), Ok(expected));
}

#[test]
fn every_claim_that_must_hold_does() {
    let doubts = [
        (json!({ "iss": null }), Doubt::Issuer),
        (
            json!({ "iss": "https://login.example.org/" }),
            Doubt::Issuer,
        ),
        (
            json!({ "iss": ["https://login.example.org"] }),
            Doubt::Issuer,
        ),
        (json!({ "aud": null }), Doubt::Audience),
        (json!({ "aud": "sluice2" }), Doubt::Audience),
        (json!({ "aud": ["other", 7] }), Doubt::Audience),
        (json!({ "aud": { "sluice": true } }), Doubt::Audience),
        (json!({ "exp": null }), Doubt::Claim("exp")),
        (json!({ "exp": "9999999999" }), Doubt::Claim("exp")),
        (json!({ "exp": true }), Doubt::Claim("exp")),
        (json!({ "exp": 1e300 }), Doubt::Claim("exp")),
        (json!({ "exp": NOW - 30 }), Doubt::Expired),
        (json!({ "exp": 0 }), Doubt::Expired),
        (json!({ "exp": i64::MIN }), Doubt::Expired),
        (json!({ "nbf": NOW + 31 }), Doubt::NotYet),
        (json!({ "nbf": "soon" }), Doubt::Claim("nbf")),
        (json!({ "iat": NOW + 31 }), Doubt::NotYet),
        (json!({ "iat": i64::MAX }), Doubt::NotYet),
        (json!({ "iat": [] }), Doubt::Claim("iat")),
        (json!({ "sub": null }), Doubt::Claim("sub")),
        (json!({ "sub": "" }), Doubt::Claim("sub")),
        (json!({ "sub": 7 }), Doubt::Claim("sub")),
        (json!({ "sub": "a\nb" }), Doubt::Claim("sub")),
        (json!({ "sub": "a".repeat(256) }), Doubt::Claim("sub")),
    ];
    for (changes, doubt) in doubts {
        assert_eq!(judged(changes.clone(), &options()), Err(doubt), "{changes}");
    }
    for good in [
        json!({ "aud": ["other", "sluice"] }),
        json!({ "exp": NOW - 29 }),
        json!({ "exp": NOW as f64 + 0.5 }),
        json!({ "exp": i64::MAX }),
        json!({ "nbf": NOW + 30, "iat": NOW + 30 }),
        json!({ "nbf": null, "iat": null }),
        json!({ "sub": "a".repeat(255) }),
    ] {
        assert!(judged(good.clone(), &options()).is_ok(), "{good}");
    }
}

#[test]
fn a_clock_that_jumps_refuses_and_lets_in_again() {
    let claims = claims(json!({}));
    let at = |now| judge(&claims, &options(), now).map(drop);
    for (now, expected) in [
        (NOW, Ok(())),
        (NOW + 86_400, Err(Doubt::Expired)),
        (NOW, Ok(())),
        (NOW - 86_400, Err(Doubt::NotYet)),
        (0, Err(Doubt::NotYet)),
        (i64::MAX, Err(Doubt::Expired)),
        (i64::MIN, Err(Doubt::NotYet)),
        (NOW + 1, Ok(())),
    ] {
        assert_eq!(at(now), expected, "{now}");
    }
}

#[test]
fn the_highest_role_counts_and_nothing_gives_none() {
    let role = |value: Value| {
        let changes = json!({ "realm": { "roles": value } });
        judged(changes, &options()).unwrap().role
    };
    assert_eq!(
        role(json!(["reader", "boss", "writer"])),
        Some(Role::Approver)
    );
    assert_eq!(role(json!(["deputy boss"])), Some(Role::Approver));
    assert_eq!(role(json!("openid writer")), Some(Role::Operator));
    assert_eq!(role(json!("deputy boss")), Some(Role::Approver));
    assert_eq!(role(json!("root")), Some(Role::Admin));
    for nothing in [
        json!([]),
        json!(["deputy", "Boss", "roots", 7, null]),
        json!("rooted"),
        json!({ "root": true }),
        json!(true),
    ] {
        assert_eq!(role(nothing.clone()), None, "{nothing}");
    }
    assert_eq!(
        judged(json!({ "realm": null }), &options()).unwrap().role,
        None
    );
    assert_eq!(
        judged(json!({ "realm": "root" }), &options()).unwrap().role,
        None
    );
}

#[test]
fn a_claim_whose_name_has_dots_is_found() {
    let mut options = options();
    options.role_claim = "https://example.org/roles".to_owned();
    let changes = json!({ "https://example.org/roles": ["boss"] });
    assert_eq!(
        judged(changes, &options).unwrap().role,
        Some(Role::Approver)
    );
}

#[test]
fn projects_bound_a_token_and_a_missing_claim_opens_none() {
    let mut options = options();
    options.projects_claim = Some("projects".to_owned());
    let with = |changes: Value| {
        let rights = judged(changes, &options).unwrap();
        (rights.role, rights.projects)
    };
    let root = json!({ "roles": ["root"] });
    assert_eq!(
        with(json!({ "projects": ["a", "b"], "realm": root })),
        (
            Some(Role::Approver),
            Some(vec!["a".to_owned(), "b".to_owned()])
        )
    );
    assert_eq!(
        with(json!({ "projects": ["*"], "realm": root })),
        (Some(Role::Admin), None)
    );
    assert_eq!(with(json!({})), (Some(Role::Operator), Some(Vec::new())));
}

#[test]
fn a_name_is_shown_where_there_is_one() {
    let shown = |changes: Value, options: &OidcOptions| judged(changes, options).unwrap().shown;
    let usual = options();
    assert_eq!(
        shown(json!({ "name": " ", "email": "a@example.org" }), &usual),
        "a@example.org"
    );
    assert_eq!(shown(json!({ "name": null }), &usual), "248289761001");
    let mut named = options();
    named.name_claim = Some("nick.name".to_owned());
    assert_eq!(shown(json!({ "nick": { "name": "Al" } }), &named), "Al");
    assert_eq!(shown(json!({}), &named), "248289761001");
}
