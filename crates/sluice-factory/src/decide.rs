//! What people do at gates: start, hand in a reply, approve, reject, rule, answer, cancel.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use anyhow::Context as _;
use serde_json::{Value, json};
use sluice_checks::pins;
use sluice_gates::{Event, Gate, Phase, Run, Signature, Stage};
use sluice_store::{
    Actor, ActorKind, AttemptChange, AttemptRecord, DecisionKind, NewDecision, NewReply, NewRun,
    Presented, ReplyPutOutcome, Role, RunCommit, RunCommitOutcome, RunId, RunOpenOutcome,
    RunRecord,
};
use sluice_workspace::Oid;

use crate::ask::{MAX_REPLY_BYTES, RULED_OUT};
use crate::drive::new_event;
use crate::factory::{Factory, now};
use crate::gate_file::GateFile;
use crate::git_names::{WORK, identity};
use crate::git_tree::GitTree;
use crate::meters;
use crate::refusal::{Asked, Refusal};
use crate::reopen::{Why, named};
use crate::seal::authors;
use crate::view::RunView;

/// A decision as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct Decide {
    /// What the person looked at; a decision on anything else is refused.
    pub subject_digest: String,
    /// Why.
    pub comment: String,
    /// What the gate's file asks to fill in.
    pub fields: BTreeMap<String, Value>,
    /// Where a rejection sends the work back to; the gate itself when nothing is said.
    pub to: Option<Gate>,
}

/// How a gate is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// What is there is checked first where the gate was passed before; else the agent is asked.
    AsNeeded,
    /// The agent is asked in any case.
    Ask,
}

impl Factory {
    /// Starts a gate, if the gates before it are passed. Where it was passed before, what is there is checked before
    /// anybody is asked. Starting a gate that waits for its first reply again changes nothing.
    ///
    /// # Errors
    /// A gate before it is not passed, another gate is under way, or it is passed already.
    pub async fn gate_start(&self, project: &str, gate: Gate, actor: &Actor) -> Asked<RunView> {
        self.open(project, gate, How::AsNeeded, actor).await
    }

    /// As [`Factory::gate_start`], and the agent is asked also where the gate was passed before.
    ///
    /// # Errors
    /// As [`Factory::gate_start`].
    pub async fn gate_ask(&self, project: &str, gate: Gate, actor: &Actor) -> Asked<RunView> {
        self.open(project, gate, How::Ask, actor).await
    }

