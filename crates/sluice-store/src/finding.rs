//! Findings: the history of what checks found, and of what mended it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr,
};
use serde_json::Value;
use sluice_gates::Gate;

use crate::entity::{finding, run};
use crate::error::StoreError;
use crate::id::{FindingId, RunId};
use crate::page::{self, Page};
use crate::row::{Row, json};
use crate::store::{Store, Txn, micros};

/// One thing that a check reports now.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFinding {
    /// The check.
    pub check: String,
    /// Equal for the same thing in two attempts.
    pub fingerprint: String,
    /// The whole finding.
    pub body: Value,
}

/// All that the checks of one attempt report.
///
/// The store compares it with what stands in the project: what is new is opened, what a check that answered no
/// longer reports is resolved. A check that did not answer resolves nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FindingsSeen {
    /// The attempt.
    pub attempt: u16,
    /// The checks that answered.
    pub checks: Vec<String>,
    /// What they report.
    pub findings: Vec<NewFinding>,
}

/// One entry of the error history.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRecord {
    /// Its id.
    pub id: FindingId,
    /// The project.
    pub project: String,
    /// The gate where it was first seen.
    pub gate: Gate,
    /// The run where it was first seen.
    pub run: RunId,
    /// The attempt that brought it.
    pub attempt: u16,
    /// The check.
    pub check: String,
    /// Equal for the same thing in two attempts.
    pub fingerprint: String,
    /// The whole finding.
    pub body: Value,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// When an attempt no longer had it.
    pub resolved_at: Option<Timestamp>,
    /// The run of that attempt.
    pub resolved_by_run: Option<RunId>,
    /// That attempt.
    pub resolved_by_attempt: Option<u16>,
}

/// Which findings to list; `None` is any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FindingFilter {
    /// First seen at this gate.
    pub gate: Option<Gate>,
    /// Resolved, or not.
    pub resolved: Option<bool>,
}

impl Store {
    /// The project's error history, newest first, from after the cursor.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn finding_list(
        &self,
        project: &str,
        filter: FindingFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<FindingRecord>, StoreError> {
        let mut find = finding::Entity::find()
            .filter(finding::Column::Project.eq(project))
            .order_by_desc(finding::Column::Id)
            .limit(page::rows(limit));
        if let Some(gate) = filter.gate {
            find = find.filter(finding::Column::Gate.eq(gate.as_str()));
        }
        find = match filter.resolved {
            Some(true) => find.filter(finding::Column::ResolvedAt.is_not_null()),
            Some(false) => find.filter(finding::Column::ResolvedAt.is_null()),
            None => find,
        };
        if let Some(after) = after {
            find = find.filter(finding::Column::Id.lt(after));
        }
        let rows = find.all(self.reader()).await?;
        Page::of(rows, limit, |row| row.id.clone(), record)
    }
}

/// How many rows one statement inserts: 13 columns each, and PostgreSQL takes 65,535 parameters.
const BATCH: usize = 500;

/// Opens what is new and resolves what is gone.
pub(crate) async fn compare(
    txn: &Txn<'_>,
    run: &run::Model,
    seen: FindingsSeen,
    at: Timestamp,
) -> Result<(), StoreError> {
    let standing = finding::Entity::find()
        .filter(finding::Column::OpenIn.eq(run.project.as_str()))
        .all(txn.db())
        .await?;
    let key = |check: &str, fingerprint: &str| (check.to_owned(), fingerprint.to_owned());
    let reported: BTreeSet<_> = seen
        .findings
        .iter()
        .map(|new| key(&new.check, &new.fingerprint))
        .collect();
    let gone: Vec<&str> = standing
        .iter()
        .filter(|row| seen.checks.contains(&row.check_name))
        .filter(|row| !reported.contains(&key(&row.check_name, &row.fingerprint)))
        .map(|row| row.id.as_str())
        .collect();
    for gone in gone.chunks(BATCH) {
        finding::Entity::update_many()
            .col_expr(finding::Column::OpenIn, Expr::value(None::<String>))
            .col_expr(finding::Column::ResolvedAt, Expr::value(micros(at)))
            .col_expr(finding::Column::ResolvedByRun, Expr::value(run.id.as_str()))
            .col_expr(
                finding::Column::ResolvedByAttempt,
                Expr::value(i32::from(seen.attempt)),
            )
            .filter(finding::Column::Id.is_in(gone.iter().copied()))
            .exec(txn.db())
            .await?;
    }
    // Also drops what one report says twice.
    let mut known: BTreeSet<_> = standing
        .iter()
        .map(|row| key(&row.check_name, &row.fingerprint))
        .collect();
    let fresh: Vec<_> = seen
        .findings
        .into_iter()
        .filter(|new| known.insert(key(&new.check, &new.fingerprint)))
        .map(|new| finding::ActiveModel {
            id: Set(FindingId::new().to_string()),
            project: Set(run.project.clone()),
            gate: Set(run.gate.clone()),
            run: Set(run.id.clone()),
            attempt: Set(seen.attempt.into()),
            check_name: Set(new.check),
            fingerprint: Set(new.fingerprint),
            body: Set(json(&new.body)),
            open_in: Set(Some(run.project.clone())),
            seen_at: Set(micros(at)),
            resolved_at: Set(None),
            resolved_by_run: Set(None),
            resolved_by_attempt: Set(None),
        })
        .collect();
    for fresh in fresh.chunks(BATCH) {
        finding::Entity::insert_many(fresh.iter().cloned())
            .exec_without_returning(txn.db())
            .await?;
    }
    Ok(())
}

fn record(row: finding::Model) -> Result<FindingRecord, StoreError> {
    let at = Row::new("findings", &row.id);
    let resolved_by = row.resolved_by_attempt.map(i64::from);
    Ok(FindingRecord {
        id: at.parse("id", &row.id)?,
        gate: at.parse("gate", &row.gate)?,
        run: at.parse("run", &row.run)?,
        attempt: at.number("attempt", row.attempt.into())?,
        body: at.json("body", &row.body)?,
        seen_at: at.time("seen_at", row.seen_at)?,
        resolved_at: at.maybe_time("resolved_at", row.resolved_at)?,
        resolved_by_run: at.maybe_parse("resolved_by_run", row.resolved_by_run.as_deref())?,
        resolved_by_attempt: resolved_by
            .map(|n| at.number("resolved_by_attempt", n))
            .transpose()?,
        project: row.project,
        check: row.check_name,
        fingerprint: row.fingerprint,
    })
}
