//! The pages for people: the same factory and the same refusals as REST, as HTML that works without scripts.

mod asset;
mod error;
mod escalations;
mod form;
mod frame;
mod gate;
mod project;
mod projects;
mod proof;
mod session;
mod stream;
mod words;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::limit::limit_anonymous;
use crate::state::App;

pub(crate) use error::as_page;
pub(crate) use frame::Shown;

/// All pages. Those about projects are only for who is signed in.
pub(crate) fn routes(app: &App) -> Router<App> {
    let limited = from_fn_with_state(App::clone(app), limit_anonymous);
    let open = Router::new()
        .route("/sign-in", get(session::form).post(session::sign_in))
        .route("/assets/{*file}", get(asset::asset))
        .route_layer(limited);
    let signed_in = Router::new()
        .route("/", get(projects::projects))
        .route("/new", get(projects::form).post(projects::create))
        .route("/sign-out", post(session::sign_out))
        .route("/projects/{project}", get(project::project))
        .route("/projects/{project}/flight", get(project::flight))
        .route("/projects/{project}/stream", get(stream::changes))
        .route("/projects/{project}/gates/{gate}", get(gate::gate))
        .route(
            "/projects/{project}/gates/{gate}/{action}",
            post(gate::decide),
        )
        .route(
            "/projects/{project}/frames/{commit}/{*path}",
            get(gate::design),
        )
        .route("/projects/{project}/proofs/{digest}", get(proof::proof))
        .route("/projects/{project}/proofs/{digest}/raw", get(proof::raw))
        .route("/escalations", get(escalations::escalations))
        .route(
            "/escalations/{escalation}",
            get(escalations::escalation).post(escalations::answer),
        )
        .route_layer(from_fn_with_state(App::clone(app), session::signed_in));
    open.merge(signed_in)
        .route_layer(axum::middleware::from_fn(as_page))
}

#[cfg(test)]
mod tests;
