//! What is shown of gates, attempts, proofs, escalations, findings and events.

use anyhow::Context as _;
use serde_json::{Value, json};
use sluice_gates::{Attempt, Gate, Phase, Run};
use sluice_store::{
    AttemptChange, AttemptRecord, DecisionKind, EscalationId, EscalationRecord, EscalationState,
    EventRecord, EventSeq, FindingFilter, ProofRecord, RunRecord,
};
use sluice_workspace::{Oid, Repo};

use crate::agent_view::call_view;
use crate::ask::base_of;
use crate::changes::Receipt;
use crate::check::short;
use crate::decide::machinery;
use crate::edits::release::is_persons;
use crate::evaluation::Evaluation;
use crate::evidence::REQUIRED;
use crate::factory::{Factory, now, rfc3339};
use crate::gate_file::{ACTIONS, Field, GateFile};
use crate::git_names::WORK;
use crate::git_tree::GitTree;
use crate::history::diff_view;
use crate::refusal::{Asked, Refusal};
use crate::reopen::{Gates, Why};
use crate::seal::waivers_of;
use crate::transcript::Following;
use crate::view::{
    AttemptSummary, AttemptView, DiffView, EscalationView, EventView, FieldView, FindingOf,
    FindingView, GateView, Page, ProofView, Subject, WaiverView,
};

/// Files of a diff in an escalation at most.
const MOST_DIFFS: usize = 20;
/// Characters of one file's diff in an escalation at most.
const MOST_PATCH: usize = 4_000;
/// How many commits after a subject are looked at for edits of people.
const MOST_EDITS: usize = 1_000;

