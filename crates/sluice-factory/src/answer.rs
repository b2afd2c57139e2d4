//! Answers to escalations: held against what the gate asks and what fails, stored with the event that they are.

use std::collections::BTreeMap;

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use sluice_gates::{Answer, Event, Gate, Phase};
use sluice_store::{
    Actor, AttemptRecord, DecisionKind, EscalationAnswer, EscalationId, EscalationState,
    NewDecision, Role, RunCommit,
};

use crate::decide::{machinery, not_own_work, outrun, person};
use crate::drive::new_event;
use crate::factory::{Factory, now, rfc3339};
use crate::gate_file::GateFile;
use crate::refusal::{Asked, Refusal};
use crate::view::RunView;

/// What somebody answers.
struct Said<'a> {
    action: &'a str,
    guidance: &'a str,
    /// Where a rejection sends the work back to; the gate itself when nothing is said.
    to: Option<Gate>,
}

impl Factory {
    /// Answers a question.
    ///
    /// # Errors
    /// It is not there or answered already; the action is unknown; there is nothing to waive.
    pub async fn escalation_answer(
        &self,
        id: EscalationId,
        action: &str,
        guidance: &str,
        fields: BTreeMap<String, Value>,
        actor: &Actor,
    ) -> Asked<RunView> {
        let said = Said {
            action,
            guidance,
            to: None,
        };
        self.answer_with(id, said, fields, actor).await
    }

    /// Answers a question with a rejection that sends the work back to a gate before.
    ///
    /// # Errors
    /// As [`Factory::escalation_answer`]; nobody worked at that gate, or it comes after.
    pub async fn escalation_send_back(
        &self,
        id: EscalationId,
        to: Gate,
        guidance: &str,
        fields: BTreeMap<String, Value>,
        actor: &Actor,
    ) -> Asked<RunView> {
        let said = Said {
            action: "reject",
            guidance,
            to: Some(to),
        };
        self.answer_with(id, said, fields, actor).await
    }

    async fn answer_with(
        &self,
        id: EscalationId,
        said: Said<'_>,
        mut fields: BTreeMap<String, Value>,
        actor: &Actor,
    ) -> Asked<RunView> {
        let Said {
            action,
            guidance,
            to,
        } = said;
        person(actor, Role::Approver)?;
        let escalation = self
            .store
            .escalation_fetch(id)
            .await
            .map_err(machinery)?
            .ok_or_else(|| Refusal::not_found(format!("escalation {id}")))?;
        // Of two who answer at once the later one sees what the first one said, before `work` moves.
        let _hand = self.hand(&escalation.project).await;
        let escalation = self
            .store
            .escalation_fetch(id)
            .await
            .map_err(machinery)?
            .context("an escalation is gone")?;
        if escalation.state != EscalationState::Open {
            let by = escalation.answered_by.unwrap_or_default();
            return Err(Refusal::conflict(
                "already_answered",
                format!("{by} has answered it"),
            ));
        }
        let gate = self.run_record(escalation.run).await?.run.gate();
        let (event, kind) = match action {
            "retry" => (Event::Answered(Answer::Retry), DecisionKind::Answer),
            "waive" => (Event::Answered(Answer::Waive), DecisionKind::Answer),
            "reject" => {
                let to = self.back_to(&escalation.project, gate, to).await?;
                (Event::Rejected(to), DecisionKind::Reject)
            }
            "abort" => (Event::Answered(Answer::Abort), DecisionKind::Cancel),
            other => {
                let message =
                    format!("{other:?} is not an action; use retry, waive, reject or abort");
                return Err(Refusal::invalid("action", message));
            }
        };
        let waives = event == Event::Answered(Answer::Waive);
        if waives && guidance.trim().is_empty() {
            let message = "a waiver says why, in `guidance`; it stands in the proof";
            return Err(Refusal::invalid("guidance", message));
        }
        let record = self.run_record(escalation.run).await?;
        if !matches!(record.run.phase(), Phase::Escalated { .. }) {
            let message = format!("the run is {} meanwhile", record.run.state());
            return Err(Refusal::conflict("run_moved", message));
        }
        filled(&self.demands(&record).await?, action, &mut fields)?;
        let at = now();
        let mut with = RunCommit::new(record.id, record.run.step(), record.run.clone(), at);
        if waives {
            let stored = self
                .store
                .attempt_fetch(record.id, escalation.attempt)
                .await
                .map_err(machinery)?
                .filter(|one| one.commit.is_some() && one.report.is_some())
                .ok_or_else(|| {
                    let message =
                        "the last attempt left nothing that could be taken; retry, reject or abort";
                    Refusal::conflict("nothing_to_waive", message)
                })?;
            not_own_work(actor, std::slice::from_ref(&stored))?;
            waived(&stored, &mut fields)?;
            let standing = self.present(&record, &stored).await?;
            with.subject = Some(standing.subject);
            with.proofs = standing.proofs;
            with.bound.not_by = Some(actor.name.clone());
        }
        let mut body = serde_json::Map::from_iter(fields.clone());
        body.insert("action".to_owned(), json!(action));
        if let Some(to) = to {
            body.insert("to".to_owned(), json!(to.as_str()));
        }
        with.decision = Some(NewDecision {
            attempt: Some(escalation.attempt),
            kind,
            actor: actor.clone(),
            comment: Some(guidance.to_owned()),
            subject_digest: None,
            fields: Value::Object(body.clone()),
        });
        with.escalation_answer = Some(EscalationAnswer {
            id,
            answer: match to {
                Some(to) => {
                    json!({ "action": action, "guidance": guidance, "fields": fields, "to": to.as_str() })
                }
                None => json!({ "action": action, "guidance": guidance, "fields": fields }),
            },
            answered_by: actor.name.clone(),
        });
        let told = json!({
            "escalation": id.to_string(), "action": action, "guidance": guidance, "fields": fields, "by": actor.name,
            "to": to.map(Gate::as_str),
        });
        with.events
            .push(new_event(&record, "escalation.answered", told, at).by(actor));
        self.commit_asked(&record, event, with)
            .await?
            .ok_or_else(outrun)
    }
}

