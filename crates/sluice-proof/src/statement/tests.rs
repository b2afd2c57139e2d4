//! Statements: their JSON as other tools read it, and what counts as passed.

use super::*;
use crate::digest::{FileDigest, sha256_hex};
use crate::key::Signer;
use crate::signers::Signers;
use crate::subject::Subject;
use serde_json::{Value, json};

fn subject() -> Subject {
    Subject::new("a".repeat(40), "b".repeat(40)).unwrap()
}

fn check(name: &str, verdict: Verdict, required: bool) -> CheckRun {
    CheckRun {
        name: name.into(),
        verdict,
        required,
        exit_code: Some(0),
        end: "exited".into(),
        cached: false,
        cached_from: None,
        wall_ms: 1,
        command: vec!["true".into()],
        engine: "native".into(),
        image: None,
        unenforced: Vec::new(),
        network: false,
        tests: TestCounts::default(),
        log: Some(FileDigest::of("logs/x.log", b"")),
        reports: Vec::new(),
    }
}

fn result(checks: Vec<CheckRun>) -> Statement<TestResult> {
    test_result(
        &subject(),
        ("g5", "r1", 1),
        vec![ResourceDescriptor::new("l", "sha256", "00")],
        checks,
        "2026-01-01T00:00:00Z",
    )
}

fn as_json<P: serde::Serialize>(statement: &Statement<P>) -> Value {
    serde_json::from_slice(&statement.to_bytes().unwrap()).unwrap()
}

