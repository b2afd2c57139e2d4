//! What is shown of agents.

use sluice_gates::Gate;
use sluice_store::{CallRecord, CallStatistics};

use crate::decide::machinery;
use crate::factory::{Factory, rfc3339};
use crate::prices::amount;
use crate::refusal::Asked;
use crate::roles::RoleFile;
use crate::view::{AgentCost, AgentUsage, AgentView, CallView};

impl Factory {
    /// The agents by name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn agent_list(&self) -> Asked<Vec<AgentView>> {
        let usage = self.agent_usage().await?;
        let roles = self.role_list().into_iter();
        Ok(roles
            .map(|role| {
                let own = usage.iter().filter(|one| one.role == role.head.role);
                self.agent_view(&role, own.cloned().collect())
            })
            .collect())
    }

    /// What all calls of agents come to, by role, agent, model and gate.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn agent_usage(&self) -> Asked<Vec<AgentUsage>> {
        let sums = self.store.call_statistics().await.map_err(machinery)?;
        Ok(sums.into_iter().map(usage).collect())
    }

    fn agent_view(&self, role: &RoleFile, usage: Vec<AgentUsage>) -> AgentView {
        let gates = self.gates();
        let worked = Gate::ALL
            .into_iter()
            .filter(|gate| gates.file(*gate).worker == role.head.role);
        let mut models = Vec::new();
        for gate in worked.chain(role.head.gates.iter().copied()) {
            for place in self.lineup(gate, &role.head.role) {
                let called = place.map_or_else(|why| why, |seat| seat.called());
                if !models.contains(&called) {
                    models.push(called);
                }
            }
        }
        let gates = role.head.gates.iter();
        AgentView {
            name: role.head.role.clone(),
            description: role.head.description.clone(),
            gates: gates.map(|gate| gate.as_str().to_owned()).collect(),
            models,
            limits: role.head.limits,
            prompt: role.prompt.clone(),
            usage,
        }
    }
}

fn usage(sums: CallStatistics) -> AgentUsage {
    let of = |outcome: &str| sums.calls.get(outcome).copied().unwrap_or(0);
    AgentUsage {
        calls: sums.calls.values().sum(),
        replied: of("replied"),
        cut: of("cut"),
        refused: of("refused"),
        failed: of("failed"),
        role: sums.role,
        agent: sums.agent,
        model: sums.model,
        gate: sums.gate,
        tries: sums.tries,
        attempts: sums.attempts,
        passed: sums.passed,
        input_tokens: sums.input_tokens,
        output_tokens: sums.output_tokens,
        cached_tokens: sums.cached_tokens,
        costs: sums
            .cost_nanos
            .into_iter()
            .map(|(currency, nanos)| AgentCost {
                amount: amount(nanos),
                currency,
            })
            .collect(),
        unpriced_calls: sums.unpriced,
        millis: sums.millis,
        longest_millis: sums.longest_millis,
    }
}

/// A call, for people.
pub(crate) fn call_view(call: CallRecord) -> CallView {
    CallView {
        ask: call.ask,
        agent: call.agent,
        model: call.model,
        served: call.served,
        outcome: call.outcome,
        fault: call.fault,
        input_tokens: call.input_tokens,
        output_tokens: call.output_tokens,
        cached_tokens: call.cached_tokens,
        cost: call.cost.map(|(nanos, currency)| AgentCost {
            amount: amount(nanos),
            currency,
        }),
        tries: call.tries,
        millis: call.millis,
        at: rfc3339(call.at),
    }
}
