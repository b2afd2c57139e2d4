//! A passage that is really killed at every line that matters ends as if it had not been.
//!
//! A shim in C is preloaded into `sluice-passage` and kills it at one of the calls by which anything becomes
//! durable or visible to others. Then it is started again, and the end is compared with that of a passage that
//! nobody disturbed: nothing lost, nothing done twice, nothing left.
//!
//! `SLUICE_KILL_POINTS` says at how many of the calls: a number, or `all` (tens of minutes), or `#123`, or `#123-140`.

mod end;
mod left;
mod proofs;
mod start;
mod story;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use start::{Ended, Kill, Shim};
use story::Story;

/// Calls at which the passage is killed when nobody says how many.
const POINTS: usize = 120;
/// Starts at once.
const WORKERS: usize = 2;
/// Of the writes into the database's log, which is another project's to get right, every so manieth is tried.
const LOG_WRITES: usize = 10;
/// The number of the signal that cannot be caught.
const SIGKILL: i32 = 9;

/// How a passage ends that nobody disturbs.
struct Reference {
    calls: usize,
    /// Calls worth a kill, in order.
    points: Vec<usize>,
    end: Vec<String>,
    names: BTreeSet<String>,
}

async fn reference(shim: &Shim) -> Reference {
    let story = Story::new(1);
    let ended = start::with_shim(&story, shim, Kill::Never)
        .await
        .expect("it runs");
    assert!(ended.status.success(), "{}", ended.errors);
    let calls = ended
        .note
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a count");
    let trace = std::fs::read_to_string(start::trace(&story)).expect("the trace");
    let mut into_the_log = 0;
    let points = trace
        .lines()
        .filter(|line| {
            let is_log = line.contains(" pwrite64 ") && line.ends_with("sluice.db-wal");
            into_the_log += usize::from(is_log);
            !is_log || into_the_log % LOG_WRITES == 0
        })
        .filter_map(|line| line.split(' ').next()?.parse().ok())
        .collect();
    let wrong = wrong(&story, &ended).await;
    assert!(wrong.is_empty(), "an undisturbed passage: {wrong:#?}");
    Reference {
        calls,
        points,
        end: end::lines(&story).await,
        names: left::names(&story),
    }
}

/// What must hold of every end, whatever happened on the way.
async fn wrong(story: &Story, ended: &Ended) -> Vec<String> {
    let mut wrong = left::left(story).await;
    wrong.extend(proofs::problems(story));
    let there = end::told(story).await;
    let lost = ended.told.iter().filter(|line| !there.contains(*line));
    wrong.extend(lost.map(|line| format!("acknowledged, but gone: {line}")));
    wrong
}

/// Kills a passage, starts it again, and says what is not as in the reference.
async fn tried(
    shim: &Shim,
    reference: &Reference,
    kill: Kill,
    again: Option<usize>,
) -> Result<(), String> {
    let story = Story::new(1);
    let mut killed_at = Vec::new();
    let outcome = async {
        let mut told = Vec::new();
        let kills = [Some(kill), again.map(Kill::Before)];
        for kill in kills.into_iter().flatten() {
            let ended = start::with_shim(&story, shim, kill).await?;
            killed_at.push(ended.note.clone());
            told.extend(ended.told);
            let was_done = ended.status.success() && ended.note.contains("calls, then the end");
            if ended.status.signal() != Some(SIGKILL) && !was_done {
                return Err(format!(
                    "not killed, but {}: {}",
                    ended.status, ended.errors
                ));
            }
        }
        let mut ended = start::plainly(&story).await?;
        if !ended.status.success() {
            return Err(format!(
                "the restart ended with {}: {}",
                ended.status, ended.errors
            ));
        }
        ended.told.append(&mut told);
        let mut wrong = wrong(&story, &ended).await;
        wrong.extend(differences(&reference.end, &end::lines(&story).await));
        let unused: Vec<String> = left::names(&story)
            .difference(&reference.names)
            .cloned()
            .collect();
        if !unused.is_empty() {
            wrong.push(format!("files that no other end has: {unused:?}"));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n  "))
        }
    }
    .await;
    outcome.map_err(|why| {
        let place = if std::env::var_os("SLUICE_KILL_KEEP").is_some() {
            format!(" (kept in {})", story.keep().display())
        } else {
            String::new()
        };
        format!("{kill:?}, again {again:?}, killed {killed_at:?}{place}\n  {why}")
    })
}

