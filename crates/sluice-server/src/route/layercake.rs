//! The routes of the first system of this kind, as thin aliases: `docs/coming-from-layercake.md` maps each.

mod checks;
mod later;
mod records;
mod workspaces;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::App;

/// The routes, from the root on.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .nest("/code-generation", code_generation())
        .routes(routes!(records::proof_artifacts))
        .routes(routes!(records::error_history))
        .routes(routes!(later::export_github))
        .routes(routes!(later::github_status))
        .routes(routes!(later::deploy_railway))
        .routes(routes!(later::deployment_status))
        .routes(routes!(later::agents_execute))
}

/// The part that the first system served below `/api` too.
pub(crate) fn code_generation() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(workspaces::workspace_create))
        .routes(routes!(workspaces::workspace_file))
        .routes(routes!(workspaces::code_parse))
        .routes(routes!(checks::workspace_install))
        .routes(routes!(checks::workspace_build))
        .routes(routes!(checks::workspace_test))
        .routes(routes!(checks::workspace_lint))
        .routes(routes!(checks::workspace_security_scan))
        .routes(routes!(checks::workspace_validate))
        .routes(routes!(workspaces::git_init))
        .routes(routes!(workspaces::git_commit))
        .routes(routes!(workspaces::git_history))
}
