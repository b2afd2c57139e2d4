//! What people do at gates: start, approve, reject, rule, cancel.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use sluice_factory::Decide;
use sluice_factory::view::RunView;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::{JsonBody, MaybeJson};
use crate::param::{PathOf, gate};
use crate::problem::{ApiError, Kind};
use crate::schema;
use crate::state::{App, finish};

/// A decision on what was looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// The gate's `subject_digest` as it was looked at; a decision on anything else is refused.
    subject_digest: String,
    /// Why.
    #[serde(default)]
    comment: String,
    /// What the gate asks to fill in, by name.
    #[serde(default)]
    fields: BTreeMap<String, Value>,
}

/// A rejection of what was looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rejection {
    /// The gate's `subject_digest` as it was looked at; a decision on anything else is refused.
    subject_digest: String,
    /// Why; the request of the next run there says it.
    #[serde(default)]
    comment: String,
    /// What the gate asks to fill in, by name.
    #[serde(default)]
    fields: BTreeMap<String, Value>,
    /// The gate that the work is sent back to: this one, or one before it that was passed. The gates from there on are
    /// reopened. This one when left out.
    #[serde(default)]
    #[schema(example = "g3")]
    to: Option<String>,
}

/// How a gate is started.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// Ask the agent also where the gate was passed before and what is there could be checked first.
    #[serde(default)]
    ask: bool,
}

/// A ruling on an attempt that is held.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ruling {
    /// Whether the attempt may move what it is measured by.
    allow: bool,
    /// Why.
    #[serde(default)]
    comment: String,
}

/// A word with it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comment {
    /// Why.
    #[serde(default)]
    comment: String,
}

/// Nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

/// Starts a gate (operator).
#[utoipa::path(post, path = "/projects/{project}/gates/{gate}/start", tag = "gates",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`")),
    request_body(content = Option<Start>),
    responses((status = 202, body = schema::Run),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "It cannot be started now")))]
pub(crate) async fn gate_start(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, name)): PathOf<(String, String)>,
    MaybeJson(Start { ask }): MaybeJson<Start>,
) -> Result<(StatusCode, Json<RunView>), ApiError> {
    let gate = gate(&name)?;
    let run = finish(async move {
        match ask {
            true => app.factory.gate_ask(&project, gate, &caller.0).await,
            false => app.factory.gate_start(&project, gate, &caller.0).await,
        }
    });
    Ok((StatusCode::ACCEPTED, Json(run.await?)))
}

/// Approves what was looked at (approver, not its author).
#[utoipa::path(post, path = "/projects/{project}/gates/{gate}/approve", tag = "gates",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`")),
    request_body = Decision,
    responses((status = 200, body = schema::Run),
        (status = 403, body = schema::Problem, content_type = "application/problem+json", description = "Own work, an agent's token, or a lower role"),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "The subject is another one meanwhile")))]
pub(crate) async fn gate_approve(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, name)): PathOf<(String, String)>,
    JsonBody(decision): JsonBody<Decision>,
) -> Result<Json<RunView>, ApiError> {
    let gate = gate(&name)?;
    let decide = Decide {
        subject_digest: decision.subject_digest,
        comment: decision.comment,
        fields: decision.fields,
        to: None,
    };
    let run = finish(async move {
        app.factory
            .gate_approve(&project, gate, decide, &caller.0)
            .await
    });
    Ok(Json(run.await?))
}

/// Rejects what was looked at (approver), and sends the work back to this gate or one before it.
#[utoipa::path(post, path = "/projects/{project}/gates/{gate}/reject", tag = "gates",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`")),
    request_body = Rejection,
    responses((status = 200, body = schema::Run),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "The subject is another one meanwhile")))]
pub(crate) async fn gate_reject(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, name)): PathOf<(String, String)>,
    JsonBody(rejection): JsonBody<Rejection>,
) -> Result<Json<RunView>, ApiError> {
    let gate = gate(&name)?;
    let to = rejection.to.as_deref().map(str::parse).transpose();
    let to = to.map_err(|error: sluice_gates::NotAGate| {
        ApiError::new(Kind::Invalid, error.to_string()).with("field", "to")
    })?;
    let decide = Decide {
        subject_digest: rejection.subject_digest,
        comment: rejection.comment,
        fields: rejection.fields,
        to,
    };
    let run = finish(async move {
        app.factory
            .gate_reject(&project, gate, decide, &caller.0)
            .await
    });
    Ok(Json(run.await?))
}

/// Rules on an attempt that is held because it moves what it is measured by (approver).
#[utoipa::path(post, path = "/projects/{project}/gates/{gate}/rule", tag = "gates",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`")),
    request_body = Ruling,
    responses((status = 200, body = schema::Run),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "Nothing is held")))]
pub(crate) async fn gate_rule(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, name)): PathOf<(String, String)>,
    JsonBody(Ruling { allow, comment }): JsonBody<Ruling>,
) -> Result<Json<RunView>, ApiError> {
    let gate = gate(&name)?;
    let run = finish(async move {
        app.factory
            .gate_rule(&project, gate, allow, comment, &caller.0)
            .await
    });
    Ok(Json(run.await?))
}

/// Ends a run (operator).
#[utoipa::path(post, path = "/projects/{project}/gates/{gate}/cancel", tag = "gates",
    params(("project" = String, Path, description = "The project's name"),
        ("gate" = String, Path, description = "`g0` to `g9`")),
    request_body(content = Option<Comment>),
    responses((status = 200, body = schema::Run),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "There is no run to end")))]
pub(crate) async fn gate_cancel(
    State(app): State<App>,
    caller: Caller,
    PathOf((project, name)): PathOf<(String, String)>,
    MaybeJson(Comment { comment }): MaybeJson<Comment>,
) -> Result<Json<RunView>, ApiError> {
    let gate = gate(&name)?;
    let run = finish(async move {
        app.factory
            .gate_cancel(&project, gate, comment, &caller.0)
            .await
    });
    Ok(Json(run.await?))
}
