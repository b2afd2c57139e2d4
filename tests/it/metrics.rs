//! Metrics are documented as they are served, and alerts ask for metrics that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("tests/ lies in the repository")
        .to_path_buf()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Words in a text that may be names of metrics.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("sluice_") || word.starts_with("process_"))
}

/// The names that the program serves: its metrics are made in `meters.rs` of each room and in `route/metrics`.
fn served() -> BTreeSet<String> {
    let mut files = Vec::new();
    for room in fs::read_dir(root().join("crates"))
        .expect("rooms")
        .flatten()
    {
        let source = room.path().join("src");
        files.push(source.join("meters.rs"));
        let below = source.join("route/metrics");
        let below = fs::read_dir(below).into_iter().flatten().flatten();
        files.extend(below.map(|entry| entry.path()));
    }
    let files = files.into_iter().filter(|file| file.is_file());
    let quoted = files.flat_map(|file| {
        let text = read(&file);
        let parts: Vec<String> = text
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        parts
    });
    quoted
        .filter(|text| words(text).next() == Some(text.as_str()))
        .collect()
}

/// The names in the first column of the table.
fn documented() -> BTreeSet<String> {
    let page = read(&root().join("docs/operations.md"));
    let (_, part) = page.split_once("## Metrics").expect("a part about metrics");
    let part = part.split("\n## ").next().unwrap_or_default();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| words(row.split(" | ").next().unwrap_or_default()).map(str::to_owned))
        .collect()
}

#[test]
fn every_metric_is_documented_and_every_documented_one_is_served() {
    let (served, documented) = (served(), documented());
    assert!(served.len() > 40, "{served:?}");
    let missing: Vec<_> = served.difference(&documented).collect();
    assert!(
        missing.is_empty(),
        "docs/operations.md has no row for {missing:?}"
    );
    let gone: Vec<_> = documented.difference(&served).collect();
    assert!(
        gone.is_empty(),
        "docs/operations.md tells of {gone:?}, which is not served"
    );
}

/// Rules as Prometheus reads them; it refuses other keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(rename = "name")]
    _name: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(default, rename = "for")]
    lasts: Option<String>,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    severity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    summary: String,
    action: String,
}

#[test]
fn every_alert_asks_for_metrics_that_there_are_and_says_what_to_do() {
    let text = read(&root().join("docs/alerts.yml"));
    let rules: Rules = serde_saphyr::from_str(&text).expect("rules of Prometheus");
    let served = served();
    let mut names = BTreeSet::new();
    for rule in rules.groups.into_iter().flat_map(|group| group.rules) {
        let alert = &rule.alert;
        assert!(names.insert(alert.clone()), "{alert} is there twice");
        let mut asked = 0;
        for word in words(&rule.expr) {
            let plain = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| word.strip_suffix(end).filter(|name| served.contains(*name)));
            assert!(
                plain.is_some() || served.contains(word),
                "{alert} asks for {word}, which is not served"
            );
            asked += 1;
        }
        assert!(
            asked > 0 || rule.expr.starts_with("up{"),
            "{alert} asks for nothing of ours"
        );
        let count = |c: char| rule.expr.chars().filter(|one| *one == c).count();
        for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
            assert_eq!(count(open), count(close), "{alert}: {}", rule.expr);
        }
        if let Some(lasts) = &rule.lasts {
            let number = lasts.trim_end_matches(['s', 'm', 'h', 'd']);
            assert!(
                number.len() + 1 == lasts.len() && number.parse::<u32>().is_ok(),
                "{alert}"
            );
        }
        assert!(
            ["page", "ticket"].contains(&rule.labels.severity.as_str()),
            "{alert}"
        );
        assert!(
            rule.annotations.summary.len() > 10 && rule.annotations.action.len() > 20,
            "{alert}"
        );
    }
    assert!(names.len() >= 15, "{names:?}");
}
