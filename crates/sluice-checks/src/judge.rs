//! Turns what was seen of a command into a verdict. The exit code decides first; a report can only add to it.

mod compiled;
mod missing;

use std::path::Path;

use sluice_sandbox::{End, Network};

use crate::code::Code;
use crate::find::join;
use crate::finding::{Draft, Paths, shorten};
use crate::plan::{CODE_JSON, LINT_JSON, SMOKE_JSON, TEST_JSON, TEST_XML};
use crate::read::{self, InstallFault, TestReport};
use crate::{
    Advisories, Command, Coverage, Finding, Kind, Level, Report, Step, Tests, Toolchain, Verdict,
};

/// What was seen of a command.
pub(crate) struct Seen<'a> {
    pub(crate) step: &'a Step,
    pub(crate) command: &'a Command,
    pub(crate) end: End,
    /// Both streams.
    pub(crate) output: &'a str,
    /// Standard output alone, for tools that answer there.
    pub(crate) stdout: &'a [u8],
    /// The folder of report files.
    pub(crate) out: &'a Path,
    pub(crate) paths: &'a Paths,
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) findings: Vec<Finding>,
    pub(crate) tests: Option<Tests>,
    pub(crate) coverage: Option<Coverage>,
    pub(crate) note: Option<String>,
}

impl Judged {
    fn new(verdict: Verdict, findings: Vec<Finding>) -> Judged {
        Judged {
            verdict,
            findings,
            tests: None,
            coverage: None,
            note: None,
        }
    }

    fn unknown(note: impl Into<String>) -> Judged {
        Judged {
            note: Some(note.into()),
            ..Judged::new(Verdict::Unknown, Vec::new())
        }
    }
}

/// The verdict on a command. A failure always has at least one finding.
pub(crate) fn judge(seen: &Seen<'_>) -> Judged {
    let absent = missing::component(seen).filter(|_| seen.end != End::Exited(0));
    let mut judged = match seen.end {
        _ if absent.is_some() => absent.unwrap_or_else(|| Judged::unknown("a tool is not there")),
        End::Exited(126 | 127) => missing::program(seen),
        End::Exited(code) => match seen.command.report {
            // No registry has a part in it.
            Report::Text
                if seen.step.kind == Kind::Install && seen.command.network == Network::None =>
            {
                Judged::new(
                    by_code(code),
                    said(seen).into_iter().filter(|_| code != 0).collect(),
                )
            }
            Report::Text
                if seen.step.kind == Kind::Install && seen.step.toolchain != Toolchain::Node =>
            {
                fetched(seen, code)
            }
            Report::PythonBuild => compiled::python(seen, code),
            Report::PythonLint | Report::Cargo | Report::Go => compiled::read(seen, code),
            Report::NpmAudit | Report::ManagerAudit => audit(seen, code),
            Report::Eslint | Report::Biome => lint(seen, code),
            Report::Smoke => smoke(seen, code),
            Report::Code => cases(seen, code),
            Report::Advisories(tool) => advised(seen, tool, code),
            Report::Text if seen.step.kind == Kind::Install => install(seen, code),
            Report::Text if seen.step.kind == Kind::Test => tests(seen, code),
            Report::Text => text(seen, code),
            _ => tests(seen, code),
        },
        end => broken_off(seen, end),
    };
    let explained = judged
        .findings
        .iter()
        .any(|finding| finding.level == Level::Error);
    if judged.verdict == Verdict::Fail && !explained {
        judged.findings.push(read::fallback(
            missing::tool(seen),
            "",
            &why(seen.end),
            seen.output,
        ));
    }
    judged.note = judged.note.or_else(|| seen.command.note.clone());
    judged
}

fn why(end: End) -> String {
    match end {
        End::Exited(code) => format!("it left with exit code {code}"),
        end => format!("it did not end by itself ({})", end.as_str()),
    }
}

