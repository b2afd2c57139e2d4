//! The conformance table: every attempt of the probe on both engines and, where it is installed, in bubblewrap,
//! as docs/sandboxes.md shows it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::conformance::inside::{NEEDED, REFUSED, Report, report};
use crate::conformance::{PROBE, probe_program};
use crate::{docker, native};

/// Set to write the table into the document.
const UPDATE: &str = "SLUICE_UPDATE_DOCS";
/// The lines of the document that the table stands between.
const MARKS: (&str, &str) = (
    "<!-- conformance table -->\n",
    "<!-- end of the table -->\n",
);

type Column = BTreeMap<String, String>;

/// What came of each attempt, in a word.
fn column(report: Report) -> Column {
    let word = |how: &str| if how == "ok" { "yes" } else { "no" }.to_owned();
    let attempts = report.attempts.into_iter();
    attempts.map(|(name, how)| (name, word(&how))).collect()
}

/// The probe in bubblewrap, with what its manual offers against untrusted code; `None` where it is not there.
fn bubblewrap() -> Option<Column> {
    let program = probe_program();
    let mut command = Command::new("bwrap");
    command
        .args([
            "--unshare-all",
            "--disable-userns",
            "--die-with-parent",
            "--new-session",
        ])
        .args([
            "--clearenv",
            "--cap-drop",
            "ALL",
            "--uid",
            "1000",
            "--gid",
            "1000",
        ])
        .args([
            "--ro-bind",
            "/usr",
            "/usr",
            "--ro-bind",
            "/etc/passwd",
            "/etc/passwd",
        ])
        .args([
            "--symlink",
            "usr/bin",
            "/bin",
            "--symlink",
            "usr/lib",
            "/lib",
        ])
        .args([
            "--symlink",
            "usr/lib64",
            "/lib64",
            "--symlink",
            "usr/sbin",
            "/sbin",
        ])
        .args([
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--tmpfs",
            "/tmp",
            "--tmpfs",
            "/workspace",
        ])
        .args(["--ro-bind".as_ref(), program.as_os_str(), PROBE.as_ref()])
        .args([
            "--remount-ro",
            "/",
            "--chdir",
            "/workspace",
            PROBE,
            "report",
        ]);
    let output = command.output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "bwrap: {said}");
    Some(column(serde_json::from_slice(&output.stdout).unwrap()))
}

#[test]
fn engines_agree_and_the_document_shows_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let [native, docker] = runtime.block_on(async {
        let (native, docker) = (native::fixture().await, docker::fixture().await);
        [
            column(report(&native, &native.probe(&["report"])).await),
            column(report(&docker, &docker.probe(&["report"])).await),
        ]
    });
    let third = bubblewrap();
    let mut table = "| attempt | native | docker | bubblewrap |\n|---|---|---|---|\n".to_owned();
    let mut differ = Vec::new();
    for name in NEEDED.iter().chain(&REFUSED) {
        let words = [Some(&native), Some(&docker), third.as_ref()]
            .map(|column| column.map(|column| column[*name].as_str()));
        if words[0] != words[1] {
            differ.push(format!(
                "{name}: native {:?}, docker {:?}",
                words[0], words[1]
            ));
        }
        // A second opinion: what it keeps in, we keep in; what works there, works here.
        let is_needed = NEEDED.contains(name);
        if let Some(word) = words[2].filter(|word| (*word == "yes") == is_needed) {
            assert_eq!(words[0], Some(word), "{name}");
        }
        let [native, docker, third] = words.map(|word| word.unwrap_or("-"));
        table.push_str(&format!("| {name} | {native} | {docker} | {third} |\n"));
    }
    eprintln!("{table}");
    assert_eq!(differ, Vec::<String>::new());

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandboxes.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(MARKS.0).unwrap();
    let (shown, after) = rest.split_once(MARKS.1).unwrap();
    if std::env::var_os(UPDATE).is_some() {
        let page = format!("{before}{}{table}{}{after}", MARKS.0, MARKS.1);
        return fs::write(path, page).unwrap();
    }
    // Without bubblewrap its column cannot be known.
    let known = |table: &str| -> Vec<String> {
        let shorter = |line: &str| match third.is_some() {
            true => line.to_owned(),
            false => line.rsplitn(3, '|').last().unwrap_or_default().to_owned(),
        };
        table.lines().map(shorter).collect()
    };
    assert_eq!(known(shown), known(&table), "write it with {UPDATE}=1");
}
