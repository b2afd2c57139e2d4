//! A transcript keeps its numbers through kills, shows what is being printed, and is never the reason for a fault.

use std::sync::Arc;

use serde_json::json;
use sluice_checks::{Logs, Watch as _};
use sluice_sandbox::Stream;
use tempfile::TempDir;

use super::{Frame, Transcripts};

const LONGEST: u64 = 1 << 20;

struct World {
    place: TempDir,
    transcripts: Arc<Transcripts>,
    logs: Logs,
}

fn world() -> World {
    let place = tempfile::tempdir().unwrap();
    World {
        transcripts: Arc::new(Transcripts {
            longest: LONGEST,
            ..Transcripts::new(place.path().to_owned())
        }),
        logs: Logs::new(place.path().join("logs")),
        place,
    }
}

async fn all(world: &World, after: i64) -> Vec<Frame> {
    let mut following = world.transcripts.follow("a", after);
    let mut all = Vec::new();
    loop {
        let frames = following.read().await.unwrap();
        if frames.is_empty() {
            return all;
        }
        all.extend(frames);
    }
}

fn kinds(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.kind.as_str()).collect()
}

#[tokio::test]
async fn lines_are_numbered_as_they_come_from_any_check() {
    let world = world();
    let transcript = world.transcripts.open("a", json!({}), &world.logs);
    transcript.started("build", &["make".to_owned()]);
    transcript.started("test", &["make".to_owned(), "test".to_owned()]);
    transcript.log("build", Stream::Out, b"one ");
    transcript.log("test", Stream::Err, b"\x1b[31mbad\x1b[0m\n");
    transcript.log("build", Stream::Out, b"line\nhalf");
    let frames = all(&world, 0).await;
    assert_eq!(kinds(&frames), ["run", "started", "started", "log", "log"]);
    let said: Vec<_> = frames[3..]
        .iter()
        .map(|frame| {
            (
                &frame.data["check"],
                &frame.data["stream"],
                &frame.data["line"],
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (&json!("test"), &json!("err"), &json!("bad")),
            (&json!("build"), &json!("out"), &json!("one line"))
        ]
    );
    let numbers: Vec<_> = frames.iter().map(|frame| frame.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(all(&world, 3).await, frames[3..]);
}

#[tokio::test]
async fn a_follower_is_woken_and_misses_nothing() {
    let world = world();
    let mut following = world.transcripts.follow("a", 0);
    assert!(following.read().await.is_none());
    let transcript = world.transcripts.open("a", json!({}), &world.logs);
    assert!(following.written().await);
    assert_eq!(kinds(&following.read().await.unwrap()), ["run"]);
    transcript.log("build", Stream::Out, b"x\n");
    assert!(following.written().await);
    assert_eq!(kinds(&following.read().await.unwrap()), ["log"]);
    assert_eq!(following.end(), Some(3));
}

#[tokio::test]
async fn numbers_go_on_after_a_kill_in_the_middle_of_a_line() {
    let world = world();
    let transcript = world.transcripts.open("a", json!({}), &world.logs);
    transcript.log("build", Stream::Out, b"x\n");
    drop(transcript);
    let path = world.place.path().join("a.jsonl");
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let before = all(&world, 0).await;
        let transcript = world
            .transcripts
            .open("a", json!({"again": true}), &world.logs);
        transcript.log("build", Stream::Out, b"y\n");
        let after = all(&world, 0).await;
        assert_eq!(after[..before.len()], before, "{cut}");
        assert_eq!(kinds(&after[before.len()..]), ["run", "log"], "{cut}");
        let numbers: Vec<_> = after.iter().map(|frame| frame.seq).collect();
        assert_eq!(
            numbers,
            (1..=after.len() as i64).collect::<Vec<_>>(),
            "{cut}"
        );
    }
}

#[tokio::test]
async fn a_flood_is_cut_and_said() {
    let world = world();
    let transcript = world.transcripts.open("a", json!({}), &world.logs);
    let piece = "x".repeat(50_000) + "\n";
    for _ in 0..2 * LONGEST / 50_000 {
        transcript.log("build", Stream::Out, piece.as_bytes());
    }
    let length = std::fs::metadata(world.place.path().join("a.jsonl"))
        .unwrap()
        .len();
    assert!(length < LONGEST + (1 << 16), "{length}");
    let frames = all(&world, 0).await;
    assert_eq!(frames.iter().filter(|frame| frame.kind == "cut").count(), 1);
    assert_eq!(frames.last().unwrap().kind, "cut");
}

#[tokio::test]
async fn a_folder_that_is_gone_stops_no_checks() {
    let world = world();
    std::fs::remove_dir_all(world.place.path()).unwrap();
    let transcript = world.transcripts.open("a", json!({}), &world.logs);
    transcript.log("build", Stream::Out, b"x\n");
    assert!(world.transcripts.follow("a", 0).read().await.is_none());
}
