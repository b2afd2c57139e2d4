//! Follows one running job from the daemon: streams its output, keeps its clocks, ends it.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use sluice_egress::{Record, Resolve};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::forked::{Helpers, Started};
use super::spec::{LISTENER, Report, Spec, frame};
use crate::way_out::{Door, WayOut};
use crate::{Job, LogSink, Network, SandboxError, Stdin, Stream};

/// How long the sandbox may take to be gone after it was told to end; killing needs milliseconds.
const GRACE: Duration = Duration::from_millis(1_500);
/// Bytes read from a stream at a time.
const CHUNK: usize = 64 * 1024;

/// Why the daemon ended a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    TimedOut,
    Silent,
    OutputLimit,
    Cancelled,
}

/// What came of following a job.
pub(super) struct Followed {
    /// What the helper said; `None` when it did not live to say anything.
    pub(super) report: Option<Report>,
    /// Why the daemon ended it, if it did.
    pub(super) stopped: Option<Stopped>,
    /// What was asked of the proxy.
    pub(super) requests: Vec<Record>,
}

fn fault(step: &'static str) -> impl FnOnce(io::Error) -> SandboxError {
    move |source| SandboxError::Io {
        step,
        path: "sandbox-init".into(),
        source,
    }
}

/// Runs the helper with `spec` and follows it to its end.
pub(super) async fn follow(
    (helpers, resolver): (&Helpers, &Arc<dyn Resolve>),
    spec: &Spec,
    job: &Job,
    log: &mut dyn LogSink,
    cancel: &CancellationToken,
    started: Instant,
) -> Result<Followed, SandboxError> {
    // Dropped in any case, and with it the helper ends.
    let Started {
        helper: _helper,
        control,
        out,
        err,
    } = helpers.start()?;
    let mut follower = Follower {
        job,
        log,
        started,
        last_output: started,
        printed: 0,
        stopped: None,
        give_up: None,
        way_out: WayOut::new(job, resolver),
    };
    let report = follower.run(control, spec, out, err, cancel).await?;
    let requests = follower.way_out.close().await;
    if report.is_none() {
        // It, or the one that started it, may be stuck.
        helpers.forget();
    }
    Ok(Followed {
        report,
        stopped: follower.stopped,
        requests,
    })
}

struct Follower<'a> {
    job: &'a Job,
    log: &'a mut dyn LogSink,
    started: Instant,
    last_output: Instant,
    printed: u64,
    stopped: Option<Stopped>,
    /// When the sandbox was told to end, the moment after which it is not waited for.
    give_up: Option<Instant>,
    way_out: WayOut,
}