    async fn open(&self, project: &str, gate: Gate, how: How, actor: &Actor) -> Asked<RunView> {
        need(actor, Role::Operator)?;
        self.project_record(project).await?;
        // Nobody edits between the look at `work` and the start.
        let _hand = self.hand(project).await;
        let record = self.project_record(project).await?;
        // What the gate builds on is what people see.
        self.edits_take_in(project, false).await?;
        let standing = self.gates_of(project).await?;
        if let Some(current) = standing.run(gate) {
            match current.run.phase() {
                Phase::Working { .. } => return Ok(run_view(current)),
                Phase::Closed { .. } if !standing.is_passed(gate) => {}
                _ => {
                    let message = format!(
                        "{gate} is {}; it cannot be started again now",
                        current.run.state()
                    );
                    return Err(Refusal::conflict("not_startable", message));
                }
            }
        }
        if let Some(before) = standing.first_unpassed()
            && before != gate
        {
            let message = format!("{before} comes first; it is not passed");
            return Err(Refusal::conflict("gate_order", message));
        }
        let gates = self.gates();
        let file = gates.file(gate);
        let applies = file.applies_to.contains(&record.kind);
        let revalidates =
            applies && how == How::AsNeeded && self.revalidates(project, gate).await?;
        let run = if !applies {
            Run::skip(gate, file.rule())
        } else if revalidates {
            Run::revalidate(gate, file.rule())
        } else {
            Run::start(gate, file.rule())
        };
        let (commit, tree, author, pins) = self
            .git(project, |repo| {
                let work = repo.ref_get(WORK)?.context("the project has no `work`")?;
                let commit = repo.commit_read(&work)?;
                let pins = pins(&GitTree::open(&repo, &commit.tree)?);
                Ok((work, commit.tree, commit.author.name, pins))
            })
            .await?;
        let why = standing.reopened(gate);
        let presented = revalidates.then(|| Presented {
            commit: commit.to_string(),
            tree: tree.to_string(),
            agent: author,
            note: match why {
                Some(Why::Edited { paths, .. }) => {
                    format!("what is there is checked: people changed {}", named(paths))
                }
                _ => "what is there is checked; nobody was asked".to_owned(),
            },
        });
        let at = now();
        // Later than every run of the project, whatever the clock says: what reopens a gate depends on it.
        let newest = self
            .store
            .run_list(project, None, 1)
            .await
            .map_err(machinery)?;
        let id = match newest.items.first() {
            Some(newest) => RunId::after(newest.id),
            None => RunId::new(),
        };
        let new = NewRun {
            id,
            project: project.to_owned(),
            run: run.clone(),
            base_commit: commit.to_string(),
            base_tree: tree.to_string(),
            agent: Some(self.agent_at(gate)),
            pins,
            gate_file: gates.text(gate).to_string(),
            opened_by: actor.name.clone(),
            presented,
            at,
        };
        let body = json!({
            "gate": gate.as_str(), "run": id.to_string(), "name": file.name, "state": run.state(),
            "agent": new.agent, "by": actor.name, "base": commit.to_string(),
            "revalidates": revalidates, "reopened": why.map(Why::view),
        });
        let event = crate::check::project_event(project, "gate.started", body, at).by(actor);
        match self
            .store
            .run_open(new, &[event])
            .await
            .map_err(machinery)?
        {
            RunOpenOutcome::Opened { .. } => {}
            RunOpenOutcome::AlreadyOpen(open) => {
                let message = format!("run {open} is open; one gate at a time is under way");
                return Err(Refusal::conflict("run_open", message));
            }
            RunOpenOutcome::NoProject => {
                return Err(Refusal::not_found(format!("project {project:?}")));
            }
        }
        self.wake.notify_one();
        let opened = self.run_record(id).await?;
        Ok(run_view(&opened))
    }

    /// Hands in an agent's reply for the gate that waits for one; starts the gate when it is only ready.
    ///
    /// # Errors
    /// No gate waits for a reply from outside; the reply is too large.
    pub async fn reply_put(&self, project: &str, text: &str, actor: &Actor) -> Asked<RunView> {
        need(actor, Role::Operator)?;
        self.project_record(project).await?;
        if text.len() > MAX_REPLY_BYTES {
            return Err(Refusal::invalid(
                "body",
                format!("a reply has at most {MAX_REPLY_BYTES} bytes"),
            ));
        }
        let open = self
            .store
            .run_fetch_open(project)
            .await
            .map_err(machinery)?;
        let record = match open {
            Some(record) => record,
            None => {
                let gate = self.first_unpassed(project).await?.ok_or_else(|| {
                    Refusal::conflict(
                        "all_passed",
                        "every gate is passed; no gate waits for a reply",
                    )
                })?;
                let view = self.gate_ask(project, gate, actor).await?;
                let id = view
                    .run
                    .parse()
                    .map_err(|_| anyhow::anyhow!("a run id that is none"))?;
                self.run_record(id).await?
            }
        };
        let gate = record.run.gate();
        let (attempt, ask) = match record.run.phase() {
            Phase::Working { asks } => (0, asks),
            Phase::Healing { attempt, asks } => (attempt.0, asks),
            _ => {
                let message = format!(
                    "{gate} is {}; it does not wait for a reply",
                    record.run.state()
                );
                return Err(Refusal::conflict("not_waiting_for_reply", message));
            }
        };
        let agent = self.agent_at(gate);
        // An agent that cannot answer now may be helped out.
        if agent != self.agents.outside.name() && record.fault.is_none() {
            let message = format!("at {gate} the agent {agent:?} answers");
            return Err(Refusal::conflict("not_waiting_for_reply", message));
        }
        if let Some(asking) = self.unanswered(&record).await?.first() {
            let message = format!(
                "the agent asked; answer journal entry {} first: {}",
                asking.id, asking.text
            );
            return Err(Refusal::conflict("question_open", message));
        }
        // The request is written when the agent is asked, which may not have happened yet.
        self.request_ready(&record).await?;
        let at = now();
        let body = json!({ "attempt": attempt, "bytes": text.len(), "by": actor.name });
        let outcome = self
            .store
            .attempt_reply_put(
                NewReply {
                    run: record.id,
                    n: attempt,
                    ask,
                    reply: text.to_owned(),
                    agent: None,
                    model: None,
                    replied_by: Some(actor.name.clone()),
                    at,
                },
                &[new_event(&record, "attempt.replied", body, at)],
            )
            .await
            .map_err(machinery)?;
        match outcome {
            ReplyPutOutcome::Stored => {}
            ReplyPutOutcome::AlreadyThere | ReplyPutOutcome::NotAsked => {
                let message = format!("{gate} has its reply already; look at its attempts");
                return Err(Refusal::conflict("already_replied", message));
            }
        }
        self.wake.notify_one();
        Ok(run_view(&self.run_record(record.id).await?))
    }

