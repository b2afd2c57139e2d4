//! Who is asked at a gate, and who when that one cannot answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_agents::{Agent, Outside};
use sluice_gates::{Gate, Strategy};

use crate::roles::RoleHead;

/// Who answers at which gate.
#[derive(Clone)]
pub struct AgentTable {
    /// The agents that were named for a gate.
    pub by_gate: BTreeMap<Gate, Arc<dyn Agent>>,
    /// Waits for replies from outside, at gates where nobody else works.
    pub outside: Arc<dyn Agent>,
    /// Every agent by its name.
    pub by_name: BTreeMap<String, Named>,
}

impl Default for AgentTable {
    /// Nobody: every gate waits for replies from outside.
    fn default() -> AgentTable {
        AgentTable {
            by_gate: BTreeMap::new(),
            outside: Arc::new(Outside),
            by_name: BTreeMap::new(),
        }
    }
}

/// An agent with what was set up about it.
#[derive(Clone)]
pub struct Named {
    /// The agent.
    pub agent: Arc<dyn Agent>,
    /// Whether it works at every gate that has nobody of its own.
    pub is_everywhere: bool,
    /// Who is asked when it cannot answer, in order, as [`RoleHead::models`] has it.
    pub fallback: Vec<String>,
    /// What one run may spend on it, in billionths of the price file's currency.
    pub money_nanos: Option<i64>,
}

/// One who may be asked.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) agent: Arc<dyn Agent>,
    /// The model that is asked, in place of the agent's own.
    pub(crate) model: Option<String>,
    pub(crate) money_nanos: Option<i64>,
}

impl Seat {
    /// The model that is asked, where there is one.
    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref().or_else(|| self.agent.model())
    }

    /// `AGENT/MODEL`, or the agent alone.
    pub(crate) fn called(&self) -> String {
        match self.model() {
            Some(model) => format!("{}/{model}", self.agent.name()),
            None => self.agent.name().to_owned(),
        }
    }
}

/// A seat, or why nobody sits there.
pub(crate) type Place = Result<Seat, String>;

impl AgentTable {
    /// Who is asked at a gate, the first one first; never empty. A role's own list outranks the agent that was
    /// named for the gate; then comes the agent with the role's name, then the first one that works everywhere.
    pub(crate) fn lineup(&self, gate: Gate, worker: &str, role: Option<&RoleHead>) -> Vec<Place> {
        let models = role.map_or(&[][..], |role| &role.models);
        if !models.is_empty() {
            let told_by = format!("the file of the role {worker}");
            return models.iter().map(|one| self.seat(one, &told_by)).collect();
        }
        let everywhere = |named: &&Named| named.is_everywhere;
        let first = self
            .by_gate
            .get(&gate)
            .or_else(|| {
                let of_role = self.by_name.get(worker).filter(everywhere);
                let any = || self.by_name.values().find(everywhere);
                of_role.or_else(any).map(|named| &named.agent)
            })
            .unwrap_or(&self.outside);
        let named = self.by_name.get(first.name());
        let mut lineup = vec![Ok(Seat {
            agent: Arc::clone(first),
            model: None,
            money_nanos: named.and_then(|named| named.money_nanos),
        })];
        let told_by = format!("agents.{}.fallback", first.name());
        let fallback = named.map_or(&[][..], |named| &named.fallback);
        lineup.extend(fallback.iter().map(|one| self.seat(one, &told_by)));
        lineup
    }

    fn seat(&self, one: &str, told_by: &str) -> Place {
        let (name, model) = match one.split_once('/') {
            Some((name, model)) => (name, Some(model.to_owned())),
            None => (one, None),
        };
        let named = self.by_name.get(name).ok_or_else(|| {
            format!(
                "{told_by} names the agent {name:?}, which is not set up; write [agents.{name}] into sluice.toml"
            )
        })?;
        Ok(Seat {
            agent: Arc::clone(&named.agent),
            model: model.filter(|model| !model.is_empty()),
            money_nanos: named.money_nanos,
        })
    }
}

/// The order in which a lineup is asked: from the one that the strategy begins with, then all others.
pub(crate) fn order<T>(mut lineup: Vec<T>, strategy: Strategy) -> Vec<T> {
    let first: usize = match strategy {
        Strategy::Normal | Strategy::WholeFiles => 0,
        Strategy::NextModel => 1,
        Strategy::WiderContext => 2,
    };
    let first = first.min(lineup.len().saturating_sub(1));
    lineup.rotate_left(first);
    lineup
}

#[cfg(test)]
mod tests;
