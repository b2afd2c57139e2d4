//! Starts of programs, and what came of them.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the repository")
}

/// Takes from the environment what the test runner and the user's own configuration put there.
pub(crate) fn clean(command: &mut Command) {
    const OF_THE_RUNNER: [&str; 6] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "NEXTEST",
        "SLUICE",
    ];
    for (name, _) in std::env::vars_os() {
        let is_theirs = |prefix: &str| name.to_string_lossy().starts_with(prefix);
        if OF_THE_RUNNER.iter().any(|prefix| is_theirs(prefix)) {
            command.env_remove(name);
        }
    }
}

/// The npm registry of whoever runs the tests, for users who have no configuration.
pub(crate) fn registry() -> Option<String> {
    let output = Command::new("npm")
        .args(["config", "get", "registry"])
        .output()
        .expect("npm runs");
    let registry = String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned();
    (!registry.is_empty()).then_some(registry)
}

/// The names in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The processes that run `program` or name it.
pub(crate) fn processes(program: &Path) -> Vec<String> {
    let own = program.display().to_string();
    names(Path::new("/proc"))
        .into_iter()
        .filter(|name| name.parse::<u32>().is_ok())
        .filter_map(|pid| {
            let folder = Path::new("/proc").join(&pid);
            // One that ended in between is not running.
            let line = std::fs::read(folder.join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let runs = std::fs::read_link(folder.join("exe")).is_ok_and(|exe| exe == program);
            (runs || line.contains(&own)).then(|| format!("{pid} {line}"))
        })
        .collect()
}

/// What came of a start.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; -1 after a signal.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ran {
    /// Starts it and waits for its end.
    pub(crate) fn of(command: &mut Command) -> Ran {
        let output = command.stdin(Stdio::null()).output();
        output
            .unwrap_or_else(|error| panic!("{command:?}: {error}"))
            .into()
    }

    /// Starts it, waits until standard output says `what`, sends `signal` and waits for its end.
    pub(crate) fn until(command: &mut Command, what: &str, signal: &str) -> Ran {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut out = String::new();
        while !out.contains(what) {
            assert_ne!(
                reader.read_line(&mut out).expect("text"),
                0,
                "it ended before {what:?}: {out}"
            );
        }
        let status = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
        reader.read_to_string(&mut out).expect("text");
        let mut ran = Ran::from(child.wait_with_output().expect("it ends"));
        ran.out = out;
        ran
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "exit {}\n--- out\n{}\n--- err\n{}",
            self.code, self.out, self.err
        )
    }
}
