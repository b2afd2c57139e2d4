//! The agents' roles.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sluice_factory::RoleFile;
use sluice_factory::view::Page;
use utoipa::ToSchema;

use crate::answer::page_of;
use crate::param::PathOf;
use crate::problem::{ApiError, Kind};
use crate::query::{Paging, QueryOf};
use crate::schema;
use crate::state::App;

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentSummary {
    /// Its role's name.
    name: String,
    /// What it does.
    description: String,
    /// The gates that it works at.
    gates: Vec<String>,
}

/// An agent with its prompt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Agent {
    /// Its role's name.
    name: String,
    /// What it does.
    description: String,
    /// The gates that it works at.
    gates: Vec<String>,
    /// What it is told, in Markdown.
    prompt: String,
}

impl From<RoleFile> for AgentSummary {
    fn from(role: RoleFile) -> AgentSummary {
        let gates = role.head.gates.iter();
        AgentSummary {
            gates: gates.map(|gate| gate.as_str().to_owned()).collect(),
            name: role.head.role,
            description: role.head.description,
        }
    }
}

/// The agents, by name.
#[utoipa::path(get, path = "/agents", tag = "agents", params(Paging),
    responses((status = 200, body = schema::Page<AgentSummary>)))]
pub(crate) async fn agent_list(
    State(app): State<App>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<AgentSummary>>, ApiError> {
    let roles = app.factory.role_list().into_iter();
    let agents = roles.map(AgentSummary::from).collect();
    Ok(Json(page_of(agents, &paging, |agent: &AgentSummary| {
        agent.name.clone()
    })?))
}

/// One agent with its prompt.
#[utoipa::path(get, path = "/agents/{agent}", tag = "agents",
    params(("agent" = String, Path, description = "The agent's name")),
    responses((status = 200, body = Agent)))]
pub(crate) async fn agent_fetch(
    State(app): State<App>,
    PathOf(name): PathOf<String>,
) -> Result<Json<Agent>, ApiError> {
    let role = app
        .factory
        .role_list()
        .into_iter()
        .find(|role| role.head.role == name)
        .ok_or_else(|| ApiError::new(Kind::NotFound, format!("agent {name:?} does not exist")))?;
    let prompt = role.prompt.clone();
    let AgentSummary {
        name,
        description,
        gates,
    } = role.into();
    Ok(Json(Agent {
        name,
        description,
        gates,
        prompt,
    }))
}
