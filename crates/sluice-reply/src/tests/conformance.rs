//! The cases of `docs/reply-format/conformance`, which other implementations run as well.
//!
//! `SLUICE_UPDATE_CONFORMANCE=1` writes what the parser gives into `expected`; every line of that diff is to be
//! judged by the contract before it is kept.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::{Code, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reply-format/conformance/replies")
}

/// What the cases compare, of what a reply parses to.
fn outcome(text: &str) -> Value {
    let all = serde_json::to_value(parse(text).to_json(true)).unwrap();
    let pick = |list: &str, keys: &[&str]| -> Vec<Value> {
        let entries = all[list].as_array().unwrap().iter();
        entries
            .map(|entry| {
                let found = keys.iter().filter(|key| entry.get(**key).is_some());
                Value::Object(
                    found
                        .map(|key| ((*key).to_owned(), entry[*key].clone()))
                        .collect(),
                )
            })
            .collect()
    };
    json!({
        "files": pick("files", &["path", "language", "content", "complete", "inferred", "source", "lines", "bytes"]),
        "edits": pick("edits", &["path", "kind", "complete", "lines"]),
        "deletions": pick("deletions", &["path", "lines"]),
        "warnings": pick("warnings", &["code", "line", "path", "reason"]),
    })
}

/// Every case, with its file and the number of its line.
pub(crate) fn cases() -> Vec<(PathBuf, usize, Map<String, Value>)> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let case = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}:{}: {error}", file.display(), number + 1));
            cases.push((file.clone(), number + 1, case));
        }
    }
    cases
}

#[test]
fn reads_the_conformance_cases() {
    let mut cases = cases();
    if std::env::var_os("SLUICE_UPDATE_CONFORMANCE").is_some() {
        update(&mut cases);
    }
    let mut wrong = Vec::new();
    for (file, number, case) in &cases {
        let got = outcome(case["reply"].as_str().unwrap());
        if got != case["expected"] {
            let place = format!("{}:{number}: {}", file.display(), case["id"]);
            wrong.push(format!(
                "{place}\n  expected {}\n  but got  {got}",
                case["expected"]
            ));
        }
    }
    assert!(cases.len() >= 300, "{}", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    covers_everything(&cases);
}

fn update(cases: &mut [(PathBuf, usize, Map<String, Value>)]) {
    for (_, _, case) in &mut *cases {
        let got = outcome(case["reply"].as_str().unwrap());
        case.insert("expected".to_owned(), got);
    }
    for file in cases.iter().map(|(file, ..)| file) {
        let lines = cases.iter().filter(|(other, ..)| other == file);
        let text: String = lines
            .map(|(_, _, case)| serde_json::to_string(case).unwrap() + "\n")
            .collect();
        fs::write(file, text).unwrap();
    }
}

/// Every warning, source and notation has a case, and every case a name of its own.
fn covers_everything(cases: &[(PathBuf, usize, Map<String, Value>)]) {
    let text: String = cases
        .iter()
        .map(|(_, _, case)| case["expected"].to_string())
        .collect();
    let codes = Code::ALL.map(Code::as_str);
    let sources = [
        "info-string",
        "attribute",
        "info-word",
        "label",
        "comment",
        "inferred",
    ];
    for word in codes
        .iter()
        .chain(&sources)
        .chain(&["diff", "search-replace"])
    {
        assert!(text.contains(&format!("\"{word}\"")), "no case of {word}");
    }
    let mut ids: Vec<&str> = cases
        .iter()
        .map(|(_, _, case)| case["id"].as_str().unwrap())
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "two cases of one id");
}
