//! What happened, in order, for streams and for people who look back.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::Value;

use crate::audit::{self, NewRow};
use crate::decision::Actor;
use crate::entity::{event, event_clock};
use crate::error::StoreError;
use crate::id::EventSeq;
use crate::row::{Row, json};
use crate::store::{CLOCK, Store, Txn, micros};

/// Something that happened, not yet numbered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The project it belongs to; `None` for the daemon's own.
    pub project: Option<String>,
    /// What kind, such as `attempt.failed`.
    pub kind: String,
    /// What there is to know.
    pub body: Value,
    /// Who did it, when it is a decision or a change that the audit log keeps too.
    pub audit: Option<Actor>,
    /// When.
    pub at: Timestamp,
}

impl NewEvent {
    /// The same, kept in the audit log too.
    #[must_use]
    pub fn by(mut self, who: &Actor) -> NewEvent {
        self.audit = Some(who.clone());
        self
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// Its number; the `id:` of a stream.
    pub seq: EventSeq,
    /// The project it belongs to; `None` for the daemon's own.
    pub project: Option<String>,
    /// What kind, such as `attempt.failed`.
    pub kind: String,
    /// What there is to know.
    pub body: Value,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Appends one event that belongs to no other change.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn event_append(&self, event: NewEvent) -> Result<EventSeq, StoreError> {
        let mut txn = self.begin().await?;
        append(&mut txn, &[event]).await?;
        let last = txn.commit().await?;
        Ok(last.expect("an event was appended"))
    }

    /// The events after `after`, oldest first, at most `limit`; of one project, or of all.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn event_list(
        &self,
        after: EventSeq,
        project: Option<&str>,
        limit: u64,
    ) -> Result<Vec<EventRecord>, StoreError> {
        let mut find = event::Entity::find()
            .filter(event::Column::Seq.gt(after.0))
            .order_by_asc(event::Column::Seq)
            .limit(limit);
        if let Some(project) = project {
            find = find.filter(event::Column::Project.eq(project));
        }
        let rows = find.all(self.reader()).await?;
        rows.into_iter().map(record).collect()
    }
}

/// Appends events to a change. The counter stays locked until the change is over, so this comes last in it.
pub(crate) async fn append(txn: &mut Txn<'_>, events: &[NewEvent]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let audited: Vec<NewRow<'_>> = events
        .iter()
        .filter_map(|event| {
            Some(NewRow {
                project: event.project.as_deref(),
                who: event.audit.as_ref()?,
                kind: &event.kind,
                body: &event.body,
                at: event.at,
            })
        })
        .collect();
    audit::append(txn, &audited).await?;
    let count = events.len() as i64;
    let mut tick = Query::update();
    tick.table(event_clock::Entity)
        .value(
            event_clock::Column::Last,
            Expr::col(event_clock::Column::Last).add(count),
        )
        .and_where(Expr::col(event_clock::Column::Id).eq(CLOCK))
        .returning_col(event_clock::Column::Last);
    let row = txn.db().query_one(&tick).await?;
    let Some(row) = row else {
        return Err(StoreError::Missing {
            what: "event clock",
            key: CLOCK.to_string(),
        });
    };
    let last: i64 = row.try_get("", "last")?;
    let rows = events
        .iter()
        .zip(last - count + 1..)
        .map(|(new, seq)| event::ActiveModel {
            seq: Set(seq),
            project: Set(new.project.clone()),
            kind: Set(new.kind.clone()),
            body: Set(json(&new.body)),
            at: Set(micros(new.at)),
        });
    event::Entity::insert_many(rows)
        .exec_without_returning(txn.db())
        .await?;
    txn.reached(EventSeq(last));
    Ok(())
}

fn record(row: event::Model) -> Result<EventRecord, StoreError> {
    let key = row.seq.to_string();
    let at = Row::new("events", &key);
    Ok(EventRecord {
        seq: EventSeq(row.seq),
        body: at.json("body", &row.body)?,
        at: at.time("at", row.at)?,
        project: row.project,
        kind: row.kind,
    })
}
