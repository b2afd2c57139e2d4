//! `sluice sandbox-exec`: one job in a sandbox, with this process's standard input and output.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use serde::Deserialize;
use sluice_sandbox::{End, Ended, Job, LogSink, Stdin, Stream};
use tokio_util::sync::CancellationToken;

use super::interrupt;
use crate::cli::EngineChoice;
use crate::config::Config;
use crate::engine::{self, EngineHome, Stay, Work};
use crate::exit::{self, Exit};
use crate::output::Output;

/// The largest job file, in bytes.
const JOB_LIMIT: u64 = 16 << 20;
/// The longest standard input, in bytes.
const STDIN_LIMIT: u64 = 64 << 20;

/// A job, with where it is to run; a job alone is one too.
#[derive(Debug, Deserialize)]
struct JobFile {
    /// What is run. Its `stdin` is replaced by this process's own, unless it has bytes.
    #[serde(flatten)]
    job: Job,
    /// `auto`, `docker`, `podman` or `native`; the configured one by default.
    engine: Option<String>,
    /// The engine's state folder; one for this call by default.
    state: Option<PathBuf>,
    /// Whose job it is; with `state`, for a later clean-up.
    owner: Option<String>,
}

/// Runs the command. Ends with the code that the job's command ended with; 124 when its time was up, 137 when it
/// was killed or took too much memory, 125 when it printed too much.
pub(super) async fn run(file: &Path, config: &Config, output: Output) -> Result<(), Exit> {
    let mut job = read_job(file)?;
    let choice = match job.engine.as_deref() {
        None => None,
        Some("auto") => Some(EngineChoice::Auto),
        Some("docker") => Some(EngineChoice::Docker),
        Some("podman") => Some(EngineChoice::Podman),
        Some("native") => Some(EngineChoice::Native),
        Some(other) => {
            return Err(Exit::usage(format!(
                "{}: engine is auto, docker, podman or native, not {other:?}",
                file.display()
            )));
        }
    };
    if job.job.stdin == Stdin::Empty {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(STDIN_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Exit::usage(format!("standard input: {error}")))?;
        if bytes.len() as u64 > STDIN_LIMIT {
            return Err(Exit::usage("standard input: larger than 64 MiB"));
        }
        job.job.stdin = Stdin::Bytes(bytes);
    }
    let stay = match &job.state {
        Some(_) => None,
        None => {
            let cache = engine::cache_folder()?;
            Stay::reap(&cache, config).await;
            Some(Stay::new(&cache)?)
        }
    };
    let home = match (&stay, &job.state) {
        (Some(stay), _) => stay.home(),
        (None, state) => EngineHome {
            state: state.as_deref().unwrap_or(Path::new(".")),
            owner: job.owner.as_deref().unwrap_or("sandbox-exec"),
        },
    };
    // Two calls with one job file are two jobs: a name of its own keeps them apart.
    let name = format!("{}-{}", job.job.name, std::process::id());
    job.job.name = name.chars().take(63).collect();
    let chosen = engine::choose(choice, config, home, Work::Any, output).await?;
    if let Some(stay) = &stay {
        stay.note_engine(&chosen.sandbox.engine().name);
    }
    let cancel = CancellationToken::new();
    let _watching = interrupt::cancels(cancel.clone());
    let mut passed_on = PassedOn::start();
    let ended = chosen.sandbox.run(&job.job, &mut passed_on, &cancel).await;
    passed_on.finish();
    code(&ended?, output)
}

fn code(ended: &Ended, output: Output) -> Result<(), Exit> {
    let code = match ended.end {
        End::Exited(0) => return Ok(()),
        End::Exited(code) => u8::try_from(code).unwrap_or(exit::FAILED),
        End::TimedOut | End::Silent => 124,
        End::OutputLimit => 125,
        End::OutOfMemory | End::Killed => 137,
    };
    if ended.end.exit_code().is_none() {
        output.note(&format!(
            "sluice: the command ended: {}",
            ended.end.as_str()
        ));
    }
    Err(Exit::said(code))
}

fn read_job(file: &Path) -> Result<JobFile, Exit> {
    let wrong = |why: String| Exit::usage(format!("{}: {why}", file.display()));
    let mut text = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(JOB_LIMIT).read_to_end(&mut text))
        .map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| wrong(format!("no job: {error}")))
}

/// Passes output on in a thread of its own, since an engine must never wait for a slow reader.
struct PassedOn {
    to: Option<mpsc::Sender<(Stream, Vec<u8>)>>,
    writer: Option<JoinHandle<()>>,
}

impl PassedOn {
    fn start() -> PassedOn {
        let (to, from) = mpsc::channel::<(Stream, Vec<u8>)>();
        let writer = thread::spawn(move || {
            for (stream, bytes) in from {
                // A reader that went away wants no more; the command is drained all the same.
                let _ = match stream {
                    Stream::Out => write(io::stdout().lock(), &bytes),
                    Stream::Err => write(io::stderr().lock(), &bytes),
                };
            }
        });
        PassedOn {
            to: Some(to),
            writer: Some(writer),
        }
    }

    /// Waits until all is written.
    fn finish(&mut self) {
        drop(self.to.take());
        if let Some(writer) = self.writer.take() {
            // It only panics when a print does, and then nobody reads.
            let _ = writer.join();
        }
    }
}

fn write(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

impl LogSink for PassedOn {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        if let Some(to) = &self.to {
            // Only fails after `finish`, when the job is over.
            let _ = to.send((stream, bytes.to_vec()));
        }
    }
}
