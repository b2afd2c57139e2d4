//! The effect "seal": the decision becomes a signed commit of its gate's chain, and the refs follow.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};
use sluice_gates::{Decision, Event, Gate};
use sluice_proof::entry::{DECISION_DSSE, EntryInput, entry};
use sluice_proof::layout::FAR_EXPIRY;
use sluice_proof::statement::{
    Attempt as ProvenAttempt, Decision as Proven, DecisionKind as ProvenKind, Document,
    EscalationAnswer, GATE_DECISION, Previous, SentBack, Waiver, Who, WhoKind,
};
use sluice_proof::{GIT_NAMESPACE, Subject, sha256_hex, sshsig, subject_digest};
use sluice_store::{
    Actor, ActorKind, AttemptRecord, DecisionKind, DecisionRecord, NewProof, RunCommit, RunRecord,
};
use sluice_workspace::{NewCommit, Oid, Repo};

use crate::drive::{Happened, Performed, new_event};
use crate::evaluation::Evaluation;
use crate::evidence::Evidence;
use crate::factory::{Factory, now, rfc3339};
use crate::git_names::{MAIN, WORK, daemon, gate_ref, gate_tag};
use crate::git_tree::GitTree;
use crate::present::subject_of;

impl Factory {
    /// Writes the decision's proof and moves the refs. Every part may be repeated after a crash.
    pub(crate) async fn seal(
        &self,
        record: &RunRecord,
        decision: Decision,
    ) -> anyhow::Result<Performed> {
        let gate = record.run.gate();
        let decisions = self.store.decision_list(record.id).await?;
        let last = decisions.last();
        let (subject, evidence, attempt) = self.subject_and_evidence(record, decision).await?;
        let proven = self
            .proven(record, decision, &subject, &evidence, attempt, &decisions)
            .await?;
        let signers = self.signers();
        let input = EntryInput {
            subject: subject.clone(),
            passed: self.passed(&record.project, gate).await?,
            evidence: evidence.envelopes,
            reports: evidence.reports,
            logs: evidence.logs,
            decision: proven,
            signers: &signers,
            expires: FAR_EXPIRY,
        };
        let files = entry(input, self.signer())?;
        let digest = files
            .iter()
            .find(|(path, _)| path == DECISION_DSSE)
            .map(|(_, bytes)| sha256_hex(bytes))
            .context("the entry has no decision")?;
        let at = last.map_or(record.created_at, |last| last.at);
        let sealing = Sealing {
            gate,
            run: record.id.to_string(),
            step: record.run.step().0,
            word: decision.as_str(),
            by: last.map_or_else(|| "Sluice".to_owned(), |last| last.actor.name.clone()),
            files,
            time: at.as_second(),
            target: (decision == Decision::Approved)
                .then(|| subject.commit.parse())
                .transpose()?,
            base: record.base_commit.parse()?,
            key: std::sync::Arc::clone(&self.signer),
        };
        let commit = self
            .git(&record.project, move |repo| sealing.write(&repo))
            .await?;
        self.work_tree_settle(&record.project).await?;
        let at = now();
        let mut with = RunCommit::new(record.id, record.run.step(), record.run.clone(), at);
        with.proofs = vec![NewProof {
            digest: digest.clone(),
            predicate_type: GATE_DECISION.to_owned(),
            gate_commit: commit.to_string(),
            path: DECISION_DSSE.to_owned(),
        }];
        let body = json!({
            "decision": decision.as_str(), "commit": commit.to_string(), "proof": digest,
            "subject": { "commit": subject.commit, "tree": subject.tree },
            "by": last.map(|last| last.actor.name.clone()),
        });
        with.events.push(new_event(record, "gate.sealed", body, at));
        Ok(Performed::Happened(Box::new(Happened {
            event: Event::Sealed,
            with,
        })))
    }

    /// What was decided on. A run that never put a subject before people is decided on what it started
    /// from; a gate that does not apply passes what the gate before it passed, and no edit that came since.
    async fn subject_and_evidence(
        &self,
        record: &RunRecord,
        decision: Decision,
    ) -> anyhow::Result<(Subject, Evidence, u16)> {
        let attempts = self.store.attempt_list(record.id).await?;
        let presented = attempts
            .iter()
            .rfind(|one| record.subject_commit.is_some() && one.commit == record.subject_commit);
        if let Some(attempt) = presented {
            let subject = subject_of(attempt)?;
            let evidence = self.evidence_of(record, attempt, &subject).await?;
            return Ok((subject, evidence, attempt.n));
        }
        let (commit, tree) = if decision == Decision::NotApplicable {
            self.git(&record.project, |repo| {
                let main = repo.ref_get(MAIN)?.context("the project has no `main`")?;
                Ok((main.to_string(), repo.commit_read(&main)?.tree.to_string()))
            })
            .await?
        } else {
            (record.base_commit.clone(), record.base_tree.clone())
        };
        let subject = Subject::new(commit, tree)?;
        let nothing = Evidence {
            envelopes: Vec::new(),
            reports: Vec::new(),
            logs: Vec::new(),
            saw: Vec::new(),
        };
        Ok((subject, nothing, 0))
    }

