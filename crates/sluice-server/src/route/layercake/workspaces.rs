//! Workspaces: projects, files on `work`, replies read, commits.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluice_factory::{Precondition, Refusal, Role};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::body::{JsonBody, MaybeJson};
use crate::param::PathOf;
use crate::problem::{ApiError, Kind};
use crate::query::{QueryOf, filled, size};
use crate::state::{App, finish};

/// How often a file is written again that somebody else wrote at the same moment.
const TRIES: usize = 5;
/// The entries of a history when the client names no number, and the most.
const HISTORY: u64 = 20;
const LARGEST_HISTORY: u64 = 200;

/// A workspace to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OldWorkspace {
    /// The project's name: `[a-z0-9][a-z0-9-]{0,62}`.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    project_id: String,
    /// `react-vite`, `nextjs`, `nestjs`, `express`, or another template; `blank` when left out.
    #[serde(default)]
    project_type: Option<String>,
}

/// What a workspace is now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldWorkspaceMade {
    success: bool,
    project_id: String,
    message: String,
}

/// A file to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OldFile {
    /// Its path in the workspace.
    #[serde(alias = "path")]
    file_path: String,
    /// The whole file.
    content: String,
}

/// A file that was written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldFileWritten {
    success: bool,
    file_path: String,
    commit_hash: String,
    /// The edit that waits until the open run ends.
    held: Option<u64>,
}

/// An agent's output.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OldOutput {
    /// The Markdown.
    #[serde(alias = "output", alias = "content")]
    agent_output: String,
}

/// The files of an agent's output.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldParsed {
    files: Vec<OldParsedFile>,
    unparsed_blocks: Vec<OldUnparsed>,
    total_blocks: usize,
}

/// A file of an agent's output.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OldParsedFile {
    path: String,
    content: String,
    language: String,
}

/// A block that is no file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OldUnparsed {
    line: Option<u64>,
    reason: String,
}

/// A word with a commit.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OldCommit {
    /// Not used: every change has its commit and message already.
    #[serde(default)]
    message: Option<String>,
}

/// Where the workspace's history is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldHead {
    success: bool,
    commit_hash: Option<String>,
    message: String,
}

/// A commit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OldHistoryEntry {
    hash: String,
    message: String,
    author: String,
    date: String,
}

/// How much of a history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OldHistoryQuery {
    /// How many commits at most; 20 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// `POST /api/v1/projects`, and no refusal when the project is there already (operator).
#[utoipa::path(post, path = "/workspaces", tag = "layercake", request_body = OldWorkspace,
    responses((status = 201, body = OldWorkspaceMade), (status = 200, body = OldWorkspaceMade, description = "It was there")))]
pub(crate) async fn workspace_create(
    State(app): State<App>,
    caller: Caller,
    JsonBody(new): JsonBody<OldWorkspace>,
) -> Result<Response, ApiError> {
    caller.need(Role::Operator)?;
    let template = new.project_type.unwrap_or_else(|| "blank".to_owned());
    let kind = match template.as_str() {
        "react-vite" | "nextjs" => "web",
        "ts-library" => "library",
        _ => "service",
    };
    let name = new.project_id.clone();
    let made = finish(async move {
        let made = app
            .factory
            .project_create(&name, &template, kind, &caller.0);
        Ok(made.await)
    })
    .await?;
    let (status, message) = match made {
        Ok(_) => (StatusCode::CREATED, "the workspace was made"),
        Err(Refusal::Conflict {
            code: "name_taken", ..
        }) => (StatusCode::OK, "the workspace is there"),
        Err(refusal) => return Err(refusal.into()),
    };
    let answer = OldWorkspaceMade {
        success: true,
        project_id: new.project_id,
        message: message.to_owned(),
    };
    Ok((status, Json(answer)).into_response())
}

/// `PUT /api/v1/projects/{project}/files/{path}` of whatever the file is now (operator): the last one wins.
#[utoipa::path(post, path = "/workspaces/{project}/files", tag = "layercake", request_body = OldFile,
    responses((status = 200, body = OldFileWritten)))]