    /// Approves what was looked at.
    ///
    /// # Errors
    /// The subject is another one meanwhile, the person wrote it, their role is not enough, a field of the
    /// gate is not filled in.
    pub async fn gate_approve(
        &self,
        project: &str,
        gate: Gate,
        decide: Decide,
        actor: &Actor,
    ) -> Asked<RunView> {
        // Who loses a race to another approver may still be one of those who must approve. Each round that is lost
        // has a winner, and there are no more of those than approvals.
        for _ in 0..=u8::MAX {
            let approved = self.approve_once(project, gate, decide.clone(), actor);
            if let Some(view) = approved.await? {
                return Ok(view);
            }
        }
        Err(outrun())
    }

    /// `None` when somebody else was faster.
    async fn approve_once(
        &self,
        project: &str,
        gate: Gate,
        mut decide: Decide,
        actor: &Actor,
    ) -> Asked<Option<RunView>> {
        let record = self.current(project, gate).await?;
        let file = self.demands(&record).await?;
        person(actor, file.approval.role)?;
        self.fits(&record, &decide.subject_digest, "awaiting_approval")?;
        let attempts = self
            .store
            .attempt_list(record.id)
            .await
            .map_err(machinery)?;
        not_own_work(actor, &attempts)?;
        self.not_own_commit(actor, &record).await?;
        self.fill_in(&record, &file, &mut decide).await?;
        self.decide(
            &record,
            Event::Approved,
            DecisionKind::Approve,
            decide,
            actor,
        )
        .await
    }

    /// The gate that a rejection sends the work back to.
    pub(crate) async fn back_to(&self, project: &str, gate: Gate, to: Option<Gate>) -> Asked<Gate> {
        let Some(to) = to.filter(|to| *to != gate) else {
            return Ok(gate);
        };
        if to > gate {
            let message = format!("{to} comes after {gate}; work is sent back, not forward");
            return Err(Refusal::invalid("to", message));
        }
        let standing = self.gates_of(project).await?;
        match standing.run(to).map(|run| run.run.state()) {
            Some("approved") => Ok(to),
            _ => {
                let message = format!("nobody works at {to} in this project; name another gate");
                Err(Refusal::invalid("to", message))
            }
        }
    }