    async fn proven(
        &self,
        record: &RunRecord,
        decision: Decision,
        subject: &Subject,
        evidence: &Evidence,
        attempt: u16,
        decisions: &[DecisionRecord],
    ) -> anyhow::Result<Proven> {
        let gate = record.run.gate();
        let run = record.id.to_string();
        let attempts = self.store.attempt_list(record.id).await?;
        let last = decisions.last();
        let waivers = waivers_of(record, decisions, &attempts, attempt);
        let kind = match decision {
            Decision::Approved if record.run.is_waived() => ProvenKind::Waived,
            Decision::Approved => ProvenKind::Approved,
            Decision::Rejected => ProvenKind::Rejected,
            Decision::Cancelled => ProvenKind::Cancelled,
            Decision::NotApplicable => ProvenKind::NotApplicable,
        };
        let mut comment = last
            .and_then(|last| last.comment.clone())
            .unwrap_or_default();
        let others: Vec<String> = decisions
            .iter()
            .filter(|one| one.kind == DecisionKind::Approve && Some(*one) != last)
            .map(|one| {
                format!(
                    "{} ({}) approved at {}",
                    one.actor.name,
                    one.actor.role,
                    rfc3339(one.at)
                )
            })
            .collect();
        if !others.is_empty() {
            comment = [vec![comment], others].concat().join("; ");
        }
        Ok(Proven {
            project: record.project.clone(),
            gate: gate.as_str().to_owned(),
            step: record.run.step().0,
            attempt: attempt.into(),
            decision: kind,
            who: last.map_or_else(system, |last| who(&last.actor)),
            comment,
            subject_digest: subject_digest(
                &record.project,
                gate.as_str(),
                &run,
                subject,
                &evidence.saw,
            ),
            saw: evidence.saw.clone(),
            authors: self.authors_of(record, subject, &attempts).await?,
            fields: last.map(|last| fields_of(&last.fields)).unwrap_or_default(),
            waivers,
            escalations: [
                self.escalations_of(record, decisions).await?,
                self.answered(record, last.map_or(record.created_at, |last| last.at))
                    .await?,
            ]
            .concat(),
            sent_back: self.sent_back(record).await?,
            attempts: attempts.iter().map(proven_attempt).collect(),
            documents: self.documents_of(record, subject).await?,
            previous: self.previous_of(&record.project, gate).await?,
            audit: self.store.audit_anchor(record.id).await?,
            at: rfc3339(last.map_or(record.created_at, |last| last.at)),
            sluice_version: env!("CARGO_PKG_VERSION").to_owned(),
            files: Vec::new(),
            run,
        })
    }

    /// Who wrote the subject: of the attempts, and of the edits that came with it.
    async fn authors_of(
        &self,
        record: &RunRecord,
        subject: &Subject,
        attempts: &[AttemptRecord],
    ) -> anyhow::Result<Vec<Who>> {
        let mut authors = authors(attempts);
        let editors = self.editors(record, subject.commit.parse()?).await?;
        for name in editors {
            if authors.iter().all(|author| author.name != name) {
                authors.push(Who {
                    name,
                    kind: WhoKind::Person,
                    role: "author".to_owned(),
                });
            }
        }
        authors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(authors)
    }

    async fn escalations_of(
        &self,
        record: &RunRecord,
        decisions: &[DecisionRecord],
    ) -> anyhow::Result<Vec<EscalationAnswer>> {
        let escalations = self.store.escalation_list_of(record.id).await?;
        Ok(escalations
            .into_iter()
            .filter_map(|one| {
                let answer = one.answer?;
                // An answer that ends the run is stored as the rejection or cancellation that it is.
                let by = decisions.iter().find(|decision| {
                    decision.attempt == Some(one.attempt)
                        && one.answered_by.as_ref() == Some(&decision.actor.name)
                        && matches!(
                            decision.kind,
                            DecisionKind::Answer | DecisionKind::Reject | DecisionKind::Cancel
                        )
                });
                Some(EscalationAnswer {
                    question: one
                        .question
                        .get("summary")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned(),
                    answer: format!(
                        "{}: {}",
                        answer
                            .get("action")
                            .and_then(Value::as_str)
                            .unwrap_or_default(),
                        answer
                            .get("guidance")
                            .and_then(Value::as_str)
                            .unwrap_or_default()
                    ),
                    fields: answered_fields(&answer),
                    who: by.map_or_else(system, |by| who(&by.actor)),
                })
            })
            .collect())
    }