pub(crate) async fn workspace_file(
    State(app): State<App>,
    caller: Caller,
    PathOf(project): PathOf<String>,
    JsonBody(file): JsonBody<OldFile>,
) -> Result<Json<OldFileWritten>, ApiError> {
    caller.need(Role::Operator)?;
    let written = finish(async move {
        let mut tries = 0;
        loop {
            let path = &file.file_path;
            let precondition = match app.factory.file_read(&project, path, None).await {
                Ok(now) => Precondition::Matches(vec![now.oid]),
                Err(Refusal::NotFound { .. }) => Precondition::Absent,
                Err(refusal) => return Err(refusal),
            };
            let bytes = file.content.clone().into_bytes();
            let written = app
                .factory
                .file_write(&project, path, bytes, precondition, &caller.0)
                .await;
            tries += 1;
            match written {
                Err(Refusal::PreconditionFailed { .. }) if tries < TRIES => {}
                written => return written,
            }
        }
    })
    .await?;
    Ok(Json(OldFileWritten {
        success: true,
        file_path: written.path,
        commit_hash: written.commit,
        held: written.held,
    }))
}

/// `POST /api/v1/parse`, of a text in JSON.
#[utoipa::path(post, path = "/parse", tag = "layercake", request_body = OldOutput,
    responses((status = 200, body = OldParsed)))]
pub(crate) async fn code_parse(
    JsonBody(output): JsonBody<OldOutput>,
) -> Result<Json<OldParsed>, ApiError> {
    let text = output.agent_output;
    let parsed = tokio::task::spawn_blocking(move || sluice_factory::parse_json(&text, true));
    let parsed = parsed.await.map_err(|ended| {
        ApiError::new(Kind::Internal, "the reply could not be read").caused_by(ended)
    })?;
    let text = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let files = parsed["files"].as_array().into_iter().flatten();
    let files: Vec<OldParsedFile> = files
        // What breaks off is never written.
        .filter(|file| file["complete"] == json!(true))
        .map(|file| OldParsedFile {
            path: text(file, "path"),
            content: text(file, "content"),
            language: text(file, "language"),
        })
        .collect();
    let warnings = parsed["warnings"].as_array().into_iter().flatten();
    let unparsed: Vec<OldUnparsed> = warnings
        .map(|warning| OldUnparsed {
            line: warning["line"].as_u64(),
            reason: text(warning, "message"),
        })
        .collect();
    Ok(Json(OldParsed {
        total_blocks: files.len() + unparsed.len(),
        files,
        unparsed_blocks: unparsed,
    }))
}

/// Nothing: a workspace is a repository from the start.
#[utoipa::path(post, path = "/workspaces/{project}/git/init", tag = "layercake",
    responses((status = 200, body = OldHead)))]
pub(crate) async fn git_init(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
) -> Result<Json<OldHead>, ApiError> {
    head(
        &app,
        &project,
        "the workspace is a repository since it was made",
    )
    .await
}

/// Nothing: every change is a commit already; says which is the newest.
#[utoipa::path(post, path = "/workspaces/{project}/git/commit", tag = "layercake",
    request_body(content = Option<OldCommit>),
    responses((status = 200, body = OldHead)))]
pub(crate) async fn git_commit(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    MaybeJson(OldCommit { message }): MaybeJson<OldCommit>,
) -> Result<Json<OldHead>, ApiError> {
    let told = match message {
        None => "every change was committed when it was made",
        Some(_) => "every change was committed when it was made; this message is not used",
    };
    head(&app, &project, told).await
}

async fn head(app: &App, project: &str, message: &str) -> Result<Json<OldHead>, ApiError> {
    let view = app.factory.project_fetch(project).await?;
    Ok(Json(OldHead {
        success: true,
        commit_hash: view.work,
        message: message.to_owned(),
    }))
}

/// `GET /api/v1/projects/{project}/commits`, as a bare list.
#[utoipa::path(get, path = "/workspaces/{project}/git/history", tag = "layercake",
    params(OldHistoryQuery),
    responses((status = 200, body = Vec<OldHistoryEntry>)))]
pub(crate) async fn git_history(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(query): QueryOf<OldHistoryQuery>,
) -> Result<Json<Vec<OldHistoryEntry>>, ApiError> {
    let limit = size(query.limit, HISTORY, LARGEST_HISTORY)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = app
        .factory
        .commit_list(&project, None, None, None, limit)
        .await?;
    let entries = page.items.into_iter().map(|commit| OldHistoryEntry {
        hash: commit.oid,
        message: commit.message,
        author: commit.author,
        date: commit.at,
    });
    Ok(Json(entries.collect()))
}
