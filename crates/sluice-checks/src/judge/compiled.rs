//! Verdicts on compilers and linters whose answers are read line by line.

use super::{Judged, Seen, by_code};
use crate::finding::Draft;
use crate::plan::{BUILD_JSON, TEST_XML};
use crate::read::{self, TestReport};
use crate::{Finding, Kind, Level, Report, Toolchain, Verdict};

/// What the tools said.
pub(super) fn findings(seen: &Seen<'_>) -> Vec<Finding> {
    match seen.command.report {
        Report::Cargo | Report::CargoTest => read::cargo(seen.stdout, seen.paths),
        Report::Go => {
            let tool = match seen.step.kind {
                Kind::Lint => "go-vet",
                _ => "go",
            };
            read::go(tool, seen.output, seen.paths)
        }
        // What kept the service from being built.
        Report::Smoke if seen.step.toolchain == Toolchain::Go => {
            read::go("go", seen.output, seen.paths)
        }
        Report::PythonLint => read::python_lint(seen.stdout, seen.paths),
        _ => Vec::new(),
    }
}

/// A build or lint: red by its exit code, or because an error was named although it left with 0.
pub(super) fn read(seen: &Seen<'_>, code: i32) -> Judged {
    let findings = findings(seen);
    let is_red = findings.iter().any(|finding| finding.level == Level::Error);
    if code == 0 && seen.command.report == Report::Go && seen.output.contains("matched no packages")
    {
        let message = "there is no Go package; write one";
        let none = Draft::error("go", "no-packages", message).done();
        return Judged::new(Verdict::Fail, vec![none]);
    }
    let red = if is_red { Verdict::Fail } else { Verdict::Pass };
    Judged::new(by_code(code).max(red), findings)
}

/// The report of our own script that compiles a Python project.
pub(super) fn python(seen: &Seen<'_>, code: i32) -> Judged {
    let report =
        read::file(seen.out, BUILD_JSON).and_then(|bytes| read::python_build(&bytes, seen.paths));
    match report {
        Ok((0, _)) if code == 0 => Judged {
            note: Some("there is no Python file to compile".to_owned()),
            ..Judged::new(Verdict::Pass, Vec::new())
        },
        Ok((_, findings)) => {
            let red = match findings.is_empty() {
                true => Verdict::Pass,
                false => Verdict::Fail,
            };
            Judged::new(by_code(code).max(red), findings)
        }
        Err(why) => {
            let finding = Draft::error("python", "report-missing", why).done();
            Judged::new(Verdict::Fail, vec![finding])
        }
    }
}

/// The report of nextest; without one what kept the tests from being compiled.
pub(super) fn nextest(seen: &Seen<'_>) -> Result<TestReport, String> {
    let compiler = read::cargo(seen.stdout, seen.paths).into_iter();
    let errors: Vec<Finding> = compiler
        .filter(|finding| finding.level == Level::Error)
        .collect();
    let report =
        read::file(seen.out, TEST_XML).and_then(|bytes| read::junit("nextest", &bytes, seen.paths));
    match report {
        Ok(mut report) => {
            report.failures.splice(0..0, errors);
            Ok(report)
        }
        Err(_) if !errors.is_empty() => Ok(TestReport {
            failures: errors,
            ..TestReport::default()
        }),
        Err(why) => Err(why),
    }
}

/// The tests, and what kept them from being compiled.
pub(super) fn cargo_tests(seen: &Seen<'_>) -> TestReport {
    let mut report = read::libtest(seen.stdout, seen.paths);
    let compiler = read::cargo(seen.stdout, seen.paths);
    let errors = compiler
        .into_iter()
        .filter(|finding| finding.level == Level::Error);
    report.failures.splice(0..0, errors);
    report
}
