//! Answers as the tools write them, and what is no answer.

use super::advisories;
use crate::Level;
use crate::plan::Advisories::{self, CargoAudit, Govulncheck, PipAudit};

fn read(tool: Advisories, text: &str) -> Result<Vec<(String, Level, String)>, String> {
    let findings = advisories(tool, text.as_bytes(), "Cargo.toml")?;
    Ok(findings
        .into_iter()
        .map(|one| (one.rule, one.level, one.message))
        .collect())
}

#[test]
fn pip_audit_is_read() {
    let text = r#"Found 1 known vulnerability
{"dependencies": [{"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-2024-60", "fix_versions": ["3.7"], "aliases": [], "description": "It hangs."}]},
 {"name": "x", "version": "1", "vulns": []}, {"name": "own", "skip_reason": "not on the index"}], "fixes": []}"#;
    let found = read(PipAudit, text).unwrap();
    assert_eq!(found[0].0, "PYSEC-2024-60");
    assert_eq!(found[0].2, "idna 3.6: mended in 3.7: It hangs.");
    assert_eq!(
        (found[1].0.as_str(), found[1].1),
        ("skipped", Level::Warning)
    );
    assert_eq!(
        read(PipAudit, r#"{"dependencies": [], "fixes": []}"#),
        Ok(Vec::new())
    );
}

#[test]
fn cargo_audit_is_read() {
    let text = r#"{"database": {"advisory-count": 2}, "vulnerabilities": {"found": true, "count": 1, "list": [
        {"advisory": {"id": "RUSTSEC-2020-0071", "title": "Segfault in time"}, "versions": {"patched": [">=0.2.23"]}, "package": {"name": "time", "version": "0.1.43"}}]},
        "warnings": {"unmaintained": [{"advisory": {"id": "RUSTSEC-2024-1", "title": "x is unmaintained"}, "package": {"name": "x", "version": "1.0.0"}}]}}"#;
    let found = read(CargoAudit, text).unwrap();
    assert_eq!(
        found[0].2,
        "time 0.1.43: Segfault in time (mended in >=0.2.23)"
    );
    assert_eq!(found[1].1, Level::Warning);
    let forged = r#"{"vulnerabilities": {"count": 3, "list": []}}"#;
    assert_eq!(read(CargoAudit, forged).unwrap()[0].0, "report-disagrees");
}

#[test]
fn govulncheck_tells_what_is_called_from_what_is_there() {
    let text = r#"{"config": {"protocol_version": "v1.0.0"}}
{"osv": {"id": "GO-2021-0113", "summary": "Out-of-bounds read"}}
{"osv": {"id": "GO-2022-1059", "summary": "Denial of service"}}
{"finding": {"osv": "GO-2021-0113", "fixed_version": "v0.3.7", "trace": [{"module": "golang.org/x/text", "version": "v0.3.5"}]}}
{"finding": {"osv": "GO-2021-0113", "fixed_version": "v0.3.7", "trace": [{"module": "golang.org/x/text", "function": "Parse"}, {"module": "a", "function": "main"}]}}
{"finding": {"osv": "GO-2022-1059", "trace": [{"module": "golang.org/x/text"}]}}"#;
    let found = read(Govulncheck, text).unwrap();
    assert_eq!(
        (found[0].0.as_str(), found[0].1),
        ("GO-2021-0113", Level::Error)
    );
    assert!(found[0].2.contains("mended in v0.3.7"), "{found:?}");
    assert_eq!(
        (found[1].0.as_str(), found[1].1),
        ("GO-2022-1059", Level::Warning)
    );
    // It leaves with 0 whatever it found; without its first document it did not look.
    assert_eq!(read(Govulncheck, r#"{"config": {}}"#), Ok(Vec::new()));
}

#[test]
fn what_is_no_answer_is_never_a_clean_one() {
    for tool in [PipAudit, CargoAudit, Govulncheck] {
        for text in [
            "",
            "{}",
            "[]",
            "{\"a\"",
            "error: no such command",
            "{\"vulnerabilities\": 3}",
            "{\"dependencies\": 1}",
            "{\"progress\": {}}",
        ] {
            assert!(read(tool, text).is_err(), "{tool:?} {text}");
        }
    }
}
