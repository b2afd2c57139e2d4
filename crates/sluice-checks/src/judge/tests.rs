//! Verdicts from exit codes, reports and output.

use std::collections::BTreeMap;
use std::fs;

use sluice_sandbox::Network;

use super::*;
use crate::Action;

struct Case<'a> {
    kind: Kind,
    report: Report,
    end: End,
    output: &'a str,
    stdout: &'a str,
    files: &'a [(&'a str, &'a str)],
}

const TEST: Case<'_> = Case {
    kind: Kind::Test,
    report: Report::Jest,
    end: End::Exited(0),
    output: "",
    stdout: "",
    files: &[],
};
const GREEN: &str =
    r#"{"numPassedTests":1,"testResults":[{"assertionResults":[{"status":"passed"}]}]}"#;
const RED: &str = r#"{"numPassedTests":0,"testResults":[{"assertionResults":[{"fullName":"a","status":"failed"}]}]}"#;

fn judged(case: &Case<'_>) -> Judged {
    let out = tempfile::tempdir().unwrap();
    for (name, text) in case.files {
        fs::write(out.path().join(name), text).unwrap();
    }
    let command = Command {
        argv: vec!["npm".to_owned()],
        env: BTreeMap::new(),
        network: match case.kind {
            Kind::Install => Network::Registries,
            _ => Network::None,
        },
        report: case.report,
        note: None,
        wall: None,
    };
    let step = Step {
        name: case.kind.as_str().to_owned(),
        kind: case.kind,
        toolchain: crate::Toolchain::Node,
        dir: String::new(),
        action: Action::Run(command.clone()),
        inputs: crate::Inputs::All,
    };
    let paths = Paths::new(&BTreeMap::new(), "");
    judge(&Seen {
        step: &step,
        command: &command,
        end: case.end,
        output: case.output,
        stdout: case.stdout.as_bytes(),
        out: out.path(),
        paths: &paths,
    })
}

#[track_caller]
fn check(case: &Case<'_>, verdict: Verdict, rule: Option<&str>) {
    let judged = judged(case);
    assert_eq!(judged.verdict, verdict, "{judged:?}");
    assert_eq!(
        judged.findings.first().map(|finding| finding.rule.as_str()),
        rule,
        "{judged:?}"
    );
    if verdict == Verdict::Fail {
        assert!(
            judged
                .findings
                .iter()
                .any(|finding| finding.level == Level::Error),
            "{judged:?}"
        );
    }
    if verdict == Verdict::Unknown {
        assert!(judged.note.is_some(), "{judged:?}");
    }
}

#[test]
fn the_exit_code_decides_first() {
    check(
        &Case {
            files: &[("test.json", GREEN)],
            ..TEST
        },
        Verdict::Pass,
        None,
    );
    check(
        &Case {
            files: &[("test.json", GREEN)],
            end: End::Exited(1),
            output: "unhandled",
            ..TEST
        },
        Verdict::Fail,
        Some(""),
    );
    check(
        &Case {
            files: &[("test.json", RED)],
            ..TEST
        },
        Verdict::Fail,
        Some("a"),
    );
    check(
        &Case {
            files: &[("test.json", RED)],
            end: End::Exited(1),
            ..TEST
        },
        Verdict::Fail,
        Some("a"),
    );
}

#[test]
fn no_test_is_no_proof() {
    let none = r#"{"testResults":[]}"#;
    let skipped = r#"{"testResults":[{"assertionResults":[{"status":"skipped"}]}]}"#;
    let forged = r#"{"numPassedTests":99,"testResults":[]}"#;
    check(
        &Case {
            files: &[("test.json", none)],
            ..TEST
        },
        Verdict::Fail,
        Some("no-tests"),
    );
    check(
        &Case {
            files: &[("test.json", skipped)],
            ..TEST
        },
        Verdict::Fail,
        Some("no-tests"),
    );
    check(
        &Case {
            files: &[("test.json", forged)],
            ..TEST
        },
        Verdict::Fail,
        Some("report-disagrees"),
    );
    check(&TEST, Verdict::Fail, Some("report-missing"));
    check(
        &Case {
            files: &[("test.json", "{")],
            ..TEST
        },
        Verdict::Fail,
        Some("report-missing"),
    );
    check(
        &Case {
            report: Report::IdleTests,
            output: "99 passed",
            ..TEST
        },
        Verdict::Fail,
        Some("no-tests"),
    );
    check(
        &Case {
            report: Report::UnknownTests,
            ..TEST
        },
        Verdict::Unknown,
        None,
    );
    let empty = [("test.xml", "<testsuites></testsuites>")];
    check(
        &Case {
            report: Report::UnknownTests,
            files: &empty,
            ..TEST
        },
        Verdict::Unknown,
        None,
    );
    check(
        &Case {
            report: Report::Junit,
            files: &empty,
            ..TEST
        },
        Verdict::Fail,
        Some("no-tests"),
    );
    let one = [("test.xml", "<testsuites><testcase name='a'/></testsuites>")];
    check(
        &Case {
            report: Report::UnknownTests,
            files: &one,
            ..TEST
        },
        Verdict::Pass,
        None,
    );
    check(
        &Case {
            report: Report::UnknownTests,
            end: End::Exited(1),
            ..TEST
        },
        Verdict::Fail,
        Some(""),
    );
}

#[test]
fn a_program_that_is_missing_is_unknown() {
    let missing = Case {
        end: End::Exited(127),
        output: "sh: 1: vite: not found\n",
        report: Report::Text,
        kind: Kind::Build,
        ..TEST
    };
    check(&missing, Verdict::Unknown, Some("missing-tool"));
    assert!(
        judged(&missing)
            .note
            .is_some_and(|note| note.contains("vite"))
    );
    let node = Case {
        output: "",
        ..missing
    };
    assert!(
        judged(&node)
            .note
            .is_some_and(|note| note.contains("install Node.js"))
    );
}

