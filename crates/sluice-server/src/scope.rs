//! Tokens that are for some projects only: whatever does not plainly belong to one of those is refused.

use sluice_factory::{Actor, Refusal};

use crate::param::id;
use crate::problem::{ApiError, Kind};
use crate::state::App;

/// Holds the path of a request against what its token is for. Lists that are open to such a token leave out what it is
/// not for.
pub(crate) async fn allow(app: &App, actor: &Actor, path: &str) -> Result<(), ApiError> {
    let Some(projects) = &actor.projects else {
        return Ok(());
    };
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let mut parts = path.trim_matches('/').splitn(3, '/');
    let (noun, name) = (parts.next().unwrap_or_default(), parts.next());
    let project = match (noun, name) {
        ("projects" | "escalations", None) => return Ok(()),
        ("templates" | "agents" | "parse", _) => return Ok(()),
        ("projects", Some(name)) => name.to_owned(),
        ("git", Some(name)) => name.strip_suffix(".git").unwrap_or(name).to_owned(),
        ("escalations", Some(name)) => {
            let escalation = id("escalation", name)?;
            app.factory.escalation_fetch(escalation).await?.project
        }
        ("checks", Some(name)) => app.factory.check_fetch(id("check", name)?).await?.project,
        ("proofs", Some(digest)) => app.factory.proof_project(digest).await?,
        _ => {
            let detail = format!(
                "this token is for the projects {}, not for the daemon as a whole",
                projects.join(", ")
            );
            return Err(ApiError::new(Kind::Forbidden, detail).with("code", "scope"));
        }
    };
    visible(actor, &project)
}

/// Refuses a project that the token is not for, in the words of one that is not there.
pub(crate) fn visible(actor: &Actor, project: &str) -> Result<(), ApiError> {
    if actor.may_see(project) {
        return Ok(());
    }
    let what = format!("project {project:?}");
    Err(ApiError::from(Refusal::NotFound { what }))
}
