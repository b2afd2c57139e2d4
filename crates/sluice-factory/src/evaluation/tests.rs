//! Tests of weighing: nothing that did not pass counts as passed, and equal failures are equal.

use sluice_checks::{CheckResult, Class, Coverage, Covered, Log};
use sluice_gates::Gate;

use super::*;

fn gate(more: &str) -> GateFile {
    let text = format!("name = \"A\"\npurpose = \"B.\"\nworker = \"c\"\n{more}");
    GateFile::parse(Gate::G5, &text).unwrap()
}

pub(crate) fn check(name: &str, verdict: Verdict) -> CheckResult {
    CheckResult {
        name: name.to_owned(),
        verdict,
        exit_code: Some(0),
        end: "exited".to_owned(),
        cached: false,
        source_run: None,
        wall_ms: 1,
        command: vec!["npm".to_owned(), "run".to_owned(), name.to_owned()],
        steps: Vec::new(),
        log: Log::default(),
        findings: Vec::new(),
        tests: None,
        coverage: None,
        network: "none".to_owned(),
        image: String::new(),
        requests: Vec::new(),
        unenforced: Vec::new(),
        blocked_by: None,
        note: None,
    }
}

pub(crate) fn report(checks: Vec<CheckResult>) -> CheckReport {
    CheckReport {
        verdict: Verdict::Pass,
        engine: "native".to_owned(),
        tree: String::new(),
        toolchain: "node".to_owned(),
        image: String::new(),
        wall_ms: 1,
        checks,
    }
}

pub(crate) fn finding(rule: &str, path: &str, line: u32, level: Level) -> Finding {
    Finding {
        tool: "tsc".to_owned(),
        rule: rule.to_owned(),
        level,
        message: format!("{rule} is broken"),
        path: Some(path.to_owned()),
        line: Some(line),
        column: Some(1),
        class: Class::Type,
        fixable: Fixable::Agent,
        fingerprint: format!("{rule} {path}"),
    }
}

fn document(verdict: Verdict) -> DocumentResult {
    DocumentResult {
        document: "docs/A.md".to_owned(),
        verdict,
        findings: Vec::new(),
    }
}

#[test]
fn nothing_but_passes_passes() {
    use Verdict::{Fail, Pass, Unknown};
    let strict = gate("checks = [\"build\", \"audit\"]\n");
    let lenient = gate("checks = [\"build\", \"audit\"]\naccept_unknown = [\"audit\"]\n");
    // What build and audit and a document say; the verdict where nothing and where the audit may be unknown.
    let table = [
        (Pass, Pass, Pass, Pass, Pass),
        (Pass, Unknown, Pass, Fail, Pass),
        (Pass, Fail, Pass, Fail, Fail),
        (Unknown, Pass, Pass, Fail, Fail),
        (Unknown, Unknown, Pass, Fail, Fail),
        (Fail, Pass, Pass, Fail, Fail),
        (Fail, Unknown, Pass, Fail, Fail),
        (Pass, Pass, Fail, Fail, Fail),
        (Pass, Pass, Unknown, Fail, Fail),
        (Pass, Unknown, Fail, Fail, Fail),
    ];
    for (build, audit, doc, in_strict, in_lenient) in table {
        for (file, expected) in [(&strict, in_strict), (&lenient, in_lenient)] {
            let checks = report(vec![check("build", build), check("audit", audit)]);
            let weighed = Evaluation::weigh(file, Some(checks), vec![document(doc)]);
            assert_eq!(weighed.verdict, expected, "{build:?} {audit:?} {doc:?}");
            // A failure has a signature and a name; a pass has neither.
            assert_eq!(weighed.failure.is_some(), expected == Fail);
            assert_eq!(weighed.failing().is_empty(), expected == Pass);
            let accepted: &[&str] = match (audit, file.accept_unknown.is_empty()) {
                (Unknown, false) => &["audit"],
                _ => &[],
            };
            assert_eq!(weighed.accepted_unknown, accepted);
        }
    }
}

