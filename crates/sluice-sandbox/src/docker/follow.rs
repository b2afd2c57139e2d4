//! Starts a container and stays with it to its end: drains its output, watches its clocks, and ends it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::api::{Api, exit_code};
use super::latch::Latch;
use crate::way_out::WayOut;
use crate::{End, Job, LogSink, SandboxError, Stdin, Stream};

/// How often the engine is asked whether it is still there.
const PULSE: Duration = Duration::from_secs(10);
/// How long a container may take to end after it was killed, and its output to end after it has.
const GRACE: Duration = Duration::from_secs(30);
/// Later than any clock of a job.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

type Errand<'a> = Pin<Box<dyn Future<Output = Result<(), SandboxError>> + Send + 'a>>;

/// A container that is made and not started yet.
pub(super) struct Start<'a> {
    pub(super) name: &'a str,
    pub(super) job: &'a Job,
    /// What its command waits for, where it has a way out.
    pub(super) latch: Option<Latch>,
    pub(super) way_out: &'a mut WayOut,
}

/// Starts a container and follows it until it has ended and its output is read.
pub(super) async fn follow(
    api: &Api,
    start: Start<'_>,
    log: &mut dyn LogSink,
    cancel: &CancellationToken,
) -> Result<End, SandboxError> {
    let Start {
        name,
        job,
        latch,
        way_out,
    } = start;
    if cancel.is_cancelled() {
        return Ok(End::Killed);
    }
    let input = match &job.stdin {
        Stdin::Empty => None,
        Stdin::Bytes(bytes) => Some(bytes.as_slice()),
    };
    // Attached before it starts, so that not one byte is missed.
    let attached = api.attach(name, input.is_some()).await?;
    let mut output = attached.output;
    api.start(name).await?;
    // Held to the end: what was written into a FIFO that nobody holds is lost.
    let _latch = match latch {
        Some(latch) => Some(open(api, name, latch, way_out).await?),
        None => None,
    };

    let mut exits = api.exits(name);
    let mut errands: FuturesUnordered<Errand<'_>> = FuturesUnordered::new();
    if let Some(bytes) = input {
        errands.push(Box::pin(feed(attached.input, bytes)));
    }
    let mut pulse = interval_at(Instant::now() + PULSE, PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut clocks = Clocks::start(job);
    let mut meter = Meter::new(job.limits.output_bytes);
    let mut stopped: Option<End> = None;
    let mut exit: Option<i64> = None;
    let mut open = true;

    while open || exit.is_none() {
        let mut stop = None;
        tokio::select! {
            chunk = output.next(), if open => match chunk {
                Some(Ok(chunk)) => {
                    clocks.heard();
                    meter.pass(chunk, log);
                }
                // What broke off here shows in the answer to the wait, which decides.
                Some(Err(_)) | None => open = false,
            },
            answer = exits.next(), if exit.is_none() => {
                exit = Some(match answer {
                    Some(answer) => exit_code(answer)
                        .map_err(|fault| api.fault("waiting for the container", fault))?,
                    None => return Err(api.gone(&"it hung up while a container ran")),
                });
                clocks.last_call();
            }
            Some(done) = errands.next() => done?,
            _ = pulse.tick(), if exit.is_none() => errands.push(Box::pin(api.ping())),
            () = cancel.cancelled(), if stopped.is_none() && exit.is_none() => stop = Some(End::Killed),
            () = sleep_until(clocks.next()) => match clocks.rung() {
                Some(end) => stop = Some(end),
                // Ended, and something still holds its output open.
                None if exit.is_some() => break,
                None => return Err(api.gone(&"a container did not end when it was killed")),
            },
        }
        if meter.full {
            stop.get_or_insert(End::OutputLimit);
        }
        if let (Some(end), None) = (stop, stopped) {
            stopped = Some(end);
            if exit.is_none() {
                clocks.last_call();
                errands.push(Box::pin(api.kill(name)));
            }
        }
    }
    match (stopped, exit) {
        (Some(end), _) => Ok(end),
        (None, code) => ended(api, name, code.unwrap_or(-1)).await,
    }
}

/// Writes the whole input and closes it. A command that does not read it, or ends early, is no fault.
async fn feed(mut to: Pin<Box<dyn AsyncWrite + Send>>, bytes: &[u8]) -> Result<(), SandboxError> {
    if to.write_all(bytes).await.is_ok() && to.flush().await.is_ok() {
        let _ = to.shutdown().await;
    }
    Ok(())
}

/// Opens the way out of a container that runs, and lets its command start.
async fn open(
    api: &Api,
    name: &str,
    mut latch: Latch,
    way_out: &mut WayOut,
) -> Result<Latch, SandboxError> {
    let state = api.state(name).await?;
    let Some(pid) = state.pid.filter(|pid| *pid > 0) else {
        // It has ended already, and its end says why.
        return Ok(latch);
    };
    let opened = tokio::task::spawn_blocking(move || {
        let opened = latch.door(pid)?;
        Ok((latch, opened))
    });
    let (mut latch, (door, how)) = opened.await.map_err(|fault| SandboxError::Setup {
        why: format!("the way out was not opened: {fault}"),
    })??;
    way_out.open(door)?;
    latch.release(how)?;
    Ok(latch)
}

/// What an exit code means.
async fn ended(api: &Api, name: &str, code: i64) -> Result<End, SandboxError> {
    let state = api.state(name).await?;
    if state.oom_killed == Some(true) {
        return Ok(End::OutOfMemory);
    }
    if let Some(fault) = state.error.filter(|error| !error.is_empty()) {
        return Err(SandboxError::Setup { why: fault });
    }
    // The init program reports a signal as 128 and its number.
    Ok(match i32::try_from(code) {
        Ok(129..=159) | Err(_) => End::Killed,
        Ok(code) => End::Exited(code),
    })
}

/// The clocks of a job, and the one that bounds its end.
struct Clocks {
    wall: Instant,
    silence: Option<Duration>,
    heard: Instant,
    last: Option<Instant>,
}

impl Clocks {
    fn start(job: &Job) -> Clocks {
        let now = Instant::now();
        Clocks {
            wall: now + job.limits.wall.min(NEVER),
            silence: job.limits.silence,
            heard: now,
            last: None,
        }
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
    }

    fn silent_at(&self) -> Instant {
        self.heard + self.silence.unwrap_or(NEVER).min(NEVER)
    }

    /// It is over, or about to be: only the grace counts now.
    fn last_call(&mut self) {
        self.last = Some(Instant::now() + GRACE);
    }

    fn next(&self) -> Instant {
        self.last.unwrap_or_else(|| self.wall.min(self.silent_at()))
    }

    /// Which clock of the job it was; `None` when it was the grace.
    fn rung(&self) -> Option<End> {
        match self.last {
            Some(_) => None,
            None if Instant::now() >= self.wall => Some(End::TimedOut),
            None => Some(End::Silent),
        }
    }
}

/// Passes output on up to a limit, and swallows the rest.
struct Meter {
    left: u64,
    full: bool,
}

impl Meter {
    fn new(limit: u64) -> Meter {
        Meter {
            left: limit,
            full: false,
        }
    }

    /// Passes on what still fits.
    fn pass(&mut self, chunk: LogOutput, log: &mut dyn LogSink) {
        let (stream, bytes) = match chunk {
            LogOutput::StdErr { message } => (Stream::Err, message),
            LogOutput::StdOut { message }
            | LogOutput::StdIn { message }
            | LogOutput::Console { message } => (Stream::Out, message),
        };
        let fits = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        if fits > 0 {
            log.chunk(stream, &bytes[..fits]);
        }
        self.left -= fits as u64;
        self.full |= fits < bytes.len();
    }
}
