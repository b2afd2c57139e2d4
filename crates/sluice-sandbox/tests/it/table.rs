//! The conformance table: every attempt of the probe on both engines and, where it is installed, in bubblewrap,
//! as docs/sandboxes.md shows it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

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
            "--unshare-user",
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
    let mut running = command.stdout(Stdio::piped()).spawn().ok()?;
    let mut line = String::new();
    let output = running.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    // Not waited for: the probe can stop bubblewrap's own first process there, which then never ends.
    running.kill().unwrap();
    running.wait().unwrap();
    // Where it is installed and may not make namespaces, it has said so on standard error.
    serde_json::from_str(&line).ok().map(column)
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
    // What bubblewrap lets through is its version's and the kernel's business.
    let known = |table: &str| -> Vec<String> {
        let ours = |line: &str| line.rsplitn(3, '|').last().unwrap_or_default().to_owned();
        table.lines().map(ours).collect()
    };
    assert_eq!(known(shown), known(&table), "write it with {UPDATE}=1");
}