    /// The documents that the gate's file demands, by the digest of what the subject holds.
    async fn documents_of(
        &self,
        record: &RunRecord,
        subject: &Subject,
    ) -> anyhow::Result<Vec<Document>> {
        let file = self.demands(record).await?;
        let tree: Oid = subject.tree.parse()?;
        self.git(&record.project, move |repo| {
            let tree = GitTree::open(&repo, &tree)?;
            let mut documents = Vec::new();
            for rule in &file.documents {
                let complete = sluice_checks::document::inspect(&tree, rule).is_empty();
                for path in sluice_checks::document::paths(&tree, &rule.path) {
                    let bytes = sluice_checks::Tree::read(&tree, &path).unwrap_or_default();
                    documents.push(Document {
                        sha256: sha256_hex(&bytes),
                        path,
                        complete,
                    });
                }
            }
            Ok(documents)
        })
        .await
    }

    /// The passing decision of the gate before.
    async fn previous_of(&self, project: &str, gate: Gate) -> anyhow::Result<Option<Previous>> {
        match gate.previous() {
            Some(before) => self.decision_of(project, before).await,
            None => Ok(None),
        }
    }

    /// The decision of a gate's newest run.
    async fn decision_of(&self, project: &str, gate: Gate) -> anyhow::Result<Option<Previous>> {
        let Some(run) = self.store.run_current(project, gate).await? else {
            return Ok(None);
        };
        let proofs = self.store.proof_list(project, gate).await?;
        let decision = proofs
            .into_iter()
            .find(|proof| proof.run == run.id && proof.predicate_type == GATE_DECISION);
        Ok(decision.map(|proof| Previous {
            gate: gate.as_str().to_owned(),
            sha256: proof.digest,
        }))
    }

    /// Where the rejection sent the work back to, with the decisions that it reopens.
    async fn sent_back(&self, record: &RunRecord) -> anyhow::Result<Option<SentBack>> {
        let Some(to) = record.run.sent_back() else {
            return Ok(None);
        };
        let mut reopens = Vec::new();
        let gate = record.run.gate();
        for gate in Gate::ALL
            .into_iter()
            .filter(|one| to <= *one && *one < gate)
        {
            reopens.extend(self.decision_of(&record.project, gate).await?);
        }
        Ok(Some(SentBack {
            to: to.as_str().to_owned(),
            reopens,
        }))
    }

    /// The gates before this one that were approved, each with the tree that it passed.
    async fn passed(&self, project: &str, gate: Gate) -> anyhow::Result<Vec<(String, String)>> {
        let mut passed = Vec::new();
        for run in self.store.run_list_current(project).await? {
            if run.run.gate() < gate
                && run.run.state() == "approved"
                && let Some(tree) = run.subject_tree
            {
                passed.push((run.run.gate(), tree));
            }
        }
        passed.sort();
        Ok(passed
            .into_iter()
            .map(|(gate, tree)| (gate.as_str().to_owned(), tree))
            .collect())
    }
}

/// Everything that the sealing commit depends on.
struct Sealing {
    gate: Gate,
    run: String,
    step: u64,
    word: &'static str,
    by: String,
    files: Vec<(String, Vec<u8>)>,
    time: i64,
    /// Where `main` and the tag go, when the subject was approved.
    target: Option<Oid>,
    /// What the run started from: `work` goes back to it when the subject was not approved.
    base: Oid,
    key: std::sync::Arc<sluice_proof::Signer>,
}

impl Sealing {
    fn write(self, repo: &Repo) -> anyhow::Result<Oid> {
        let name = gate_ref(self.gate);
        let tip = repo.ref_get(&name)?;
        let commit = match self.already(repo, tip)? {
            Some(commit) => commit,
            None => {
                let commit = self.commit(repo, tip)?;
                repo.ref_move(&name, tip, commit, "decision")?;
                commit
            }
        };
        match self.target {
            Some(target) => {
                let tag = gate_tag(self.gate);
                let before = repo.ref_get(&tag)?;
                repo.ref_move(&tag, before, target, "approved")?;
                let main = repo.ref_get(MAIN)?;
                repo.ref_move(MAIN, main, target, "approved")?;
            }
            // What was not approved is not what the next run builds on.
            None => {
                let work = repo.ref_get(WORK)?;
                repo.ref_move(WORK, work, self.base, "not approved")?;
            }
        }
        Ok(commit)
    }

