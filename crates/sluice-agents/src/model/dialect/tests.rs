//! What people write as an address.

use super::{Dialect, Place};

#[test]
fn an_address_leads_to_the_call() {
    let url = |base: &str| Place::new(base, None).unwrap().url.to_string();
    for (base, wanted) in [
        (
            "https://api.openai.com/v1",
            "https://api.openai.com/v1/chat/completions",
        ),
        (
            "https://openrouter.ai/api/v1/",
            "https://openrouter.ai/api/v1/chat/completions",
        ),
        (
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080/v1/chat/completions",
        ),
        (
            " http://[::1]:11434/v1 ",
            "http://[::1]:11434/v1/chat/completions",
        ),
        (
            "https://host/deployment/chat/completions?api-version=1",
            "https://host/deployment/chat/completions?api-version=1",
        ),
        (
            "https://api.anthropic.com",
            "https://api.anthropic.com/v1/messages",
        ),
        (
            "https://api.anthropic.com/v1",
            "https://api.anthropic.com/v1/messages",
        ),
        (
            "https://proxy/anthropic",
            "https://proxy/anthropic/v1/messages",
        ),
        (
            "http://127.0.0.1:1/v1/messages",
            "http://127.0.0.1:1/v1/messages",
        ),
    ] {
        assert_eq!(url(base), wanted, "{base}");
    }
}

#[test]
fn the_dialect_is_guessed_or_given() {
    let dialect = |base: &str, given| Place::new(base, given).unwrap().dialect;
    assert_eq!(dialect("http://127.0.0.1:8080/v1", None), Dialect::OpenAi);
    assert_eq!(
        dialect("https://notanthropic.com/v1", None),
        Dialect::OpenAi
    );
    assert_eq!(
        dialect("https://eu.anthropic.com", None),
        Dialect::Anthropic
    );
    let given = Place::new("http://127.0.0.1:8080", Some(Dialect::Anthropic)).unwrap();
    assert_eq!(given.url.path(), "/v1/messages");
}

#[test]
fn a_wrong_address_says_what_to_write() {
    let wrong = |base: &str| Place::new(base, None).unwrap_err().to_string();
    insta::assert_snapshot!(
        ["", "localhost:8080", "ftp://host/v1", "http://user:secret@host/v1"]
            .map(wrong)
            .join("\n"),
        @"
    takes an address as in http://127.0.0.1:8080/v1 or https://api.openai.com/v1
    takes an address that begins with http:// or https://, as in http://127.0.0.1:8080/v1 or https://api.openai.com/v1
    takes an address that begins with http:// or https://, as in http://127.0.0.1:8080/v1 or https://api.openai.com/v1
    takes an address without a user or password; put the key into api_key
    "
    );
}