#[test]
fn a_test_result_has_in_toto_s_fields() {
    let value = as_json(&result(vec![
        check("build", Verdict::Pass, true),
        check("audit", Verdict::Unknown, false),
    ]));
    assert_eq!(value["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(
        value["predicateType"],
        "https://in-toto.io/attestation/test-result/v0.1"
    );
    let subjects = json!([
        { "name": "commit", "digest": { "gitCommit": "a".repeat(40) } },
        { "name": "tree", "digest": { "gitTree": "b".repeat(40) } },
    ]);
    assert_eq!(value["subject"], subjects);
    let predicate = &value["predicate"];
    assert_eq!(predicate["result"], "WARNED");
    assert_eq!(predicate["passedTests"], json!(["build"]));
    assert_eq!(predicate["warnedTests"], json!(["audit"]));
    assert_eq!(predicate["failedTests"], json!([]));
    assert_eq!(predicate["configuration"][0]["digest"]["sha256"], "00");
}

#[test]
fn only_what_was_seen_to_pass_passes() {
    use Verdict::{Fail, Pass, Unknown};
    for (checks, said, passed) in [
        (vec![check("a", Pass, true)], "PASSED", true),
        (
            vec![check("a", Pass, true), check("b", Fail, false)],
            "WARNED",
            true,
        ),
        (vec![check("a", Fail, true)], "FAILED", false),
        (vec![check("a", Unknown, true)], "FAILED", false),
        (vec![], "FAILED", false),
    ] {
        let predicate = result(checks).predicate;
        assert_eq!(
            (predicate.result.as_str(), predicate.passed()),
            (said, passed)
        );
    }
    // A result that contradicts its own checks is not believed.
    let mut lie = result(vec![check("a", Fail, true)]).predicate;
    lie.result = "PASSED".into();
    lie.failed_tests.clear();
    assert!(!lie.passed());
}

#[test]
fn provenance_has_slsa_s_fields() {
    let made = Provenance {
        gate: "g5".into(),
        reply_sha256: Some(sha256_hex(b"r")),
        agent: Some("builder".into()),
        model: None,
        dependencies: vec![ResourceDescriptor::new("base", "gitCommit", "c".repeat(40))],
        builder_id: "urn:sluice:daemon/x".into(),
        version: "0.1.0".into(),
        invocation_id: "r1/0".into(),
        started_on: "2026-01-01T00:00:00Z".into(),
        finished_on: "2026-01-01T00:00:01Z".into(),
    };
    let statement = provenance(&subject(), made.clone());
    assert_eq!(statement.predicate.agent(), Some("builder"));
    let value = as_json(&statement);
    assert_eq!(value["predicateType"], "https://slsa.dev/provenance/v1");
    let definition = &value["predicate"]["buildDefinition"];
    assert_eq!(
        definition["buildType"],
        "urn:sluice:build-type/agent-reply/v1"
    );
    assert_eq!(
        definition["externalParameters"]["replyDigest"]["sha256"],
        sha256_hex(b"r")
    );
    assert_eq!(
        definition["resolvedDependencies"][0]["digest"]["gitCommit"],
        "c".repeat(40)
    );
    let details = &value["predicate"]["runDetails"];
    assert_eq!(details["builder"]["id"], "urn:sluice:daemon/x");
    assert_eq!(details["metadata"]["invocationId"], "r1/0");

    let by_hand = provenance(
        &subject(),
        Provenance {
            agent: None,
            model: None,
            reply_sha256: None,
            ..made
        },
    );
    assert_eq!(by_hand.predicate.agent(), None);
}

#[test]
fn vulns_have_in_toto_s_fields() {
    let scan = Scan {
        scanner: "pkg:npm/npm".into(),
        version: "11.0.0".into(),
        database_at: "2026-01-01T00:00:00Z".into(),
        result: vec![Vulnerability::new("GHSA-1", "npm", "high")],
        started_on: "2026-01-01T00:00:00Z".into(),
        finished_on: "2026-01-01T00:00:01Z".into(),
    };
    let value = as_json(&vulns(&subject(), scan));
    assert_eq!(
        value["predicateType"],
        "https://in-toto.io/attestation/vulns/v0.1"
    );
    let scanner = &value["predicate"]["scanner"];
    assert_eq!(scanner["db"]["lastUpdate"], "2026-01-01T00:00:00Z");
    assert_eq!(
        scanner["result"],
        json!([{ "id": "GHSA-1", "severity": [{ "method": "npm", "score": "high" }] }])
    );
    assert_eq!(
        value["predicate"]["metadata"]["scanFinishedOn"],
        "2026-01-01T00:00:01Z"
    );
}

#[test]
fn a_statement_comes_back_only_as_what_it_is() {
    let signer = Signer::generate("t");
    let signers = Signers::one("d", signer.public());
    let statement = result(vec![check("build", Verdict::Pass, true)]);
    let verified = statement.sign(&signer).unwrap().verify(&signers).unwrap();
    let again = Statement::<TestResult>::from_verified(&verified, TEST_RESULT).unwrap();
    assert_eq!(again, statement);
    assert_eq!(again.subject().unwrap(), subject());
    assert!(Statement::<Value>::from_verified(&verified, PROVENANCE).is_err());
    assert!(Statement::<Decision>::from_verified(&verified, TEST_RESULT).is_err());

    let mut other = verified.clone();
    other.payload_type = "text/plain".into();
    assert!(Statement::<Value>::from_verified(&other, TEST_RESULT).is_err());
}

#[test]
fn a_statement_about_several_commits_is_about_none() {
    let mut value = as_json(&result(vec![]));
    for subjects in [
        json!([]),
        json!([{ "name": "a", "digest": { "gitCommit": "a".repeat(40) } }]),
    ] {
        value["subject"] = subjects;
        let statement: Statement<Value> = serde_json::from_value(value.clone()).unwrap();
        assert!(statement.subject().is_err());
    }
    let commit = json!({ "name": "a", "digest": { "gitCommit": "a".repeat(40) } });
    let tree = json!({ "name": "b", "digest": { "gitTree": "b".repeat(40) } });
    value["subject"] = json!([commit.clone(), commit, tree]);
    let statement: Statement<Value> = serde_json::from_value(value).unwrap();
    assert!(statement.subject().is_err());
}
