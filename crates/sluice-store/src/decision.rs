//! Decisions: who said what about a run, and what they saw.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, Set, sea_query::OnConflict,
};
use serde_json::Value;
use sluice_gates::{Gate, Step};

use crate::entity::{decision, run};
use crate::error::StoreError;
use crate::id::{RunId, TokenId};
use crate::row::{Row, free, json};
use crate::run::step_number;
use crate::store::{Store, Txn, micros};
use crate::word::{ActorKind, Role, words};

words! {
    /// What kind of decision.
    DecisionKind ("kind of decision") {
        /// The subject is approved.
        Approve => "approve",
        /// The subject is rejected.
        Reject => "reject",
        /// A held attempt may go on, or not.
        Rule => "rule",
        /// An escalation is answered: the agent is asked again.
        Answer => "answer",
        /// The run is ended.
        Cancel => "cancel",
        /// The subject is taken although it does not hold.
        Waive => "waive",
        /// The gate does not apply to the project.
        Skip => "skip",
    }
}

/// Who acts, as the credential says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The name on the credential.
    pub name: String,
    /// A person, an agent, or the daemon.
    pub kind: ActorKind,
    /// What they may do.
    pub role: Role,
    /// The token that they showed.
    pub token: Option<TokenId>,
    /// The projects that the credential is for; `None` for all.
    pub projects: Option<Vec<String>>,
}

impl Actor {
    /// The daemon itself.
    pub fn daemon() -> Actor {
        Actor {
            name: "Sluice".to_owned(),
            kind: ActorKind::System,
            role: Role::Admin,
            token: None,
            projects: None,
        }
    }

    /// Whether the credential is for this project.
    pub fn may_see(&self, project: &str) -> bool {
        let projects = self.projects.as_deref();
        projects.is_none_or(|projects| projects.iter().any(|one| one == project))
    }
}

/// A decision to be stored with a change of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDecision {
    /// The attempt that it is about.
    pub attempt: Option<u16>,
    /// What kind.
    pub kind: DecisionKind,
    /// Who.
    pub actor: Actor,
    /// Their words.
    pub comment: Option<String>,
    /// What they saw.
    pub subject_digest: Option<String>,
    /// What else they said, by field.
    pub fields: Value,
}

/// A decision.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRecord {
    /// The project.
    pub project: String,
    /// The gate.
    pub gate: Gate,
    /// The run.
    pub run: RunId,
    /// The step that it answered.
    pub step: Step,
    /// The attempt that it is about.
    pub attempt: Option<u16>,
    /// What kind.
    pub kind: DecisionKind,
    /// Who.
    pub actor: Actor,
    /// Their words.
    pub comment: Option<String>,
    /// What they saw.
    pub subject_digest: Option<String>,
    /// What else they said, by field.
    pub fields: Value,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// The decisions about a run, oldest first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn decision_list(&self, run: RunId) -> Result<Vec<DecisionRecord>, StoreError> {
        let rows = decision::Entity::find()
            .filter(decision::Column::Run.eq(run.to_string()))
            .order_by_asc(decision::Column::Id)
            .all(self.reader())
            .await?;
        rows.into_iter().map(record).collect()
    }
}

/// Stores a decision; `false` when this person has approved this subject already.
pub(crate) async fn insert(
    txn: &Txn<'_>,
    run: &run::Model,
    step: Step,
    new: NewDecision,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let once = (new.kind == DecisionKind::Approve).then(|| {
        let digest = new.subject_digest.as_deref().unwrap_or_default();
        json(&(&run.id, digest, &new.actor.name))
    });
    let row = decision::ActiveModel {
        id: NotSet,
        project: Set(run.project.clone()),
        gate: Set(run.gate.clone()),
        run: Set(run.id.clone()),
        step: Set(step_number(step)),
        attempt: Set(new.attempt.map(i32::from)),
        kind: Set(new.kind.to_string()),
        actor_name: Set(free(&new.actor.name)),
        actor_kind: Set(new.actor.kind.to_string()),
        actor_role: Set(new.actor.role.to_string()),
        actor_token: Set(new.actor.token.map(|id| id.to_string())),
        comment: Set(new.comment.as_deref().map(free)),
        subject_digest: Set(new.subject_digest),
        fields: Set(json(&new.fields)),
        once: Set(once),
        at: Set(micros(at)),
    };
    let inserted = decision::Entity::insert(row)
        .on_conflict(
            OnConflict::column(decision::Column::Once)
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(txn.db())
        .await?;
    Ok(inserted > 0)
}

fn record(row: decision::Model) -> Result<DecisionRecord, StoreError> {
    let key = row.id.to_string();
    let at = Row::new("decisions", &key);
    let attempt = row.attempt.map(i64::from);
    Ok(DecisionRecord {
        gate: at.parse("gate", &row.gate)?,
        run: at.parse("run", &row.run)?,
        step: Step(at.number("step", row.step)?),
        attempt: attempt.map(|n| at.number("attempt", n)).transpose()?,
        kind: at.parse("kind", &row.kind)?,
        actor: Actor {
            kind: at.parse("actor_kind", &row.actor_kind)?,
            role: at.parse("actor_role", &row.actor_role)?,
            token: at.maybe_parse("actor_token", row.actor_token.as_deref())?,
            projects: None,
            name: row.actor_name,
        },
        fields: at.json("fields", &row.fields)?,
        at: at.time("at", row.at)?,
        project: row.project,
        comment: row.comment,
        subject_digest: row.subject_digest,
    })
}
