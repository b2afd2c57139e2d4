//! What may name a project.

use super::*;

#[test]
fn takes_short_plain_names_only() {
    for good in ["a", "0", "shop-api", "a-", "x".repeat(63).as_str()] {
        assert_eq!(ProjectName::parse(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        "-a",
        "A",
        "a_b",
        "a.b",
        "..",
        "a/b",
        "ä",
        "a b",
        "a\n",
        "x".repeat(64).as_str(),
    ] {
        assert!(ProjectName::parse(bad).is_err(), "{bad:?}");
        assert!(
            serde_json::from_value::<ProjectName>(bad.into()).is_err(),
            "{bad:?}"
        );
    }
}
