//! The JUnit format, as node:test and others write it. Read as a stream, so that depth costs nothing.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{TestReport, jest};
use crate::finding::{MOST_FINDINGS, Paths};

/// Reads the report of `tool`.
pub(crate) fn junit(tool: &'static str, bytes: &[u8], paths: &Paths) -> Result<TestReport, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut report = TestReport::default();
    let mut suites = 0_usize;
    let mut case: Option<Case> = None;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("the report cannot be read: {error}"))?;
        match event {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag)
                if matches!(tag.name().as_ref(), "testsuites" | "testsuite") =>
            {
                suites += 1;
            }
            Event::Start(tag) if tag.name().as_ref() == "testcase" => case = Some(Case::new(&tag)),
            Event::Empty(tag) if tag.name().as_ref() == "testcase" => {
                Case::new(&tag).count(tool, &mut report, paths)
            }
            Event::End(tag) if tag.name().as_ref() == "testcase" => {
                if let Some(case) = case.take() {
                    case.count(tool, &mut report, paths);
                }
            }
            Event::Start(tag) | Event::Empty(tag) => {
                if let Some(case) = &mut case {
                    case.outcome(&tag);
                }
            }
            Event::Text(text) => {
                if let Some(case) = case.as_mut().filter(|case| case.failed) {
                    case.text.push_str(&text.xml10_content());
                }
            }
            Event::GeneralRef(name) => {
                // `&lt;` in a text comes as an event of its own.
                if let Some(case) = case.as_mut().filter(|case| case.failed) {
                    let entity = format!("&{};", &*name);
                    case.text
                        .push_str(&quick_xml::escape::unescape(&entity).unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    if suites == 0 || case.is_some() {
        return Err("the report is no complete JUnit document".to_owned());
    }
    Ok(report)
}

struct Case {
    name: String,
    file: Option<String>,
    failed: bool,
    skipped: bool,
    text: String,
}

impl Case {
    fn new(tag: &BytesStart<'_>) -> Case {
        Case {
            name: attribute(tag, "name").unwrap_or_default(),
            file: attribute(tag, "file"),
            failed: false,
            skipped: false,
            text: String::new(),
        }
    }

    fn outcome(&mut self, tag: &BytesStart<'_>) {
        match tag.name().as_ref() {
            "failure" | "error" => {
                self.failed = true;
                if let Some(message) = attribute(tag, "message") {
                    self.text = format!("{message}\n{}", self.text);
                }
            }
            "skipped" => self.skipped = true,
            _ => {}
        }
    }

    fn count(self, tool: &'static str, report: &mut TestReport, paths: &Paths) {
        if self.failed {
            report.tests.failed = report.tests.failed.saturating_add(1);
            if report.failures.len() < MOST_FINDINGS {
                let file = self.file.as_deref().and_then(|file| paths.resolve(file));
                // node:test prints the error again, in its own wrapping; of that only the stack is of use.
                let (head, wrapped) = self
                    .text
                    .split_once("Error [ERR_TEST_FAILURE]")
                    .unwrap_or((&self.text, ""));
                let frames: Vec<&str> = wrapped
                    .lines()
                    .filter(|line| line.trim_start().starts_with("at "))
                    .collect();
                let text = match collection(tool, &self.text) {
                    Some(text) => text,
                    None => format!("{}\n{}", head.trim_end_matches('['), frames.join("\n")),
                };
                let finding = jest::failure(tool, &self.name, &text, file, paths);
                report.failures.push(finding);
            }
        } else if self.skipped {
            report.tests.skipped = report.tests.skipped.saturating_add(1);
        } else {
            report.tests.passed = report.tests.passed.saturating_add(1);
        }
    }
}

/// Where pytest could not import a file: what Python says of it is marked and comes last, and so does the innermost
/// place. Both go first.
fn collection(tool: &str, text: &str) -> Option<String> {
    let rest = text
        .strip_prefix("collection failure")
        .filter(|_| tool == "pytest")?;
    let said: Vec<&str> = rest
        .lines()
        .filter_map(|line| line.strip_prefix("E   "))
        .collect();
    let trace = rest
        .lines()
        .rev()
        .filter(|line| !line.starts_with("E "))
        .map(|line| format!("at {line}"));
    let trace: Vec<String> = trace.collect();
    (!said.is_empty()).then(|| format!("{}\n{}", said.join("\n"), trace.join("\n")))
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    let value = attribute.value.into_owned();
    Some(
        quick_xml::escape::unescape(&value)
            .map(|text| text.into_owned())
            .unwrap_or(value),
    )
}
