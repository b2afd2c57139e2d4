//! SQLite: the suite on a file and in memory, reopening, killing, and files that are not what they should be.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use sea_orm::{ConnectionTrait, Database};
use sluice_gates::Step;
use sluice_store::{EventSeq, RunCommitOutcome, Store, StoreError};

use crate::suite::{self, stories};
use crate::world::{approve, await_approval, event, log_problems, refuses_to_change_the_log, rule};

fn url(folder: &Path) -> String {
    format!("sqlite://{}/sluice.db?mode=rwc", folder.display())
}

macro_rules! on_sqlite {
    ($($story:ident: $module:ident,)+) => {
        mod file {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    let folder = tempfile::tempdir().unwrap();
                    let store = Store::open(&url(folder.path())).await.unwrap();
                    suite::$module::$story(store.clone()).await;
                    suite::copies::everything_comes_back(&store).await;
                }
            )+
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn the_suite_holds_in_memory() {
            $(
                let store = Store::open("sqlite::memory:").await.unwrap();
                suite::$module::$story(store).await;
            )+
        }
    };
}
stories!(on_sqlite);

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let store = Store::open(&url).await.unwrap();
    let (id, run) = await_approval(&store, "p", rule()).await;
    store.event_append(event("p", "before")).await.unwrap();
    let before = store.run_fetch(id).await.unwrap();
    store.close().await.unwrap();

    let store = Store::open(&url).await.unwrap();
    assert_eq!(store.run_fetch(id).await.unwrap(), before);
    assert_eq!(*store.events_watch().borrow(), EventSeq(1));
    let outcome = store.run_commit(approve(id, &run, "ada")).await.unwrap();
    assert!(matches!(outcome, RunCommitOutcome::Committed { .. }));
    assert_eq!(
        store.event_append(event("p", "after")).await.unwrap(),
        EventSeq(2)
    );
}

/// Names the database that a second process of this test writes to until it is killed.
const WRITER: &str = "SLUICE_STORE_TEST_WRITER";

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    if let Ok(url) = std::env::var(WRITER) {
        let store = Store::open(&url).await.unwrap();
        loop {
            let seq = store.event_append(event("p", "written")).await.unwrap();
            // A line of its own, whatever the test runner has written before.
            std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("\nack {}\n", seq.0).as_bytes(),
            )
            .unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    for round in 1..=5 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sqlite::what_was_acknowledged_survives_a_kill",
                "--nocapture",
            ])
            .env(WRITER, &url)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stderr.take().unwrap()).lines();
        let acknowledged =
            |line: std::io::Result<String>| line.ok()?.strip_prefix("ack ")?.parse::<i64>().ok();
        let mut acks: Vec<i64> = lines
            .by_ref()
            .filter_map(acknowledged)
            .take(7 * round)
            .collect();
        writer.kill().unwrap();
        writer.wait().unwrap();
        acks.extend(lines.filter_map(acknowledged));

        let store = Store::open(&url).await.unwrap();
        let kept: Vec<i64> = store
            .event_list(EventSeq(0), None, 10_000)
            .await
            .unwrap()
            .into_iter()
            .map(|event| event.seq.0)
            .collect();
        let last = *acks.last().unwrap();
        assert!(acks.len() >= 7 * round);
        assert!(
            kept.len() as i64 >= last,
            "acknowledged {last}, kept {}",
            kept.len()
        );
        assert_eq!(kept, (1..=kept.len() as i64).collect::<Vec<_>>());
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn two_programs_may_open_an_empty_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let opens = (0..8).map(|_| Store::open(&url));
    for opened in futures::future::join_all(opens).await {
        opened.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_may_write_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let one = Store::open(&url).await.unwrap();
    let other = Store::open(&url).await.unwrap();
    let (id, run) = await_approval(&one, "p", rule()).await;
    let race = (0..40).map(|n| {
        let store = if n % 2 == 0 {
            one.clone()
        } else {
            other.clone()
        };
        let commit = approve(id, &run, &format!("person {n}"));
        tokio::spawn(async move { store.run_commit(commit).await.unwrap() })
    });
    let ends = futures::future::join_all(race).await;
    let (won, lost): (Vec<_>, Vec<_>) = ends
        .into_iter()
        .map(Result::unwrap)
        .partition(|end| matches!(end, RunCommitOutcome::Committed { .. }));
    assert_eq!(won.len(), 1);
    assert!(
        lost.iter()
            .all(|end| *end == RunCommitOutcome::Stale { now: Step(3) })
    );
}

#[tokio::test]
async fn a_newer_schema_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    Store::open(&url).await.unwrap().close().await.unwrap();
    let raw = Database::connect(&url).await.unwrap();
    raw.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m29991231_000001_future', 0)")
        .await
        .unwrap();
    raw.close().await.unwrap();
    let error = Store::open(&url).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { .. }), "{error:?}");
    assert!(
        error.to_string().contains("m29991231_000001_future"),
        "{error}"
    );
}

