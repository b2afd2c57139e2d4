//! Makes the results of a report.

use std::time::Duration;

use sluice_egress::{Outcome as Asked, Record};
use sluice_sandbox::Network;

use super::{Outcome, Run};
use crate::cache::Entry;
use crate::finding::Draft;
use crate::judge::Judged;
use crate::node::{LockState, Manifest, join, lock_state};
use crate::{CheckResult, Command, Finding, Kind, Level, Log, Plan, Step, Tree, Verdict};

/// Where no toolchain is known every check is unknown, and says so.
pub(super) fn nothing_known(plan: &Plan, only: Option<&[String]>) -> Vec<CheckResult> {
    let all = ["install", "build", "test", "lint", "audit"].map(str::to_owned);
    let names = only.map_or(all.to_vec(), <[String]>::to_vec);
    names
        .into_iter()
        .map(|name| blank(name, Verdict::Unknown, &plan.notes.join("; ")))
        .collect()
}

/// Adds what is wrong with the lockfile to an installation.
pub(super) fn about_the_lockfile(
    tree: &dyn Tree,
    dir: &str,
    command: &Command,
    judged: &mut Judged,
) {
    let program = command.argv.first().map_or("", String::as_str);
    if program != "npm" {
        let (tool, name) = match program {
            "pnpm" => ("pnpm", "pnpm-lock.yaml"),
            _ => ("yarn", "yarn.lock"),
        };
        let path = join(dir, name);
        let is_open = !command
            .argv
            .iter()
            .any(|word| matches!(word.as_str(), "--frozen-lockfile" | "--immutable"));
        if is_open && tree.read(&path).is_some() {
            let message = format!("{path} does not fit package.json");
            let draft = Draft::error(tool, "lockfile-disagrees", message);
            let draft = draft.level(Level::Warning).at(Some(path), 0, 0);
            judged.findings.push(draft.done());
        }
        return;
    }
    let draft = match lock_state(tree, dir) {
        LockState::Broken { path } => {
            let message = format!("{path} is no JSON object; remove it or restore it");
            Draft::error("npm", "lockfile-broken", message).at(Some(path), 0, 0)
        }
        LockState::Disagrees { path, packages } => {
            let message = format!("{path} does not fit package.json: {}", packages.join(", "));
            Draft::error("npm", "lockfile-disagrees", message)
                .level(Level::Warning)
                .at(Some(path), 0, 0)
        }
        LockState::Absent | LockState::Fits => return,
    };
    judged.findings.push(draft.done());
}

/// Turns an installation red whose `package.json` says nothing: npm takes some of these for an empty project.
pub(super) fn about_the_manifest(tree: &dyn Tree, dir: &str, judged: &mut Judged) {
    let manifest = Manifest::read(tree, dir);
    let Some(fault) = manifest.fault() else {
        return;
    };
    let path = join(dir, "package.json");
    let message = format!("{path} cannot be read: {}", fault.message);
    let finding = Draft::error("npm", "manifest-broken", message)
        .at(Some(path), fault.line, fault.column)
        .done();
    judged.verdict = Verdict::Fail;
    judged
        .findings
        .retain(|finding| finding.rule != "EJSONPARSE");
    judged.findings.insert(0, finding);
}

