//! One line on standard error for each check that starts and ends, and for each that it prints if that is wanted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sluice_checks::{CheckResult, Line, Lines, Watch, shown};
use sluice_sandbox::Stream;

use super::show::verdict;
use crate::output::{Output, one_line};

/// Tells a person how a run goes on.
#[derive(Debug)]
pub(super) struct Progress {
    output: Output,
    /// Whether what checks print is told too.
    follow: bool,
    open: Mutex<BTreeMap<String, Open>>,
}

/// A check that runs.
#[derive(Debug)]
struct Open {
    since: Instant,
    lines: Lines,
}

impl Progress {
    pub(super) fn new(output: Output, follow: bool) -> Progress {
        Progress {
            output,
            follow,
            open: Mutex::default(),
        }
    }

    fn tell(&self, check: &str, since: Instant, lines: &[Line]) {
        let seconds = since.elapsed().as_secs_f64();
        for line in lines {
            let text = shown(&line.bytes);
            self.output
                .note(&format!("{check:<10} {seconds:>6.1}  {text}"));
        }
    }
}

impl Watch for Progress {
    fn started(&self, check: &str, command: &[String]) {
        self.output.note(&one_line(&format!(
            "start   {check}: {}",
            command.join(" ")
        )));
        if self.follow {
            let open = Open {
                since: Instant::now(),
                lines: Lines::default(),
            };
            let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(check.to_owned(), open);
        }
    }

    fn log(&self, check: &str, stream: Stream, bytes: &[u8]) {
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.get_mut(check) {
            let lines = open.lines.push(stream, bytes);
            self.tell(check, open.since, &lines);
        }
    }

    fn finished(&self, result: &CheckResult) {
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.remove(&result.name) {
            self.tell(&result.name, open.since, &open.lines.finish());
        }
        let cached = if result.cached { ", cached" } else { "" };
        self.output.note(&one_line(&format!(
            "{:<7} {} ({:.1} s{cached})",
            verdict(result.verdict),
            result.name,
            result.wall_ms as f64 / 1000.0
        )));
    }
}
