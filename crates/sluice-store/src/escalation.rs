//! Escalations: questions that the machine puts to people.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr,
};
use serde_json::Value;
use sluice_gates::{Gate, Step};

use crate::entity::{escalation, run};
use crate::error::StoreError;
use crate::id::{EscalationId, RunId};
use crate::page::{self, Page};
use crate::row::{Row, free, json};
use crate::run::step_number;
use crate::store::{Store, Txn, micros};
use crate::word::words;

words! {
    /// Whether somebody must still answer.
    EscalationState ("state of an escalation") {
        /// An answer is waited for.
        Open => "open",
        /// Somebody has answered.
        Answered => "answered",
        /// The run went on without an answer: it was cancelled.
        Withdrawn => "withdrawn",
    }
}

/// A question to be put with a change of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEscalation {
    /// Its id, chosen by the caller so that events can carry it.
    pub id: EscalationId,
    /// The last attempt.
    pub attempt: u16,
    /// What is asked: what failed, what was tried, what can be answered.
    pub question: Value,
}

/// An answer to be stored with a change of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct EscalationAnswer {
    /// Which question.
    pub id: EscalationId,
    /// The action, the guidance, the fields.
    pub answer: Value,
    /// Who answers.
    pub answered_by: String,
}

/// A question to a person, and the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct EscalationRecord {
    /// Its id.
    pub id: EscalationId,
    /// The project.
    pub project: String,
    /// The gate.
    pub gate: Gate,
    /// The run.
    pub run: RunId,
    /// The step at which it was put; an answer must name it while the question is open.
    pub step: Step,
    /// The last attempt.
    pub attempt: u16,
    /// What is asked.
    pub question: Value,
    /// Whether somebody must still answer.
    pub state: EscalationState,
    /// The answer.
    pub answer: Option<Value>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When.
    pub answered_at: Option<Timestamp>,
    /// When it was put.
    pub created_at: Timestamp,
}

impl Store {
    /// The question of this id.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn escalation_fetch(
        &self,
        id: EscalationId,
    ) -> Result<Option<EscalationRecord>, StoreError> {
        let row = escalation::Entity::find_by_id(id.to_string())
            .one(self.reader())
            .await?;
        row.map(record).transpose()
    }

    /// The questions in a state, or all, oldest first, from after the cursor.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn escalation_list(
        &self,
        state: Option<EscalationState>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<EscalationRecord>, StoreError> {
        let mut find = escalation::Entity::find()
            .order_by_asc(escalation::Column::Id)
            .limit(page::rows(limit));
        if let Some(state) = state {
            find = find.filter(escalation::Column::State.eq(state.as_str()));
        }
        if let Some(after) = after {
            find = find.filter(escalation::Column::Id.gt(after));
        }
        let rows = find.all(self.reader()).await?;
        Page::of(rows, limit, |row| row.id.clone(), record)
    }

    /// The questions of a run, oldest first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn escalation_list_of(
        &self,
        run: RunId,
    ) -> Result<Vec<EscalationRecord>, StoreError> {
        let rows = escalation::Entity::find()
            .filter(escalation::Column::Run.eq(run.to_string()))
            .order_by_asc(escalation::Column::Id)
            .all(self.reader())
            .await?;
        rows.into_iter().map(record).collect()
    }
}

/// Puts a question; `step` is the one that the run has reached by it.
pub(crate) async fn open(
    txn: &Txn<'_>,
    run: &run::Model,
    step: Step,
    new: NewEscalation,
    at: Timestamp,
) -> Result<(), StoreError> {
    let row = escalation::ActiveModel {
        id: Set(new.id.to_string()),
        project: Set(run.project.clone()),
        gate: Set(run.gate.clone()),
        run: Set(run.id.clone()),
        step: Set(step_number(step)),
        attempt: Set(new.attempt.into()),
        question: Set(json(&new.question)),
        state: Set(EscalationState::Open.to_string()),
        answer: Set(None),
        answered_by: Set(None),
        answered_at: Set(None),
        created_at: Set(micros(at)),
    };
    escalation::Entity::insert(row)
        .exec_without_returning(txn.db())
        .await?;
    Ok(())
}

/// Answers an open question of the run; `false` when it is not open.
pub(crate) async fn answer(
    txn: &Txn<'_>,
    run: &run::Model,
    answer: EscalationAnswer,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let answered = escalation::Entity::update_many()
        .col_expr(
            escalation::Column::State,
            Expr::value(EscalationState::Answered.as_str()),
        )
        .col_expr(
            escalation::Column::Answer,
            Expr::value(json(&answer.answer)),
        )
        .col_expr(
            escalation::Column::AnsweredBy,
            Expr::value(free(&answer.answered_by)),
        )
        .col_expr(escalation::Column::AnsweredAt, Expr::value(micros(at)))
        .filter(escalation::Column::Id.eq(answer.id.to_string()))
        .filter(escalation::Column::Run.eq(run.id.as_str()))
        .filter(escalation::Column::State.eq(EscalationState::Open.as_str()))
        .exec(txn.db())
        .await?;
    Ok(answered.rows_affected > 0)
}

/// Takes back what is still open when the run no longer waits for an answer.
pub(crate) async fn withdraw(txn: &Txn<'_>, run: &run::Model) -> Result<(), StoreError> {
    escalation::Entity::update_many()
        .col_expr(
            escalation::Column::State,
            Expr::value(EscalationState::Withdrawn.as_str()),
        )
        .filter(escalation::Column::Run.eq(run.id.as_str()))
        .filter(escalation::Column::State.eq(EscalationState::Open.as_str()))
        .exec(txn.db())
        .await?;
    Ok(())
}

fn record(row: escalation::Model) -> Result<EscalationRecord, StoreError> {
    let at = Row::new("escalations", &row.id);
    Ok(EscalationRecord {
        id: at.parse("id", &row.id)?,
        gate: at.parse("gate", &row.gate)?,
        run: at.parse("run", &row.run)?,
        step: Step(at.number("step", row.step)?),
        attempt: at.number("attempt", row.attempt.into())?,
        question: at.json("question", &row.question)?,
        state: at.parse("state", &row.state)?,
        answer: at.maybe_json("answer", row.answer.as_deref())?,
        answered_at: at.maybe_time("answered_at", row.answered_at)?,
        created_at: at.time("created_at", row.created_at)?,
        project: row.project,
        answered_by: row.answered_by,
    })
}
