//! Questions to people.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use sluice_factory::view::{EscalationView, Page, RunView};
use sluice_factory::{EscalationState, Gate, Refusal};
use utoipa::{IntoParams, ToSchema};

use crate::answer::versioned_json;
use crate::auth::Caller;
use crate::body::JsonBody;
use crate::param::{PathOf, id};
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf, filled};
use crate::schema;
use crate::state::{App, finish};

/// Which questions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EscalationQuery {
    /// `open`, `answered` or `withdrawn`; all when left out.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    state: Option<EscalationState>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// An answer to a question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EscalationAnswer {
    /// `retry`, `waive`, `reject` or `abort`.
    action: String,
    /// What the next attempt is told, or why it is waived.
    #[serde(default)]
    guidance: String,
    /// What the question asks to fill in, by name.
    #[serde(default)]
    fields: BTreeMap<String, Value>,
    /// With `reject`: the gate before that the work is sent back to; the gate itself when left out.
    #[serde(default)]
    to: Option<String>,
}

/// The questions to people, oldest first.
#[utoipa::path(get, path = "/escalations", tag = "escalations", params(EscalationQuery),
    responses((status = 200, body = schema::Page<schema::Escalation>)))]
pub(crate) async fn escalation_list(
    State(app): State<App>,
    caller: Caller,
    QueryOf(query): QueryOf<EscalationQuery>,
) -> Result<Json<Page<EscalationView>>, ApiError> {
    let paging = Paging {
        cursor: query.cursor,
        limit: query.limit,
    };
    let mut page = app
        .factory
        .escalation_list(query.state, paging.cursor.as_deref(), paging.size()?)
        .await?;
    page.items.retain(|one| caller.0.may_see(&one.project));
    Ok(Json(page))
}

/// One question.
#[utoipa::path(get, path = "/escalations/{id}", tag = "escalations",
    params(("id" = String, Path, description = "The escalation's id")),
    responses((status = 200, body = schema::Escalation, headers(("ETag" = String, description = "Changes with the question and its answer"))),
        (status = 304, description = "The client has it")))]
pub(crate) async fn escalation_fetch(
    State(app): State<App>,
    PathOf(text): PathOf<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = id("escalation", &text)?;
    let view = app.factory.escalation_fetch(id).await?;
    Ok(versioned_json(&headers, &view))
}

/// Answers a question (approver).
#[utoipa::path(post, path = "/escalations/{id}/answer", tag = "escalations",
    params(("id" = String, Path, description = "The escalation's id")),
    request_body = EscalationAnswer,
    responses((status = 200, body = schema::Run),
        (status = 409, body = schema::Problem, content_type = "application/problem+json", description = "It is answered already")))]
pub(crate) async fn escalation_answer(
    State(app): State<App>,
    caller: Caller,
    PathOf(text): PathOf<String>,
    JsonBody(answer): JsonBody<EscalationAnswer>,
) -> Result<Json<RunView>, ApiError> {
    let id = id("escalation", &text)?;
    let run = finish(async move {
        let EscalationAnswer {
            action,
            guidance,
            fields,
            to,
        } = answer;
        let factory = &app.factory;
        let Some(to) = to else {
            let answered = factory.escalation_answer(id, &action, &guidance, fields, &caller.0);
            return answered.await;
        };
        let wrong = |message: &str| Refusal::Invalid {
            field: "to",
            message: message.to_owned(),
        };
        if action != "reject" {
            return Err(wrong("only a rejection sends work back; leave `to` out"));
        }
        let to: Gate = to.parse().map_err(|_| wrong("`to` is a gate, g0 to g9"))?;
        factory
            .escalation_send_back(id, to, &guidance, fields, &caller.0)
            .await
    });
    Ok(Json(run.await?))
}
