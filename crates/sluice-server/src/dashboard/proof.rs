//! A proof: what it says, who signed it, and how to hold it against the signature without us.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::dashboard::frame::{Frame, page};
use crate::dashboard::session::Visit;
use crate::dashboard::words::{plain, short};
use crate::param::PathOf;
use crate::problem::{ApiError, Kind};
use crate::state::App;

#[derive(Template)]
#[template(path = "proof.html")]
struct ProofPage {
    frame: Frame,
    project: String,
    digest: String,
    kind: String,
    subjects: Vec<(String, String)>,
    keys: Vec<String>,
    statement: String,
    host: String,
}

/// `GET /projects/{project}/proofs/{digest}`.
pub(crate) async fn proof(
    State(app): State<App>,
    visit: Visit,
    PathOf((project, digest)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let envelope = envelope(&app, &project, &digest).await?;
    let envelope: Value = serde_json::from_slice(&envelope).unwrap_or_default();
    let payload = envelope
        .get("payload")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let payload = BASE64.decode(payload).unwrap_or_default();
    let statement: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .map(plain)
            .unwrap_or_default()
    };
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned();
    let subjects = list(&statement, "subject").unwrap_or_default();
    let subjects = subjects.iter().flat_map(|subject| {
        let name = text(subject, "name");
        let digests = subject.get("digest").and_then(Value::as_object).cloned();
        let digests = digests.unwrap_or_default().into_iter();
        digests.map(move |(kind, digest)| {
            let digest = plain(digest.as_str().unwrap_or_default());
            (format!("{name} {}", plain(&kind)), digest)
        })
    });
    let signatures = list(&envelope, "signatures").unwrap_or_default();
    let shown = ProofPage {
        frame: Frame::new(&visit, "projects", format!("Proof {}", short(&digest))),
        kind: text(&statement, "predicateType"),
        subjects: subjects.collect(),
        keys: signatures.iter().map(|one| text(one, "keyid")).collect(),
        statement: plain(&serde_json::to_string_pretty(&statement).unwrap_or_default()),
        host: host(&headers),
        project,
        digest,
    };
    page(StatusCode::OK, &shown)
}

/// `GET /projects/{project}/proofs/{digest}/raw`.
pub(crate) async fn raw(
    State(app): State<App>,
    PathOf((project, digest)): PathOf<(String, String)>,
) -> Result<Response, ApiError> {
    let bytes = envelope(&app, &project, &digest).await?;
    let name = format!("attachment; filename=\"{}.intoto.json\"", short(&digest));
    let name = HeaderValue::from_str(&name);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            header::CONTENT_DISPOSITION,
            name.unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    Ok((headers, bytes).into_response())
}

async fn envelope(app: &App, project: &str, digest: &str) -> Result<Vec<u8>, ApiError> {
    if app.factory.proof_project(digest).await? != project {
        let detail = format!("proof {digest:?} does not exist in {project}");
        return Err(ApiError::new(Kind::NotFound, detail));
    }
    Ok(app.factory.proof_fetch(digest).await?)
}

/// Where this daemon is reached, as the browser says.
pub(crate) fn host(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.unwrap_or("127.0.0.1:7700").to_owned()
}