/// Whether the project in `dir` names a registry for all packages.
pub(super) fn names_registry(tree: &dyn Tree, dir: &str) -> bool {
    let text = tree.read(&join(dir, ".npmrc")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().any(|line| {
        let name = line.split_once('=').map(|(name, _)| name.trim());
        name.is_some_and(|name| name.trim_matches(['"', '\'']) == "registry")
    })
}

/// Files that can name a registry, and those that are kept by tools.
const NAMING: [&str; 14] = [
    ".npmrc",
    ".yarnrc.yml",
    ".yarnrc",
    "package.json",
    "requirements.txt",
    "pyproject.toml",
    "Cargo.toml",
    "go.mod",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "uv.lock",
    "Cargo.lock",
];

/// Says what was asked for that must not be reached, and whether the registry was there. Where an installation is
/// red because the project asked for somebody else, the project is to be mended; where a registry that is allowed
/// is not there, nothing is known.
pub(super) fn about_the_way_out(
    tree: &dyn Tree,
    step: &Step,
    requests: &[Record],
    judged: &mut Judged,
) {
    let level = match judged.verdict {
        Verdict::Pass => Level::Warning,
        Verdict::Unknown | Verdict::Fail => Level::Error,
    };
    let refused = requests
        .iter()
        .filter(|one| one.outcome == Asked::NotAllowed);
    let findings: Vec<Finding> = refused
        .map(|one| {
            let message = format!(
                "asked for {}, which is not among the allowed registries; add it to network.registries",
                address(one)
            );
            let (path, line) = named_at(tree, &step.dir, &one.host);
            let draft = Draft::error(step.toolchain.installer(), "registry-refused", message);
            draft.level(level).at(path, line, 0).done()
        })
        .collect();
    let is_refused = !findings.is_empty();
    if is_refused {
        // npm takes the proxy's answer for the registry's.
        judged.findings.retain(|finding| finding.rule != "E403");
    }
    judged.findings.splice(0..0, findings);
    if step.kind != Kind::Install || judged.verdict == Verdict::Pass {
        return;
    }
    if is_refused {
        judged.verdict = Verdict::Fail;
        judged.note = None;
        return;
    }
    let lost = requests.iter().find_map(|one| {
        let what = match one.outcome {
            Asked::Unreachable => "does not answer",
            Asked::Unresolved => "has no address that can be found",
            Asked::Private => {
                "leads to a private address; where that is meant, add it to network.private_registries"
            }
            Asked::Reached | Asked::NotAllowed | Asked::Malformed => return None,
        };
        Some(format!("the package registry {} {what}", address(one)))
    });
    if let Some(lost) = lost {
        judged.verdict = Verdict::Unknown;
        judged.note = Some(match judged.note.take() {
            Some(said) => format!("{lost}; {said}"),
            None => lost,
        });
    }
}

/// A host, with its port where that is not the usual one.
fn address(record: &Record) -> String {
    match record.port {
        443 => record.host.clone(),
        port => format!("{}:{port}", record.host),
    }
}

/// Where a project names a host: the file and the line.
fn named_at(tree: &dyn Tree, dir: &str, host: &str) -> (Option<String>, u32) {
    for name in NAMING {
        let path = join(dir, name);
        let text = tree.read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        if let Some(line) = text.lines().position(|line| line.contains(host)) {
            return (Some(path), u32::try_from(line + 1).unwrap_or(0));
        }
    }
    (None, 0)
}

pub(super) fn result(
    step: &Step,
    command: &Command,
    image: String,
    outcome: Outcome,
) -> CheckResult {
    let Judged {
        verdict,
        findings,
        tests,
        coverage,
        note,
    } = outcome.judged;
    CheckResult {
        verdict,
        exit_code: outcome.ended.end.exit_code(),
        end: outcome.ended.end.as_str().to_owned(),
        wall_ms: millis(outcome.ended.wall),
        command: command.argv.clone(),
        log: outcome.log,
        findings,
        tests,
        coverage,
        network: command.network.as_str().to_owned(),
        image,
        requests: outcome.ended.requests,
        unenforced: outcome.ended.unenforced,
        note,
        ..blank(step.name.clone(), verdict, "")
    }
}

pub(super) fn cached(run: &Run<'_>, entry: Entry) -> CheckResult {
    let result = CheckResult {
        cached: true,
        source_run: Some(entry.run),
        ..entry.result
    };
    run.watch.finished(&result);
    result
}

/// A check that ran nothing. One that fails says where.
pub(super) fn skipped(
    run: &Run<'_>,
    step: &Step,
    verdict: Verdict,
    note: &str,
    place: Option<&(String, u32, u32)>,
) -> CheckResult {
    let mut result = blank(step.name.clone(), verdict, note);
    if verdict == Verdict::Fail {
        let (path, line, column) = place.cloned().unwrap_or_default();
        let path = (!path.is_empty()).then_some(path);
        let draft = Draft::error(step.toolchain.installer(), "manifest-broken", note);
        result.findings.push(draft.at(path, line, column).done());
    }
    run.watch.finished(&result);
    result
}

/// A check that another one had to be green for.
pub(super) fn blocked(run: &Run<'_>, step: &Step, by: &str) -> CheckResult {
    let note = format!("{by} is not green");
    let result = CheckResult {
        blocked_by: Some(by.to_owned()),
        ..blank(step.name.clone(), Verdict::Unknown, &note)
    };
    run.watch.finished(&result);
    result
}

pub(super) fn blank(name: String, verdict: Verdict, note: &str) -> CheckResult {
    CheckResult {
        name,
        verdict,
        exit_code: None,
        end: "skipped".to_owned(),
        cached: false,
        source_run: None,
        wall_ms: 0,
        command: Vec::new(),
        steps: Vec::new(),
        log: Log::default(),
        findings: Vec::new(),
        tests: None,
        coverage: None,
        network: Network::None.as_str().to_owned(),
        image: String::new(),
        requests: Vec::new(),
        unenforced: Vec::new(),
        blocked_by: None,
        note: (!note.is_empty()).then(|| note.to_owned()),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