impl Factory {
    /// The ten gates of a project.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn gate_list(&self, project: &str) -> Asked<Vec<GateView>> {
        self.project_record(project).await?;
        let standing = self.gates_of(project).await?;
        let mut views = Vec::new();
        for gate in Gate::ALL {
            views.push(self.gate_view(gate, &standing).await?);
        }
        Ok(views)
    }

    /// One gate of a project.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn gate_fetch(&self, project: &str, gate: Gate) -> Asked<GateView> {
        self.project_record(project).await?;
        let standing = self.gates_of(project).await?;
        self.gate_view(gate, &standing).await
    }

    async fn gate_view(&self, gate: Gate, standing: &Gates) -> Asked<GateView> {
        let (run, next) = (standing.run(gate), standing.first_unpassed());
        let reopened = standing.reopened(gate);
        let file = match run {
            Some(run) => self.demands(run).await?,
            None => (*self.gates().file(gate)).clone(),
        };
        let state = match run {
            Some(_) if reopened.is_some() => "reopened".to_owned(),
            Some(run) => run.run.state().to_owned(),
            None if next == Some(gate) => "ready".to_owned(),
            None => "pending".to_owned(),
        };
        let (mut waits_for, mut waits_for_text) = waits(gate, run, next);
        if let (Some(why), Some(next)) = (reopened, next) {
            (waits_for, waits_for_text) = match next == gate {
                true => ("start".to_owned(), why.advice()),
                false => (format!("gate {next}"), format!("{next} comes first")),
            };
        }
        if let Some(asking) = match run {
            Some(run) => self.unanswered(run).await?.into_iter().next(),
            None => None,
        } {
            waits_for = "person".to_owned();
            waits_for_text = format!(
                "the agent asks, and goes on with the answer (journal entry {}): {}",
                asking.id, asking.text
            );
        }
        if waits_for == "checks"
            && let Some(queued) = run.and_then(|run| self.queued(run))
        {
            waits_for_text = queued;
        }
        let mut view = GateView {
            gate: gate.as_str().to_owned(),
            name: file.name.clone(),
            purpose: file.purpose.clone(),
            state,
            run: None,
            attempt: None,
            step: None,
            subject: None,
            subject_is_head: None,
            edits_since: Vec::new(),
            reopened: reopened.map(Why::view),
            waivers: Vec::new(),
            subject_digest: None,
            required_proofs: REQUIRED.map(str::to_owned).to_vec(),
            present_proofs: Vec::new(),
            waits_for,
            waits_for_text,
            fields: Vec::new(),
            accepted_unknown: Vec::new(),
            held: Vec::new(),
            escalation: None,
            fault: None,
            approvals_required: file.approval.approvals,
            approved_by: Vec::new(),
        };
        if let Some(run) = run {
            self.fill(&mut view, run, &file).await?;
        }
        Ok(view)
    }

    /// How long the checks of a run have to wait for their turn, if they have to.
    fn queued(&self, run: &RunRecord) -> Option<String> {
        let id = run.id.to_string();
        let own = format!("{}-", short(&id));
        let queue = self.checker.queue();
        let mut waiting = queue.iter().filter(|one| one.run_id.starts_with(&own));
        let next = waiting.next()?;
        let count = 1 + waiting.count();
        Some(format!(
            "the checks: {count} wait for their turn, the first of them behind {} others",
            next.ahead
        ))
    }

    async fn fill(&self, view: &mut GateView, run: &RunRecord, file: &GateFile) -> Asked<()> {
        view.run = Some(run.id.to_string());
        view.step = Some(run.run.step().0);
        view.fault.clone_from(&run.fault);
        view.subject_digest.clone_from(&run.subject_digest);
        view.subject = match (&run.subject_commit, &run.subject_tree) {
            (Some(commit), Some(tree)) => Some(Subject {
                commit: commit.clone(),
                tree: tree.clone(),
            }),
            _ => None,
        };
        if let Some(subject) = view.subject.clone() {
            let moved = self
                .git(&run.project, move |repo| moved(&repo, &subject))
                .await?;
            (view.subject_is_head, view.edits_since) = moved;
        }
        let attempts = self.store.attempt_list(run.id).await.map_err(machinery)?;
        view.attempt = run
            .run
            .attempt()
            .map(|attempt| attempt.0)
            .or_else(|| attempts.last().map(|attempt| attempt.n));
        let proofs = self
            .store
            .proof_list(&run.project, run.run.gate())
            .await
            .map_err(machinery)?;
        view.present_proofs = proofs
            .into_iter()
            .filter(|proof| proof.run == run.id)
            .map(proof_view)
            .collect();
        if let Some(attempt) = attempts.iter().rfind(|one| Some(one.n) == view.attempt) {
            if matches!(run.run.phase(), Phase::Held { .. }) {
                view.held.clone_from(&attempt.held);
            }
            if let Some(evaluation) = evaluation_of(attempt) {
                view.accepted_unknown = evaluation.accepted_unknown;
            }
        }
        let escalations = self
            .store
            .escalation_list_of(run.id)
            .await
            .map_err(machinery)?;
        view.escalation = escalations
            .iter()
            .find(|one| one.state == EscalationState::Open)
            .map(|one| one.id.to_string());
        let decisions = self.store.decision_list(run.id).await.map_err(machinery)?;
        let subject = attempts
            .iter()
            .rfind(|one| run.subject_commit.is_some() && one.commit == run.subject_commit);
        let waivers = subject
            .map(|attempt| waivers_of(run, &decisions, &attempts, attempt.n))
            .unwrap_or_default();
        let at = rfc3339(now());
        view.waivers = waivers
            .into_iter()
            .map(|waiver| WaiverView {
                is_expired: waiver.is_expired(&at).unwrap_or(true),
                what: waiver.what,
                findings: waiver.findings,
                why: waiver.why,
                until: waiver.until,
            })
            .collect();
        view.approved_by = decisions
            .into_iter()
            .filter(|one| one.kind == DecisionKind::Approve)
            .map(|one| one.actor.name)
            .collect();
        for field in &file.fields {
            view.fields.push(FieldView {
                field: field.clone(),
                choices: self.choices(run, field).await?,
            });
        }
        Ok(())
    }

    /// What can be chosen for a field on the run's subject.
    pub(crate) async fn choices(&self, run: &RunRecord, field: &Field) -> Asked<Vec<String>> {
        let (Some(glob), Some(tree)) = (&field.choices_glob, &run.subject_tree) else {
            return Ok(Vec::new());
        };
        let (glob, tree) = (glob.clone(), tree.parse::<Oid>().map_err(machinery)?);
        let paths = self
            .git(&run.project, move |repo| {
                let tree = GitTree::open(&repo, &tree)?;
                Ok(sluice_checks::document::paths(&tree, &glob))
            })
            .await?;
        Ok(paths)
    }

    /// The attempts of a gate's newest run, oldest first.
    ///
    /// # Errors
    /// When the project is not there or the gate was not started.
    pub async fn attempt_list(&self, project: &str, gate: Gate) -> Asked<Vec<AttemptSummary>> {
        let run = self.current(project, gate).await?;
        let attempts = self.store.attempt_list(run.id).await.map_err(machinery)?;
        Ok(attempts
            .iter()
            .map(|attempt| summary(&run, attempt))
            .collect())
    }

    /// Follows what the checks of a gate's newest run print, after the frame `after`; gives that run's id too.
    ///
    /// # Errors
    /// When the project is not there or the gate was not started.
    pub async fn gate_follow(
        &self,
        project: &str,
        gate: Gate,
        after: i64,
    ) -> Asked<(String, Following)> {
        let run = self.current(project, gate).await?.id.to_string();
        let following = self.transcripts.follow(&run, after);
        Ok((run, following))
    }

    /// The state of a run whose checks print nothing any more: it is closed, or another one came after it.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn gate_ended(&self, project: &str, gate: Gate, run: &str) -> Asked<Option<String>> {
        let current = self.current(project, gate).await?;
        if current.id.to_string() != run {
            return Ok(Some("superseded".to_owned()));
        }
        let is_closed = current.run.is_closed();
        Ok(is_closed.then(|| current.run.state().to_owned()))
    }

    /// One attempt, whole.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn attempt_fetch(&self, project: &str, gate: Gate, n: u16) -> Asked<AttemptView> {
        let run = self.current(project, gate).await?;
        let attempts = self.store.attempt_list(run.id).await.map_err(machinery)?;
        let attempt = attempts
            .iter()
            .find(|one| one.n == n)
            .ok_or_else(|| Refusal::not_found(format!("attempt {n} of {gate}")))?;
        let base = base_of(&run, Attempt(n), &attempts)?;
        let diff = match &attempt.commit {
            Some(commit) if *commit != base => Some(self.diff_of(project, &base, commit).await?),
            _ => None,
        };
        let calls = self.store.call_list(run.id).await.map_err(machinery)?;
        let calls = calls.into_iter().filter(|call| call.n == n);
        let ask = attempt.asks.last();
        let receipts = attempt.receipts.clone().unwrap_or_default();
        let files: Vec<Receipt> = from_part(&receipts, "files");
        let refused: Vec<sluice_checks::Finding> = from_part(&receipts, "refused");
        let evaluation = evaluation_of(attempt);
        let mut findings: Vec<FindingOf> = refused
            .into_iter()
            .map(|finding| FindingOf {
                check: "reply".to_owned(),
                finding,
            })
            .collect();
        findings.extend(
            evaluation
                .iter()
                .flat_map(Evaluation::findings)
                .map(|(check, finding)| FindingOf { check, finding }),
        );
        Ok(AttemptView {
            summary: summary(&run, attempt),
            request: ask.map(|ask| ask.request.clone()).unwrap_or_default(),
            reply: ask.and_then(|ask| ask.reply.clone()),
            reply_digest: ask.and_then(|ask| ask.reply_digest.clone()),
            files,
            evaluation,
            findings,
            diff,
            note: attempt.note.clone(),
            held: attempt.held.clone(),
            calls: calls.map(call_view).collect(),
        })
    }

    async fn diff_of(&self, project: &str, from: &str, to: &str) -> anyhow::Result<DiffView> {
        let (from, to): (Oid, Oid) = (from.parse()?, to.parse()?);
        self.git(project, move |repo| {
            let before = repo.commit_read(&from)?.tree;
            let after = repo.commit_read(&to)?.tree;
            diff_view(&repo, from, to, &before, &after)
        })
        .await
    }

    /// The proofs of a gate, oldest first.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn proof_list(&self, project: &str, gate: Gate) -> Asked<Vec<ProofView>> {
        self.project_record(project).await?;
        let proofs = self
            .store
            .proof_list(project, gate)
            .await
            .map_err(machinery)?;
        Ok(proofs.into_iter().map(proof_view).collect())
    }

    /// A signed envelope, byte for byte as it is stored in git.
    ///
    /// # Errors
    /// When there is none of this digest.
    pub async fn proof_fetch(&self, digest: &str) -> Asked<Vec<u8>> {
        let proof = self
            .store
            .proof_fetch(digest)
            .await
            .map_err(machinery)?
            .ok_or_else(|| Refusal::not_found(format!("proof {digest:?}")))?;
        let commit: Oid = proof.gate_commit.parse().map_err(machinery)?;
        let bytes = self
            .git(&proof.project, move |repo| {
                let tree = repo.commit_read(&commit)?.tree;
                let file = repo.file_read_raw(&tree, &proof.path)?;
                Ok(file.context("the proof is not in its commit")?.bytes)
            })
            .await?;
        Ok(bytes)
    }

    /// The project of a proof.
    ///
    /// # Errors
    /// When there is none of this digest.
    pub async fn proof_project(&self, digest: &str) -> Asked<String> {
        let proof = self.store.proof_fetch(digest).await.map_err(machinery)?;
        proof
            .map(|proof| proof.project)
            .ok_or_else(|| Refusal::not_found(format!("proof {digest:?}")))
    }

    /// Questions to people, oldest first; all of them, or those in one state.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn escalation_list(
        &self,
        state: Option<EscalationState>,
        cursor: Option<&str>,
        limit: u64,
    ) -> Asked<Page<EscalationView>> {
        let page = self
            .store
            .escalation_list(state, cursor, limit)
            .await
            .map_err(machinery)?;
        Ok(Page {
            items: page.items.into_iter().map(escalation_view).collect(),
            next_cursor: page.next,
        })
    }

    /// One question.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn escalation_fetch(&self, id: EscalationId) -> Asked<EscalationView> {
        let record = self
            .store
            .escalation_fetch(id)
            .await
            .map_err(machinery)?
            .ok_or_else(|| Refusal::not_found(format!("escalation {id}")))?;
        Ok(escalation_view(record))
    }

    /// The error history of a project.
    ///
    /// # Errors
    /// When the project is not there.
    pub async fn finding_list(
        &self,
        project: &str,
        gate: Option<Gate>,
        resolved: Option<bool>,
        cursor: Option<&str>,
        limit: u64,
    ) -> Asked<Page<FindingView>> {
        self.project_record(project).await?;
        let filter = FindingFilter { gate, resolved };
        let page = self
            .store
            .finding_list(project, filter, cursor, limit)
            .await
            .map_err(machinery)?;
        let items = page.items.into_iter().map(|one| FindingView {
            id: one.id.to_string(),
            gate: one.gate.as_str().to_owned(),
            run: one.run.to_string(),
            attempt: one.attempt,
            check: one.check,
            finding: one.body,
            seen_at: rfc3339(one.seen_at),
            resolved_at: one.resolved_at.map(rfc3339),
            resolved_by: one.resolved_by_attempt,
        });
        Ok(Page {
            items: items.collect(),
            next_cursor: page.next,
        })
    }

    /// The events after one of them, oldest first; of one project, or of all.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn event_list(
        &self,
        after: i64,
        project: Option<&str>,
        limit: u64,
    ) -> Asked<Vec<EventView>> {
        let events = self
            .store
            .event_list(EventSeq(after), project, limit)
            .await
            .map_err(machinery)?;
        Ok(events.into_iter().map(event_view).collect())
    }

    /// What a person is asked when the agent cannot go on: what failed, what was tried, how to see it.
    pub(crate) async fn question(
        &self,
        record: &RunRecord,
        next: &Run,
        attempt: Attempt,
        change: Option<&AttemptChange>,
    ) -> anyhow::Result<Value> {
        let gate = record.run.gate();
        let mut attempts = self.store.attempt_list(record.id).await?;
        if let (Some(change), Some(last)) =
            (change, attempts.iter_mut().find(|one| one.n == attempt.0))
        {
            // What is about to be stored together with the question.
            last.commit = change.commit.clone().or(last.commit.take());
            last.report = change.report.clone().or(last.report.take());
            last.failure = change.failure.clone().or(last.failure.take());
            last.note = change.note.clone().or(last.note.take());
            last.receipts = change.receipts.clone().or(last.receipts.take());
        }
        let newest = attempts.iter().rfind(|one| one.n == attempt.0);
        let evaluation = newest.and_then(evaluation_of);
        let failing = evaluation
            .as_ref()
            .map(Evaluation::failing)
            .unwrap_or_default();
        let findings: Vec<Value> = evaluation
            .iter()
            .flat_map(Evaluation::findings)
            .filter(|(_, finding)| finding.level == sluice_checks::Level::Error)
            .take(20)
            .map(|(check, finding)| json!({ "check": check, "finding": finding }))
            .collect();
        let command = evaluation
            .iter()
            .filter_map(|evaluation| evaluation.checks.as_ref())
            .flat_map(|report| &report.checks)
            .find(|check| failing.contains(&check.name))
            .map(|check| {
                let commit = newest.and_then(|one| one.commit.clone()).unwrap_or_default();
                format!(
                    "git clone {} work && cd work && git checkout {commit} && sluice check --only {}",
                    self.data.git(&record.project).display(),
                    crate::evaluation::stem(&check.name),
                )
            });
        let diffs = self.diffs_of(record, &attempts).await?;
        let fields = self.demands(record).await?.escalation.fields;
        let tried: Vec<Value> = attempts
            .iter()
            .zip(diffs)
            .map(|(one, diff)| {
                json!({
                    "diff": diff,
                    "attempt": one.n,
                    "strategy": one.strategy,
                    "commit": one.commit,
                    "failing": evaluation_of(one).map(|evaluation| evaluation.failing()).unwrap_or_default(),
                    "failure": one.failure,
                    "note": one.note,
                })
            })
            .collect();
        let what = if failing.is_empty() {
            "no reply could be taken".to_owned()
        } else {
            failing.join(", ")
        };
        Ok(json!({
            "summary": format!(
                "{gate}: {what} after {} attempts; how should it go on?", attempts.len()
            ),
            "failing": failing,
            "findings": findings,
            "attempts": tried,
            "smallest_command": command,
            "strategy": next.strategy().as_str(),
            "actions": ACTIONS,
            "fields": fields,
        }))
    }

    /// What each attempt changed of what it built on, each cut where it gets long.
    async fn diffs_of(
        &self,
        record: &RunRecord,
        attempts: &[AttemptRecord],
    ) -> anyhow::Result<Vec<Option<DiffView>>> {
        let mut pairs = Vec::new();
        for one in attempts {
            let base = base_of(record, Attempt(one.n), attempts)?;
            let to = one.commit.clone().filter(|commit| *commit != base);
            pairs.push(to.map(|to| (base, to)));
        }
        self.git(&record.project, move |repo| {
            let diff = |(from, to): (String, String)| {
                let (from, to): (Oid, Oid) = (from.parse()?, to.parse()?);
                let before = repo.commit_read(&from)?.tree;
                let after = repo.commit_read(&to)?.tree;
                let mut diff = diff_view(&repo, from, to, &before, &after)?;
                diff.files.truncate(MOST_DIFFS);
                for file in &mut diff.files {
                    if let Some((end, _)) = file.patch.char_indices().nth(MOST_PATCH) {
                        file.patch.truncate(end);
                        file.patch.push('…');
                    }
                }
                anyhow::Ok(diff)
            };
            pairs
                .into_iter()
                .map(|pair| pair.map(diff).transpose())
                .collect()
        })
        .await
    }
}