fn broken_off(seen: &Seen<'_>, end: End) -> Judged {
    let asks = seen.step.kind == Kind::Install && seen.command.network != Network::None;
    if asks && matches!(end, End::TimedOut | End::Silent) {
        return Judged::unknown(
            "the installation did not end in time; the package registry may hang",
        );
    }
    if seen.step.kind == Kind::Audit {
        let tool = missing::tool(seen);
        return Judged::unknown(format!("{tool} could not ask: {}", why(end)));
    }
    let mut findings = said(seen);
    findings.insert(
        0,
        read::fallback(missing::tool(seen), end.as_str(), &why(end), seen.output),
    );
    Judged::new(Verdict::Fail, findings)
}

/// The errors that the output names.
fn said(seen: &Seen<'_>) -> Vec<Finding> {
    match seen.step.toolchain {
        Toolchain::Node => read::errors(seen.output, seen.paths),
        _ => compiled::findings(seen),
    }
}

fn by_code(code: i32) -> Verdict {
    if code == 0 {
        Verdict::Pass
    } else {
        Verdict::Fail
    }
}

fn text(seen: &Seen<'_>, code: i32) -> Judged {
    if code == 0 {
        let note = (seen.step.kind == Kind::Lint)
            .then(|| "the linter's own report is not read; its exit code decided".to_owned());
        return Judged {
            note,
            ..Judged::new(Verdict::Pass, Vec::new())
        };
    }
    Judged::new(Verdict::Fail, read::errors(seen.output, seen.paths))
}

fn install(seen: &Seen<'_>, code: i32) -> Judged {
    if code == 0 {
        return Judged::new(Verdict::Pass, Vec::new());
    }
    let fault = match seen.command.argv.first().map(String::as_str) {
        Some(program @ ("pnpm" | "yarn")) => read::manager_errors(program, seen.output, seen.paths),
        _ => read::install_errors(seen.output, "package.json", seen.paths),
    };
    match fault {
        Some(InstallFault::Unanswered(note)) => Judged::unknown(note),
        Some(InstallFault::Project(finding)) => Judged::new(Verdict::Fail, vec![finding]),
        None => Judged::new(Verdict::Fail, Vec::new()),
    }
}

/// An installation by another tool than npm.
fn fetched(seen: &Seen<'_>, code: i32) -> Judged {
    if code == 0 {
        return Judged::new(Verdict::Pass, Vec::new());
    }
    let toolchain = seen.step.toolchain;
    let manifest = match toolchain {
        Toolchain::Node => "package.json",
        Toolchain::Python
            if seen
                .command
                .argv
                .iter()
                .any(|word| word == "requirements.txt") =>
        {
            "requirements.txt"
        }
        Toolchain::Python => "pyproject.toml",
        Toolchain::Rust => "Cargo.toml",
        Toolchain::Go | Toolchain::Ruby => "go.mod",
    };
    match read::fetch_errors(toolchain, seen.output, manifest, seen.paths) {
        Some(InstallFault::Unanswered(note)) => Judged::unknown(note),
        Some(InstallFault::Project(finding)) => Judged::new(Verdict::Fail, vec![finding]),
        None => Judged::new(Verdict::Fail, Vec::new()),
    }
}

fn lint(seen: &Seen<'_>, code: i32) -> Judged {
    let report = match seen.command.report {
        Report::Biome => read::biome(seen.stdout, seen.paths),
        _ => read::file(seen.out, LINT_JSON).and_then(|bytes| read::eslint(&bytes, seen.paths)),
    };
    let tool = missing::tool(seen);
    match report {
        Ok(mut findings) => {
            let errors = findings.iter().any(|finding| finding.level == Level::Error);
            if code != 0 && !errors {
                // Such as `--max-warnings 0`: what the tool failed on is what it warned of.
                findings
                    .iter_mut()
                    .for_each(|finding| finding.level = Level::Error);
            }
            Judged::new(
                by_code(code).max(if errors { Verdict::Fail } else { Verdict::Pass }),
                findings,
            )
        }
        Err(why) if code == 0 => Judged::unknown(format!("{tool} left with 0, but {why}")),
        Err(_) => Judged::new(Verdict::Fail, read::errors(seen.output, seen.paths)),
    }
}