    /// Rejects what was looked at; the run ends, and a new one hears why.
    ///
    /// # Errors
    /// As [`Factory::gate_approve`]; authors may reject their own work.
    pub async fn gate_reject(
        &self,
        project: &str,
        gate: Gate,
        decide: Decide,
        actor: &Actor,
    ) -> Asked<RunView> {
        person(actor, Role::Approver)?;
        let record = self.current(project, gate).await?;
        self.fits(&record, &decide.subject_digest, "awaiting_approval")?;
        let to = self.back_to(project, gate, decide.to).await?;
        let event = Event::Rejected(to);
        self.decide(&record, event, DecisionKind::Reject, decide, actor)
            .await?
            .ok_or_else(outrun)
    }

    /// Rules on an attempt that is held because it moves what it is measured by.
    ///
    /// # Errors
    /// Nothing is held, or the person may not rule on it.
    pub async fn gate_rule(
        &self,
        project: &str,
        gate: Gate,
        allow: bool,
        comment: String,
        actor: &Actor,
    ) -> Asked<RunView> {
        person(actor, Role::Approver)?;
        let _hand = self.hand(project).await;
        let record = self.current(project, gate).await?;
        let Phase::Held { attempt, stage } = record.run.phase() else {
            let message = format!("{gate} is {}; nothing is held", record.run.state());
            return Err(Refusal::conflict("not_held", message));
        };
        let attempts = self
            .store
            .attempt_list(record.id)
            .await
            .map_err(machinery)?;
        if allow {
            not_own_work(actor, &attempts)?;
        }
        let stored = attempts
            .into_iter()
            .find(|one| one.n == attempt.0)
            .context("the held attempt is not stored")?;
        let at = now();
        let mut with = RunCommit::new(record.id, record.run.step(), record.run.clone(), at);
        let event = Event::Ruled(allow);
        if allow {
            if stage == Stage::AfterChecks {
                let standing = self.present(&record, &stored).await?;
                with.subject = Some(standing.subject);
                with.proofs = standing.proofs;
            }
            // What was allowed is what later attempts are measured by.
            let tree: Oid = stored
                .tree
                .as_deref()
                .context("no tree")?
                .parse()
                .map_err(machinery)?;
            with.pins = Some(
                self.git(project, move |repo| Ok(pins(&GitTree::open(&repo, &tree)?)))
                    .await?,
            );
        } else {
            with.attempt = Some(AttemptChange {
                n: attempt.0,
                failure: Some(Signature(RULED_OUT.to_owned())),
                note: Some(format!("{} ruled it out: {comment}", actor.name)),
                ..AttemptChange::default()
            });
        }
        with.decision = Some(NewDecision {
            attempt: Some(attempt.0),
            kind: DecisionKind::Rule,
            actor: actor.clone(),
            comment: Some(comment.clone()),
            subject_digest: None,
            fields: json!({ "allow": allow, "held": stored.held }),
        });
        let body =
            json!({ "by": actor.name, "allow": allow, "held": stored.held, "comment": comment });
        with.events
            .push(new_event(&record, "gate.ruled", body, at).by(actor));
        if allow {
            with.bound.not_by = Some(actor.name.clone());
        }
        self.commit_asked(&record, event, with)
            .await?
            .ok_or_else(outrun)
    }

