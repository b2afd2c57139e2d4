//! Prices are read strictly and counted exactly.

use super::*;

const FILE: &str = "date = \"2026-11-22\"\ncurrency = \"USD\"\n[models.small]\ninput = 0.25\noutput = 2\ncached = 0.025\n\
                    [models.\"maker/free\"]\ninput = 0\noutput = 0\n";

fn usage(input: u64, output: u64, cached: Option<u64>) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        cached,
    }
}

#[test]
fn a_call_costs_what_its_tokens_cost() {
    let prices = Prices::parse(FILE).unwrap();
    assert_eq!(
        prices.cost("small", &usage(1_000_000, 1_000_000, None)),
        Some(2_250_000_000)
    );
    assert_eq!(
        prices.cost("small", &usage(100, 10, Some(60))),
        Some(31_500)
    );
    // A server that claims more from its cache than there was.
    assert_eq!(prices.cost("small", &usage(100, 0, Some(900))), Some(2_500));
    assert_eq!(prices.cost("maker/free", &usage(5, 5, None)), Some(0));
    assert_eq!(prices.cost("small", &usage(u64::MAX, u64::MAX, None)), None);
}

#[test]
fn what_is_not_known_is_not_nothing() {
    let prices = Prices::parse(FILE).unwrap();
    assert_eq!(prices.cost("large", &usage(1, 1, None)), None);
    assert_eq!(prices.cost("small", &Usage::default()), None);
    assert!(!prices.knows("large"));
    assert!(!Prices::default().knows("small"));
}

#[test]
fn a_wrong_file_says_what_to_write() {
    let error = |from: &str, to: &str| {
        let error = Prices::parse(&FILE.replace(from, to)).unwrap_err();
        format!("{error:#}").lines().next_back().unwrap().to_owned()
    };
    assert_eq!(
        error("2026-11-22", "today"),
        "date takes a day as in 2026-11-22, not \"today\""
    );
    assert_eq!(
        error("USD", "$"),
        "currency takes three capital letters as in USD, not \"$\""
    );
    assert!(error("0.25", "-1").contains("small has the price -1"));
    assert!(error("0.25", "nan").contains("small has the price NaN"));
    assert!(error("cached", "cache").contains("unknown field `cache`"));
}

#[test]
fn the_built_in_file_is_valid() {
    let prices = Prices::parse(include_str!("../../../../templates/prices.toml")).unwrap();
    assert!(prices.models.len() > 10);
    assert!(!prices.source.is_empty());
    for price in prices.models.values() {
        assert!(
            price.cached.is_none_or(|cached| cached <= price.input) && price.input <= price.output
        );
    }
}
