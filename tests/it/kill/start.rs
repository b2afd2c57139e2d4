//! Starts `sluice-passage`, undisturbed or with the shim that kills it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use super::story::Story;

/// A start that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

/// The compiled shim.
pub(crate) struct Shim {
    folder: TempDir,
}

/// What the shim is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    /// Only count.
    Never,
    /// Kill before this call.
    Before(usize),
    /// Kill right after this call.
    After(usize),
}

/// How a start ended.
pub(crate) struct Ended {
    /// The exit status.
    pub(crate) status: ExitStatus,
    /// What the shim noted: the call that it killed at, or the number of calls.
    pub(crate) note: String,
    /// The events that were acknowledged, as `seq kind`.
    pub(crate) told: Vec<String>,
    /// Standard error.
    pub(crate) errors: String,
}

impl Shim {
    /// Compiles it.
    pub(crate) fn compile() -> Shim {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/kill/shim.c");
        let output = std::process::Command::new("cc")
            .args([
                "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
            ])
            .arg(folder.path().join("shim.so"))
            .arg(source)
            .arg("-ldl")
            .output()
            .expect("cc runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Shim { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("shim.so")
    }
}

/// Where the shim writes every call.
pub(crate) fn trace(story: &Story) -> PathBuf {
    story.folder().join("trace")
}

/// The program on `story`, with nothing in its way.
pub(crate) fn command(story: &Story) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-passage"));
    command
        .arg(story.folder())
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Starts it with nothing in its way.
pub(crate) async fn plainly(story: &Story) -> Result<Ended, String> {
    run(command(story), story).await
}

/// Starts it with the shim.
pub(crate) async fn with_shim(story: &Story, shim: &Shim, kill: Kill) -> Result<Ended, String> {
    let mut command = command(story);
    command
        .env("LD_PRELOAD", shim.file())
        .env("SLUICE_KILL_NOTE", story.folder().join("note"));
    match kill {
        Kill::Never => command.env("SLUICE_KILL_TRACE", trace(story)),
        Kill::Before(n) => command.env("SLUICE_KILL_AT", n.to_string()),
        Kill::After(n) => command.env("SLUICE_KILL_AFTER", n.to_string()),
    };
    run(command, story).await
}

async fn run(mut command: Command, story: &Story) -> Result<Ended, String> {
    let child = command.spawn().map_err(|error| error.to_string())?;
    let output = tokio::time::timeout(HANGS, child.wait_with_output())
        .await
        .map_err(|_| format!("it hangs: not done after {HANGS:?}"))?
        .map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut told: Vec<String> = text(&output.stdout)
        .split_inclusive('\n')
        .map(str::to_owned)
        .collect();
    // The last line may have been cut by the kill.
    told.retain(|line| line.ends_with('\n'));
    Ok(Ended {
        status: output.status,
        note: std::fs::read_to_string(story.folder().join("note"))
            .unwrap_or_default()
            .trim()
            .to_owned(),
        told: told.iter().map(|line| line.trim().to_owned()).collect(),
        errors: text(&output.stderr),
    })
}
