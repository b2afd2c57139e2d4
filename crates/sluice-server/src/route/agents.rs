//! The agents: their roles, who is asked in them, and what it came to.

use axum::Json;
use axum::extract::State;
use sluice_factory::view::{AgentView, Page};

use crate::answer::page_of;
use crate::param::PathOf;
use crate::problem::{ApiError, Kind};
use crate::query::{Paging, QueryOf};
use crate::schema::{self, AgentSummary};
use crate::state::App;

fn summary(agent: AgentView) -> AgentSummary {
    let sum = |of: fn(&sluice_factory::view::AgentUsage) -> u64| agent.usage.iter().map(of).sum();
    AgentSummary {
        calls: sum(|usage| usage.calls),
        failed_calls: sum(|usage| usage.failed),
        attempts: sum(|usage| usage.attempts),
        passed: sum(|usage| usage.passed),
        name: agent.name,
        description: agent.description,
        gates: agent.gates,
        models: agent.models,
    }
}

/// The agents, by name.
#[utoipa::path(get, path = "/agents", tag = "agents", params(Paging),
    responses((status = 200, body = schema::Page<AgentSummary>)))]
pub(crate) async fn agent_list(
    State(app): State<App>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<AgentSummary>>, ApiError> {
    let agents = app.factory.agent_list().await?;
    let agents = agents.into_iter().map(summary).collect();
    Ok(Json(page_of(agents, &paging, |agent: &AgentSummary| {
        agent.name.clone()
    })?))
}

/// One agent with its prompt, its limits, and what its calls come to.
#[utoipa::path(get, path = "/agents/{agent}", tag = "agents",
    params(("agent" = String, Path, description = "The agent's name")),
    responses((status = 200, body = schema::Agent)))]
pub(crate) async fn agent_fetch(
    State(app): State<App>,
    PathOf(name): PathOf<String>,
) -> Result<Json<AgentView>, ApiError> {
    let mut agents = app.factory.agent_list().await?.into_iter();
    let agent = agents
        .find(|agent| agent.name == name)
        .ok_or_else(|| ApiError::new(Kind::NotFound, format!("agent {name:?} does not exist")))?;
    Ok(Json(agent))
}