fn waits(gate: Gate, run: Option<&RunRecord>, next: Option<Gate>) -> (String, String) {
    let (who, text) = match run.map(|run| (run, run.run.phase())) {
        None => match next {
            Some(next) if next == gate => ("start", "start it, or hand in a reply".to_owned()),
            Some(next) => return (format!("gate {next}"), format!("{next} comes first")),
            None => ("nothing", "all gates are passed".to_owned()),
        },
        Some((run, Phase::Working { .. } | Phase::Healing { .. })) if run.due_at.is_none() => (
            "agent",
            "a reply from outside: POST it to /replies".to_owned(),
        ),
        Some((_, Phase::Working { .. } | Phase::Healing { .. })) => {
            ("agent", "the agent's reply".to_owned())
        }
        Some((_, Phase::Checking { .. })) => ("checks", "the checks".to_owned()),
        Some((_, Phase::Held { .. })) => (
            "person",
            "a person must allow what moves the measure, or refuse it".to_owned(),
        ),
        Some((_, Phase::Escalated { .. })) => {
            ("person", "a person must answer the escalation".to_owned())
        }
        Some((_, Phase::AwaitingApproval { .. })) => {
            ("person", "a person must approve or reject".to_owned())
        }
        Some((_, Phase::Sealing { .. })) => {
            ("git", "the decision's proof is being written".to_owned())
        }
        Some((_, Phase::Closed { decision })) => match decision {
            sluice_gates::Decision::Approved | sluice_gates::Decision::NotApplicable => {
                ("nothing", "it is passed".to_owned())
            }
            _ => ("start", "start it again".to_owned()),
        },
    };
    (who.to_owned(), text)
}