fn audit(seen: &Seen<'_>, code: i32) -> Judged {
    let dir = &seen.step.dir;
    let manifest = if dir.is_empty() {
        "package.json".to_owned()
    } else {
        format!("{dir}/package.json")
    };
    let is_npm = seen.command.report == Report::NpmAudit;
    let is_berry = seen.command.argv.get(1).is_some_and(|word| word == "npm");
    let answer = match is_npm {
        true => read::audit(seen.stdout, &manifest),
        // Newer versions of yarn say nothing where there is nothing to say.
        false if is_berry && code == 0 && seen.stdout.trim_ascii().is_empty() => Ok(Vec::new()),
        false => read::manager_audit(missing::tool(seen), seen.stdout, &manifest),
    };
    match answer {
        Ok(findings) => {
            let errors = findings.iter().any(|finding| finding.level == Level::Error);
            // yarn's exit code counts findings of any weight.
            let code = match is_npm || findings.is_empty() {
                true => code,
                false => 0,
            };
            Judged::new(
                by_code(code).max(if errors { Verdict::Fail } else { Verdict::Pass }),
                findings,
            )
        }
        Err(why) if is_npm => Judged::unknown(why),
        Err(why) => {
            let said = seen.output.lines().rfind(|line| line.contains("rror"));
            let said = said.map(|line| format!(": {}", shorten(line.trim(), 300)));
            Judged::unknown(format!("{why}{}", said.unwrap_or_default()))
        }
    }
}

fn smoke(seen: &Seen<'_>, code: i32) -> Judged {
    let report = read::file(seen.out, SMOKE_JSON).and_then(|bytes| read::smoke(&bytes));
    match report {
        Ok(Ok(())) => Judged::new(by_code(code), Vec::new()),
        Ok(Err((stage, message))) => {
            let mut findings = vec![Draft::error("smoke", &stage, message).done()];
            findings.extend(said(seen));
            Judged::new(Verdict::Fail, findings)
        }
        Err(why) => Judged::new(
            Verdict::Fail,
            vec![Draft::error("smoke", "report", why).done()],
        ),
    }
}

/// Known vulnerabilities. A tool that leaves with another code than those for its findings could not look.
fn advised(seen: &Seen<'_>, tool: Advisories, code: i32) -> Judged {
    let manifest = match tool {
        Advisories::PipAudit => "pyproject.toml",
        Advisories::CargoAudit => "Cargo.lock",
        Advisories::Govulncheck => "go.mod",
    };
    match read::advisories(tool, seen.stdout, &join(&seen.step.dir, manifest)) {
        Ok(findings) => {
            let is_red = findings.iter().any(|finding| finding.level == Level::Error);
            if !is_red && code != 0 {
                return Judged::unknown(format!("{} left with exit code {code}", tool.as_str()));
            }
            let verdict = match is_red {
                true => Verdict::Fail,
                false => Verdict::Pass,
            };
            Judged::new(verdict, findings)
        }
        Err(why) => {
            let last = seen.output.trim_end().lines().last().unwrap_or("");
            Judged::unknown(format!("{why}: {}", shorten(last, 300)))
        }
    }
}

/// Code that was run on cases: red where fewer of them hold than its file asks for.
fn cases(seen: &Seen<'_>, code: i32) -> Judged {
    let spec = seen.command.env.get(crate::code::SPEC);
    let spec = spec.and_then(|text| serde_json::from_str::<Code>(text).ok());
    let report = read::file(seen.out, CODE_JSON).and_then(|bytes| {
        let spec = spec.as_ref().ok_or("nothing says which cases there are")?;
        read::code(&bytes, spec, seen.paths.resolve(spec.file()))
    });
    let TestReport {
        tests,
        mut failures,
    } = match report {
        Ok(report) => report,
        Err(why) => {
            let finding = Draft::error("code-runner", "report-missing", why).done();
            return Judged::new(Verdict::Fail, vec![finding]);
        }
    };
    let all = tests.passed.saturating_add(tests.failed);
    let rate = f64::from(tests.passed) / f64::from(all.max(1));
    let is_enough = spec.is_some_and(|spec| tests.passed > 0 && rate >= spec.success_rate);
    if is_enough {
        for failure in &mut failures {
            failure.level = Level::Warning;
        }
    }
    let verdict = match is_enough {
        true => by_code(code),
        false => Verdict::Fail,
    };
    let note = format!(
        "{} of {all} cases hold ({:.1} %)",
        tests.passed,
        rate * 100.0
    );
    Judged {
        tests: Some(tests),
        note: Some(note),
        ..Judged::new(verdict, failures)
    }
}

