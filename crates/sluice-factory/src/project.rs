//! Projects: made, listed, deleted, and their git data brought into shape after a crash.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;
use sluice_path::ProjectName;
use sluice_store::{
    Actor, NewEvent, NewProject, ProjectCreateOutcome, ProjectDeleteOutcome, ProjectKind,
    ProjectRecord,
};
use sluice_workspace::{NewCommit, Repo};

use crate::factory::{Factory, now, rfc3339};
use crate::git_names::{MAIN, WORK, daemon};
use crate::refusal::{Asked, Refusal};
use crate::template::{Template, TemplateHead};
use crate::view::{Page, ProjectView};

impl Factory {
    /// Makes a project: its record, its git data with a first commit on `main` and `work`, its working
    /// tree.
    ///
    /// # Errors
    /// A bad name, kind or template; a name that is taken.
    pub async fn project_create(
        &self,
        name: &str,
        template: &str,
        kind: &str,
        actor: &Actor,
    ) -> Asked<ProjectView> {
        let name = ProjectName::parse(name)
            .map_err(|refusal| Refusal::invalid("name", refusal.to_string()))?;
        let kind: ProjectKind = kind.parse().map_err(|_| {
            Refusal::invalid(
                "kind",
                format!("{kind:?} is not a kind; use web, service, library or ai"),
            )
        })?;
        let _hand = self.hand(name.as_str()).await;
        let taken = || {
            let message = format!("the name {:?} is taken", name.as_str());
            Refusal::conflict("name_taken", message)
        };
        if self
            .store
            .project_fetch(name.as_str())
            .await
            .map_err(anyhow::Error::from)?
            .is_some()
        {
            return Err(taken());
        }
        let at = now();
        let new = NewProject {
            name: name.as_str().to_owned(),
            template: template.to_owned(),
            kind,
            agent: None,
            at,
        };
        let events = vec![NewEvent {
            project: Some(new.name.clone()),
            kind: "project.created".to_owned(),
            body: json!({ "kind": kind.as_str(), "template": template, "by": actor.name }),
            audit: Some(actor.clone()),
            at,
        }];
        // Before the record, so that no change of the template or crash comes between a project and its files.
        let staged = self.data.staged(name.as_str(), at);
        if let Err(refusal) = self.project_stage(&staged, &name, template, at).await {
            remove_left(staged).await;
            return Err(refusal);
        }
        match self
            .store
            .project_create(new, &events)
            .await
            .map_err(anyhow::Error::from)?
        {
            ProjectCreateOutcome::Created => {}
            ProjectCreateOutcome::Exists => {
                remove_left(staged).await;
                return Err(taken());
            }
        }
        let record = self.project_record(name.as_str()).await?;
        self.project_prepare(&record).await?;
        self.work_tree_settle(name.as_str()).await?;
        self.project_view(record).await
    }

    /// The templates that a project can be made from, by name.
    ///
    /// # Errors
    /// Only when the machinery fails; a template that cannot be used is left out.
    pub async fn template_list(&self) -> Asked<Vec<TemplateHead>> {
        let templates = self.templates.clone();
        let listed = tokio::task::spawn_blocking(move || templates.list()).await;
        Ok(listed.context("a task ended early")?)
    }

