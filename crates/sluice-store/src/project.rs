//! Projects: a name, what it was made from, what it is.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, OnConflict},
};

use crate::entity::{project, run};
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::RunId;
use crate::page::{self, Page};
use crate::row::Row;
use crate::store::{Store, micros};
use crate::word::words;

words! {
    /// What a project is.
    ProjectKind ("kind of project") {
        /// It has a user interface.
        Web => "web",
        /// It answers requests.
        Service => "service",
        /// Others build on it.
        Library => "library",
        /// A model is at its heart.
        Ai => "ai",
    }
}

/// A project to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    /// Its name, already checked.
    pub name: String,
    /// The template it starts from.
    pub template: String,
    /// What it is.
    pub kind: ProjectKind,
    /// The agent that works on it, when it is not the gates' own choice.
    pub agent: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRecord {
    /// Its name.
    pub name: String,
    /// The template it started from.
    pub template: String,
    /// What it is.
    pub kind: ProjectKind,
    /// The agent that works on it, when it is not the gates' own choice.
    pub agent: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was deleted. Its name is never given to another: its proofs carry it.
    pub deleted_at: Option<Timestamp>,
}

/// What came of making a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectCreateOutcome {
    /// It is there now.
    Created,
    /// A project of this name is there already, or was and is deleted; nothing was changed.
    Exists,
}

/// What came of deleting a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectDeleteOutcome {
    /// It is marked as deleted.
    Deleted,
    /// There is none, or it was deleted before.
    NotFound,
    /// It has an open run, which must end first.
    Busy(RunId),
}

impl Store {
    /// Makes a project.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn project_create(
        &self,
        new: NewProject,
        events: &[NewEvent],
    ) -> Result<ProjectCreateOutcome, StoreError> {
        let mut txn = self.begin().await?;
        let row = project::ActiveModel {
            name: Set(new.name),
            template: Set(new.template),
            kind: Set(new.kind.to_string()),
            agent: Set(new.agent),
            created_at: Set(micros(new.at)),
            deleted_at: Set(None),
        };
        let inserted = project::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(txn.db())
            .await?;
        if inserted == 0 {
            txn.roll_back().await?;
            return Ok(ProjectCreateOutcome::Exists);
        }
        append(&mut txn, events).await?;
        txn.commit().await?;
        Ok(ProjectCreateOutcome::Created)
    }

    /// The project of this name, also when it is deleted.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn project_fetch(&self, name: &str) -> Result<Option<ProjectRecord>, StoreError> {
        let row = project::Entity::find_by_id(name).one(self.reader()).await?;
        row.map(record).transpose()
    }

    /// The projects that are not deleted, by name, from after the cursor.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn project_list(
        &self,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<ProjectRecord>, StoreError> {
        let mut find = project::Entity::find()
            .filter(project::Column::DeletedAt.is_null())
            .order_by_asc(project::Column::Name)
            .limit(page::rows(limit));
        if let Some(after) = after {
            find = find.filter(project::Column::Name.gt(after));
        }
        let rows = find.all(self.reader()).await?;
        Page::of(rows, limit, |row| row.name.clone(), record)
    }

    /// Marks a project as deleted. What it left behind stays, and so does its name.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn project_delete(
        &self,
        name: &str,
        at: Timestamp,
        events: &[NewEvent],
    ) -> Result<ProjectDeleteOutcome, StoreError> {
        let mut txn = self.begin().await?;
        // This takes the row's lock; a run that is being opened holds it too.
        let marked = project::Entity::update_many()
            .col_expr(project::Column::DeletedAt, Expr::value(micros(at)))
            .filter(project::Column::Name.eq(name))
            .filter(project::Column::DeletedAt.is_null())
            .exec(txn.db())
            .await?;
        if marked.rows_affected == 0 {
            txn.roll_back().await?;
            return Ok(ProjectDeleteOutcome::NotFound);
        }
        let open = run::Entity::find()
            .filter(run::Column::OpenIn.eq(name))
            .one(txn.db())
            .await?;
        if let Some(open) = open {
            txn.roll_back().await?;
            let id = Row::new("runs", &open.id).parse("id", &open.id)?;
            return Ok(ProjectDeleteOutcome::Busy(id));
        }
        append(&mut txn, events).await?;
        txn.commit().await?;
        Ok(ProjectDeleteOutcome::Deleted)
    }
}

fn record(row: project::Model) -> Result<ProjectRecord, StoreError> {
    let at = Row::new("projects", &row.name);
    Ok(ProjectRecord {
        kind: at.parse("kind", &row.kind)?,
        created_at: at.time("created_at", row.created_at)?,
        deleted_at: at.maybe_time("deleted_at", row.deleted_at)?,
        name: row.name,
        template: row.template,
        agent: row.agent,
    })
}
