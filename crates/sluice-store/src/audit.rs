//! The audit log: who decided and changed what, in rows that each hold the hash of the one before.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::Value;
use sluice_proof::audit::{AuditAnchor, AuditRow, AuditWho, canonical};

use crate::decision::Actor;
use crate::entity::{audit, audit_head};
use crate::error::StoreError;
use crate::id::RunId;
use crate::page::{self, Page};
use crate::row::{Row, free, json};
use crate::store::{CLOCK, Store, Txn, micros};

/// What is to be noted, not yet numbered.
pub(crate) struct NewRow<'a> {
    pub(crate) project: Option<&'a str>,
    pub(crate) who: &'a Actor,
    pub(crate) kind: &'a str,
    pub(crate) body: &'a Value,
    pub(crate) at: Timestamp,
}

/// Which rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this project only.
    pub project: Option<String>,
    /// Of this kind only, such as `gate.decided`.
    pub kind: Option<String>,
    /// Of whom only, by name.
    pub who: Option<String>,
}

impl Store {
    /// The rows after the cursor, oldest first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn audit_list(
        &self,
        filter: &AuditFilter,
        after: i64,
        limit: u64,
    ) -> Result<Page<AuditRow>, StoreError> {
        let mut find = audit::Entity::find()
            .filter(audit::Column::Seq.gt(after))
            .order_by_asc(audit::Column::Seq)
            .limit(page::rows(limit));
        if let Some(project) = &filter.project {
            find = find.filter(audit::Column::Project.eq(project.as_str()));
        }
        if let Some(kind) = &filter.kind {
            find = find.filter(audit::Column::Kind.eq(kind.as_str()));
        }
        if let Some(who) = &filter.who {
            find = find.filter(audit::Column::WhoName.eq(who.as_str()));
        }
        let rows = find.all(self.reader()).await?;
        Page::of(rows, limit, |row| row.seq.to_string(), record)
    }

    /// The newest row about a run.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn audit_anchor(&self, run: RunId) -> Result<Option<AuditAnchor>, StoreError> {
        let row = audit::Entity::find()
            .filter(audit::Column::Run.eq(run.to_string()))
            .order_by_desc(audit::Column::Seq)
            .one(self.reader())
            .await?;
        Ok(row.map(|row| AuditAnchor {
            seq: row.seq,
            hash: row.hash,
        }))
    }
}

/// Appends rows to a change. The head stays locked until the change is over, so this comes near its end.
pub(crate) async fn append(txn: &Txn<'_>, new: &[NewRow<'_>]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let count = new.len() as i64;
    let mut tick = Query::update();
    tick.table(audit_head::Entity)
        .value(
            audit_head::Column::Seq,
            Expr::col(audit_head::Column::Seq).add(count),
        )
        .and_where(Expr::col(audit_head::Column::Id).eq(CLOCK))
        .returning(Query::returning().columns([audit_head::Column::Seq, audit_head::Column::Hash]));
    let head = txn.db().query_one(&tick).await?;
    let Some(head) = head else {
        return Err(StoreError::Missing {
            what: "audit head",
            key: CLOCK.to_string(),
        });
    };
    let last: i64 = head.try_get("", "seq")?;
    let mut previous: String = head.try_get("", "hash")?;
    let mut rows = Vec::with_capacity(new.len());
    for (new, seq) in new.iter().zip(last - count + 1..) {
        let run = new.body.get("run").and_then(Value::as_str);
        let mut row = AuditRow {
            seq,
            at: written(new.at),
            project: new.project.map(str::to_owned),
            who: AuditWho {
                name: free(&new.who.name),
                kind: new.who.kind.to_string(),
                role: new.who.role.to_string(),
                token: new.who.token.map(|id| id.to_string()),
            },
            kind: new.kind.to_owned(),
            body: canonical(new.body),
            previous,
            hash: String::new(),
        };
        row.hash = row.computed_hash();
        previous = row.hash.clone();
        rows.push(audit::ActiveModel {
            seq: Set(seq),
            at: Set(micros(new.at)),
            project: Set(row.project),
            run: Set(run.map(str::to_owned)),
            who_name: Set(row.who.name),
            who_kind: Set(row.who.kind),
            who_role: Set(row.who.role),
            who_token: Set(row.who.token),
            kind: Set(row.kind),
            body: Set(json(&row.body)),
            previous: Set(row.previous),
            hash: Set(row.hash),
        });
    }
    audit::Entity::insert_many(rows)
        .exec_without_returning(txn.db())
        .await?;
    audit_head::Entity::update_many()
        .col_expr(audit_head::Column::Hash, Expr::value(previous))
        .filter(audit_head::Column::Id.eq(CLOCK))
        .exec(txn.db())
        .await?;
    Ok(())
}

/// The form of a time that is hashed.
fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn record(row: audit::Model) -> Result<AuditRow, StoreError> {
    let key = row.seq.to_string();
    let at = Row::new("audit", &key);
    Ok(AuditRow {
        at: written(at.time("at", row.at)?),
        body: at.json("body", &row.body)?,
        seq: row.seq,
        project: row.project,
        who: AuditWho {
            name: row.who_name,
            kind: row.who_kind,
            role: row.who_role,
            token: row.who_token,
        },
        kind: row.kind,
        previous: row.previous,
        hash: row.hash,
    })
}
