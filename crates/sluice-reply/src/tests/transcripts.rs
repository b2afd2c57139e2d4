//! The shared samples: transcripts with what they must come to. Our own are in `conformance`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::parse;

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map(|all| all.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// Everything that is wrong with how a transcript is read.
fn faults(name: &str, text: &str, expected: &Value) -> Vec<String> {
    let reply = parse(text);
    let json = serde_json::to_value(reply.to_json(true)).unwrap();
    let mut faults = Vec::new();
    let mut left: Vec<&Value> = json["files"].as_array().unwrap().iter().collect();
    for file in expected["files"].as_array().unwrap() {
        let path = file["path"].as_str().unwrap();
        let mut paths = strings(&file["path_any"]);
        paths.push(path);
        let Some(at) = left
            .iter()
            .position(|f| paths.contains(&f["path"].as_str().unwrap()))
        else {
            faults.push(format!("{path} is missing"));
            continue;
        };
        let got = left.remove(at);
        let mut hashes = strings(&file["also_ok_sha256"]);
        hashes.extend(file["sha256"].as_str());
        if !hashes.contains(&got["sha256"].as_str().unwrap()) {
            faults.push(format!("{path} holds {:?}", got["content"]));
        }
        let languages = strings(&file["language_any"]);
        if !languages.is_empty() && !languages.contains(&got["language"].as_str().unwrap()) {
            faults.push(format!("{path} is in {}", got["language"]));
        }
        if got["complete"] != file["complete"] {
            faults.push(format!("{path} is complete: {}", got["complete"]));
        }
        if got["inferred"].as_bool() != Some(file["inferred"].as_bool().unwrap_or(false)) {
            faults.push(format!("{path} is inferred: {}", got["inferred"]));
        }
    }
    faults.extend(
        left.iter()
            .map(|file| format!("{} should not be there", file["path"])),
    );
    let warnings = json["warnings"].as_array().unwrap();
    for wanted in expected["warnings"].as_array().unwrap() {
        let wanted = wanted.as_object().unwrap();
        if !warnings
            .iter()
            .any(|got| wanted.iter().all(|(key, value)| got[key] == *value))
        {
            faults.push(format!("no warning {wanted:?} in {:?}", json["warnings"]));
        }
    }
    for forbidden in strings(&expected["forbidden_paths"]) {
        if reply
            .files
            .iter()
            .any(|file| file.path.as_str() == forbidden)
        {
            faults.push(format!("{forbidden} is forbidden"));
        }
    }
    faults
        .into_iter()
        .map(|fault| format!("{name}: {fault}"))
        .collect()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

#[test]
fn reads_the_shared_samples() {
    let mut all = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder("samples/transcripts")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let expected =
            std::fs::read_to_string(folder("samples/expected").join(format!("{name}.json")))
                .unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        all.extend(faults(
            &name,
            &std::fs::read_to_string(&path).unwrap(),
            &expected,
        ));
        count += 1;
    }
    assert!(count >= 16);
    assert!(all.is_empty(), "{}", all.join("\n"));
}
