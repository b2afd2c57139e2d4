//! Compares a remembered answer with a new one: a difference means that the check reads more than it declares,
//! or that chance has a part in it.

use sha2::{Digest, Sha256};

use crate::cache::Entry;
use crate::finding::Draft;
use crate::{CheckResult, Level};

/// Whether a remembered answer is among the `percent` that are asked for again; the same in a repeat of a run.
pub(super) fn is_due(percent: u8, run_id: &str, key: &str) -> bool {
    let digest = Sha256::digest(format!("{run_id}\0{key}"));
    let number = u16::from_be_bytes([digest[0], digest[1]]);
    u32::from(number) * 100 < u32::from(percent) << 16
}

/// What two answers on the same inputs differ in; `None` where they are the same.
pub(super) fn difference(before: &CheckResult, now: &CheckResult) -> Option<String> {
    let said = |result: &CheckResult| {
        let code = result
            .exit_code
            .map_or(String::new(), |code| format!(" with exit code {code}"));
        format!("{:?}{code} ({})", result.verdict, result.end).to_lowercase()
    };
    let (one, two) = (said(before), said(now));
    if one != two {
        return Some(format!("{one} before, {two} now"));
    }
    if before.tests != now.tests {
        let count = |result: &CheckResult| {
            let tests = result.tests.unwrap_or_default();
            format!(
                "{} passed, {} failed and {} skipped",
                tests.passed, tests.failed, tests.skipped
            )
        };
        return Some(format!("{} before, {} now", count(before), count(now)));
    }
    let prints = |result: &CheckResult| {
        let mut prints: Vec<String> = result
            .findings
            .iter()
            .map(|finding| finding.fingerprint.clone())
            .collect();
        prints.sort();
        prints
    };
    (prints(before) != prints(now)).then(|| "the findings are others".to_owned())
}

/// Adds to a new answer what came of the comparison.
pub(super) fn compared(result: &mut CheckResult, before: &Entry, difference: Option<&str>) {
    let run = &before.run;
    let Some(difference) = difference else {
        let note = format!("run again, with the same answer as in run {run}");
        result.note = Some(match result.note.take() {
            Some(earlier) => format!("{earlier}; {note}"),
            None => note,
        });
        return;
    };
    let message = format!(
        "the answer of run {run} on the same inputs was another one: {difference}. Either the check reads files that \
         it is not known to read, or its result depends on chance; the earlier answer was dropped"
    );
    result.findings.push(
        Draft::error("sluice", "cache-differs", message)
            .level(Level::Warning)
            .done(),
    );
}

#[cfg(test)]
mod tests {
    use super::is_due;

    #[test]
    fn a_share_is_asked_for_again() {
        let due = |percent: u8| {
            (0..2_000)
                .filter(|number| is_due(percent, "run", &number.to_string()))
                .count()
        };
        assert_eq!((due(0), due(100)), (0, 2_000));
        assert!((100..300).contains(&due(10)), "{}", due(10));
    }
}