fn tests(seen: &Seen<'_>, code: i32) -> Judged {
    let tool = missing::tool(seen);
    let report =
        match seen.command.report {
            Report::Jest => read::file(seen.out, TEST_JSON)
                .and_then(|bytes| read::jest(tool, &bytes, seen.paths)),
            Report::Mocha => {
                read::file(seen.out, TEST_JSON).and_then(|bytes| read::mocha(&bytes, seen.paths))
            }
            Report::CargoTest => Ok(compiled::cargo_tests(seen)),
            Report::GoTest => Ok(read::go_test(seen.stdout, seen.paths)),
            Report::Unittest => Ok(read::unittest(seen.output, seen.paths)),
            Report::Nextest => compiled::nextest(seen),
            Report::Junit | Report::UnknownTests | Report::Pytest => read::file(seen.out, TEST_XML)
                .and_then(|bytes| read::junit(tool, &bytes, seen.paths)),
            _ => Ok(TestReport::default()),
        };
    let judged = match report {
        Ok(report) => counted(seen, code, report),
        Err(_) if code != 0 => Judged::new(Verdict::Fail, said(seen)),
        Err(_) if seen.command.report == Report::UnknownTests => unknown_runner(),
        // vitest and jest write no report when they are told to be content with nothing.
        Err(_)
            if seen.output.contains("No test files found")
                || seen.output.contains("No tests found") =>
        {
            counted(seen, code, TestReport::default())
        }
        Err(why) => {
            let message =
                format!("the tests left with exit code 0, but {why}; that proves nothing");
            Judged::new(
                Verdict::Fail,
                vec![Draft::error(tool, "report-missing", message).done()],
            )
        }
    };
    Judged {
        coverage: read::coverage(seen.out, seen.paths),
        ..judged
    }
}

fn counted(seen: &Seen<'_>, code: i32, report: TestReport) -> Judged {
    let TestReport {
        tests,
        failures: mut findings,
    } = report;
    let mut verdict = by_code(code);
    if tests.failed > 0 || !findings.is_empty() {
        verdict = Verdict::Fail;
    } else if code != 0 && !(tests.passed == 0 && is_empty_run(seen, code)) {
        findings = said(seen);
    } else if tests.passed == 0 {
        if seen.command.report == Report::UnknownTests {
            return unknown_runner();
        }
        verdict = Verdict::Fail;
        let message = match tests.skipped {
            0 => "no test ran, and no test is no proof; write tests".to_owned(),
            skipped => format!("no test ran: all {skipped} are skipped or to do"),
        };
        findings.push(Draft::error(missing::tool(seen), "no-tests", message).done());
    }
    if verdict == Verdict::Fail && findings.is_empty() && tests.failed > 0 {
        let message = format!("{} tests failed", tests.failed);
        findings.push(Draft::error(missing::tool(seen), "", message).done());
    }
    Judged {
        tests: Some(tests),
        ..Judged::new(verdict, findings)
    }
}

/// Whether the runner left with the code that says that it found nothing.
fn is_empty_run(seen: &Seen<'_>, code: i32) -> bool {
    matches!(
        (seen.command.report, code),
        (Report::Pytest | Report::Unittest, 5)
    ) || (seen.command.report == Report::GoTest && seen.output.contains("no packages to test"))
}

fn unknown_runner() -> Judged {
    Judged::unknown(
        "the test script left with exit code 0, but its runner's report is not known, so no test was counted; \
         use vitest, jest, mocha or node --test",
    )
}

#[cfg(test)]
mod tests;
