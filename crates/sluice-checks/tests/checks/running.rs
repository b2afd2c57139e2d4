//! The run itself: what may be asked, cancelling, watching, names.

use std::sync::Mutex;

use sluice_checks::{CheckError, CheckResult, Verdict, Watch};
use sluice_sandbox::Stream;
use tokio_util::sync::CancellationToken;

use crate::bench::Bench;

#[tokio::test]
async fn a_check_that_does_not_exist_is_an_error() {
    let bench = Bench::new(&["split"]);
    let error = bench
        .try_check(&bench.request(&["tset"]))
        .await
        .expect_err("no such check");
    assert!(matches!(&error, CheckError::UnknownCheck { name, .. } if name == "tset"));
    assert!(error.to_string().contains("build:frontend"), "{error}");
}

#[derive(Default)]
struct Heard {
    events: Mutex<Vec<String>>,
    cancel: Option<CancellationToken>,
}

impl Watch for Heard {
    fn queued(&self, check: &str, ahead: usize) {
        let mut events = self.events.lock().expect("no panic");
        events.push(format!("queued {check} behind {ahead}"));
        drop(events);
        if let (Some(cancel), "test") = (&self.cancel, check) {
            cancel.cancel();
        }
    }

    fn started(&self, check: &str, _command: &[String]) {
        self.events
            .lock()
            .expect("no panic")
            .push(format!("started {check}"));
    }

    fn log(&self, check: &str, _stream: Stream, bytes: &[u8]) {
        if String::from_utf8_lossy(bytes).contains("hello") {
            self.events
                .lock()
                .expect("no panic")
                .push(format!("log {check}"));
            if let Some(cancel) = &self.cancel {
                cancel.cancel();
            }
        }
    }

    fn finished(&self, result: &CheckResult) {
        self.events
            .lock()
            .expect("no panic")
            .push(format!("finished {}", result.name));
    }
}

#[tokio::test]
async fn a_run_can_be_watched() {
    let bench = Bench::new(&[]);
    bench.write("package.json", r#"{"name": "w", "version": "1.0.0", "scripts": {"build": "node -e \"console.log('hello')\""}}"#);
    let heard = Heard::default();
    bench
        .checker
        .run(
            &bench.request(&["build"]),
            &heard,
            &CancellationToken::new(),
        )
        .await
        .expect("no fault");
    let events = heard.events.into_inner().expect("no panic");
    let wanted = [
        "finished install",
        "started build",
        "log build",
        "finished build",
    ];
    let seen: Vec<&String> = events
        .iter()
        .filter(|event| wanted.contains(&event.as_str()))
        .collect();
    // npm repeats the script before it runs it.
    assert_eq!(
        seen.first().map(|e| e.as_str()),
        Some("finished install"),
        "{events:?}"
    );
    assert_eq!(
        seen.last().map(|e| e.as_str()),
        Some("finished build"),
        "{events:?}"
    );
    assert!(seen.iter().any(|event| *event == "log build"), "{events:?}");
}

#[tokio::test]
async fn a_cancelled_run_ends_without_a_verdict() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        r#"{"name": "w", "version": "1.0.0", "scripts": {"build": "node -e \"console.log('hello'); setInterval(() => {}, 1000)\""}}"#,
    );
    let cancel = CancellationToken::new();
    let heard = Heard {
        cancel: Some(cancel.clone()),
        ..Heard::default()
    };
    let error = bench
        .checker
        .run(&bench.request(&["build"]), &heard, &cancel)
        .await
        .expect_err("cancelled");
    assert!(matches!(error, CheckError::Cancelled), "{error}");
}

const ENDLESS: &str = r#"{"name": "w", "version": "1.0.0", "scripts": {"build": "node -e \"setInterval(() => {}, 1000)\"", "test": "node -e \"setInterval(() => {}, 1000)\""}}"#;

#[tokio::test]
async fn a_check_that_waits_says_so_and_is_cancelled_at_once() {
    let bench = Bench::new(&[]);
    bench.write("package.json", ENDLESS);
    let checker = bench.checker_with(|settings| settings.parallel = 1);
    let cancel = CancellationToken::new();
    let heard = Heard {
        cancel: Some(cancel.clone()),
        ..Heard::default()
    };
    let request = bench.request(&["build", "test"]);
    let error = checker
        .run(&request, &heard, &cancel)
        .await
        .expect_err("cancelled");
    assert!(matches!(error, CheckError::Cancelled), "{error}");
    let events = heard.events.into_inner().expect("no panic");
    assert!(
        events.contains(&"queued test behind 0".to_owned()),
        "{events:?}"
    );
    assert!(!events.contains(&"started test".to_owned()), "{events:?}");
    assert_eq!(checker.queue(), []);
}

#[tokio::test]
async fn the_first_red_check_ends_the_others_where_that_is_wanted() {
    let bench = Bench::new(&[]);
    bench.write(
        "package.json",
        &ENDLESS.replacen("setInterval(() => {}, 1000)", "process.exit(1)", 1),
    );
    let mut request = bench.request(&["build", "test"]);
    request.fail_fast = true;
    let report = bench.try_check(&request).await.expect("no fault");
    bench.expect(&report, "build", Verdict::Fail);
    let test = bench.expect(&report, "test", Verdict::Unknown);
    assert_eq!(test.end, "skipped");
    assert!(
        test.note
            .as_deref()
            .is_some_and(|note| note.contains("another check is red")),
        "{test:?}"
    );
    assert_eq!(report.verdict, Verdict::Fail);
}