impl Follower<'_> {
    async fn run(
        &mut self,
        control: UnixStream,
        spec: &Spec,
        mut out: impl AsyncRead + Unpin,
        mut err: impl AsyncRead + Unpin,
        cancel: &CancellationToken,
    ) -> Result<Option<Report>, SandboxError> {
        let (answer, mut tell) = control.into_split();
        let mut order =
            frame(
                &serde_json::to_vec(spec).map_err(|error| SandboxError::InvalidJob {
                    name: self.job.name.clone(),
                    why: format!("a path cannot be written down: {error}"),
                })?,
            );
        match &self.job.stdin {
            Stdin::Empty => order.extend(frame(&[])),
            Stdin::Bytes(bytes) => order.extend(frame(bytes)),
        }
        let mut unsent = order.as_slice();
        let mut heard = Vec::new();
        let mut out_buffer = vec![0; CHUNK];
        let mut err_buffer = vec![0; CHUNK];
        let (mut out_open, mut err_open, mut answer_open) = (true, true, true);

        let mut listener_due = spec.network == Network::Registries;

        while out_open || err_open || answer_open {
            // Looked at first: a command that never stops printing must not keep the clocks from ringing.
            if cancel.is_cancelled() {
                self.stop(Stopped::Cancelled);
            }
            let mut next = self.next_clock();
            if Instant::now() >= next {
                if self.clock_rang() {
                    return Ok(None);
                }
                next = self.next_clock();
            }
            if self.give_up.is_some() {
                // The end of this socket is the order to end.
                let _ = tell.shutdown().await;
            }
            tokio::select! {
                read = out.read(&mut out_buffer), if out_open => {
                    out_open = self.take(Stream::Out, &out_buffer, read);
                }
                read = err.read(&mut err_buffer), if err_open => {
                    err_open = self.take(Stream::Err, &err_buffer, read);
                }
                ready = answer.readable(), if answer_open && listener_due => {
                    ready.map_err(fault("hear the helper"))?;
                    match listener_of(answer.as_ref(), &mut heard)? {
                        First::Nothing => {}
                        First::Listener(listener) => {
                            listener_due = false;
                            self.way_out.open(Door::Network(listener))?;
                        }
                        // The sandbox was not made.
                        First::Report => listener_due = false,
                        First::End => answer_open = false,
                    }
                }
                ready = answer.readable(), if answer_open && !listener_due => {
                    ready.map_err(fault("hear the helper"))?;
                    match answer.try_read_buf(&mut heard) {
                        Ok(count) => answer_open = count > 0,
                        Err(error) => answer_open = error.kind() == io::ErrorKind::WouldBlock,
                    }
                }
                sent = tell.write(unsent), if !unsent.is_empty() && self.give_up.is_none() => {
                    match sent {
                        Ok(count) if count > 0 => unsent = &unsent[count..],
                        // The helper is gone; the end of its answer says so too.
                        _ => unsent = &[],
                    }
                }
                // Both are answered above.
                () = cancel.cancelled(), if self.give_up.is_none() => {}
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
        let mut heard = heard.as_slice();
        Ok(super::spec::read_json(&mut heard).ok())
    }

    /// Takes what was read of one stream; whether the stream goes on.
    fn take(&mut self, stream: Stream, buffer: &[u8], read: io::Result<usize>) -> bool {
        let count = match read {
            Ok(count) if count > 0 => count,
            _ => return false,
        };
        self.last_output = Instant::now();
        let limit = self.job.limits.output_bytes;
        let room = limit.saturating_sub(self.printed).min(count as u64) as usize;
        self.printed += count as u64;
        if room > 0 {
            self.log.chunk(stream, &buffer[..room]);
        }
        if self.printed > limit {
            self.stop(Stopped::OutputLimit);
        }
        true
    }

    /// Marks the job to be ended; the first reason stands.
    fn stop(&mut self, why: Stopped) {
        if self.give_up.is_none() {
            self.stopped = Some(why);
            self.give_up = Some(Instant::now() + GRACE);
        }
    }

    fn next_clock(&self) -> Instant {
        if let Some(give_up) = self.give_up {
            return give_up;
        }
        let wall = self.started + sane(self.job.limits.wall);
        match self.job.limits.silence {
            Some(silence) => wall.min(self.last_output + sane(silence)),
            None => wall,
        }
    }

    /// Answers a clock; whether the sandbox is not to be waited for any more.
    fn clock_rang(&mut self) -> bool {
        let now = Instant::now();
        if let Some(give_up) = self.give_up {
            return now >= give_up;
        }
        if now >= self.started + sane(self.job.limits.wall) {
            self.stop(Stopped::TimedOut);
        } else {
            self.stop(Stopped::Silent);
        }
        false
    }
}

/// What comes first from a helper that is to open a way out.
enum First {
    Nothing,
    Listener(TcpListener),
    /// A report, whose first byte is in `heard` now.
    Report,
    End,
}

/// Takes the listener that comes before the report.
fn listener_of(control: &UnixStream, heard: &mut Vec<u8>) -> Result<First, SandboxError> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut room);
    let mut byte = [0];
    let got = control.try_io(Interest::READABLE, || {
        let mut parts = [IoSliceMut::new(&mut byte)];
        rustix::net::recvmsg(control, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
            .map_err(io::Error::from)
    });
    match got {
        Ok(got) if got.bytes == 0 => return Ok(First::End),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(First::Nothing),
        Err(error) => return Err(fault("hear the helper")(error)),
    }
    let handed = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut handed) => handed.next(),
        _ => None,
    });
    match handed {
        Some(listener) if byte == [LISTENER] => Ok(First::Listener(TcpListener::from(listener))),
        _ => {
            heard.extend_from_slice(&byte);
            Ok(First::Report)
        }
    }
}

/// A clock that can be added to any moment: a year at most.
pub(super) fn sane(clock: Duration) -> Duration {
    clock.min(Duration::from_secs(365 * 24 * 3600))
}