    /// Ends a run.
    ///
    /// # Errors
    /// There is none, or its decision is being sealed.
    pub async fn gate_cancel(
        &self,
        project: &str,
        gate: Gate,
        comment: String,
        actor: &Actor,
    ) -> Asked<RunView> {
        need(actor, Role::Operator)?;
        person(actor, Role::Operator)?;
        let _hand = self.hand(project).await;
        let record = self.current(project, gate).await?;
        let decide = Decide {
            comment,
            ..Decide::default()
        };
        let view = self
            .decide(
                &record,
                Event::Cancelled,
                DecisionKind::Cancel,
                decide,
                actor,
            )
            .await?
            .ok_or_else(outrun)?;
        let cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cancel) = cancels.get(&record.id) {
            cancel.cancel();
        }
        drop(cancels);
        Ok(view)
    }

    /// Stores a person's decision with the event that it is to the machine.
    async fn decide(
        &self,
        record: &RunRecord,
        event: Event,
        kind: DecisionKind,
        decide: Decide,
        actor: &Actor,
    ) -> Asked<Option<RunView>> {
        let at = now();
        let mut with = RunCommit::new(record.id, record.run.step(), record.run.clone(), at);
        let mut told = json!({
            "decision": kind.as_str(), "by": actor.name, "role": actor.role.as_str(),
            "comment": decide.comment, "subject_digest": record.subject_digest, "fields": decide.fields,
        });
        if let (Event::Rejected(to), Some(map)) = (&event, told.as_object_mut()) {
            map.insert("to".to_owned(), json!(to.as_str()));
        }
        if kind != DecisionKind::Cancel {
            with.bound.subject_digest.clone_from(&record.subject_digest);
        }
        if kind == DecisionKind::Approve {
            with.bound.not_by = Some(actor.name.clone());
        }
        with.decision = Some(NewDecision {
            attempt: record.run.attempt().map(|attempt| attempt.0),
            kind,
            actor: actor.clone(),
            comment: Some(decide.comment),
            subject_digest: record.subject_digest.clone(),
            fields: Value::Object(decide.fields.into_iter().collect()),
        });
        with.events
            .push(new_event(record, "gate.decided", told, at).by(actor));
        self.commit_asked(record, event, with).await
    }

    pub(crate) async fn commit_asked(
        &self,
        record: &RunRecord,
        event: Event,
        with: RunCommit,
    ) -> Asked<Option<RunView>> {
        if let Err(rejected) = record.run.apply(record.run.step(), event.clone()) {
            return Err(Refusal::conflict("does_not_fit", rejected.to_string()));
        }
        let commit = self.advance(record, event, with).await?;
        let next = commit.next.clone();
        match self.store.run_commit(commit).await.map_err(machinery)? {
            RunCommitOutcome::Committed { .. } => meters::moved(&next),
            RunCommitOutcome::Stale { .. } => return Ok(None),
            RunCommitOutcome::OtherSubject => return Err(outrun()),
            RunCommitOutcome::OwnWork => return Err(own_work()),
            RunCommitOutcome::Repeated => {
                let message = "you have decided on this subject already";
                return Err(Refusal::conflict("already_decided", message));
            }
        }
        self.wake.notify_one();
        Ok(Some(run_view(&self.run_record(record.id).await?)))
    }

    /// Whether the gate stands where the decision belongs and its subject is what the person saw.
    fn fits(&self, record: &RunRecord, digest: &str, state: &str) -> Asked<()> {
        let gate = record.run.gate();
        if record.run.state() != state {
            let message = format!("{gate} is {}, not {state}", record.run.state());
            return Err(Refusal::conflict("wrong_state", message));
        }
        let present = record.subject_digest.as_deref().unwrap_or_default();
        if digest.is_empty() {
            let message = "say what you looked at: the gate's `subject_digest`";
            return Err(Refusal::invalid("subject_digest", message));
        }
        if digest != present {
            let message =
                format!("the subject of {gate} is another one now ({present}); look at it first");
            return Err(Refusal::conflict("stale_subject", message));
        }
        Ok(())
    }

    /// People's commits that came with the subject are part of what is decided on.
    async fn not_own_commit(&self, actor: &Actor, record: &RunRecord) -> Asked<()> {
        let Some(commit) = &record.subject_commit else {
            return Ok(());
        };
        let commit: Oid = commit.parse().map_err(machinery)?;
        let editors = self.editors(record, commit).await?;
        // As commits write the name.
        if editors.contains(&identity(&actor.name).name) {
            return Err(own_work());
        }
        Ok(())
    }

    /// Holds what the approver filled in against what the gate's file asks.
    async fn fill_in(&self, record: &RunRecord, file: &GateFile, decide: &mut Decide) -> Asked<()> {
        for field in &file.fields {
            let choices = self.choices(record, field).await?;
            let given = match decide.fields.get(&field.name) {
                None => String::new(),
                Some(Value::String(given)) => given.trim().to_owned(),
                Some(_) => {
                    let message = format!("`fields.{}` must be a text", field.name);
                    return Err(Refusal::invalid("fields", message));
                }
            };
            if given.is_empty() {
                decide.fields.remove(&field.name);
                // A required text that is missing is what the comment says.
                if field.choices_glob.is_none() && !decide.comment.trim().is_empty() {
                    decide
                        .fields
                        .insert(field.name.clone(), json!(decide.comment));
                } else if field.required {
                    let of = if choices.is_empty() {
                        String::new()
                    } else {
                        format!(": one of {}", choices.join(", "))
                    };
                    let message = format!(
                        "the gate asks {:?}; answer in `fields.{}`{of}",
                        field.prompt, field.name
                    );
                    return Err(Refusal::invalid("fields", message));
                }
                continue;
            }
            if field.choices_glob.is_some() && !choices.contains(&given) {
                let message = format!(
                    "`fields.{}` must be one of {}",
                    field.name,
                    choices.join(", ")
                );
                return Err(Refusal::invalid("fields", message));
            }
        }
        if let Some(unknown) = decide
            .fields
            .keys()
            .find(|name| !file.fields.iter().any(|field| field.name == **name))
        {
            return Err(Refusal::invalid(
                "fields",
                format!("the gate has no field {unknown:?}"),
            ));
        }
        Ok(())
    }

    /// The newest run of a gate.
    pub(crate) async fn current(&self, project: &str, gate: Gate) -> Asked<RunRecord> {
        self.project_record(project).await?;
        self.store
            .run_current(project, gate)
            .await
            .map_err(machinery)?
            .ok_or_else(|| Refusal::conflict("not_started", format!("{gate} has not been started")))
    }

    pub(crate) async fn run_record(&self, id: RunId) -> Asked<RunRecord> {
        self.store
            .run_fetch(id)
            .await
            .map_err(machinery)?
            .ok_or_else(|| Refusal::not_found(format!("run {id}")))
    }

    /// The first gate that is not passed.
    pub(crate) async fn first_unpassed(&self, project: &str) -> Asked<Option<Gate>> {
        Ok(self.gates_of(project).await?.first_unpassed())
    }
}