/// Holds what was filled in with an answer against what the gate's file asks for.
fn filled(file: &GateFile, action: &str, fields: &mut BTreeMap<String, Value>) -> Asked<()> {
    let asked = &file.escalation.fields;
    if asked.is_empty() {
        return Ok(());
    }
    let wrong = |message: String| Err(Refusal::invalid("fields", message));
    for field in asked.iter().filter(|field| field.is_for(action)) {
        let given = match fields.get(&field.name) {
            None | Some(Value::Null) => "",
            Some(Value::String(given)) => given.trim(),
            Some(_) => return wrong(format!("`fields.{}` must be a text", field.name)),
        };
        let of = match field.choices.is_empty() {
            true => String::new(),
            false => format!(": one of {}", field.choices.join(", ")),
        };
        if given.is_empty() {
            if field.required {
                return wrong(format!(
                    "the gate asks {:?}; answer in `fields.{}`{of}",
                    field.prompt, field.name
                ));
            }
            fields.remove(&field.name);
            continue;
        }
        if !field.choices.is_empty() && !field.choices.iter().any(|one| one == given) {
            return wrong(format!("`fields.{}` must be{of}", field.name).replace("be:", "be"));
        }
        let given = json!(given);
        fields.insert(field.name.clone(), given);
    }
    let known = |name: &str| {
        let waives = action == "waive" && ["until", "what"].contains(&name);
        waives
            || asked
                .iter()
                .any(|field| field.name == name && field.is_for(action))
    };
    match fields.keys().find(|name| !known(name)) {
        Some(unknown) => wrong(format!(
            "the gate asks for no field {unknown:?} with {action}"
        )),
        None => Ok(()),
    }
}

/// Holds what a waiver says against what it is about: what fails, and a day or a time that is not over.
fn waived(attempt: &AttemptRecord, fields: &mut BTreeMap<String, Value>) -> Asked<()> {
    let failing = crate::gate_view::evaluation_of(attempt)
        .map(|evaluation| evaluation.failing())
        .unwrap_or_default();
    let named: Vec<&str> = match fields.get("what") {
        None => failing.iter().map(String::as_str).collect(),
        Some(Value::String(one)) => one.split(',').map(str::trim).collect(),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        Some(_) => {
            let message = "`fields.what` is a text or a list of texts: what is waived";
            return Err(Refusal::invalid("fields", message));
        }
    };
    if let Some(missed) = failing.iter().find(|one| !named.contains(&one.as_str())) {
        let message =
            format!("{missed} fails too; `fields.what` must name it, or leave `what` out");
        return Err(Refusal::invalid("fields", message));
    }
    if let Some(extra) = named
        .iter()
        .find(|one| !failing.iter().any(|known| known == *one))
    {
        let message = format!(
            "{extra:?} does not fail; what fails is {}",
            failing.join(", ")
        );
        return Err(Refusal::invalid("fields", message));
    }
    fields.insert("what".to_owned(), json!(failing));
    let until = match fields.get("until") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(until)) => end_of(until),
        Some(_) => None,
    };
    match until {
        Some((until, end)) if end > now() => {
            fields.insert("until".to_owned(), json!(until));
            Ok(())
        }
        Some(_) => {
            let message = "`fields.until` is over; a waiver ends later than now";
            Err(Refusal::invalid("fields", message))
        }
        None => {
            let message =
                "`fields.until` is a day as in 2027-01-31, or a time as in 2027-01-31T12:00:00Z";
            Err(Refusal::invalid("fields", message))
        }
    }
}

/// The end of a waiver as proofs write it, and the moment that it is.
fn end_of(until: &str) -> Option<(String, Timestamp)> {
    let until = until.trim();
    if let Ok(day) = until.parse::<Date>()
        && until.len() == 10
    {
        let end = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
        return Some((day.to_string(), end.timestamp()));
    }
    let end: Timestamp = until.parse().ok()?;
    Some((rfc3339(end), end))
}