#[test]
fn every_other_end_is_a_failure() {
    for end in [
        End::TimedOut,
        End::Silent,
        End::OutOfMemory,
        End::Killed,
        End::OutputLimit,
    ] {
        check(
            &Case {
                end,
                files: &[("test.json", GREEN)],
                ..TEST
            },
            Verdict::Fail,
            Some(end.as_str()),
        );
    }
    let install = Case {
        kind: Kind::Install,
        report: Report::Text,
        end: End::TimedOut,
        ..TEST
    };
    check(&install, Verdict::Unknown, None);
}

#[test]
fn words_in_the_output_are_no_errors() {
    let output = "> x@1.0.0 build\n> echo error\n\nerror\nCannot find module: handled\n0 errors\n";
    check(
        &Case {
            kind: Kind::Build,
            report: Report::Text,
            output,
            ..TEST
        },
        Verdict::Pass,
        None,
    );
    check(
        &Case {
            kind: Kind::Build,
            report: Report::Text,
            end: End::Exited(2),
            output,
            ..TEST
        },
        Verdict::Fail,
        Some(""),
    );
    let silent = Case {
        kind: Kind::Build,
        report: Report::Text,
        end: End::Exited(2),
        ..TEST
    };
    assert_eq!(
        judged(&silent).findings[0].message,
        "it left with exit code 2"
    );
}

#[test]
fn lint_is_red_by_code_or_report() {
    let lint = Case {
        kind: Kind::Lint,
        report: Report::Eslint,
        ..TEST
    };
    let of = |severity: u8| {
        format!(
            r#"[{{"filePath":"/workspace/a.ts","messages":[{{"ruleId":"r","severity":{severity},"message":"m","line":1,"column":2}}]}}]"#
        )
    };
    let (error, warning) = (of(2), of(1));
    check(
        &Case {
            files: &[("lint.json", "[]")],
            ..lint
        },
        Verdict::Pass,
        None,
    );
    check(
        &Case {
            files: &[("lint.json", &error)],
            ..lint
        },
        Verdict::Fail,
        Some("r"),
    );
    check(
        &Case {
            files: &[("lint.json", &warning)],
            ..lint
        },
        Verdict::Pass,
        Some("r"),
    );
    check(
        &Case {
            files: &[("lint.json", &warning)],
            end: End::Exited(1),
            ..lint
        },
        Verdict::Fail,
        Some("r"),
    );
    check(
        &Case {
            files: &[("lint.json", "[]")],
            end: End::Exited(1),
            ..lint
        },
        Verdict::Fail,
        Some(""),
    );
    check(&lint, Verdict::Unknown, None);
    check(
        &Case {
            end: End::Exited(2),
            ..lint
        },
        Verdict::Fail,
        Some(""),
    );
}

#[test]
fn an_audit_that_could_not_ask_is_unknown() {
    let audit = Case {
        kind: Kind::Audit,
        report: Report::NpmAudit,
        ..TEST
    };
    let good = r#"{"auditReportVersion":2,"vulnerabilities":{}}"#;
    let bad =
        r#"{"auditReportVersion":2,"vulnerabilities":{"a":{"severity":"moderate","via":[]}}}"#;
    check(
        &Case {
            stdout: good,
            ..audit
        },
        Verdict::Pass,
        None,
    );
    check(
        &Case {
            stdout: bad,
            ..audit
        },
        Verdict::Fail,
        Some(""),
    );
    check(
        &Case {
            stdout: bad,
            end: End::Exited(1),
            ..audit
        },
        Verdict::Fail,
        Some(""),
    );
    check(
        &Case {
            stdout: r#"{"statusCode":405,"message":"405"}"#,
            end: End::Exited(0),
            ..audit
        },
        Verdict::Unknown,
        None,
    );
    check(
        &Case {
            stdout: "oops",
            end: End::Exited(1),
            ..audit
        },
        Verdict::Unknown,
        None,
    );
}

#[test]
fn a_service_is_judged_by_both() {
    let smoke = Case {
        kind: Kind::Smoke,
        report: Report::Smoke,
        ..TEST
    };
    let good = [(
        "smoke.json",
        r#"{"ok":true,"stage":"health","message":"GET /health gave 200"}"#,
    )];
    let bad = [(
        "smoke.json",
        r#"{"ok":false,"stage":"start","message":"it ended"}"#,
    )];
    check(
        &Case {
            files: &good,
            ..smoke
        },
        Verdict::Pass,
        None,
    );
    check(
        &Case {
            files: &good,
            end: End::Exited(1),
            ..smoke
        },
        Verdict::Fail,
        Some(""),
    );
    check(
        &Case {
            files: &bad,
            ..smoke
        },
        Verdict::Fail,
        Some("start"),
    );
    check(&smoke, Verdict::Fail, Some("report"));
}

#[test]
fn installations_tell_the_network_from_the_project() {
    let install = Case {
        kind: Kind::Install,
        report: Report::Text,
        end: End::Exited(1),
        ..TEST
    };
    check(
        &Case {
            output: "npm error code E503\nnpm error 503 gone\n",
            ..install
        },
        Verdict::Unknown,
        None,
    );
    check(
        &Case {
            output: "npm error code ERESOLVE\nnpm error no\n",
            ..install
        },
        Verdict::Fail,
        Some("ERESOLVE"),
    );
    check(
        &Case {
            output: "boom",
            ..install
        },
        Verdict::Fail,
        Some(""),
    );
    check(
        &Case {
            end: End::Exited(0),
            ..install
        },
        Verdict::Pass,
        None,
    );
}
