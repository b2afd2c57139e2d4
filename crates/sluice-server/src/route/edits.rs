//! Edits of people that were held while a run was open: both sides, and what holds of them.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sluice_factory::view::{EditSummary, EditView, FileWritten, LeftAlone, Page};
use sluice_factory::{EditState, Resolution, Take};
use utoipa::{IntoParams, ToSchema};

use crate::answer::{entity_tags, page_of, tagged_json};
use crate::auth::Caller;
use crate::body::{JsonBody, MaybeJson};
use crate::param::{PathOf, id};
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf, filled};
use crate::route::decisions::Empty;
use crate::schema;
use crate::state::{App, finish};

/// States that are asked for together.
#[derive(Debug)]
struct States(Vec<EditState>);

impl FromStr for States {
    type Err = String;

    fn from_str(word: &str) -> Result<States, String> {
        if word == "open" {
            return Ok(States(vec![EditState::Held, EditState::Conflict]));
        }
        let state = EditState::parse(word);
        state.map(|state| States(vec![state])).ok_or_else(|| {
            "not a state; use open, held, conflict, applied, resolved or dropped".to_owned()
        })
    }
}

/// Which edits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EditQuery {
    /// `held`, `conflict`, `applied`, `resolved`, `dropped`, or `open` for the first two; all when left out.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    state: Option<States>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// A side.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// What the person wrote.
    Mine,
    /// What `work` has.
    Theirs,
}

impl From<Side> for Take {
    fn from(side: Side) -> Take {
        match side {
            Side::Mine => Take::Mine,
            Side::Theirs => Take::Theirs,
        }
    }
}

/// What holds of one file: a side, or a text of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, untagged)]
pub(crate) enum FileResolution {
    /// A side.
    Side {
        /// Which.
        take: Side,
    },
    /// A text.
    Text {
        /// The whole file.
        content: String,
    },
}

/// What holds of the files of an edit that are in conflict.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditResolution {
    /// Which side holds where `files` says nothing.
    #[serde(default)]
    take: Option<Side>,
    /// What holds of single files, by path.
    #[serde(default)]
    files: BTreeMap<String, FileResolution>,
}

/// What a working tree has that never becomes part of the project.
#[derive(Debug, Serialize)]
pub(crate) struct WorkTree {
    left_alone: Vec<LeftAlone>,
}

/// The edits that were held, oldest first.
#[utoipa::path(get, path = "/projects/{project}/edits", tag = "edits",
    params(("project" = String, Path, description = "The project's name"), EditQuery),
    responses((status = 200, body = schema::Page<schema::EditSummary>)))]
pub(crate) async fn edit_list(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
    QueryOf(query): QueryOf<EditQuery>,
) -> Result<Json<Page<EditSummary>>, ApiError> {
    let states = query.state.map(|states| states.0).unwrap_or_default();
    let edits = app.factory.edit_list(&project, &states).await?;
    let paging = Paging {
        cursor: query.cursor,
        limit: query.limit,
    };
    page_of(edits, &paging, |edit| edit.id.to_string()).map(Json)
}

/// One edit with all sides of its files.
#[utoipa::path(get, path = "/projects/{project}/edits/{edit}", tag = "edits",
    params(("project" = String, Path, description = "The project's name"),
        ("edit" = u64, Path, description = "The edit's number")),
    responses((status = 200, body = schema::Edit,
            headers(("ETag" = String, description = "Changes when the edit, or what it is merged with, changes"))),
        (status = 304, description = "The client has it")))]
pub(crate) async fn edit_fetch(
    State(app): State<App>,
    PathOf((project, text)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let view = app.factory.edit_fetch(&project, number(&text)?).await?;
    Ok(shown(&headers, view))
}

/// Says what holds of an edit in conflict; it becomes a commit of the caller's on `work` (operator).
#[utoipa::path(post, path = "/projects/{project}/edits/{edit}/resolve", tag = "edits",
    params(("project" = String, Path, description = "The project's name"),
        ("edit" = u64, Path, description = "The edit's number"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the edit as it was looked at")),
    request_body = EditResolution,
    responses((status = 200, body = schema::Edit),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "A run is open, or the edit has ended"),
        (status = 412, body = schema::Problem, content_type = "application/problem+json", description = "The edit, or `work`, was changed meanwhile"),
        (status = 422, body = schema::Problem, content_type = "application/problem+json", description = "A file in conflict is not decided on, or it is no file of the edit")))]
pub(crate) async fn edit_resolve(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, text)): PathOf<(String, String)>,
    headers: HeaderMap,
    JsonBody(EditResolution { take, files }): JsonBody<EditResolution>,
) -> Result<Json<EditView>, ApiError> {
    let n = number(&text)?;
    let files = files.into_iter().map(|(path, file)| {
        let take = match file {
            FileResolution::Side { take } => take.into(),
            FileResolution::Text { content } => Take::Content(content.into_bytes()),
        };
        (path, take)
    });
    let tags = entity_tags(&headers, &header::IF_MATCH);
    let seen = tags.iter().map(|tag| tag.trim_matches('"').to_owned());
    let resolution = Resolution {
        files: files.collect(),
        others: take.map(Take::from),
        seen: (!tags.is_empty() && !tags.contains(&"*".to_owned())).then(|| seen.collect()),
    };
    let view = finish(async move {
        app.factory
            .edit_resolve(&project, n, resolution, &caller.0)
            .await
    });
    Ok(Json(view.await?))
}

/// Gives an edit up; what the person wrote stays in git under `refs/held/` (operator).
#[utoipa::path(post, path = "/projects/{project}/edits/{edit}/drop", tag = "edits",
    params(("project" = String, Path, description = "The project's name"),
        ("edit" = u64, Path, description = "The edit's number")),
    request_body(content = Option<Empty>),
    responses((status = 200, body = schema::Edit),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "The edit has ended")))]
pub(crate) async fn edit_drop(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, text)): PathOf<(String, String)>,
    MaybeJson(Empty {}): MaybeJson<Empty>,
) -> Result<Json<EditView>, ApiError> {
    let n = number(&text)?;
    let view = finish(async move { app.factory.edit_drop(&project, n, &caller.0).await });
    Ok(Json(view.await?))
}

/// What the last look at the working tree found there and left alone.
#[utoipa::path(get, path = "/projects/{project}/work-tree", tag = "edits",
    params(("project" = String, Path, description = "The project's name")),
    responses((status = 200, body = schema::WorkTree)))]
pub(crate) async fn work_tree_fetch(
    State(app): State<App>,
    PathOf(project): PathOf<String>,
) -> Result<Json<WorkTree>, ApiError> {
    app.factory.project_fetch(&project).await?;
    let left_alone = app.factory.left_alone(&project);
    Ok(Json(WorkTree { left_alone }))
}

/// 202 with where the edit is seen.
pub(crate) fn held(project: &str, n: u64, written: FileWritten) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(written)).into_response();
    let location = format!("/api/v1/projects/{project}/edits/{n}");
    let location = HeaderValue::from_str(&location).expect("names of projects are visible ASCII");
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn shown(headers: &HeaderMap, view: EditView) -> Response {
    let tag = view.version.clone();
    tagged_json(headers, &tag, view)
}

/// An edit's number as the daemon writes it.
fn number(text: &str) -> Result<u64, ApiError> {
    id("edit", text)
}
