//! Tokens, for admins.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sluice_factory::TokenBounds;
use sluice_factory::view::{Page, TokenView};
use utoipa::ToSchema;

use crate::answer::created;
use crate::auth::Caller;
use crate::body::JsonBody;
use crate::once::ShownOnce;
use crate::param::{PathOf, id};
use crate::problem::ApiError;
use crate::query::{Paging, QueryOf};
use crate::schema;
use crate::state::{App, finish};

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// Whose it is; the name in decisions and proofs.
    name: String,
    /// `viewer`, `operator`, `approver` or `admin`.
    role: String,
    /// `person` or `agent`; an agent's token decides nothing.
    #[serde(default = "person")]
    #[schema(default = "person")]
    kind: String,
    /// The projects that it is for, by name; without this it is for all, and for the daemon as a whole.
    #[serde(default)]
    projects: Option<Vec<String>>,
    /// From when on it is refused, RFC 3339; without this it does not expire.
    #[serde(default)]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

fn person() -> String {
    "person".to_owned()
}

#[derive(Serialize)]
struct Made {
    #[serde(flatten)]
    view: TokenView,
    token: String,
}

/// The tokens, without their secrets (admin).
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(Paging),
    responses((status = 200, body = schema::Page<schema::Token>)))]
pub(crate) async fn token_list(
    State(app): State<App>,
    caller: Caller,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<TokenView>>, ApiError> {
    let cursor = paging.cursor.as_deref();
    let page = app
        .factory
        .token_list(cursor, paging.size()?, &caller.0)
        .await?;
    Ok(Json(page))
}

/// Makes a token (admin); its secret is shown this once.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = schema::MadeToken)))]
pub(crate) async fn token_create(
    State(app): State<App>,
    caller: Caller,
    JsonBody(new): JsonBody<NewToken>,
) -> Result<Response, ApiError> {
    let (view, token) = finish(async move {
        let NewToken {
            name,
            role,
            kind,
            projects,
            expires_at,
        } = new;
        app.factory
            .token_create(
                &name,
                &role,
                &kind,
                TokenBounds::new(projects, expires_at)?,
                &caller.0,
            )
            .await
    })
    .await?;
    let location = format!("/api/v1/tokens/{}", view.id);
    let mut response = created(&location, Made { view, token });
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}

/// Revokes a token (admin); it is refused from the next request on.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token's id, not its secret")),
    responses((status = 204, description = "It is revoked")))]
pub(crate) async fn token_revoke(
    State(app): State<App>,
    caller: Caller,
    PathOf(text): PathOf<String>,
) -> Result<StatusCode, ApiError> {
    let id = id("token", &text)?;
    finish(async move { app.factory.token_revoke(id, &caller.0).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