#[test]
fn a_check_that_did_not_run_is_a_failure_with_a_name() {
    let file = gate("checks = [\"build\", \"smoke\"]\naccept_unknown = [\"smoke\"]\n");
    let ran = report(vec![check("build", Verdict::Pass)]);
    for checks in [None, Some(report(Vec::new())), Some(ran)] {
        let weighed = Evaluation::weigh(&file, checks, Vec::new());
        assert_eq!(weighed.verdict, Verdict::Fail);
        assert!(
            weighed.failing().contains(&"smoke".to_owned()),
            "{:?}",
            weighed.failing()
        );
    }
}

#[test]
fn projects_in_sub_folders_answer_for_the_check_and_each_counts() {
    let file = gate("checks = [\"build\"]\naccept_unknown = [\"build\"]\n");
    let both = |second| {
        let checks = vec![check("build:a", Verdict::Pass), check("build:b", second)];
        Evaluation::weigh(&file, Some(report(checks)), Vec::new())
    };
    assert_eq!(both(Verdict::Pass).verdict, Verdict::Pass);
    assert_eq!(both(Verdict::Unknown).accepted_unknown, ["build:b"]);
    assert_eq!(both(Verdict::Fail).failing(), ["build:b"]);
}

#[test]
fn the_tests_of_all_projects_are_counted_together() {
    let counted = |name: &str, passed, failed, skipped| CheckResult {
        tests: Some(Tests {
            passed,
            failed,
            skipped,
        }),
        ..check(name, Verdict::Pass)
    };
    let checks = report(vec![
        counted("test:a", 1, 2, 3),
        check("lint", Verdict::Pass),
        counted("test:b", 10, 20, 30),
    ]);
    let weighed = Evaluation::weigh(&gate(""), Some(checks), Vec::new());
    let expected = Tests {
        passed: 11,
        failed: 22,
        skipped: 33,
    };
    assert_eq!(weighed.tests(), expected);
}

#[test]
fn a_signature_is_of_what_failed_not_of_where_it_stands() {
    let file = gate("checks = [\"build\"]\n");
    let failed = |findings: Vec<Finding>| {
        let check = CheckResult {
            findings,
            ..check("build", Verdict::Fail)
        };
        let weighed = Evaluation::weigh(&file, Some(report(vec![check])), Vec::new());
        weighed.failure.unwrap()
    };
    let error = |rule: &str, path: &str, line| finding(rule, path, line, Level::Error);
    let base = failed(vec![error("TS1", "a.ts", 3), error("TS2", "b.ts", 9)]);
    // Moved lines, another order, a warning more, the same error twice.
    assert_eq!(
        base,
        failed(vec![error("TS2", "b.ts", 1), error("TS1", "a.ts", 7)])
    );
    let warned = vec![
        error("TS1", "a.ts", 3),
        error("TS2", "b.ts", 9),
        finding("TS3", "c.ts", 1, Level::Warning),
    ];
    assert_eq!(base, failed(warned));
    assert_eq!(
        base,
        failed(vec![
            error("TS1", "a.ts", 3),
            error("TS1", "a.ts", 4),
            error("TS2", "b.ts", 9)
        ])
    );
    // Another rule, another file, one error less.
    assert_ne!(
        base,
        failed(vec![error("TS1", "a.ts", 3), error("TS9", "b.ts", 9)])
    );
    assert_ne!(
        base,
        failed(vec![error("TS1", "a.ts", 3), error("TS2", "c.ts", 9)])
    );
    assert_ne!(base, failed(vec![error("TS1", "a.ts", 3)]));
    assert_ne!(base, failed(Vec::new()));
}

#[test]
fn a_signature_tells_checks_apart() {
    let file = gate("checks = [\"build\", \"test\"]\n");
    let failed = |build, test| {
        let checks = report(vec![check("build", build), check("test", test)]);
        Evaluation::weigh(&file, Some(checks), Vec::new())
            .failure
            .unwrap()
    };
    let of = [
        failed(Verdict::Fail, Verdict::Pass),
        failed(Verdict::Pass, Verdict::Fail),
        failed(Verdict::Fail, Verdict::Fail),
    ];
    assert!(of[0] != of[1] && of[1] != of[2] && of[0] != of[2], "{of:?}");
}

