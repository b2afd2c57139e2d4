//! One question, put to the agents of a gate in turn until one answers, and what each call came to.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use serde_json::json;
use sluice_agents::{AgentError, Answer, Call, CallEnd, Hear as _, Limits, Request, Usage};
use sluice_gates::{Gate, Strategy};
use sluice_store::{NewCall, RunRecord};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::drive::new_event;
use crate::factory::{Factory, now};
use crate::lineup::{Place, Seat, order};
use crate::live::Writing;
use crate::meters;
use crate::prices::amount;
use crate::roles::{RoleFile, RoleLimits};

/// How much of a fault is kept with its call, in characters.
const FAULT: usize = 500;

/// A question, before it is asked.
pub(crate) struct Asking<'a> {
    record: &'a RunRecord,
    attempt: u16,
    ask: u8,
    role: String,
    limits: RoleLimits,
    lineup: Vec<Place>,
}

impl Asking<'_> {
    /// What bounds the reply.
    pub(crate) fn limits(&self) -> Limits {
        self.limits.of_reply()
    }

    /// The name of the agent that is asked first.
    pub(crate) fn first(&self) -> String {
        let seats = self.lineup.iter().flatten();
        let first = seats.map(|seat| seat.agent.name().to_owned()).next();
        first.unwrap_or_else(|| self.role.clone())
    }
}

impl Factory {
    /// The name of the agent that is asked first at a gate, as things are set up now.
    pub(crate) fn agent_at(&self, gate: Gate) -> String {
        let worker = self.gates().file(gate).worker.clone();
        let lineup = self.lineup(gate, &worker);
        let first = lineup.iter().flatten().next();
        first.map_or(worker, |seat| seat.agent.name().to_owned())
    }

    /// Who is asked at a gate, in order.
    pub(crate) fn lineup(&self, gate: Gate, worker: &str) -> Vec<Place> {
        let role = self.role(worker);
        self.agents
            .lineup(gate, worker, role.as_deref().map(|role| &role.head))
    }

    pub(crate) fn role(&self, name: &str) -> Option<Arc<RoleFile>> {
        let roles = self.roles.read().unwrap_or_else(PoisonError::into_inner);
        roles.role(name)
    }

