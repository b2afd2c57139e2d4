//! The API against its own document: schemathesis asks a real daemon everything that the document allows, and
//! much that it does not.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use reqwest::Client;
use serde_json::{Value, json};

use crate::serve::{ADMIN, spawn};

/// What it draws its requests from; the same each time.
const SEED: u32 = 20_261_121;
/// For how long, in seconds.
const TIME: u32 = 75;

/// What holds for every answer. What a cursor or a name is, no schema can say, and a list is good Markdown too: so
/// what is accepted and what is refused is not held against the document here, but in the server's own tests.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,missing_required_header,\
                      unsupported_method,allow_header_conformance,use_after_free,ensure_resource_availability,\
                      ignored_auth";

fn program() -> PathBuf {
    let home = std::env::var_os("SLUICE_SCHEMATHESIS").map_or_else(
        || {
            let cache = std::env::var_os("XDG_CACHE_HOME").unwrap_or_else(|| "/var/cache".into());
            PathBuf::from(cache).join("sluice/schemathesis")
        },
        PathBuf::from,
    );
    let program = home.join("bin/schemathesis");
    assert!(
        program.is_file(),
        "{} is not there; scripts/schemathesis.sh installs it",
        program.display()
    );
    program
}

fn config(secret: &str) -> String {
    format!(
        r#"
suppress-health-check = ["all"]
max-stream-events = 3
request-timeout = 60
continue-on-failure = true
[headers]
Authorization = "Bearer {secret}"
[generation]
database = "none"
[parameters]
"path.project" = "adder"
# What is reserved says so.
[[operations]]
include-tag = ["later", "layercake"]
[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 501]
# Streams do not end, and without the project nothing else is tested.
[[operations]]
include-operation-id = ["event_stream", "event_stream_of_project", "attempt_live", "gate_log", "check_log", "project_delete"]
enabled = false
"#
    )
}

#[tokio::test]
async fn the_api_is_as_its_document_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "[engine]\ndefault = \"native\"\n";
    std::fs::write(folder.path().join("sluice.toml"), settings).expect("a configuration");
    let (mut daemon, address) = spawn(folder.path());
    let project = json!({ "name": "adder", "kind": "service", "template": "blank" });
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = Client::new()
        .post(format!("http://{address}/api/v1/projects"))
        .bearer_auth(ADMIN)
        .json(&project)
        .send()
        .await
        .expect("an answer");
    assert_eq!(made.status(), 201);

    std::fs::write(folder.path().join("schemathesis.toml"), config(ADMIN)).expect("a file");
    let report = folder.path().join("report.json");
    let mut testing = Command::new(program())
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("http://{address}/api/v1/openapi.json"))
        .args(["--checks", CHECKS, "--no-color"])
        .args(["--seed", &SEED.to_string(), "--max-time", &TIME.to_string()])
        .args(["--report", "json", "--report-json-path"])
        .arg(&report)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("schemathesis starts");
    let mut said = String::new();
    let mut out = testing.stdout.take().expect("it is a pipe");
    out.read_to_string(&mut said).expect("it writes text");
    let ended = testing.wait().expect("it ends");
    let _ = daemon.kill();
    let _ = daemon.wait();

    let report = std::fs::read(&report).unwrap_or_default();
    let report: Value = serde_json::from_slice(&report).unwrap_or_default();
    assert!(ended.success(), "seed {SEED}: {said}");
    let count = |place: &str| report.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    // It has really asked.
    assert!(count("/operations/tested") > 60, "seed {SEED}: {said}");
    assert!(count("/test_cases/generated") > 500, "seed {SEED}: {said}");
}
