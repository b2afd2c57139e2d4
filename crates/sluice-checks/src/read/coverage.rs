//! How much of the code the tests ran: the summary of vitest and jest, LCOV, Go's profile.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::finding::Paths;
use crate::plan::{COVERAGE_GO, COVERAGE_LCOV};
use crate::{Coverage, Covered};

/// The most files that are named, those first that are covered least.
const MOST_FILES: usize = 50;

/// Lines of one file: all, and those that ran.
type Lines = (u64, u64);

/// The coverage in the folder `out`, where a tool wrote one that can be read.
pub(crate) fn coverage(out: &Path, paths: &Paths) -> Option<Coverage> {
    let read = |folder: &Path, name: &str| super::file(folder, name).ok();
    if let Some(bytes) = read(&out.join("coverage"), "coverage-summary.json") {
        return summary(&bytes, paths);
    }
    let lcov_of = |folder: &Path| {
        read(folder, COVERAGE_LCOV).or_else(|| read(&folder.join("coverage"), COVERAGE_LCOV))
    };
    if let Some(bytes) = lcov_of(out) {
        return counted(lcov(&bytes), paths);
    }
    let bytes = read(out, COVERAGE_GO)?;
    go(&bytes, paths)
}

fn share(all: u64, ran: u64) -> f64 {
    match all {
        0 => 1.0,
        all => ran.min(all) as f64 / all as f64,
    }
}

/// The sum over files that lie in the workspace.
fn counted(files: BTreeMap<String, Lines>, paths: &Paths) -> Option<Coverage> {
    let files = files
        .into_iter()
        .filter_map(|(file, lines)| Some((paths.resolve(&file)?, lines)))
        .filter(|(path, _)| paths.knows(path));
    of_files(files.collect())
}

fn of_files(files: Vec<(String, Lines)>) -> Option<Coverage> {
    let sum = |part: fn(&Lines) -> u64| files.iter().map(|(_, lines)| part(lines)).sum();
    let (all, ran): (u64, u64) = (sum(|lines| lines.0), sum(|lines| lines.1.min(lines.0)));
    if all == 0 {
        return None;
    }
    let mut files: Vec<Covered> = files
        .into_iter()
        .map(|(path, (all, ran))| Covered {
            path,
            lines: share(all, ran),
        })
        .collect();
    files.sort_by(|one, two| {
        one.lines
            .total_cmp(&two.lines)
            .then(one.path.cmp(&two.path))
    });
    files.truncate(MOST_FILES);
    Some(Coverage {
        lines: share(all, ran),
        files,
    })
}

/// `coverage-summary.json`. Its total can only make less of what its files say.
fn summary(bytes: &[u8], paths: &Paths) -> Option<Coverage> {
    let summary: BTreeMap<String, Value> = super::json(bytes).ok()?;
    let percent = summary.get("total")?.pointer("/lines/pct")?.as_f64()?;
    if !(0.0..=100.0).contains(&percent) {
        return None;
    }
    let lines = |file: &Value| -> Option<Lines> {
        let number = |key: &str| file.pointer(key)?.as_u64();
        Some((number("/lines/total")?, number("/lines/covered")?))
    };
    let files: BTreeMap<String, Lines> = summary
        .iter()
        .filter(|(name, _)| *name != "total")
        .filter_map(|(name, file)| Some((name.clone(), lines(file)?)))
        .collect();
    let total = percent / 100.0;
    Some(match counted(files, paths) {
        Some(coverage) => Coverage {
            lines: coverage.lines.min(total),
            ..coverage
        },
        None => Coverage {
            lines: total,
            files: Vec::new(),
        },
    })
}

/// Lines by file, from the records of each line and not from the sums behind them.
fn lcov(bytes: &[u8]) -> BTreeMap<String, Lines> {
    let text = String::from_utf8_lossy(bytes);
    let mut files: BTreeMap<String, BTreeMap<u64, bool>> = BTreeMap::new();
    let mut file = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("SF:") {
            file = Some(name.trim().to_owned());
            files.entry(name.trim().to_owned()).or_default();
        } else if line == "end_of_record" {
            file = None;
        } else if let (Some(record), Some(file)) = (line.strip_prefix("DA:"), &file) {
            let mut parts = record.split(',');
            let number = parts.next().and_then(|digits| digits.parse().ok());
            let ran = parts
                .next()
                .is_some_and(|count| count.trim().parse::<i64>().is_ok_and(|count| count > 0));
            if let (Some(number), Some(lines)) = (number, files.get_mut(file)) {
                *lines.entry(number).or_insert(false) |= ran;
            }
        }
    }
    files
        .into_iter()
        .map(|(file, lines)| {
            let ran = lines.values().filter(|ran| **ran).count() as u64;
            (file, (lines.len() as u64, ran))
        })
        .collect()
}

/// Go's profile: `example.com/m/pkg/file.go:3.1,5.2 2 1`, blocks of statements.
fn go(bytes: &[u8], paths: &Paths) -> Option<Coverage> {
    let text = String::from_utf8_lossy(bytes);
    let mut blocks: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with("mode:")) {
        let mut parts = line.rsplitn(3, ' ');
        let count = parts.next().and_then(|digits| digits.parse::<u64>().ok());
        let statements = parts.next().and_then(|digits| digits.parse::<u64>().ok());
        if let (Some(count), Some(statements), Some(block)) = (count, statements, parts.next()) {
            // A package that several test programs run has each of its blocks several times.
            let known = blocks
                .entry(block)
                .or_insert((statements.min(1 << 32), false));
            known.1 |= count > 0;
        }
    }
    let mut files: BTreeMap<String, Lines> = BTreeMap::new();
    for (block, (statements, ran)) in blocks {
        let Some((file, _)) = block.rsplit_once(':') else {
            continue;
        };
        let (package, name) = file.rsplit_once('/').unwrap_or(("", file));
        let Some(path) = paths.in_package(package, name) else {
            continue;
        };
        let lines = files.entry(path).or_default();
        lines.0 += statements;
        lines.1 += if ran { statements } else { 0 };
    }
    of_files(files.into_iter().collect())
}

#[cfg(test)]
mod tests;