    /// Who is asked for the reply to one attempt, in order, and within which bounds.
    pub(crate) async fn asking<'a>(
        &self,
        record: &'a RunRecord,
        attempt: u16,
        ask: u8,
        strategy: Strategy,
    ) -> anyhow::Result<Asking<'a>> {
        let worker = self.demands(record).await?.worker;
        let limits = self.role(&worker).map(|role| role.head.limits);
        Ok(Asking {
            record,
            attempt,
            ask,
            limits: limits.unwrap_or_default(),
            lineup: order(self.lineup(record.run.gate(), &worker), strategy),
            role: worker,
        })
    }

    /// Asks one after the other until one answers; gives the name of the one that did.
    pub(crate) async fn ask_in_turn(
        &self,
        asking: &Asking<'_>,
        request: Request,
        writing: &Writing<'_>,
        cancel: &CancellationToken,
    ) -> anyhow::Result<(String, Answer)> {
        let mut said: Vec<anyhow::Error> = Vec::new();
        for place in &asking.lineup {
            let seat = match place {
                Ok(seat) => seat,
                Err(why) => {
                    said.push(anyhow!("{why}"));
                    continue;
                }
            };
            if let Err(why) = self.money_is_left(asking, seat).await? {
                said.push(anyhow!("{why}"));
                continue;
            }
            let request = Request {
                model: seat.model.clone(),
                ..request.clone()
            };
            let began = Instant::now();
            let span = tracing::info_span!(
                "agent.call",
                agent = seat.agent.name(),
                agent.model = seat.model()
            );
            let asked = seat.agent.ask(&request, writing, cancel);
            let answer = asked.instrument(span).await;
            let mut calls = writing.calls();
            if calls.is_empty() && !matches!(answer, Ok(Answer::NotYet)) {
                calls.push(counted(seat, &answer, began.elapsed()));
            }
            let fault = answer.as_ref().err().map(chain);
            self.calls_keep(asking, calls, fault.as_deref()).await?;
            match answer {
                Ok(answer) => {
                    // Where nobody answers, whoever puts the step off says all of this.
                    if !said.is_empty() {
                        let error = words(&said);
                        tracing::warn!(run.id = %asking.record.id, agent = seat.called(), error, "asked somebody else");
                    }
                    return Ok((seat.agent.name().to_owned(), answer));
                }
                Err(error @ AgentError::Cancelled { .. }) => return Err(error.into()),
                Err(error) => {
                    // What was shown of a reply that did not come is no part of the next one.
                    writing.again();
                    said.push(error.into());
                }
            }
        }
        if said.len() == 1 {
            return Err(said.remove(0));
        }
        bail!("nobody answered: {}", words(&said))
    }

    /// Whether the run may spend on a model, or why not.
    async fn money_is_left(
        &self,
        asking: &Asking<'_>,
        seat: &Seat,
    ) -> anyhow::Result<Result<(), String>> {
        let of_role = asking.limits.money_nanos();
        let Some(limit) = [of_role, seat.money_nanos].into_iter().flatten().min() else {
            return Ok(Ok(()));
        };
        let Some(model) = seat.model() else {
            return Ok(Ok(()));
        };
        let key = match of_role == Some(limit) {
            true => format!("limits.money in the file of the role {}", asking.role),
            false => format!("agents.{}.money_per_run", seat.agent.name()),
        };
        let currency = {
            let prices = self.prices.read().unwrap_or_else(PoisonError::into_inner);
            if !prices.knows(model) {
                return Ok(Err(format!(
                    "{} is not asked: {key} bounds the money, and the price of {model} is not known; add it to the \
                     price file (prices.file), or take the limit away",
                    seat.called()
                )));
            }
            prices.currency.clone()
        };
        let spent = self.store.call_cost(asking.record.id, &currency).await?;
        if spent < limit {
            return Ok(Ok(()));
        }
        Ok(Err(format!(
            "{} is not asked: the run has cost {:.4} {currency}, and {key} allows {}; raise it, hand a reply in, or \
             cancel the run",
            seat.called(),
            amount(spent),
            amount(limit)
        )))
    }

    async fn calls_keep(
        &self,
        asking: &Asking<'_>,
        calls: Vec<Call>,
        fault: Option<&str>,
    ) -> anyhow::Result<()> {
        let at = now();
        let record = asking.record;
        let mut rows = Vec::new();
        let mut events = Vec::new();
        for call in calls {
            let cost = call.model.as_deref().and_then(|model| {
                let prices = self.prices.read().unwrap_or_else(PoisonError::into_inner);
                let cost = prices.cost(model, &call.usage)?;
                Some((cost, prices.currency.clone()))
            });
            let is_failed = call.end == CallEnd::Failed;
            let fault = fault.filter(|_| is_failed);
            let fault = fault.map(|text| text.chars().take(FAULT).collect::<String>());
            let row = NewCall {
                run: record.id,
                n: asking.attempt,
                ask: asking.ask,
                gate: record.run.gate().as_str().to_owned(),
                role: asking.role.clone(),
                agent: call.agent,
                model: call.model,
                served: call.served,
                outcome: call.end.as_str(),
                fault,
                input_tokens: call.usage.input,
                output_tokens: call.usage.output,
                cached_tokens: call.usage.cached,
                cost,
                tries: call.tries,
                millis: u64::try_from(call.took.as_millis()).unwrap_or(u64::MAX),
                at,
            };
            meters::called(&row.agent, row.outcome, row.millis);
            // Of agents without a model there is nothing to tell that other events do not.
            if row.model.is_some() {
                events.push(new_event(record, "agent.called", told(&row), at));
            }
            rows.push(row);
        }
        Ok(self.store.call_put(rows, &events).await?)
    }
}

/// A call as an event tells it.
fn told(call: &NewCall) -> serde_json::Value {
    json!({
        "attempt": call.n, "ask": call.ask, "role": call.role, "agent": call.agent, "model": call.model,
        "served": call.served, "outcome": call.outcome, "fault": call.fault,
        "input_tokens": call.input_tokens, "output_tokens": call.output_tokens, "cached_tokens": call.cached_tokens,
        "cost": call.cost.as_ref().map(|(nanos, _)| amount(*nanos)),
        "currency": call.cost.as_ref().map(|(_, currency)| currency),
        "tries": call.tries, "millis": call.millis,
    })
}

/// The call of an agent that does not count by itself.
fn counted(seat: &Seat, answer: &Result<Answer, AgentError>, took: Duration) -> Call {
    Call {
        agent: seat.agent.name().to_owned(),
        model: None,
        served: None,
        end: match answer {
            Ok(_) => CallEnd::Replied,
            Err(_) => CallEnd::Failed,
        },
        usage: Usage::default(),
        tries: 1,
        took,
    }
}

/// Why those who were asked did not answer, one after the other.
fn words(said: &[anyhow::Error]) -> String {
    let words: Vec<String> = said.iter().map(|error| format!("{error:#}")).collect();
    words.join("; then: ")
}

fn chain(error: &AgentError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