#[test]
fn an_evaluation_is_read_back_as_it_was_stored() {
    let checks = report(vec![CheckResult {
        findings: vec![finding("TS1", "a.ts", 3, Level::Error)],
        ..check("build", Verdict::Fail)
    }]);
    let file = gate("checks = [\"build\", \"lint\"]\n");
    let weighed = Evaluation::weigh(&file, Some(checks), vec![document(Verdict::Pass)]);
    let stored = serde_json::to_value(&weighed).unwrap();
    let read: Evaluation = serde_json::from_value(stored).unwrap();
    assert_eq!(read, weighed);
    assert_eq!(read.failing(), weighed.failing());
}

#[test]
fn what_only_the_machine_can_mend_is_told_apart() {
    let file = gate("checks = [\"install\", \"build\", \"test\"]\n");
    let absent = |name: &str| CheckResult {
        findings: vec![Finding {
            fixable: Fixable::Environment,
            ..finding("missing-tool", "", 1, Level::Error)
        }],
        ..check(name, Verdict::Unknown)
    };
    let blocked = |name: &str, by: &str| CheckResult {
        blocked_by: Some(by.to_owned()),
        ..check(name, Verdict::Unknown)
    };
    let wrong = CheckResult {
        findings: vec![finding("TS2322", "a.ts", 1, Level::Error)],
        ..check("build", Verdict::Fail)
    };
    let machine = |checks: Vec<CheckResult>, documents| {
        Evaluation::weigh(&file, Some(report(checks)), documents)
            .environment()
            .is_some()
    };
    let waits = || {
        vec![
            absent("install"),
            blocked("build", "install"),
            blocked("test", "install"),
        ]
    };
    assert!(machine(waits(), Vec::new()));
    // One thing that the agent can mend is enough to ask it.
    assert!(!machine(waits(), vec![document(Verdict::Fail)]));
    let (install, test) = (absent("install"), blocked("test", "install"));
    assert!(!machine(vec![install, wrong.clone(), test], Vec::new()));
    // What is skipped for its own reason is not the machine's.
    let (install, test) = (absent("install"), check("test", Verdict::Unknown));
    assert!(!machine(
        vec![install, check("build", Verdict::Pass), test],
        Vec::new()
    ));
    let green = ["install", "build", "test"].map(|name| check(name, Verdict::Pass));
    assert!(!machine(green.into(), Vec::new()));
    assert!(!machine(
        vec![absent("install"), check("build", Verdict::Pass)],
        Vec::new()
    ));
}

#[test]
fn a_floor_of_coverage_is_held() {
    let file = gate("checks = [\"build\", \"test\"]\ncoverage = 0.8\n");
    let weighed = |coverage: Option<(f64, f64)>, verdict| {
        let test = CheckResult {
            coverage: coverage.map(|(lines, of_file)| Coverage {
                lines,
                files: vec![Covered {
                    path: "src/a.ts".to_owned(),
                    lines: of_file,
                }],
            }),
            ..check("test:api", verdict)
        };
        let checks = vec![check("build", Verdict::Pass), test];
        Evaluation::weigh(&file, Some(report(checks)), Vec::new())
    };
    let rules = |evaluation: &Evaluation| -> Vec<String> {
        let found = evaluation.findings().into_iter();
        found.map(|(_, finding)| finding.rule).collect()
    };
    let enough = weighed(Some((0.8, 0.1)), Verdict::Pass);
    assert_eq!((enough.verdict, rules(&enough).len()), (Verdict::Pass, 0));
    let low = weighed(Some((0.79, 0.5)), Verdict::Pass);
    assert_eq!(low.verdict, Verdict::Fail);
    assert_eq!(low.failing(), ["test:api"]);
    assert_eq!(rules(&low), ["coverage-floor", "uncovered-file"]);
    let findings = low.findings();
    assert!(findings[0].1.message.contains("79.0 %") && findings[0].1.message.contains("src/a.ts"));
    assert_eq!(findings[1].1.path.as_deref(), Some("src/a.ts"));
    assert_eq!(low.checks.expect("a report").verdict, Verdict::Fail);
    // Who does not say is not taken at his word.
    let silent = weighed(None, Verdict::Pass);
    assert_eq!(silent.verdict, Verdict::Fail);
    assert_eq!(rules(&silent), ["coverage-missing"]);
    // What is red for its own reason needs no other.
    assert_eq!(rules(&weighed(None, Verdict::Fail)), Vec::<String>::new());
}
