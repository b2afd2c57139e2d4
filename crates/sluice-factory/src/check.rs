//! The effect "check": the attempt's tree is checked in sandboxes and its documents are read.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde_json::json;
use sluice_checks::{
    CheckResult, Client, Finding, Level, Request, Tests, Verdict as CheckVerdict, document,
};
use sluice_gates::{Attempt, Event, Gate, Verdict};
use sluice_store::{
    AttemptChange, AttemptRecord, FindingsSeen, NewEvent, NewFinding, RunCommit, RunRecord,
};
use sluice_workspace::Oid;
use tokio_util::sync::CancellationToken;

use crate::drive::{Happened, Performed, new_event};
use crate::evaluation::{DocumentResult, Evaluation, stem};
use crate::factory::{Factory, now};
use crate::gate_file::GateFile;
use crate::git_tree::{GitSource, GitTree};

/// How often checks that the machine stands in the way of are tried before that counts against the attempt: a
/// registry that does not answer, a program that is not there, a disk that is full.
const UNREACHABLE_TRIES: u32 = 5;

impl Factory {
    pub(crate) async fn check(
        &self,
        record: &RunRecord,
        attempt: Attempt,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Performed> {
        let attempts = self.store.attempt_list(record.id).await?;
        let stored = attempts
            .iter()
            .find(|one| one.n == attempt.0)
            .context("the attempt that is to be checked is not stored")?;
        let tree = stored.tree.clone().context("the attempt has no tree")?;
        let file = self.demands(record).await?;
        let checks = if file.checks.is_empty() {
            None
        } else {
            Some(
                self.run_checks(record, &file, attempt, &tree, cancel)
                    .await?,
            )
        };
        let documents = self.read_documents(record, &file, &tree).await?;
        let evaluation = Evaluation::weigh(&file, checks, documents);
        // An agent would be asked, and paid, for what it cannot mend.
        if let Some(why) = evaluation.environment()
            && record.fault_count < UNREACHABLE_TRIES
        {
            bail!(
                "the machine stands in the way of the checks, and no change of the files mends that: {why}"
            );
        }
        let at = now();
        let mut with = RunCommit::new(record.id, record.run.step(), record.run.clone(), at);
        with.findings = Some(seen(attempt, &evaluation));
        with.attempt = Some(AttemptChange {
            n: attempt.0,
            report: Some(serde_json::to_value(&evaluation)?),
            failure: evaluation.failure.clone().map(sluice_gates::Signature),
            checked_at: Some(at),
            ..AttemptChange::default()
        });
        let verdict = match &evaluation.failure {
            Some(signature) => Verdict::Fail(sluice_gates::Signature(signature.clone())),
            None => {
                // A gate that runs no tests has no fewer than the gate before.
                let fewer_tests = file.checks.iter().any(|check| check == "test") && {
                    let before = self.tests_before(record, attempt, &attempts).await?;
                    fewer(before, evaluation.tests())
                };
                Verdict::Pass { fewer_tests }
            }
        };
        let body = json!({
            "attempt": attempt.0,
            "verdict": evaluation.verdict,
            "failing": evaluation.failing(),
            "accepted_unknown": evaluation.accepted_unknown,
            "tests": evaluation.tests(),
            "failure": evaluation.failure,
            "held": matches!(verdict, Verdict::Pass { fewer_tests: true }),
        });
        with.events
            .push(new_event(record, "attempt.checked", body, at));
        let event = Event::Checked(verdict);
        if self.leads_to_approval(record, &event) {
            let mut checked = stored.clone();
            checked.report = Some(serde_json::to_value(&evaluation)?);
            checked.checked_at = Some(at);
            let standing = self.present(record, &checked).await?;
            with.subject = Some(standing.subject);
            with.proofs = standing.proofs;
        }
        Ok(Performed::Happened(Box::new(Happened { event, with })))
    }

    async fn run_checks(
        &self,
        record: &RunRecord,
        file: &GateFile,
        attempt: Attempt,
        tree: &str,
        cancel: &CancellationToken,
    ) -> anyhow::Result<sluice_checks::CheckReport> {
        let id = record.id.to_string();
        let run_id = format!("{}-{}-{}", short(&id), attempt.0, record.run.step().0);
        let snapshot = self.data.run().join(format!("snapshot-{run_id}"));
        let oid: Oid = tree.parse()?;
        let place = snapshot.clone();
        let source = self
            .git(&record.project, move |repo| {
                Ok(GitSource::open(&repo, oid, place)?)
            })
            .await?;
        let request = Request {
            run_id,
            tree: tree.to_owned(),
            source: Arc::new(source),
            only: Some(file.checks.clone()),
            use_cache: true,
            health: vec![file.health.path.clone()],
            client: Client {
                project: record.project.clone(),
                heals: attempt.0 > 0,
            },
            // The findings of all checks go into one request.
            fail_fast: false,
        };
        let head = json!({ "attempt": attempt.0, "tree": tree });
        let watch = self.transcripts.open(&id, head, self.checker.logs());
        let report = self.checker.run(&request, &watch, cancel).await;
        remove_folder(snapshot).await;
        let report = report.context("run the checks")?;
        let at = now();
        for check in &report.checks {
            let body = check_body(attempt, check);
            self.store
                .event_append(new_event(record, "check.finished", body, at))
                .await?;
        }
        // A registry that does not answer is no verdict on the attempt. If it stays so, it is: the project may
        // name a host that nobody reaches.
        let unreachable = report.checks.iter().find(|check| {
            stem(&check.name) == "install"
                && check.verdict == CheckVerdict::Unknown
                && check.end != "skipped"
                && !check.is_the_environments()
        });
        if let Some(install) = unreachable
            && record.fault_count < UNREACHABLE_TRIES
        {
            let why = install.note.as_deref().unwrap_or("npm gave no reason");
            bail!("the packages cannot be installed: {why}");
        }
        Ok(report)
    }

    async fn read_documents(
        &self,
        record: &RunRecord,
        file: &GateFile,
        tree: &str,
    ) -> anyhow::Result<Vec<DocumentResult>> {
        let rules = file.documents.clone();
        let oid: Oid = tree.parse()?;
        self.git(&record.project, move |repo| {
            let tree = GitTree::open(&repo, &oid)?;
            Ok(rules
                .iter()
                .map(|rule| {
                    let findings = document::inspect(&tree, rule);
                    let is_bad = findings.iter().any(|finding| finding.level == Level::Error);
                    DocumentResult {
                        document: rule.path.clone(),
                        verdict: if is_bad {
                            CheckVerdict::Fail
                        } else {
                            CheckVerdict::Pass
                        },
                        findings,
                    }
                })
                .collect())
        })
        .await
    }

    /// Whether the run would wait for approval next, so that its subject and evidence must stand.
    pub(crate) fn leads_to_approval(&self, record: &RunRecord, event: &Event) -> bool {
        let next = record.run.apply(record.run.step(), event.clone());
        next.is_ok_and(|next| {
            let before = record.run.state();
            next.state() == "awaiting_approval" && before != "awaiting_approval"
        })
    }

    /// The tests that the work is measured against: of the best earlier attempt, else of the newest gate
    /// before this one that ran any.
    async fn tests_before(
        &self,
        record: &RunRecord,
        attempt: Attempt,
        attempts: &[AttemptRecord],
    ) -> anyhow::Result<Tests> {
        let in_run = attempts
            .iter()
            .filter(|one| one.n < attempt.0)
            .filter_map(tests_of);
        if let Some(best) = in_run.max_by_key(ran).filter(|tests| ran(tests) > 0) {
            return Ok(best);
        }
        let mut gate = record.run.gate();
        while let Some(previous) = gate.previous() {
            gate = previous;
            if let Some(tests) = self.tests_at(&record.project, gate).await? {
                return Ok(tests);
            }
        }
        Ok(Tests::default())
    }

    async fn tests_at(&self, project: &str, gate: Gate) -> anyhow::Result<Option<Tests>> {
        let Some(run) = self.store.run_current(project, gate).await? else {
            return Ok(None);
        };
        let attempts = self.store.attempt_list(run.id).await?;
        let subject = attempts
            .iter()
            .rfind(|one| one.commit.is_some() && one.commit == run.subject_commit);
        Ok(subject.and_then(tests_of).filter(|tests| ran(tests) > 0))
    }
}

fn tests_of(attempt: &AttemptRecord) -> Option<Tests> {
    let evaluation: Evaluation = serde_json::from_value(attempt.report.clone()?).ok()?;
    Some(evaluation.tests())
}

fn ran(tests: &Tests) -> u32 {
    tests.passed + tests.failed
}

/// Fewer tests ran, or more were skipped.
fn fewer(before: Tests, after: Tests) -> bool {
    ran(&after) < ran(&before) || after.skipped > before.skipped
}

/// What the error history learns from an attempt.
fn seen(attempt: Attempt, evaluation: &Evaluation) -> FindingsSeen {
    let mut checks: Vec<String> = evaluation
        .checks
        .iter()
        .flat_map(|report| &report.checks)
        .filter(|check| check.verdict != CheckVerdict::Unknown)
        .map(|check| check.name.clone())
        .collect();
    checks.push("documents".to_owned());
    let findings = evaluation
        .findings()
        .into_iter()
        .filter(|(_, finding)| finding.level == Level::Error)
        .map(|(check, finding)| NewFinding {
            check,
            fingerprint: finding.fingerprint.clone(),
            body: body_of(&finding),
        })
        .collect();
    FindingsSeen {
        attempt: attempt.0,
        checks,
        findings,
    }
}

fn body_of(finding: &Finding) -> serde_json::Value {
    serde_json::to_value(finding).unwrap_or_default()
}

fn check_body(attempt: Attempt, check: &CheckResult) -> serde_json::Value {
    json!({
        "attempt": attempt.0,
        "check": check.name,
        "verdict": check.verdict,
        "end": check.end,
        "exit_code": check.exit_code,
        "cached": check.cached,
        "wall_ms": check.wall_ms,
        "tests": check.tests,
        "findings": check.findings.len(),
        "first": check.findings.iter().find(|one| one.level == Level::Error),
        "note": check.note,
    })
}

/// The random end of a UUID: short enough for container names, and its own for each run.
pub(crate) fn short(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

/// Removes a folder of ours without holding up the runtime; what stays is removed at the next start.
pub(crate) async fn remove_folder(path: std::path::PathBuf) {
    let removed = tokio::task::spawn_blocking(move || {
        std::fs::remove_dir_all(&path).map_err(|error| (path, error))
    })
    .await;
    if let Ok(Err((path, error))) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "could not remove a folder");
    }
}

/// An event that belongs to no run.
pub(crate) fn project_event(
    project: &str,
    kind: &str,
    body: serde_json::Value,
    at: jiff::Timestamp,
) -> NewEvent {
    NewEvent {
        project: Some(project.to_owned()),
        kind: kind.to_owned(),
        body,
        audit: None,
        at,
    }
}
