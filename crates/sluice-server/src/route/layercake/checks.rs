//! Install, build, test, lint, scan: checks alone, waited for.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use sluice_factory::view::CheckView;
use sluice_factory::{CheckId, Role};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::MaybeJson;
use crate::param::{PathOf, id};
use crate::problem::{ApiError, Kind};
use crate::route::decisions::Empty;
use crate::state::{App, finish};
use crate::stream::Follow;

/// How long an answer waits for its checks. The first system waited for minutes, and so did its clients' proxies.
const PATIENCE: Duration = Duration::from_secs(45);

/// What checks came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldResult {
    /// Whether all of them passed; `null` while they run.
    success: Option<bool>,
    /// The same, as the full validation called it.
    overall_success: Option<bool>,
    /// `queued`, `running`, `done`, `failed`.
    status: String,
    /// `GET /api/v1/checks/{id}` shows the whole report.
    check_id: String,
    /// What stands in the way, one text a finding.
    errors: Vec<String>,
    /// What does not.
    warnings: Vec<String>,
    /// Milliseconds.
    duration: Option<u64>,
    tests_total: u64,
    tests_passed: u64,
    tests_failed: u64,
    /// Of a hundred lines, how many were run by tests.
    coverage: Option<f64>,
    /// One entry a check.
    checks: Vec<OldCheck>,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OldCheck {
    name: String,
    /// `pass`, `fail`, `unknown`.
    verdict: String,
    success: bool,
}

macro_rules! checks {
    ($($name:ident: $path:literal, [$($only:literal),*], $what:literal;)+) => {
        $(
            #[doc = concat!("`POST /api/v1/projects/{project}/checks` of ", $what, " (operator), answered when they end: 200, or 202 when they run on after 45 s.")]
            #[utoipa::path(post, path = $path, tag = "layercake", request_body(content = Option<Empty>),
                responses((status = 200, body = OldResult),
                    (status = 202, body = OldResult, description = "They run on; `Location` says where they are seen")))]
            pub(crate) async fn $name(
                State(app): State<App>,
                caller: Caller,
                PathOf(project): PathOf<String>,
                MaybeJson(Empty {}): MaybeJson<Empty>,
            ) -> Result<Response, ApiError> {
                run(app, caller, project, &[$($only),*]).await
            }
        )+
    };
}

checks! {
    workspace_install: "/workspaces/{project}/install", ["install"], "the installation";
    workspace_build: "/workspaces/{project}/build", ["build"], "the build";
    workspace_test: "/workspaces/{project}/test", ["test"], "the tests";
    workspace_lint: "/workspaces/{project}/lint", ["lint"], "the linters";
    workspace_security_scan: "/workspaces/{project}/security-scan", ["audit"], "the audit";
    workspace_validate: "/workspaces/{project}/validate", [], "all checks";
}

async fn run(
    app: App,
    caller: Caller,
    project: String,
    only: &[&str],
) -> Result<Response, ApiError> {
    caller.need(Role::Operator)?;
    let only = only.iter().map(|&name| name.to_owned()).collect();
    let (factory, name) = (std::sync::Arc::clone(&app.factory), project.clone());
    let check =
        finish(async move { factory.check_create(&name, None, only, &caller.0).await }).await?;
    let number: CheckId = id("check", &check.id)?;
    let mut news = Follow::new(&app, Some(project), 0);
    let ended = async {
        loop {
            let check = app.factory.check_fetch(number).await?;
            if ["done", "failed"].contains(&check.state.as_str()) || !news.sleep().await {
                return Ok::<_, ApiError>(check);
            }
        }
    };
    let check = match tokio::time::timeout(PATIENCE, ended).await {
        Ok(check) => check?,
        Err(_) => app.factory.check_fetch(number).await?,
    };
    if check.state == "failed" {
        let why = check.fault.unwrap_or_default();
        let detail = "the machinery of the checks failed; they say nothing about the files";
        return Err(ApiError::new(Kind::Unavailable, detail).caused_by(why));
    }
    let location = HeaderValue::from_str(&format!("/api/v1/checks/{}", check.id));
    let status = match check.state.as_str() {
        "done" => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    let mut response = (status, Json(told(check))).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn told(check: CheckView) -> OldResult {
    let report = check.report.map(serde_json::to_value);
    let report = report.and_then(Result::ok);
    let checks: Vec<&Value> = report
        .iter()
        .flat_map(|report| report["checks"].as_array())
        .flatten()
        .collect();
    let findings = |is_error: bool| {
        let all = checks
            .iter()
            .flat_map(|check| check["findings"].as_array())
            .flatten();
        all.filter(move |finding| (finding["level"] == "error") == is_error)
            .map(line)
            .collect()
    };
    let sum = |member: &str| {
        let counts = checks.iter();
        counts
            .filter_map(|check| check["tests"][member].as_u64())
            .sum()
    };
    let (passed, failed): (u64, u64) = (sum("passed"), sum("failed"));
    let success = report.as_ref().map(|report| report["verdict"] == "pass");
    OldResult {
        success,
        overall_success: success,
        status: check.state,
        check_id: check.id,
        errors: findings(true),
        warnings: findings(false),
        duration: report
            .as_ref()
            .and_then(|report| report["wall_ms"].as_u64()),
        tests_total: passed + failed,
        tests_passed: passed,
        tests_failed: failed,
        coverage: checks
            .iter()
            .find_map(|check| check["coverage"]["lines"].as_f64())
            .map(|lines| lines * 100.0),
        checks: checks
            .iter()
            .map(|check| OldCheck {
                name: check["name"].as_str().unwrap_or_default().to_owned(),
                verdict: check["verdict"].as_str().unwrap_or_default().to_owned(),
                success: check["verdict"] == "pass",
            })
            .collect(),
    }
}

/// A finding in one line.
fn line(finding: &Value) -> String {
    let message = finding["message"].as_str().unwrap_or_default();
    match (finding["path"].as_str(), finding["line"].as_u64()) {
        (Some(path), Some(line)) => format!("{path}:{line}: {message}"),
        (Some(path), None) => format!("{path}: {message}"),
        _ => message.to_owned(),
    }
}
