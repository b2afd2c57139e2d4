//! Webhooks: how they stand, what was sent, and send it again.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use sluice_factory::DeliveryState;
use sluice_factory::view::{DeliveryView, Page, WebhookView};
use utoipa::IntoParams;

use crate::answer::versioned_json;
use crate::auth::Caller;
use crate::param::{PathOf, id};
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf, filled};
use crate::schema;
use crate::state::{App, finish};

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryQuery {
    /// `waiting`, `delivered` or `failed`; all when left out.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    state: Option<DeliveryState>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
    /// How many entries at most; 50 when left out, never more than 200.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<u64>, minimum = 1)]
    limit: Option<u64>,
}

/// The webhooks of the configuration (operator).
#[utoipa::path(get, path = "/webhooks", tag = "webhooks",
    responses((status = 200, body = schema::Page<schema::Webhook>)))]
pub(crate) async fn webhook_list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<WebhookView>>, ApiError> {
    let items = app.factory.webhook_list(&caller.0).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

/// Sends a message that says nothing, once (operator). When it is taken, a webhook that was disabled is not any more.
#[utoipa::path(post, path = "/webhooks/{webhook}/test", tag = "webhooks",
    responses((status = 202, body = schema::Delivery, description = "It is on its way; look at its delivery")))]
pub(crate) async fn webhook_test(
    State(app): State<App>,
    caller: Caller,
    PathOf(webhook): PathOf<String>,
) -> Result<Response, ApiError> {
    let sent = finish(async move { app.factory.webhook_test(&webhook, &caller.0).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(sent)).into_response())
}

/// The messages of a webhook, newest first; those that ended are kept for 30 days (operator).
#[utoipa::path(get, path = "/webhooks/{webhook}/deliveries", tag = "webhooks", params(DeliveryQuery),
    responses((status = 200, body = schema::Page<schema::Delivery>)))]
pub(crate) async fn delivery_list(
    State(app): State<App>,
    caller: Caller,
    PathOf(webhook): PathOf<String>,
    QueryOf(query): QueryOf<DeliveryQuery>,
) -> Result<Json<Page<DeliveryView>>, ApiError> {
    let paging = Paging {
        cursor: query.cursor,
        limit: query.limit,
    };
    let (cursor, size) = (paging.cursor.as_deref(), paging.size()?);
    let page = app
        .factory
        .delivery_list(&webhook, query.state, cursor, size, &caller.0)
        .await?;
    Ok(Json(page))
}

/// One message of a webhook (operator).
#[utoipa::path(get, path = "/webhooks/{webhook}/deliveries/{delivery}", tag = "webhooks",
    responses((status = 200, body = schema::Delivery)))]
pub(crate) async fn delivery_fetch(
    State(app): State<App>,
    caller: Caller,
    PathOf((webhook, text)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let delivery = id("delivery", &text)?;
    let view = app
        .factory
        .delivery_fetch(&webhook, delivery, &caller.0)
        .await?;
    Ok(versioned_json(&headers, &view))
}

/// Sends a message again, under the same `webhook-id`, as if it were new (operator).
#[utoipa::path(post, path = "/webhooks/{webhook}/deliveries/{delivery}/redeliver", tag = "webhooks",
    responses((status = 202, body = schema::Delivery, description = "It is on its way; look at its delivery")))]
pub(crate) async fn delivery_again(
    State(app): State<App>,
    caller: Caller,
    PathOf((webhook, text)): PathOf<(String, String)>,
) -> Result<Response, ApiError> {
    let delivery = id("delivery", &text)?;
    let again = async move {
        app.factory
            .delivery_again(&webhook, delivery, &caller.0)
            .await
    };
    Ok((StatusCode::ACCEPTED, Json(finish(again).await?)).into_response())
}
