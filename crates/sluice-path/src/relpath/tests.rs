//! The rules, told by two corpora (`testdata/`, `docs/reply-format/conformance/paths.jsonl`) and by properties.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn corpus(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Says what is wrong with the verdict on one case.
fn fault(case: &Value) -> Option<String> {
    let raw = case["path"].as_str().unwrap();
    let verdict = RelPath::parse(raw);
    let wrong = |what: String| Some(format!("{}: {:.100?}: {what}", case["class"], raw));
    match (&verdict, case["expect"].as_str().unwrap()) {
        (Ok(path), "accept") => {
            if let Some(normal) = case["normalized"].as_str()
                && path.as_str() != normal
            {
                return wrong(format!("became {path:?}"));
            }
            if path.is_sensitive() != case["review"].as_bool().unwrap_or(false) {
                return wrong(format!("sensitive: {}", path.is_sensitive()));
            }
            None
        }
        (Err(refusal), "reject") => match case["reason"].as_str() {
            Some(reason) if reason != refusal.reason.as_str() => {
                wrong(format!("refused as {}", refusal.reason))
            }
            _ => None,
        },
        (verdict, expected) => wrong(format!("expected {expected}, got {verdict:?}")),
    }
}

#[test]
fn decides_the_shared_samples() {
    let faults: Vec<String> = corpus(include_str!("../../testdata/samples.jsonl"))
        .iter()
        .filter_map(fault)
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn decides_our_own_cases() {
    let faults: Vec<String> = corpus(include_str!(
        "../../../../docs/reply-format/conformance/paths.jsonl"
    ))
    .iter()
    .filter_map(fault)
    .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn names_its_parts() {
    let path = RelPath::parse("./src//app/main.ts").unwrap();
    assert_eq!(path.as_str(), "src/app/main.ts");
    assert_eq!(
        path.components().collect::<Vec<_>>(),
        ["src", "app", "main.ts"]
    );
    assert_eq!(path.file_name(), "main.ts");
    assert_eq!(path.parent(), Some("src/app"));
    assert_eq!(RelPath::parse("a").unwrap().parent(), None);
}

#[test]
fn collides_by_case_and_composition() {
    let key = |raw: &str| RelPath::parse(raw).unwrap().collision_key();
    assert_eq!(key("src/App.tsx"), key("src/app.tsx"));
    assert_eq!(key("Straße"), key("STRASSE"));
    assert_eq!(key("CAFÉ"), key("cafe\u{301}"));
    assert_ne!(key("a"), key("b"));
}

#[test]
fn refusals_are_safe_to_print() {
    let refusal = RelPath::parse("src/\u{1b}[2J\u{202e}a.ts").unwrap_err();
    assert_eq!(refusal.reason, Reason::Control);
    assert!(
        !refusal.message.contains(['\u{1b}', '\u{202e}']),
        "{:?}",
        refusal.message
    );
    assert!(
        RelPath::parse(&"a\\".repeat(5000))
            .unwrap_err()
            .message
            .len()
            < 400
    );
}

#[test]
fn reads_and_writes_as_text() {
    let path: RelPath = serde_json::from_str(r#""./src/a.ts""#).unwrap();
    assert_eq!(serde_json::to_string(&path).unwrap(), r#""src/a.ts""#);
    assert!(serde_json::from_str::<RelPath>(r#""../a.ts""#).is_err());
    assert_eq!(
        serde_json::to_string(&Reason::ToolOwned).unwrap(),
        r#""tool_owned""#
    );
    assert_eq!(
        serde_json::to_string(&Reason::NotADirectory).unwrap(),
        r#""not_a_directory""#
    );
}

/// Texts made of what matters to the rules, so that properties do not only see harmless ones.
fn spiced() -> impl Strategy<Value = String> {
    let bits = prop::sample::select(vec![
        "a",
        "b.ts",
        ".git",
        "git~1",
        "GIT",
        ".",
        "..",
        "/",
        "//",
        "./",
        " ",
        "\u{200c}",
        "\u{301}",
        "e",
        "é",
        ":",
        "\\",
        "CON",
        "~",
        "-",
        "$(",
        ";",
        "\u{37e}",
        "\u{1fef}",
        "\u{2025}",
        "\u{ff0f}",
        "\u{ff0e}",
        "\u{fe0f}",
        "❤",
        "node_modules",
        "HEAD",
        "objects/",
        "refs/heads/",
        "x",
        "İ",
        "ı",
        "ß",
        "\u{0}",
        "\n",
        "ﬁ",
        "K",
    ]);
    prop::collection::vec(bits, 0..8).prop_map(|bits| bits.concat())
}

proptest! {
    #[test]
    fn accepts_only_what_is_safe_and_stays_the_same(raw in prop_oneof![any::<String>(), spiced()]) {
        if let Ok(path) = RelPath::parse(&raw) {
            let again = RelPath::parse(path.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&path));
            prop_assert!(path.as_str().len() <= MAX_PATH_BYTES);
            prop_assert!(!path.as_str().starts_with(['/', '~', '-']));
            prop_assert!(!path.as_str().contains(['\\', ':', '\0', '\n', ';', '`']));
            let mut count = 0;
            for component in path.components() {
                count += 1;
                prop_assert!(!component.is_empty() && component.len() <= MAX_COMPONENT_BYTES);
                let compatible: String = component.nfkc().collect();
                prop_assert!(!matches!(component, "." | "..") && !matches!(compatible.as_str(), "." | ".."));
                prop_assert!(!component.ends_with(['.', ' ']));
                let lower = compatible.to_lowercase();
                prop_assert!(lower != ".git" && lower != "git~1" && lower != ".gitmodules" && lower != "node_modules");
            }
            prop_assert!(count <= MAX_COMPONENTS);
        }
    }
}
