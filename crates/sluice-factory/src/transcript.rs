//! What checks print, line by line while they run, and afterwards in the same order under the same numbers.
//!
//! A transcript is a file that only grows: checks that are run again after a crash go on in it, so that the number of
//! a line never means another line. It is for people who look on; what counts is the log that a report names.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluice_checks::{CheckResult, Line, Lines, Logs, Watch, shown};
use sluice_sandbox::Stream;
use tokio::sync::watch;

/// See [`Transcripts::longest`].
const LONGEST: u64 = 32 << 20;
/// So many transcripts are kept; the oldest go first.
const KEPT: usize = 1000;
/// A follower reads at most this at once, in bytes.
const CHUNK: u64 = 256 << 10;

/// The folder of transcripts.
pub(crate) struct Transcripts {
    folder: PathBuf,
    /// Lines of one run past this are only in the logs, in bytes.
    longest: u64,
    /// Counts what was written, of all transcripts.
    written: watch::Sender<u64>,
}

/// Something that is told of a run of checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Its number in the transcript, from 1.
    pub seq: i64,
    /// `run`, `queued`, `started`, `log`, `cut` or `finished`.
    pub kind: String,
    /// What there is to say.
    pub data: Value,
}

impl Transcripts {
    /// Transcripts in this folder, which is there.
    pub(crate) fn new(folder: PathBuf) -> Transcripts {
        Transcripts {
            folder,
            longest: LONGEST,
            written: watch::Sender::new(0),
        }
    }

    /// Opens the transcript of `id` at its end, making it when it is not there. `head` is said first.
    pub(crate) fn open(&self, id: &str, head: Value, logs: &Logs) -> Transcript<'_> {
        let path = self.path(id);
        if !path.exists() {
            self.prune();
        }
        let (file, bytes, seq) = match open_at_end(&path) {
            Ok((file, bytes, seq)) => (Some(file), bytes, seq),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what checks print cannot be shown while they run");
                (None, 0, 0)
            }
        };
        let transcript = Transcript {
            transcripts: self,
            logs: logs.clone(),
            began: Instant::now(),
            state: Mutex::new(State {
                file,
                bytes,
                until: bytes + self.longest,
                seq,
                is_cut: false,
                open: BTreeMap::new(),
            }),
        };
        transcript.say(|state| state.frame("run", head));
        transcript
    }

    /// Follows the transcript of `id`, after the frame `after`.
    pub(crate) fn follow(self: &Arc<Self>, id: &str, after: i64) -> Following {
        Following {
            written: self.written.subscribe(),
            path: self.path(id),
            after,
            last: 0,
            at: 0,
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.jsonl"))
    }

    /// Removes the oldest ones when there are too many. Best effort: they are in nobody's way.
    fn prune(&self) {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let mut all: Vec<_> = entries
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        if all.len() >= KEPT {
            all.sort();
            for (_, path) in all.iter().take(all.len() + 1 - KEPT) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// A transcript, its length without a line that a kill cut short, and the number of its last frame.
fn open_at_end(path: &Path) -> std::io::Result<(File, u64, i64)> {
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).open(path)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let end = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let last = text[..end].split(|byte| *byte == b'\n').rev().nth(1);
    let last = last.and_then(|line| serde_json::from_slice::<Frame>(line).ok());
    // Without one it is empty, or no transcript at all.
    let (bytes, seq) = last.map_or((0, 0), |frame| (end as u64, frame.seq));
    file.set_len(bytes)?;
    Ok((file, bytes, seq))
}

/// A transcript that is being written. Its faults harm nothing else: they are logged, and what follows is not shown.
pub(crate) struct Transcript<'a> {
    transcripts: &'a Transcripts,
    logs: Logs,
    began: Instant,
    state: Mutex<State>,
}

struct State {
    /// Nothing once it could not be written.
    file: Option<File>,
    bytes: u64,
    /// Where lines end to be shown, in bytes.
    until: u64,
    seq: i64,
    is_cut: bool,
    /// The checks that print now.
    open: BTreeMap<String, Lines>,
}

impl Transcript<'_> {
    /// Writes what `make` makes, and wakes those who look on.
    fn say(&self, make: impl FnOnce(&mut State) -> Vec<u8>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let frames = make(&mut state);
        let Some(file) = state.file.as_mut().filter(|_| !frames.is_empty()) else {
            return;
        };
        // In one piece, so that a reader sees whole lines nearly always.
        if let Err(error) = file.write_all(&frames) {
            tracing::warn!(%error, "what checks print is not shown any more while they run");
            state.file = None;
            return;
        }
        state.bytes += frames.len() as u64;
        drop(state);
        self.transcripts.written.send_modify(|count| *count += 1);
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl State {
    fn frame(&mut self, kind: &str, data: Value) -> Vec<u8> {
        self.seq += 1;
        let frame = Frame {
            seq: self.seq,
            kind: kind.to_owned(),
            data,
        };
        let mut line =
            serde_json::to_vec(&frame).expect("texts and numbers can be written as JSON");
        line.push(b'\n');
        line
    }

    fn lines(&mut self, check: &str, ms: u64, lines: &[Line]) -> Vec<u8> {
        let mut frames = Vec::new();
        for line in lines {
            if self.bytes + frames.len() as u64 > self.until {
                if !std::mem::replace(&mut self.is_cut, true) {
                    let note = "more was printed than is shown here: the rest is in the logs";
                    frames.extend(self.frame("cut", json!({ "check": check, "note": note })));
                }
                break;
            }
            let stream = match line.stream {
                Stream::Out => "out",
                Stream::Err => "err",
            };
            let text = shown(&line.bytes);
            let data = json!({ "check": check, "stream": stream, "ms": ms, "line": text });
            frames.extend(self.frame("log", data));
        }
        frames
    }
}

impl Watch for Transcript<'_> {
    fn queued(&self, check: &str, ahead: usize) {
        let data = json!({ "check": check, "ahead": ahead, "ms": self.ms() });
        self.say(|state| state.frame("queued", data));
    }

    fn started(&self, check: &str, command: &[String]) {
        let data = json!({ "check": check, "command": command, "ms": self.ms() });
        self.say(|state| {
            // A command that is run a second time, as a fallback.
            state.open.insert(check.to_owned(), Lines::default());
            state.frame("started", data)
        });
    }

    fn log(&self, check: &str, stream: Stream, bytes: &[u8]) {
        let ms = self.ms();
        self.say(|state| {
            let open = state.open.entry(check.to_owned()).or_default();
            let lines = open.push(stream, bytes);
            state.lines(check, ms, &lines)
        });
    }

    fn finished(&self, result: &CheckResult) {
        self.told(result, result.cached);
    }
}

impl Transcript<'_> {
    /// A check has its result. What an `earlier` run printed was not heard, and is shown all the same: it is why the
    /// result is what it is.
    pub(crate) fn told(&self, result: &CheckResult, earlier: bool) {
        let (check, ms) = (result.name.as_str(), self.ms());
        let earlier = earlier
            .then(|| self.logs.log_read(&result.log.sha256))
            .flatten();
        self.say(|state| {
            let mut open = state.open.remove(check).unwrap_or_default();
            let mut lines = earlier.map_or_else(Vec::new, |log| open.push(Stream::Out, &log));
            lines.extend(open.finish());
            let mut frames = state.lines(check, ms, &lines);
            let data = json!({
                "check": check, "verdict": result.verdict, "cached": result.cached,
                "wall_ms": result.wall_ms, "ms": ms,
            });
            frames.extend(state.frame("finished", data));
            frames
        });
    }
}