#[tokio::test]
async fn a_locked_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let store = Store::open(&url).await.unwrap();
    let other = Database::connect(&url).await.unwrap();
    other.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
    let error = store.event_append(event("p", "x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.is_passing());
    assert!(
        store
            .event_list(EventSeq(0), None, 1)
            .await
            .unwrap()
            .is_empty(),
        "reading goes on"
    );
    other.execute_unprepared("ROLLBACK").await.unwrap();
    store.event_append(event("p", "x")).await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.db");
    std::fs::write(
        &path,
        "this is a shopping list, not a database at all; ".repeat(100),
    )
    .unwrap();
    let error = Store::open(&url(folder.path())).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");

    let missing = format!(
        "sqlite://{}/no/such/folder/s.db?mode=rwc",
        folder.path().display()
    );
    let error = Store::open(&missing).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(
        error.to_string().contains("/no/such/folder/s.db"),
        "{error}"
    );

    for url in ["mysql://root:secret@host/db", "", "sluice.db"] {
        let error = Store::open(url).await.unwrap_err();
        assert!(matches!(error, StoreError::Url { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let store = Store::open(&url).await.unwrap();
    let (id, _) = await_approval(&store, "p", rule()).await;
    let raw = Database::connect(&url).await.unwrap();
    raw.execute_unprepared("CREATE TABLE good AS SELECT * FROM runs")
        .await
        .unwrap();
    for (column, damage) in [
        ("machine", "'{'"),
        ("ordinal", "-1"),
        ("created_at", "9223372036854775807"),
        ("pins", "'[1]'"),
    ] {
        let (db, good) = (raw.clone(), format!("(SELECT {column} FROM good)"));
        let set = |value: String| {
            let db = db.clone();
            async move {
                let update = format!("UPDATE runs SET {column} = {value}");
                db.execute_unprepared(&update).await.unwrap();
            }
        };
        set(damage.to_owned()).await;
        let error = store.run_fetch(id).await.unwrap_err();
        set(good).await;
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        let place = format!("runs.{column} of {id}");
        assert!(error.to_string().contains(&place), "{error}");
        store.run_fetch(id).await.unwrap();
    }
}

#[tokio::test]
async fn every_table_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    Store::open(&url).await.unwrap().close().await.unwrap();
    let db = Database::connect(&url).await.unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
               AND name <> 'seaql_migrations'";
    let rows = db
        .query_all_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Sqlite,
            sql,
        ))
        .await
        .unwrap();
    let mut there: Vec<String> = rows
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect();
    there.sort();
    let mut known = sluice_store::TABLES.to_vec();
    known.sort_unstable();
    assert_eq!(
        there, known,
        "add the table to TABLES, or it is in no backup"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_of_one_moment_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(folder.path())).await.unwrap();
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    store.event_append(event("p", "written")).await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..20 {
        let (rows, seen) = store
            .rows(async || {
                store
                    .event_list(EventSeq(0), None, 1000)
                    .await
                    .unwrap()
                    .len()
            })
            .await
            .unwrap();
        let count = rows.read("events", &mut |_| Ok(())).await.unwrap();
        assert_eq!(count, seen as u64);
        let mut clock = String::new();
        let mut line = |line: &str| {
            clock = line.to_owned();
            Ok(())
        };
        rows.read("event_clock", &mut line).await.unwrap();
        assert_eq!(clock, format!(r#"{{"id":1,"last":{seen}}}"#));
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_copy_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(folder.path())).await.unwrap();
    store.event_append(event("p", "before")).await.unwrap();
    let mut lines = suite::copies::read(&store).await;
    let events = lines
        .iter_mut()
        .find(|(table, _)| table == "events")
        .unwrap();
    events.1.push(r#"{"seq":2,"kind":"no body"}"#.to_owned());
    let folder = tempfile::tempdir().unwrap();
    let copy = Store::open(&url(folder.path())).await.unwrap();
    let error = suite::copies::write(&copy, lines).await.unwrap_err();
    assert!(
        error.to_string().contains("a row of events cannot be read"),
        "{error}"
    );
    assert_eq!(
        copy.event_append(event("p", "first")).await.unwrap(),
        EventSeq(1)
    );
}

#[tokio::test]
async fn the_log_is_kept_and_whoever_gets_around_that_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(folder.path());
    let store = Store::open(&url).await.unwrap();
    let raw = Database::connect(&url).await.unwrap();
    refuses_to_change_the_log(&store, &raw).await;
    let run = async |statement: &str| {
        raw.execute_unprepared(statement).await.unwrap();
    };
    run("DROP TRIGGER audit_kept").await;
    run("DROP TRIGGER audit_as_it_was").await;
    run("CREATE TABLE good AS SELECT * FROM audit").await;
    for tampering in [
        "UPDATE audit SET who_name = 'eva' WHERE seq = 2",
        "UPDATE audit SET body = '{\"n\":7}' WHERE seq = 2",
        "UPDATE audit SET at = at + 1 WHERE seq = 3",
        "UPDATE audit SET previous = hash WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 1; UPDATE audit SET seq = seq - 1",
        "UPDATE audit SET seq = 9 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 9",
    ] {
        run(tampering).await;
        assert!(!log_problems(&store).await.is_empty(), "{tampering}");
        run("DELETE FROM audit; INSERT INTO audit SELECT * FROM good").await;
        assert!(log_problems(&store).await.is_empty());
    }
}