    /// The commit of this decision, when an earlier try of this step wrote it.
    fn already(&self, repo: &Repo, tip: Option<Oid>) -> anyhow::Result<Option<Oid>> {
        let Some(tip) = tip else { return Ok(None) };
        let commit = repo.commit_read(&tip)?;
        let has = |key: &str, value: &str| {
            commit
                .trailers
                .iter()
                .any(|(name, found)| name == key && found == value)
        };
        Ok((has("Run", &self.run) && has("Step", &self.step.to_string())).then_some(tip))
    }

    fn commit(&self, repo: &Repo, tip: Option<Oid>) -> anyhow::Result<Oid> {
        let tree = repo.tree_build_raw(None, &self.files)?;
        let new = NewCommit {
            tree,
            parents: tip.into_iter().collect(),
            author: daemon(),
            committer: daemon(),
            time: self.time,
            message: format!("{}: {} by {}", self.gate, self.word, self.by),
            trailers: vec![
                ("Gate".to_owned(), self.gate.as_str().to_owned()),
                ("Run".to_owned(), self.run.clone()),
                ("Step".to_owned(), self.step.to_string()),
                ("Decision".to_owned(), self.word.to_owned()),
            ],
        };
        let sign = |bytes: &[u8]| sshsig(GIT_NAMESPACE, bytes, &self.key).map_err(Into::into);
        Ok(repo.commit(&new, Some(&sign))?)
    }
}

fn who(actor: &Actor) -> Who {
    Who {
        name: actor.name.clone(),
        kind: match actor.kind {
            ActorKind::Person => WhoKind::Person,
            ActorKind::Agent => WhoKind::Agent,
            ActorKind::System => WhoKind::Daemon,
        },
        role: actor.role.as_str().to_owned(),
    }
}

fn system() -> Who {
    Who {
        name: "Sluice".to_owned(),
        kind: WhoKind::Daemon,
        role: String::new(),
    }
}

/// Who wrote the subject: the agents of the attempts, or who handed a reply in.
pub(crate) fn authors(attempts: &[AttemptRecord]) -> Vec<Who> {
    let mut authors = BTreeMap::new();
    for attempt in attempts {
        for ask in &attempt.asks {
            if ask.reply.is_none() {
                continue;
            }
            let (name, kind) = match &ask.replied_by {
                Some(name) => (name.clone(), WhoKind::Person),
                None => (attempt.agent.clone(), WhoKind::Agent),
            };
            authors.insert(
                name.clone(),
                Who {
                    name,
                    kind,
                    role: "author".to_owned(),
                },
            );
        }
    }
    authors.into_values().collect()
}

/// What was filled in with an answer, without what the answer itself is.
fn answered_fields(answer: &Value) -> BTreeMap<String, Value> {
    let mut fields = answer.get("fields").map(fields_of).unwrap_or_default();
    // What an older version put there.
    fields.remove("action");
    fields
}

fn fields_of(fields: &Value) -> BTreeMap<String, Value> {
    fields
        .as_object()
        .map(|map| {
            map.iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        })
        .unwrap_or_default()
}

/// What a person let pass although it does not hold, one by one.
pub(crate) fn waivers_of(
    record: &RunRecord,
    decisions: &[DecisionRecord],
    attempts: &[AttemptRecord],
    subject: u16,
) -> Vec<Waiver> {
    let answer = decisions
        .iter()
        .rfind(|decision| decision.kind == DecisionKind::Answer)
        .filter(|_| record.run.is_waived());
    let evaluation = attempts
        .iter()
        .find(|attempt| attempt.n == subject)
        .and_then(|attempt| serde_json::from_value::<Evaluation>(attempt.report.clone()?).ok());
    let (Some(answer), Some(evaluation)) = (answer, evaluation) else {
        return Vec::new();
    };
    let until = answer.fields.get("until").and_then(Value::as_str);
    let waiver = |what: String| Waiver {
        findings: evaluation.errors_of(&what),
        why: answer.comment.clone().unwrap_or_default(),
        until: until.map(str::to_owned),
        what,
    };
    evaluation.failing().into_iter().map(waiver).collect()
}

fn proven_attempt(attempt: &AttemptRecord) -> ProvenAttempt {
    let evaluation: Option<Evaluation> = attempt
        .report
        .clone()
        .and_then(|value| serde_json::from_value(value).ok());
    let verdict = match &evaluation {
        Some(evaluation) if evaluation.failure.is_none() => "pass",
        Some(_) => "fail",
        None if !attempt.held.is_empty() => "held",
        None if attempt.failure.is_some() => "fail",
        None => "unknown",
    };
    ProvenAttempt {
        n: attempt.n.into(),
        commit: attempt.commit.clone(),
        tree: attempt.tree.clone(),
        verdict: verdict.to_owned(),
        failure_signature: attempt.failure.clone().map(|signature| signature.0),
        strategy: Some(attempt.strategy.clone()),
        held_paths: attempt.held.clone(),
    }
}