/// Reads a transcript, also one that is being written.
#[derive(Debug)]
pub struct Following {
    written: watch::Receiver<u64>,
    path: PathBuf,
    after: i64,
    /// The last frame that was read.
    last: i64,
    /// Read so far, in bytes.
    at: u64,
}

impl Following {
    /// The frames that have come, possibly none; `None` when there is no transcript.
    pub async fn read(&mut self) -> Option<Vec<Frame>> {
        // Marked as seen before the file is read: what comes in between wakes us again.
        self.written.borrow_and_update();
        loop {
            let (path, at) = (self.path.clone(), self.at);
            let read = tokio::task::spawn_blocking(move || read_lines(&path, at)).await;
            let Ok(Ok(text)) = read else {
                return None;
            };
            self.at += text.len() as u64;
            let lines = text.split(|byte| *byte == b'\n');
            let mut frames: Vec<Frame> = lines
                .filter_map(|line| serde_json::from_slice(line).ok())
                .collect();
            self.last = frames.last().map_or(self.last, |frame| frame.seq);
            frames.retain(|frame| frame.seq > self.after);
            if !frames.is_empty() || text.is_empty() {
                return Some(frames);
            }
        }
    }

    /// The number of what comes behind the last frame, unless the follower has seen that too.
    pub fn end(&self) -> Option<i64> {
        let end = self.last + 1;
        (end > self.after).then_some(end)
    }

    /// Waits until something was written to any transcript; `false` when nothing ever will be.
    pub async fn written(&mut self) -> bool {
        self.written.changed().await.is_ok()
    }
}

/// Whole lines from a place on; at least one, however long it is.
fn read_lines(path: &Path, at: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(at))?;
    let mut text = Vec::new();
    loop {
        let read = (&file).take(CHUNK).read_to_end(&mut text)?;
        if let Some(end) = text.iter().rposition(|byte| *byte == b'\n') {
            text.truncate(end + 1);
            return Ok(text);
        }
        if read == 0 {
            return Ok(Vec::new());
        }
    }
}

#[cfg(test)]
mod tests;
