//! Puts a green attempt before people: its evidence is signed and stored, `work` moves to it.

use anyhow::Context as _;
use sluice_gates::Attempt;
use sluice_proof::{Signer, Subject, subject_digest};
use sluice_store::{AttemptRecord, NewProof, RunRecord};
use sluice_workspace::{NewCommit, Oid, Repo};

use crate::ask::base_of;
use crate::evaluation::Evaluation;
use crate::evidence::{Evidence, Found, evidence};
use crate::factory::{Factory, rfc3339};
use crate::git_names::{WORK, daemon, evidence_ref};
use crate::seal::authors;

/// What people decide on.
pub(crate) struct Standing {
    pub(crate) subject: sluice_store::Subject,
    pub(crate) proofs: Vec<NewProof>,
}

impl Factory {
    /// Stores the evidence of an attempt and moves `work` to it. May be repeated: the same attempt gives
    /// the same bytes, commits and refs.
    pub(crate) async fn present(
        &self,
        record: &RunRecord,
        attempt: &AttemptRecord,
    ) -> anyhow::Result<Standing> {
        let subject = subject_of(attempt)?;
        let made = self.evidence_of(record, attempt, &subject).await?;
        let gate = record.run.gate();
        let run = record.id.to_string();
        let digest = subject_digest(&record.project, gate.as_str(), &run, &subject, &made.saw);
        let name = evidence_ref(gate, &run, attempt.n);
        let time = attempt.checked_at.unwrap_or(attempt.created_at).as_second();
        let saw = made.saw.clone();
        let files: Vec<(String, Vec<u8>)> = made
            .envelopes
            .into_iter()
            .chain(made.reports)
            .chain(made.logs)
            .collect();
        let target: Oid = subject.commit.parse()?;
        let attempts = self.store.attempt_list(record.id).await?;
        let mut by: Vec<String> = authors(&attempts).into_iter().map(|who| who.name).collect();
        by.extend(self.editors(record, target).await?);
        let mut ours = vec![record.base_commit.parse::<Oid>()?];
        for one in attempts {
            ours.extend(one.commit.map(|commit| commit.parse::<Oid>()).transpose()?);
        }
        let message = format!("{gate}: evidence of attempt {}", attempt.n);
        let commit = self
            .git(&record.project, move |repo| {
                let commit = store_evidence(&repo, &files, time, message)?;
                let before = repo.ref_get(&name)?;
                repo.ref_move(&name, before, commit, "evidence")?;
                // Where the run started, or where an answer that a killed process did not store has put it.
                let work = repo.ref_get(WORK)?.filter(|work| ours.contains(work));
                repo.ref_move(WORK, work.or(Some(ours[0])), target, "a green attempt")
                    .context("`work` moved while a run was open; put it back or cancel the run")?;
                Ok(commit)
            })
            .await?;
        self.work_tree_settle(&record.project).await?;
        let proofs = saw
            .into_iter()
            .map(|saw| NewProof {
                digest: saw.sha256,
                predicate_type: saw.predicate_type,
                gate_commit: commit.to_string(),
                path: saw.path,
            })
            .collect();
        Ok(Standing {
            subject: sluice_store::Subject {
                commit: subject.commit,
                tree: subject.tree,
                digest,
                authors: by,
            },
            proofs,
        })
    }

    /// The evidence of an attempt: a function of what is stored.
    pub(crate) async fn evidence_of(
        &self,
        record: &RunRecord,
        attempt: &AttemptRecord,
        subject: &Subject,
    ) -> anyhow::Result<Evidence> {
        let attempts = self.store.attempt_list(record.id).await?;
        let base = base_of(record, Attempt(attempt.n), &attempts)?;
        let evaluation: Evaluation = serde_json::from_value(
            attempt
                .report
                .clone()
                .context("the attempt was not checked")?,
        )?;
        let gate = record.run.gate();
        let file = self.demands(record).await?;
        let reply = attempt.asks.iter().rfind(|ask| ask.reply.is_some());
        let asked = attempt
            .asks
            .first()
            .map_or(attempt.created_at, |ask| ask.asked_at);
        // What was there is the work of its commit's author, whom the subject itself names.
        let author = reply.map(|ask| ask.replied_by.as_deref().unwrap_or(&attempt.agent));
        let logs = self.checker.logs();
        let found = Found {
            subject,
            gate: gate.as_str(),
            gate_file: &file,
            gate_text: &record.gate_file,
            run: &record.id.to_string(),
            attempt: attempt.n,
            evaluation: &evaluation,
            agent: author,
            model: reply.and_then(|ask| ask.model.as_deref()),
            reply_digest: reply.and_then(|ask| ask.reply_digest.as_deref()),
            base_commit: &base,
            asked_at: &rfc3339(asked),
            checked_at: &rfc3339(attempt.checked_at.unwrap_or(attempt.created_at)),
            log: &|sha256| logs.log_read(sha256),
        };
        Ok(evidence(&found, &self.signer)?)
    }

    /// The key that signs.
    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }
}

/// The commit and tree of an attempt.
pub(crate) fn subject_of(attempt: &AttemptRecord) -> anyhow::Result<Subject> {
    let commit = attempt
        .commit
        .clone()
        .context("the attempt left no commit")?;
    let tree = attempt.tree.clone().context("the attempt left no tree")?;
    Ok(Subject::new(commit, tree)?)
}

fn store_evidence(
    repo: &Repo,
    files: &[(String, Vec<u8>)],
    time: i64,
    message: String,
) -> anyhow::Result<Oid> {
    let tree = repo.tree_build_raw(None, files)?;
    Ok(repo.commit(
        &NewCommit {
            tree,
            parents: Vec::new(),
            author: daemon(),
            committer: daemon(),
            time,
            message,
            trailers: Vec::new(),
        },
        None,
    )?)
}