fn summary(run: &RunRecord, attempt: &AttemptRecord) -> AttemptSummary {
    let evaluation = evaluation_of(attempt);
    let state = match &evaluation {
        Some(evaluation) if evaluation.failure.is_none() => "green",
        Some(_) => "red",
        None if !attempt.held.is_empty() => "held",
        None if attempt.failure.is_some() => "refused",
        None if attempt.commit.is_some() => "replied",
        None if attempt.note.is_some() => "refused",
        None if attempt.asks.iter().any(|ask| ask.reply.is_some()) => "replied",
        None => "asked",
    };
    let author = attempt
        .asks
        .iter()
        .rev()
        .find_map(|ask| ask.replied_by.clone());
    AttemptSummary {
        attempt: attempt.n,
        run: run.id.to_string(),
        agent: author.or_else(|| Some(attempt.agent.clone())),
        model: attempt.asks.iter().rev().find_map(|ask| ask.model.clone()),
        strategy: attempt.strategy.clone(),
        state: state.to_owned(),
        commit: attempt.commit.clone(),
        tree: attempt.tree.clone(),
        failing: evaluation
            .map(|evaluation| evaluation.failing())
            .unwrap_or_default(),
        failure: attempt.failure.clone().map(|signature| signature.0),
        created_at: rfc3339(attempt.created_at),
    }
}

