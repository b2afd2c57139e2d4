//! PostgreSQL: the suite on a private server, one database per story, and a server that goes away.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database};
use sluice_store::{EventSeq, RowsError, RunCommitOutcome, Store, StoreError};
use tempfile::TempDir;

use crate::suite::{self, stories};
use crate::world::{approve, await_approval, event, refuses_to_change_the_log, rule};

/// A server of our own, reached by a socket in its folder; it ends with the test, however that ends.
struct Server {
    folder: TempDir,
    running: Option<Child>,
}

impl Server {
    async fn start() -> Server {
        let folder = tempfile::Builder::new()
            .prefix("sluice-pg")
            .tempdir()
            .unwrap();
        // PostgreSQL refuses to run as root.
        if is_root() {
            chown(folder.path(), Some(number("-u")), Some(number("-g"))).unwrap();
        }
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let data = folder.path().join("data");
        let made = program("initdb")
            .args([
                "--auth=trust",
                "--username=sluice",
                "--no-sync",
                "--encoding=UTF8",
                "-D",
            ])
            .arg(&data)
            .output()
            .expect("initdb is on PATH: install postgresql");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut server = Server {
            folder,
            running: None,
        };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        // The shell ends the server when its standard input closes, so also when this process is killed.
        let script = r#""$@" & server=$!; cat > /dev/null; kill -QUIT "$server"; wait "$server""#;
        let child = program("sh")
            .args(["-c", script, "sh", "postgres", "-D"])
            .arg(self.folder.path().join("data"))
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres is on PATH: install postgresql");
        self.running = Some(child);
        let end = Instant::now() + Duration::from_secs(30);
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while Database::connect(self.url("postgres")).await.is_err() {
            assert!(Instant::now() < end, "the server did not start");
            look.tick().await;
        }
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://sluice@localhost/{database}?host={}",
            self.folder.path().display()
        )
    }

    async fn open(&self, database: &str) -> Store {
        let admin = Database::connect(self.url("postgres")).await.unwrap();
        admin
            .execute_unprepared(&format!("CREATE DATABASE {database}"))
            .await
            .unwrap();
        Store::open(&self.url(database)).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

const USER: &str = "nobody";

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().unwrap().uid() == 0
}

fn number(which: &str) -> u32 {
    let said = Command::new("id").args([which, USER]).output().unwrap();
    String::from_utf8(said.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

fn program(name: &str) -> Command {
    let mut command;
    if is_root() {
        command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", number("-u")))
            .arg(format!("--regid={}", number("-g")))
            .args(["--clear-groups", name]);
    } else {
        command = Command::new(name);
    }
    command.current_dir("/");
    command
}

macro_rules! on_postgres {
    ($($story:ident: $module:ident,)+) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn the_suite_holds_on_postgres() {
            let server = Server::start().await;
            $(
                let name = stringify!($story);
                eprintln!("{name}");
                // On the heap: all stories together are more than a thread's stack.
                Box::pin(async {
                    let store = server.open(name).await;
                    suite::$module::$story(store.clone()).await;
                    suite::copies::everything_comes_back(&store).await;
                    store.close().await.unwrap();
                })
                .await;
            )+
        }
    };
}
stories!(on_postgres);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_move_from_sqlite_to_postgres_and_work_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/s.db?mode=rwc", folder.path().display());
    let old = Store::open(&url).await.unwrap();
    let rule = sluice_gates::Rule {
        approvals: 2,
        ..rule()
    };
    let (id, run) = await_approval(&old, "p", rule).await;
    // A row with a number that the database gave it.
    old.run_commit(approve(id, &run, "ada")).await.unwrap();
    let run = old.run_fetch(id).await.unwrap().unwrap().run;

    let server = Server::start().await;
    let new = server.open("moved").await;
    let rows = suite::copies::read(&old).await;
    suite::copies::write(&new, rows.clone()).await.unwrap();
    assert_eq!(suite::copies::read(&new).await, rows);
    let again = suite::copies::write(&new, rows).await.unwrap_err();
    assert!(matches!(again, RowsError::NotEmpty), "{again:?}");
    let outcome = new.run_commit(approve(id, &run, "grace")).await.unwrap();
    assert!(matches!(outcome, RunCommitOutcome::Committed { .. }));
    assert_eq!(new.decision_list(id).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_kept() {
    let server = Server::start().await;
    let store = server.open("sluice").await;
    let raw = Database::connect(server.url("sluice")).await.unwrap();
    refuses_to_change_the_log(&store, &raw).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_go_and_come_back() {
    let mut server = Server::start().await;
    let store = server.open("sluice").await;
    store.event_append(event("p", "before")).await.unwrap();
    server.stop();
    let error = store
        .event_append(event("p", "meanwhile"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(error.is_passing());

    server.run().await;
    let seq = store.event_append(event("p", "after")).await.unwrap();
    assert_eq!(seq, EventSeq(2));
    let url = server.url("sluice");
    let opens = (0..8).map(|_| Store::open(&url));
    for opened in futures::future::join_all(opens).await {
        let kept = opened
            .unwrap()
            .event_list(EventSeq(0), None, 10)
            .await
            .unwrap();
        assert_eq!(kept.len(), 2);
    }
    let nowhere = Store::open(&server.url("nowhere")).await.unwrap_err();
    assert!(matches!(nowhere, StoreError::Open { .. }), "{nowhere:?}");
}