fn differences(wanted: &[String], found: &[String]) -> Vec<String> {
    let (all, there): (BTreeSet<_>, BTreeSet<_>) =
        (wanted.iter().collect(), found.iter().collect());
    let mut lines: Vec<String> = all
        .difference(&there)
        .map(|line| format!("missing: {line}"))
        .collect();
    lines.extend(there.difference(&all).map(|line| format!("more: {line}")));
    if lines.is_empty() && wanted != found {
        lines.push(format!("other order or number: {found:#?}"));
    }
    lines
}

fn points(reference: &Reference) -> Vec<usize> {
    let asked = std::env::var("SLUICE_KILL_POINTS").unwrap_or_default();
    if let Some(calls) = asked.strip_prefix('#') {
        let (first, last) = calls.split_once('-').unwrap_or((calls, calls));
        let number = |word: &str| word.parse::<usize>().expect("the number of a call");
        return (number(first)..=number(last)).collect();
    }
    let count = match asked.as_str() {
        "all" => return (1..=reference.calls).collect(),
        "" => POINTS,
        number => number
            .parse()
            .expect("SLUICE_KILL_POINTS is a number, `all`, #call or #first-last"),
    };
    let all = &reference.points;
    let count = count.min(all.len());
    let points: Vec<usize> = (0..count).map(|n| all[n * all.len() / count]).collect();
    // In strides, so that a run that is broken off was everywhere.
    let stride = (count * 618 / 1000).max(1);
    let stride = (stride..)
        .find(|stride| divisor(*stride, count) == 1)
        .expect("a prime is near");
    (0..count).map(|n| points[n * stride % count]).collect()
}

/// The greatest common divisor.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passage_that_is_killed_anywhere_ends_the_same() {
    let shim = Arc::new(Shim::compile());
    let reference = Arc::new(reference(&shim).await);
    let points = Arc::new(points(&reference));
    let begun = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        let (shim, reference, points, next) = (
            Arc::clone(&shim),
            Arc::clone(&reference),
            Arc::clone(&points),
            Arc::clone(&next),
        );
        workers.spawn(async move {
            let mut wrong = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(point) = points.get(index).copied() else {
                    return wrong;
                };
                // Now and then right after the call, and now and then again while it recovers.
                let kill = if index % 7 == 3 {
                    Kill::After(point)
                } else {
                    Kill::Before(point)
                };
                let again = (index % 4 == 1).then(|| 1 + index * 13 % 150);
                if index > 0 && index % 100 == 0 {
                    eprintln!("{index} of {} kills", points.len());
                }
                if let Err(why) = tried(&shim, &reference, kill, again).await {
                    eprintln!("{why}");
                    wrong.push(why);
                }
            }
        });
    }
    let wrong: Vec<String> = workers.join_all().await.into_iter().flatten().collect();
    let (tried, of) = (points.len(), reference.calls);
    eprintln!(
        "killed at {tried} of {of} calls in {:?}, {} ended otherwise",
        begun.elapsed(),
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {tried} ended otherwise:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passage_that_is_killed_while_a_command_runs_leaves_nothing_of_it() {
    let story = Story::new(1500);
    let mut child = start::command(&story).spawn().expect("it starts");
    let until = Instant::now() + Duration::from_secs(60);
    let is_test = |line: &String| line.contains("node") && line.contains("add.test.js");
    while !left::processes(story.folder()).iter().any(is_test) {
        assert!(Instant::now() < until, "no test was seen to run");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.expect("it is killed");
    // Nothing is started again yet: what ran must end by itself.
    let until = Instant::now() + Duration::from_secs(5);
    while !left::processes(story.folder()).is_empty() {
        let still = left::processes(story.folder());
        assert!(Instant::now() < until, "still there: {still:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = start::plainly(&story).await.expect("it runs");
    assert!(ended.status.success(), "{}", ended.errors);
    let wrong = wrong(&story, &ended).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}
