//! The effect "ask": the agent is asked, its reply is kept, parsed, guarded and committed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde_json::json;
use sluice_agents::{Answer, Request};
use sluice_checks::Finding;
use sluice_gates::{Attempt, Effect, Event, Phase, Strategy, Work};
use sluice_reply::changes::FileAction;
use sluice_store::{
    AskRecord, AttemptRecord, NewReply, NewRequest, RunCommit, RunParkOutcome, RunRecord,
};
use sluice_workspace::{Oid, Repo};
use tokio_util::sync::CancellationToken;

use crate::changes::TreeBase;
use crate::drive::{Happened, Performed, new_event};
use crate::evaluation::Evaluation;
use crate::factory::{Factory, now};
use crate::git_tree::GitTree;
use crate::journal;
use crate::landing::{Landing, kept, refused_replies};
use crate::request::{Earlier, Material, compose};

/// A reply that is larger than this is refused, in bytes.
pub const MAX_REPLY_BYTES: usize = 16 << 20;

impl Factory {
    pub(crate) async fn ask(
        &self,
        record: &RunRecord,
        attempt: Attempt,
        strategy: Strategy,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Performed> {
        let asks = match record.run.phase() {
            Phase::Working { asks } | Phase::Healing { asks, .. } => asks,
            _ => bail!("the run does not ask an agent now"),
        };
        // An agent that has asked goes on with the answer. What it has replied since is taken first.
        let has_replied = self
            .store
            .attempt_fetch(record.id, attempt.0)
            .await?
            .is_some_and(|stored| {
                let mut all = stored.asks.iter();
                all.any(|ask| ask.ask == asks && ask.reply.is_some())
            });
        if !has_replied
            && !self.unanswered(record).await?.is_empty()
            && self
                .store
                .run_park_for_answers(record.id, record.run.step())
                .await?
        {
            return Ok(Performed::Waiting);
        }
        let asked = self.request_put(record, attempt, strategy, asks).await?;
        let attempts = self.store.attempt_list(record.id).await?;
        let gate = record.run.gate();
        let asked = match asked.reply {
            Some(_) => asked,
            None => {
                let answers = self.answers(record).await?;
                let asking = self.asking(record, attempt.0, asks, strategy).await?;
                let request = Request {
                    project: record.project.clone(),
                    gate: gate.as_str().to_owned(),
                    run: record.id.to_string(),
                    attempt: attempt.0,
                    answers,
                    strategy: strategy.as_str().to_owned(),
                    prompt: asked.request,
                    model: None,
                    limits: asking.limits(),
                };
                let writing = self.drafts.begin(record, attempt.0, asks, &asking.first());
                let (agent, answer) = self
                    .ask_in_turn(&asking, request, &writing, cancel)
                    .await
                    .context("ask the agent")?;
                match answer {
                    Answer::NotYet => {
                        let parked = self
                            .store
                            .run_park(record.id, record.run.step(), attempt.0, asks)
                            .await?;
                        if parked == RunParkOutcome::Replied {
                            self.wake.notify_one();
                        }
                        return Ok(Performed::Waiting);
                    }
                    Answer::Reply { text, model, note } => {
                        writing.whole(&text);
                        if let Some(note) = &note {
                            tracing::warn!(run.id = %record.id, note, "about a reply");
                        }
                        let replied = Replied {
                            text,
                            agent,
                            model,
                            note,
                        };
                        self.keep_reply(record, attempt, asks, replied).await?
                    }
                }
            }
        };
        self.take_reply(record, attempt, asked, &attempts).await
    }

    /// Writes and stores the request of the attempt that the run asks for now, if it is not stored yet.
    pub(crate) async fn request_ready(&self, record: &RunRecord) -> anyhow::Result<()> {
        if let (
            Some(Effect::Ask { attempt, strategy }),
            Phase::Working { asks } | Phase::Healing { asks, .. },
        ) = (record.run.effect(), record.run.phase())
        {
            self.request_put(record, attempt, strategy, asks).await?;
        }
        Ok(())
    }

    async fn request_put(
        &self,
        record: &RunRecord,
        attempt: Attempt,
        strategy: Strategy,
        asks: u8,
    ) -> anyhow::Result<AskRecord> {
        let attempts = self.store.attempt_list(record.id).await?;
        let stored = attempts.iter().find(|one| one.n == attempt.0);
        if let Some(ask) = stored.and_then(|one| one.asks.iter().find(|ask| ask.ask == asks)) {
            return Ok(ask.clone());
        }
        let asking = self.asking(record, attempt.0, asks, strategy).await?;
        let agent = asking.first();
        let prompt = self.compose(record, attempt, strategy, &attempts).await?;
        let at = now();
        let body = json!({
            "attempt": attempt.0, "ask": asks, "agent": agent, "strategy": strategy.as_str(),
        });
        let new = NewRequest {
            run: record.id,
            n: attempt.0,
            ask: asks,
            agent,
            strategy: strategy.as_str().to_owned(),
            request: prompt,
            at,
        };
        let event = new_event(record, "attempt.asked", body, at);
        Ok(self.store.attempt_request_put(new, &[event]).await?)
    }

    /// Durable before anything is done with it: a crash does not ask, or pay, again.
    async fn keep_reply(
        &self,
        record: &RunRecord,
        attempt: Attempt,
        asks: u8,
        replied: Replied,
    ) -> anyhow::Result<AskRecord> {
        let at = now();
        let mut body =
            json!({ "attempt": attempt.0, "bytes": replied.text.len(), "agent": replied.agent });
        for (key, value) in [("model", &replied.model), ("note", &replied.note)] {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        self.store
            .attempt_reply_put(
                NewReply {
                    run: record.id,
                    n: attempt.0,
                    ask: asks,
                    reply: replied.text,
                    agent: Some(replied.agent),
                    model: replied.model,
                    replied_by: None,
                    at,
                },
                &[new_event(record, "attempt.replied", body, at)],
            )
            .await?;
        let stored = self.store.attempt_fetch(record.id, attempt.0).await?;
        stored
            .and_then(|stored| stored.asks.into_iter().find(|ask| ask.ask == asks))
            .context("the reply that was just stored is not there")
    }

    async fn take_reply(
        &self,
        record: &RunRecord,
        attempt: Attempt,
        asked: AskRecord,
        attempts: &[AttemptRecord],
    ) -> anyhow::Result<Performed> {
        let reply = asked.reply.context("the agent has not replied")?;
        let author = match &asked.replied_by {
            Some(person) => person.clone(),
            None => {
                let stored = self.store.attempt_fetch(record.id, attempt.0).await?;
                stored.context("the attempt is not there")?.agent
            }
        };
        let at = now();
        let asks = journal::asks(record, attempt.0, &author, &reply, at);
        let landing = Landing {
            base: base_of(record, attempt, attempts)?,
            refused: refused_replies(attempt, attempts),
            pins: record.pins.clone(),
            gate: record.run.gate(),
            run: record.id.to_string(),
            attempt: attempt.0,
            author,
            reply,
            digest: asked.reply_digest.unwrap_or_default(),
            at: asked.replied_at.unwrap_or(record.created_at),
        };
        let mut landed = self
            .git(&record.project, move |repo| landing.land(&repo))
            .await?;
        if landed.work == Work::Nothing && !asks.is_empty() {
            // That it holds no file is as it should be.
            landed.change.receipts = None;
            landed.change.note = Some("the agent asks; it goes on with the answer".to_owned());
        }
        let mut with = RunCommit::new(record.id, record.run.step(), record.run.clone(), at);
        let body = json!({
            "attempt": attempt.0,
            "work": work_word(&landed.work),
            "commit": landed.change.commit,
            "held": landed.change.held,
            "text": landed.text,
        });
        with.events
            .push(new_event(record, "attempt.taken", body, at));
        with.events.extend(asks.iter().map(journal::opened));
        with.entries = asks;
        with.attempt = Some(landed.change);
        with.pins = landed.pins;
        Ok(Performed::Happened(Box::new(Happened {
            event: Event::Replied(landed.work),
            with,
        })))
    }

    /// How many answers people gave in this run.
    async fn answers(&self, record: &RunRecord) -> anyhow::Result<u16> {
        let escalations = self.store.escalation_list_of(record.id).await?;
        let answered = escalations
            .iter()
            .filter(|one| one.answer.is_some())
            .count();
        Ok(u16::try_from(answered).unwrap_or(u16::MAX))
    }

    /// Writes the request of one attempt.
    async fn compose(
        &self,
        record: &RunRecord,
        attempt: Attempt,
        strategy: Strategy,
        attempts: &[AttemptRecord],
    ) -> anyhow::Result<String> {
        let gate = record.run.gate();
        let file = self.demands(record).await?;
        let project = self
            .store
            .project_fetch(&record.project)
            .await?
            .context("the project of a run is gone")?;
        let guidance = self.guidance(record).await?;
        let journal = self.journal_told(record).await?;
        let base = base_of(record, attempt, attempts)?;
        let newest = attempts.iter().rfind(|one| one.n <= attempt.0);
        let last: Option<Evaluation> = attempts
            .iter()
            .rfind(|one| one.report.is_some())
            .and_then(|one| serde_json::from_value(one.report.clone()?).ok());
        let refused: Vec<Finding> = newest
            .and_then(|one| one.receipts.clone())
            .and_then(|value| serde_json::from_value(value.get("refused")?.clone()).ok())
            .unwrap_or_default();
        let fitting: Vec<String> = newest
            .and_then(|one| one.receipts.clone())
            .and_then(|value| serde_json::from_value(value.get("fitting")?.clone()).ok())
            .unwrap_or_default();
        let logs = self.checker.logs().clone();
        let role = {
            let roles = self
                .roles
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            roles
                .role(&file.worker)
                .map(|role| role.prompt.clone())
                .unwrap_or_default()
        };
        let prompts = self.prompts();
        let pinned: Vec<String> = if attempt.0 == 0 {
            Vec::new()
        } else {
            record.pins.keys().cloned().collect()
        };
        let attempts = attempts.to_vec();
        let name = record.project.clone();
        let kind = project.kind.as_str();
        self.git(&record.project, move |repo| {
            let commit = repo.commit_read(&base.parse::<Oid>()?)?;
            let tree = GitTree::open(&repo, &commit.tree)?;
            let replies = refused_replies(attempt, &attempts);
            let kept = kept(&TreeBase::new(&repo, commit.tree), &replies)?;
            let mut shown: BTreeMap<&str, Option<&[u8]>> = BTreeMap::new();
            for change in kept.changes() {
                let bytes = match &change.action {
                    FileAction::Write { bytes, .. } => Some(bytes.as_slice()),
                    FileAction::Delete => None,
                };
                shown.insert(change.path.as_str(), bytes);
            }
            let mut paths: BTreeSet<String> =
                sluice_checks::Tree::paths(&tree).into_iter().collect();
            for (path, bytes) in &shown {
                match bytes {
                    Some(_) => drop(paths.insert((*path).to_owned())),
                    None => drop(paths.remove(*path)),
                }
            }
            let paths: Vec<String> = paths.into_iter().collect();
            let read = |path: &str| {
                let bytes = match shown.get(path) {
                    Some(bytes) => bytes.map(<[u8]>::to_vec),
                    None => sluice_checks::Tree::read(&tree, path),
                };
                String::from_utf8(bytes?).ok()
            };
            let log_tail = |sha256: &str, bytes: usize| {
                let log = logs.log_read(sha256)?;
                let from = log.len().saturating_sub(bytes);
                Some(String::from_utf8_lossy(&log[from..]).into_owned())
            };
            let earlier = earlier_attempts(&repo, attempt, &attempts)?;
            Ok(compose(&Material {
                project: &name,
                kind,
                gate,
                file: &file,
                prompts: &prompts,
                role: &role,
                attempt: attempt.0,
                strategy,
                paths: &paths,
                read: &read,
                log_tail: &log_tail,
                last: last.as_ref().filter(|_| attempt.0 > 0),
                refused,
                fitting,
                kept: kept.lines(),
                earlier,
                guidance,
                journal,
                pinned,
            }))
        })
        .await
    }

    /// What people answered in this run, and why they rejected the run before.
    async fn guidance(&self, record: &RunRecord) -> anyhow::Result<Vec<String>> {
        let mut said = Vec::new();
        said.extend(self.sent_back_reasons(record).await?);
        for earlier in self.rejections(record).await? {
            said.push(format!(
                "An earlier run of this gate was rejected: {earlier}"
            ));
        }
        for escalation in self.store.escalation_list_of(record.id).await? {
            if let Some(guidance) = escalation
                .answer
                .as_ref()
                .and_then(|answer| answer.get("guidance"))
                .and_then(serde_json::Value::as_str)
                .filter(|text| !text.trim().is_empty())
            {
                let who = escalation.answered_by.clone().unwrap_or_default();
                said.push(format!("{who}: {guidance}"));
            }
            let fields = escalation.answer.as_ref().and_then(|answer| {
                let fields = answer.get("fields")?.as_object()?;
                Some(fields.iter().filter(|(name, _)| *name != "action"))
            });
            for (name, value) in fields.into_iter().flatten() {
                let value = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                let who = escalation.answered_by.as_deref().unwrap_or_default();
                said.push(format!("{who} on {name}: {value}"));
            }
        }
        for decision in self.store.decision_list(record.id).await? {
            if decision.kind == sluice_store::DecisionKind::Rule
                && decision.fields.get("allow") == Some(&serde_json::Value::Bool(false))
            {
                let why = decision.comment.unwrap_or_default();
                said.push(format!(
                    "{}: the last attempt may not change what it changed. {why}",
                    decision.actor.name
                ));
            }
        }
        Ok(said)
    }

    async fn rejections(&self, record: &RunRecord) -> anyhow::Result<Vec<String>> {
        let mut reasons = Vec::new();
        let page = self.store.run_list(&record.project, None, 500).await?;
        for run in page.items {
            if run.run.gate() != record.run.gate() || run.ordinal + 1 != record.ordinal {
                continue;
            }
            for decision in self.store.decision_list(run.id).await? {
                if decision.kind == sluice_store::DecisionKind::Reject {
                    reasons.push(decision.comment.unwrap_or_default());
                }
            }
        }
        Ok(reasons)
    }
}

/// A reply as it came from an agent.
struct Replied {
    text: String,
    agent: String,
    model: Option<String>,
    note: Option<String>,
}

/// The failure of an attempt that a person ruled out: nothing builds on it.
pub(crate) const RULED_OUT: &str = "ruled_out";

/// The commit that an attempt builds on: the newest earlier attempt that left one and was not ruled out by a
/// person, else the run's base.
pub(crate) fn base_of(
    record: &RunRecord,
    attempt: Attempt,
    attempts: &[AttemptRecord],
) -> anyhow::Result<String> {
    Ok(attempts
        .iter()
        .filter(|one| one.n < attempt.0)
        .filter(|one| {
            one.failure
                .as_ref()
                .is_none_or(|failure| failure.0 != RULED_OUT)
        })
        .filter_map(|one| one.commit.clone())
        .next_back()
        .unwrap_or_else(|| record.base_commit.clone()))
}

fn earlier_attempts(
    repo: &Repo,
    attempt: Attempt,
    attempts: &[AttemptRecord],
) -> anyhow::Result<Vec<Earlier>> {
    let mut earlier = Vec::new();
    for one in attempts.iter().filter(|one| one.n < attempt.0) {
        let mut changed = Vec::new();
        if let Some(commit) = &one.commit {
            let commit = repo.commit_read(&commit.parse()?)?;
            let before = commit
                .parents
                .first()
                .map(|oid| repo.commit_read(oid))
                .transpose()?;
            let diff = repo.diff(before.as_ref().map(|commit| &commit.tree), &commit.tree)?;
            changed = diff.files.into_iter().map(|file| file.path).collect();
        }
        let evaluation: Option<Evaluation> = one
            .report
            .clone()
            .and_then(|value| serde_json::from_value(value).ok());
        let outcome = match (&evaluation, &one.note) {
            (Some(evaluation), _) if !evaluation.failing().is_empty() => {
                format!("{} failed", evaluation.failing().join(", "))
            }
            (_, Some(note)) => note.clone(),
            _ if !one.held.is_empty() => format!("it changed {}", one.held.join(", ")),
            _ => "it was taken".to_owned(),
        };
        earlier.push(Earlier {
            attempt: one.n,
            changed,
            outcome,
        });
    }
    Ok(earlier)
}

fn work_word(work: &Work) -> &'static str {
    match work {
        Work::Nothing => "nothing",
        Work::Refused(_) => "refused",
        Work::Unchanged => "unchanged",
        Work::Committed { pins_moved: true } => "held",
        Work::Committed { pins_moved: false } => "committed",
    }
}