/// Whether `work` still has the subject's tree, and which commits of people came onto it after the subject.
fn moved(repo: &Repo, subject: &Subject) -> anyhow::Result<(Option<bool>, Vec<String>)> {
    let Some(work) = repo.ref_get(WORK)? else {
        return Ok((None, Vec::new()));
    };
    let commit: Oid = subject.commit.parse()?;
    let is_head = repo.commit_read(&work)?.tree.to_string() == subject.tree;
    // What was rejected or cancelled is not in the past of `work`.
    if !repo.is_ancestor(&commit, &work)? {
        return Ok((Some(is_head), Vec::new()));
    }
    let since = repo.log_since(&work, &[commit], MOST_EDITS)?;
    let edits = since.iter().filter(|commit| is_persons(commit));
    Ok((
        Some(is_head),
        edits.map(|commit| commit.oid.to_string()).collect(),
    ))
}

pub(crate) fn evaluation_of(attempt: &AttemptRecord) -> Option<Evaluation> {
    serde_json::from_value(attempt.report.clone()?).ok()
}

fn from_part<T: serde::de::DeserializeOwned>(value: &Value, part: &str) -> Vec<T> {
    value
        .get(part)
        .and_then(|value| serde_json::from_value(value.clone()).ok())
        .unwrap_or_default()
}

fn proof_view(proof: ProofRecord) -> ProofView {
    ProofView {
        digest: proof.digest,
        predicate_type: proof.predicate_type,
        gate: proof.gate.as_str().to_owned(),
        run: proof.run.to_string(),
        commit: proof.gate_commit,
        path: proof.path,
    }
}

fn escalation_view(record: EscalationRecord) -> EscalationView {
    EscalationView {
        id: record.id.to_string(),
        project: record.project,
        gate: record.gate.as_str().to_owned(),
        run: record.run.to_string(),
        attempt: record.attempt,
        state: record.state.as_str().to_owned(),
        question: record.question,
        answer: record.answer,
        answered_by: record.answered_by,
        created_at: rfc3339(record.created_at),
        answered_at: record.answered_at.map(rfc3339),
    }
}

/// An event as it is shown.
pub(crate) fn event_view(record: EventRecord) -> EventView {
    EventView {
        seq: record.seq.0,
        project: record.project,
        kind: record.kind,
        body: record.body,
        at: rfc3339(record.at),
    }
}