/// A run as the answer to what moved it.
pub(crate) fn run_view(record: &RunRecord) -> RunView {
    RunView {
        run: record.id.to_string(),
        project: record.project.clone(),
        gate: record.run.gate().as_str().to_owned(),
        state: record.run.state().to_owned(),
        attempt: record.run.attempt().map(|attempt| attempt.0),
        step: record.run.step().0,
    }
}

pub(crate) fn need(actor: &Actor, role: Role) -> Asked<()> {
    if actor.role >= role {
        return Ok(());
    }
    let message = format!(
        "the role {} is needed; yours is {}",
        role.as_str(),
        actor.role.as_str()
    );
    Err(Refusal::forbidden("role", message))
}

/// Decisions belong to people: an agent's token cannot make them, whatever its role.
pub(crate) fn person(actor: &Actor, role: Role) -> Asked<()> {
    if actor.kind != ActorKind::Person {
        let message = "only a person decides; this token belongs to a program";
        return Err(Refusal::forbidden("not_a_person", message));
    }
    need(actor, role)
}

pub(crate) fn not_own_work(actor: &Actor, attempts: &[AttemptRecord]) -> Asked<()> {
    if authors(attempts)
        .iter()
        .any(|author| author.name == actor.name)
    {
        return Err(own_work());
    }
    Ok(())
}

pub(crate) fn outrun() -> Refusal {
    let message = "somebody else was faster; look at the gate again";
    Refusal::conflict("stale_subject", message)
}

fn own_work() -> Refusal {
    let message = "you wrote this subject; somebody else must decide on it";
    Refusal::forbidden("own_work", message)
}

pub(crate) fn machinery(error: impl Into<anyhow::Error>) -> Refusal {
    Refusal::Machinery(error.into())
}
