//! Checks that are asked for by themselves, on any ref; and tokens.

use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;
use sluice_checks::{Client, Request};
use sluice_path::ProjectName;
use sluice_store::{
    Actor, ActorKind, CheckEnd, CheckId, CheckRecord, NewCheck, NewEvent, NewToken, Role, TokenId,
    TokenRecord,
};
use sluice_workspace::Oid;

use crate::check::{project_event, remove_folder, short};
use crate::decide::machinery;
use crate::factory::{Factory, now, rfc3339};
use crate::gate_file::CHECKS;
use crate::git_tree::GitSource;
use crate::refusal::{Asked, Refusal};
use crate::transcript::Following;
use crate::view::{CheckView, Page, TokenView};

/// What a token is bounded by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenBounds {
    /// The projects that it is for; `None` for all, and for the daemon as a whole.
    pub projects: Option<Vec<String>>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl TokenBounds {
    /// The bounds as they were asked for; the time is RFC 3339.
    ///
    /// # Errors
    /// A text that is no time.
    pub fn new(projects: Option<Vec<String>>, expires_at: Option<String>) -> Asked<TokenBounds> {
        let expires_at = expires_at.map(|text| {
            text.parse().map_err(|_| {
                let message = format!("{text:?} is not a time such as 2027-01-31T12:00:00Z");
                Refusal::invalid("expires_at", message)
            })
        });
        Ok(TokenBounds {
            projects,
            expires_at: expires_at.transpose()?,
        })
    }
}

impl Factory {
    /// Asks for checks on a ref; they run when their turn comes.
    ///
    /// # Errors
    /// The project or the ref is not there, a check has another name, the role is not enough.
    pub async fn check_create(
        &self,
        project: &str,
        reference: Option<&str>,
        only: Vec<String>,
        actor: &Actor,
    ) -> Asked<CheckView> {
        if actor.role < Role::Operator {
            return Err(Refusal::forbidden(
                "role",
                "the role operator is needed to run checks",
            ));
        }
        if let Some(unknown) = only.iter().find(|name| !CHECKS.contains(&name.as_str())) {
            let message = format!("{unknown:?} is not a check; use {}", CHECKS.join(", "));
            return Err(Refusal::invalid("only", message));
        }
        let commit = self.resolve(project, reference).await?;
        let at = now();
        let id = CheckId::new();
        let body =
            json!({ "check": id.to_string(), "commit": commit.oid.to_string(), "by": actor.name });
        let new = NewCheck {
            id,
            project: project.to_owned(),
            reference: reference.unwrap_or("work").to_owned(),
            commit: commit.oid.to_string(),
            tree: commit.tree.to_string(),
            only,
            requested_by: actor.name.clone(),
            at,
        };
        let event = project_event(project, "checks.queued", body, at);
        let record = self
            .store
            .check_create(new, &[event])
            .await
            .map_err(machinery)?;
        self.wake.notify_one();
        Ok(check_view(record))
    }

    /// Checks that were asked for.
    ///
    /// # Errors
    /// When there are none of this id.
    pub async fn check_fetch(&self, id: CheckId) -> Asked<CheckView> {
        let record = self.store.check_fetch(id).await.map_err(machinery)?;
        record
            .map(check_view)
            .ok_or_else(|| Refusal::not_found(format!("check {id}")))
    }

    /// A stored log by the SHA-256 that a report names.
    pub fn log_read(&self, sha256: &str) -> Option<Vec<u8>> {
        self.checker.logs().log_read(sha256)
    }

    /// Follows what checks that were asked for print, after the frame `after`.
    pub fn check_follow(&self, id: CheckId, after: i64) -> Following {
        self.transcripts.follow(&id.to_string(), after)
    }

