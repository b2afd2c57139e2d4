//! `docs/problems.md` says what the daemon's pages say.

use std::fmt::Write as _;
use std::path::Path;

use crate::problem::Kind;
use crate::problem::codes::CODES;

const HEAD: &str = "# Problems

Every refusal is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
`type` is a path of the daemon: it serves a page there, without a network, that says what is on this one.
`detail` says what is wrong with this request, `instance` has its id, which is in the header `x-request-id` and in the log.

This page is made from the code: `SLUICE_UPDATE_OPENAPI=1 cargo nextest run -p sluice-server` writes it.
";

fn written() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n## Types\n\n| status | `type` | is | what to do |\n|---|---|---|---|\n");
    for kind in Kind::ALL {
        let (status, word, title, help) = kind.told();
        let status = status.as_u16();
        let _ = writeln!(text, "| {status} | `/problems/{word}` | {title} | {help} |");
    }
    text.push_str("\n## Words in `code`\n\nThey have pages too, such as `/problems/run_open`.\n\n");
    text.push_str("| `code` | status | means | what to do |\n|---|---|---|---|\n");
    for code in CODES {
        let status = code.kind.told().0.as_u16();
        let _ = writeln!(
            text,
            "| `{}` | {status} | {} | {} |",
            code.word, code.means, code.mend
        );
    }
    text
}

#[test]
fn the_committed_page_is_what_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/problems.md");
    let written = written();
    if std::env::var_os("SLUICE_UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == written,
        "docs/problems.md is not what is served; SLUICE_UPDATE_OPENAPI=1 cargo nextest run -p sluice-server writes it"
    );
}

#[test]
fn the_words_are_in_order_and_differ_from_the_types() {
    for pair in CODES.windows(2) {
        assert!(pair[0].word < pair[1].word, "{}", pair[1].word);
    }
    let types = Kind::ALL.map(|kind| kind.told().1);
    assert!(CODES.iter().all(|code| !types.contains(&code.word)));
}

/// The words that the source names in refusals, with their files.
fn named() -> Vec<(String, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![
        crates.join("sluice-factory/src"),
        crates.join("sluice-server/src"),
    ];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("tests.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for start in [
                "Refusal::conflict(",
                "Refusal::forbidden(",
                "with(\"code\",",
            ] {
                for (at, _) in text.match_indices(start) {
                    let rest = text[at + start.len()..].trim_start();
                    // A variable's values are named where they are made.
                    if let Some(rest) = rest.strip_prefix('"') {
                        let word = rest.split('"').next().unwrap().to_owned();
                        found.push((word, path.display().to_string()));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn every_word_that_a_refusal_names_has_its_page_and_no_other_has() {
    let named = named();
    assert!(named.len() >= CODES.len(), "{named:?}");
    for (word, file) in &named {
        assert!(
            CODES.iter().any(|code| code.word == word),
            "{file} names {word:?}: say in src/problem/codes.rs what it means"
        );
    }
    for code in CODES {
        assert!(
            named.iter().any(|(word, _)| word == code.word),
            "no refusal names {:?}",
            code.word
        );
    }
}