    /// One project.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn project_fetch(&self, name: &str) -> Asked<ProjectView> {
        let record = self.project_record(name).await?;
        self.project_view(record).await
    }

    /// The projects by name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn project_list(&self, cursor: Option<&str>, limit: u64) -> Asked<Page<ProjectView>> {
        let page = self
            .store
            .project_list(cursor, limit)
            .await
            .map_err(anyhow::Error::from)?;
        let mut items = Vec::new();
        for record in page.items {
            items.push(self.project_view(record).await?);
        }
        Ok(Page {
            items,
            next_cursor: page.next,
        })
    }

    /// Deletes a project: it is no longer listed, its git data and working tree are moved aside.
    ///
    /// # Errors
    /// When it is not there or a run is open.
    pub async fn project_delete(&self, name: &str, actor: &Actor) -> Asked<()> {
        self.project_record(name).await?;
        let _hand = self.hand(name).await;
        let at = now();
        let events = vec![NewEvent {
            project: Some(name.to_owned()),
            kind: "project.deleted".to_owned(),
            body: json!({ "by": actor.name }),
            audit: Some(actor.clone()),
            at,
        }];
        match self
            .store
            .project_delete(name, at, &events)
            .await
            .map_err(anyhow::Error::from)?
        {
            ProjectDeleteOutcome::Deleted => {}
            ProjectDeleteOutcome::NotFound => {
                return Err(Refusal::not_found(format!("project {name:?}")));
            }
            ProjectDeleteOutcome::Busy(run) => {
                let message = format!("run {run} is open; cancel it first");
                return Err(Refusal::conflict("run_open", message));
            }
        }
        let aside = self
            .data
            .deleted()
            .join(format!("{name}-{}", at.as_microsecond()));
        for (from, to) in [
            (self.data.git(name), aside.with_extension("git")),
            (self.data.work_tree(name), aside.with_extension("files")),
        ] {
            if from.exists() {
                std::fs::rename(&from, &to)
                    .with_context(|| format!("move {} aside", from.display()))
                    .map_err(Refusal::from)?;
            }
        }
        // Best effort: what is known of other files says nothing of these.
        let _ = std::fs::remove_file(self.data.seen(name));
        Ok(())
    }

    /// The record of a project that is not deleted.
    pub(crate) async fn project_record(&self, name: &str) -> Asked<ProjectRecord> {
        self.store
            .project_fetch(name)
            .await
            .map_err(anyhow::Error::from)?
            .filter(|record| record.deleted_at.is_none())
            .ok_or_else(|| Refusal::not_found(format!("project {name:?}")))
    }

    /// Makes git data with the first commit beside its place, where [`Factory::project_prepare`] finds it.
    async fn project_stage(
        &self,
        staged: &Path,
        name: &ProjectName,
        template: &str,
        at: Timestamp,
    ) -> Asked<()> {
        let templates = self.templates.clone();
        let (staged, name, template) = (staged.to_owned(), name.clone(), template.to_owned());
        tokio::task::spawn_blocking(move || {
            let files = templates
                .read(&template)
                .map_err(|error| Refusal::invalid("template", error.to_string()))?;
            first_commit(&staged, &name, &template, &files, at).map_err(Refusal::from)
        })
        .await
        .context("a git task ended early")?
    }

    /// Puts the git data of a project into its place, as far as it is not there.
    pub(crate) async fn project_prepare(&self, record: &ProjectRecord) -> anyhow::Result<()> {
        let dir = self.data.git(&record.name);
        let staged = self.data.staged(&record.name, record.created_at);
        let templates = self.templates.clone();
        let shown = record.name.clone();
        let record = record.clone();
        tokio::task::spawn_blocking(move || {
            if staged.exists() && !dir.exists() {
                return renamed(&staged, &dir);
            }
            let repo = Repo::create(&dir)?;
            if repo.ref_get(WORK)?.is_some() && repo.ref_get(MAIN)?.is_some() {
                return Ok(());
            }
            // Only where the git data was lost, or the data directory is one of an older version.
            let name = ProjectName::parse(&record.name)?;
            let files = templates.read(&record.template)?;
            first_commit(&dir, &name, &record.template, &files, record.created_at)
        })
        .await
        .context("a git task ended early")?
        .with_context(|| format!("make the git data of {shown}"))
    }

    async fn project_view(&self, record: ProjectRecord) -> Asked<ProjectView> {
        let gates = self.gate_list(&record.name).await?;
        let passed = ["approved", "not_applicable"];
        let current = gates
            .iter()
            .find(|gate| !passed.contains(&gate.state.as_str()));
        let (main, work) = self
            .git(&record.name, |repo| {
                Ok((repo.ref_get(MAIN)?, repo.ref_get(WORK)?))
            })
            .await?;
        Ok(ProjectView {
            current_gate: current.map(|gate| gate.gate.clone()),
            state: current.map(|gate| gate.state.clone()),
            name: record.name,
            template: record.template,
            kind: record.kind.as_str().to_owned(),
            created_at: rfc3339(record.created_at),
            main: main.map(|oid| oid.to_string()),
            work: work.map(|oid| oid.to_string()),
        })
    }
}

/// Makes the git data in `dir` with one commit on `main` and `work`; a function of what it is given, so that a
/// repeat after a crash makes the same one.
fn first_commit(
    dir: &Path,
    name: &ProjectName,
    template: &str,
    files: &Template,
    at: Timestamp,
) -> anyhow::Result<()> {
    let repo = Repo::create(dir)?;
    let tree = repo.tree_build(None, &files.changes(name))?;
    let first = repo.commit(
        &NewCommit {
            tree,
            parents: Vec::new(),
            author: daemon(),
            committer: daemon(),
            time: at.as_second(),
            message: format!("Start from template {template}"),
            trailers: Vec::new(),
        },
        None,
    )?;
    for name in [MAIN, WORK] {
        if repo.ref_get(name)?.is_none() {
            repo.ref_move(name, None, first, "first commit")?;
        }
    }
    Ok(())
}

/// Removes what was made for a project that did not come to be.
async fn remove_left(staged: PathBuf) {
    if staged.exists() {
        crate::check::remove_folder(staged).await;
    }
}

/// Renames a folder, durably.
fn renamed(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::rename(from, to)
        .with_context(|| format!("rename {} to {}", from.display(), to.display()))?;
    let folder = to.parent().context("git data lies in a folder")?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("sync {}", folder.display()))
}
