//! Tests of changes that share a commit.

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{Store, StoreError};

async fn open(folder: &Path) -> Store {
    let url = format!("sqlite://{}/s.db?mode=rwc", folder.display());
    Store::open(&url).await.unwrap()
}

async fn run(store: &Store, sql: &str) {
    let group = store.group.as_ref().unwrap();
    let change = group.begin().await.unwrap();
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    change.db().execute_raw(statement).await.unwrap();
    change.commit().await.unwrap();
}

/// How many commits stand in the log: the frames that say how large the database is then
/// (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
fn commits(folder: &Path) -> usize {
    let log = std::fs::read(folder.join("s.db-wal")).unwrap();
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let frame = 24 + word(8) as usize;
    let salt = (word(16), word(20));
    (32..log.len())
        .step_by(frame)
        .take_while(|at| at + frame <= log.len() && (word(at + 8), word(at + 12)) == salt)
        .filter(|at| word(at + 4) != 0)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_wait_together_are_made_durable_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let before = commits(folder.path());
    // Somebody is writing while sixty others come.
    let first = store.group.as_ref().unwrap().begin().await.unwrap();
    let others = (0..60).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.setting_put_once(&format!("k{n}"), "v").await })
    });
    let others: Vec<_> = others.collect();
    // They all wait: nobody has an answer as long as the first one writes.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(others.iter().all(|other| !other.is_finished()));
    first.commit().await.unwrap();
    for came in join_all(others).await {
        came.unwrap().unwrap();
    }
    for n in 0..60 {
        let value = store.setting_get(&format!("k{n}")).await.unwrap();
        assert_eq!(value.as_deref(), Some("v"));
    }
    let commits = commits(folder.path()) - before;
    // Three when all of them have queued in time.
    assert!(
        (1..=20).contains(&commits),
        "{commits} commits for 61 changes"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_taken_back_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let tasks = (0..40).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let change = store.group.as_ref().unwrap().begin().await.unwrap();
            let sql = format!("INSERT INTO settings (key, value) VALUES ('k{n}', 'v')");
            let statement = Statement::from_string(DbBackend::Sqlite, sql);
            change.db().execute_raw(statement).await.unwrap();
            match n % 4 {
                0 => change.roll_back().await.unwrap(),
                // Dropped, as by an error on the way.
                1 => drop(change),
                _ => change.commit().await.unwrap(),
            }
        })
    });
    for came in join_all(tasks.collect::<Vec<_>>()).await {
        came.unwrap();
    }
    for n in 0..40 {
        let value = store.setting_get(&format!("k{n}")).await.unwrap();
        assert_eq!(value.is_some(), n % 4 > 1, "k{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_stands_and_nothing_else_when_the_disk_fills_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    // The limit belongs to the one connection that writes.
    run(&store, "PRAGMA max_page_count = 120").await;
    let mut refused = 0;
    for round in 0..6 {
        let tasks = (0..20).map(|n| {
            let store = store.clone();
            // Each tenth is large: sooner or later one does not fit, in the middle of a group.
            let size = if n % 10 == 9 { 60_000 } else { 10 };
            tokio::spawn(async move {
                let key = format!("r{round}n{n}");
                let came = store.setting_put_once(&key, &"x".repeat(size)).await;
                (key, came)
            })
        });
        for came in join_all(tasks.collect::<Vec<_>>()).await {
            let (key, came) = came.unwrap();
            let stands = store.setting_get(&key).await.unwrap().is_some();
            assert_eq!(stands, came.is_ok(), "{key}: {came:?}");
            refused += usize::from(matches!(came, Err(StoreError::Full { .. })));
        }
    }
    assert!(refused > 0, "the disk never filled up");
    let store = open(folder.path()).await;
    store.setting_put_once("after", "works").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_at_any_time_leave_whole_changes_and_a_working_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for round in 0..30 {
        let tasks = (0..12).map(|n| {
            let store = store.clone();
            let stays = n % 3 == 0;
            let key = format!("r{round}n{n}");
            let task = tokio::spawn({
                let key = key.clone();
                async move { store.setting_put_once(&key, "v").await.map(|_| ()) }
            });
            (key, stays, task)
        });
        let tasks: Vec<_> = tasks.collect();
        // A little later in each round: in the queue, in the savepoint, in the commit.
        tokio::time::sleep(Duration::from_micros(100 * round)).await;
        for (_, stays, task) in &tasks {
            if !stays {
                task.abort();
            }
        }
        for (key, stays, task) in tasks {
            match task.await {
                Ok(came) => came.unwrap(),
                Err(end) => {
                    assert!(end.is_cancelled() && !stays);
                    continue;
                }
            }
            assert!(store.setting_get(&key).await.unwrap().is_some(), "{key}");
        }
    }
    store.setting_put_once("after", "works").await.unwrap();
}