    /// Makes the transcript of checks that have ended, whose own was removed, from their logs.
    ///
    /// # Errors
    /// When there are no checks of this id.
    pub async fn check_transcribe(self: &Arc<Self>, id: CheckId) -> Asked<()> {
        let check = self.check_fetch(id).await?;
        let factory = Arc::clone(self);
        let write = move || {
            let head = json!({ "check": check.id, "again": true });
            let watch = factory
                .transcripts
                .open(&check.id, head, factory.checker.logs());
            for result in check.report.iter().flat_map(|report| &report.checks) {
                watch.told(result, true);
            }
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.context("write a transcript").map_err(machinery)
    }

    /// Runs checks that were asked for, unless another task has them; a fault ends them as failed.
    pub(crate) async fn check_perform(&self, record: &CheckRecord) -> anyhow::Result<bool> {
        if !self.store.check_start(record.id).await? {
            return Ok(false);
        }
        let end = match self.run_alone(record).await {
            Ok(report) => CheckEnd::Done(serde_json::to_value(&report)?),
            // Stopped by the shutdown: it stays as running and is done again at the next start.
            Err(_) if self.shutdown.is_cancelled() => return Ok(true),
            Err(fault) => CheckEnd::Failed(format!("{fault:#}")),
        };
        let at = now();
        let body = json!({ "check": record.id.to_string() });
        let event = project_event(&record.project, "checks.ended", body, at);
        self.store
            .check_commit_report(record.id, end, at, &[event])
            .await?;
        Ok(true)
    }

    async fn run_alone(&self, record: &CheckRecord) -> anyhow::Result<sluice_checks::CheckReport> {
        let id = record.id.to_string();
        let run_id = format!("c-{}", short(&id));
        let snapshot = self.data.run().join(format!("snapshot-{run_id}"));
        let tree: Oid = record.tree.parse()?;
        let place = snapshot.clone();
        let source = self
            .git(&record.project, move |repo| {
                Ok(GitSource::open(&repo, tree, place)?)
            })
            .await?;
        let request = Request {
            run_id,
            tree: record.tree.clone(),
            source: Arc::new(source),
            only: (!record.only.is_empty()).then(|| record.only.clone()),
            use_cache: true,
            health: Vec::new(),
            client: Client {
                project: record.project.clone(),
                heals: false,
            },
            fail_fast: false,
        };
        let cancel = self.shutdown.child_token();
        let head = json!({ "check": id, "tree": record.tree });
        let watch = self.transcripts.open(&id, head, self.checker.logs());
        let report = self.checker.run(&request, &watch, &cancel).await;
        remove_folder(snapshot).await;
        report.context("run the checks")
    }

    /// Makes a token; the secret is shown this once.
    ///
    /// # Errors
    /// A word that is no role or kind; only admins make tokens.
    pub async fn token_create(
        &self,
        name: &str,
        role: &str,
        kind: &str,
        bounds: TokenBounds,
        actor: &Actor,
    ) -> Asked<(TokenView, String)> {
        admin(actor)?;
        if name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err(Refusal::invalid(
                "name",
                "a name has 1 to 100 printable characters",
            ));
        }
        let role: Role = role
            .parse()
            .map_err(|error: sluice_store::NotAWord| Refusal::invalid("role", error.to_string()))?;
        let kind: ActorKind = kind
            .parse()
            .map_err(|error: sluice_store::NotAWord| Refusal::invalid("kind", error.to_string()))?;
        if kind == ActorKind::System {
            return Err(Refusal::invalid(
                "kind",
                "a token belongs to a person or an agent",
            ));
        }
        let at = now();
        if bounds.expires_at.is_some_and(|end| end <= at) {
            let message = "a token that has expired is of no use; say a time to come";
            return Err(Refusal::invalid("expires_at", message));
        }
        for project in bounds.projects.iter().flatten() {
            if ProjectName::parse(project).is_err() {
                let message = format!("{project:?} is not the name of a project");
                return Err(Refusal::invalid("projects", message));
            }
        }
        if bounds.projects.is_some() && role == Role::Admin {
            let message = "an admin's token is for the whole daemon; leave `projects` out";
            return Err(Refusal::invalid("projects", message));
        }
        let new = NewToken {
            name: name.trim().to_owned(),
            role,
            kind,
            projects: bounds.projects,
            expires_at: bounds.expires_at,
            at,
        };
        let body = json!({
            "name": new.name, "role": role.as_str(), "kind": kind.as_str(), "by": actor.name,
            "projects": new.projects, "expires_at": new.expires_at.map(rfc3339),
        });
        let event = daemon_event("token.created", body, at).by(actor);
        let (record, secret) = self
            .store
            .token_create(new, &[event])
            .await
            .map_err(machinery)?;
        Ok((token_view(record), secret))
    }

    /// The tokens, without their secrets.
    ///
    /// # Errors
    /// Only admins list tokens.
    pub async fn token_list(
        &self,
        cursor: Option<&str>,
        limit: u64,
        actor: &Actor,
    ) -> Asked<Page<TokenView>> {
        admin(actor)?;
        let page = self
            .store
            .token_list(cursor, limit)
            .await
            .map_err(machinery)?;
        Ok(Page {
            items: page.items.into_iter().map(token_view).collect(),
            next_cursor: page.next,
        })
    }

    /// Revokes a token; it is refused from the next request on.
    ///
    /// # Errors
    /// It is not there; only admins revoke tokens.
    pub async fn token_revoke(&self, id: TokenId, actor: &Actor) -> Asked<TokenView> {
        admin(actor)?;
        let at = now();
        let body = json!({ "token": id.to_string(), "by": actor.name });
        let event = daemon_event("token.revoked", body, at).by(actor);
        let record = self
            .store
            .token_revoke(id, at, &[event])
            .await
            .map_err(machinery)?;
        record
            .map(token_view)
            .ok_or_else(|| Refusal::not_found(format!("token {id}")))
    }
}

fn admin(actor: &Actor) -> Asked<()> {
    if actor.role == Role::Admin && actor.kind == ActorKind::Person {
        return Ok(());
    }
    Err(Refusal::forbidden("role", "the role admin is needed"))
}

fn daemon_event(kind: &str, body: serde_json::Value, at: jiff::Timestamp) -> NewEvent {
    NewEvent {
        project: None,
        kind: kind.to_owned(),
        body,
        audit: None,
        at,
    }
}

fn check_view(record: CheckRecord) -> CheckView {
    CheckView {
        id: record.id.to_string(),
        project: record.project,
        reference: record.reference,
        commit: record.commit,
        state: record.state.as_str().to_owned(),
        report: record
            .report
            .and_then(|report| serde_json::from_value(report).ok()),
        fault: record.fault,
        created_at: rfc3339(record.created_at),
        ended_at: record.ended_at.map(rfc3339),
    }
}

fn token_view(record: TokenRecord) -> TokenView {
    TokenView {
        id: record.id.to_string(),
        name: record.name,
        role: record.role.as_str().to_owned(),
        kind: record.kind.as_str().to_owned(),
        projects: record.projects,
        created_at: rfc3339(record.created_at),
        expires_at: record.expires_at.map(rfc3339),
        revoked_at: record.revoked_at.map(rfc3339),
    }
}
