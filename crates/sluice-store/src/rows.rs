//! All rows of a database, as they were at one moment, for backups; and back into an empty one.
//!
//! A row is one line of JSON with the table's columns. Both databases have the same columns, so what was read
//! from one may be put into the other.

use sea_orm::sea_query::Expr;
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    ExprTrait, IntoActiveModel, IsolationLevel, Iterable, ModelTrait, PrimaryKeyToColumn,
    QueryFilter, QueryOrder, QuerySelect, Statement, TransactionTrait,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connect;
use crate::entity;
use crate::error::StoreError;
use crate::store::Store;

/// Rows that are read or written at once; one may hold a reply of many megabytes.
const AT_ONCE: usize = 32;

macro_rules! tables {
    ($($name:literal: $module:ident,)+) => {
        /// Every table, each after those that it refers to.
        pub const TABLES: &[&str] = &[$($name),+];

        async fn read_from(
            db: &DatabaseTransaction,
            table: &str,
            each: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send),
        ) -> Result<u64, RowsError> {
            match table {
                $($name => read_all::<entity::$module::Entity>(db, each).await,)+
                _ => Err(RowsError::no_table(table)),
            }
        }

        async fn write_to(
            db: &DatabaseTransaction,
            table: &str,
            lines: &[String],
        ) -> Result<(), RowsError> {
            match table {
                $($name => write_all::<entity::$module::Entity>(db, lines).await,)+
                _ => Err(RowsError::no_table(table)),
            }
        }

        async fn rows_exist(db: &DatabaseTransaction) -> Result<bool, StoreError> {
            $(
                // The one row of each of these comes with the schema.
                if !["event_clock", "audit_head"].contains(&$name)
                    && entity::$module::Entity::find().limit(1).one(db).await?.is_some()
                {
                    return Ok(true);
                }
            )+
            Ok(false)
        }
    };
}
tables! {
    "projects": project,
    "runs": run,
    "attempts": attempt,
    "asks": ask,
    "calls": call,
    "decisions": decision,
    "escalations": escalation,
    "proofs": proof,
    "findings": finding,
    "events": event,
    "event_clock": event_clock,
    "audit": audit,
    "audit_head": audit_head,
    "subject_authors": author,
    "journal": journal,
    "tokens": token,
    "people": person,
    "sessions": session,
    "checks": check,
    "settings": setting,
    "idempotency": idempotency,
    "webhooks": webhook,
    "webhook_deliveries": delivery,
}

/// Why rows could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// A fault of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The other side cannot take or give a row.
    #[error("cannot read or write the rows of {table}")]
    Io {
        /// The table.
        table: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A line is no row of its table.
    #[error(
        "a row of {table} cannot be read: {found}; the backup is damaged or of another version"
    )]
    Line {
        /// The table.
        table: String,
        /// What is wrong with it.
        found: String,
    },
    /// There is something already.
    #[error("the database holds rows already; restore into an empty one")]
    NotEmpty,
}

impl RowsError {
    fn no_table(table: &str) -> RowsError {
        RowsError::Line {
            table: table.to_owned(),
            found: "there is no such table".to_owned(),
        }
    }
}

impl From<sea_orm::DbErr> for RowsError {
    fn from(source: sea_orm::DbErr) -> Self {
        RowsError::Store(source.into())
    }
}

/// The rows as they were at one moment, whatever is written meanwhile.
pub struct Rows {
    look: DatabaseTransaction,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl Rows {
    /// Hands out a table's rows in the order of their keys, and says how many there were.
    ///
    /// # Errors
    /// A fault of the database, or what `each` answers.
    pub async fn read(
        &self,
        table: &str,
        each: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send),
    ) -> Result<u64, RowsError> {
        read_from(&self.look, table, each).await
    }
}

impl Store {
    /// Takes hold of all rows as they are now. `meanwhile` is asked for while nobody can write, in this program or
    /// another: what it sees outside the database belongs to these rows. It should be quick; writers of other
    /// programs give up after five seconds and try again.
    ///
    /// # Errors
    /// A fault of the database, or [`StoreError::Locked`] when somebody else writes for too long.
    pub async fn rows<T>(
        &self,
        meanwhile: impl AsyncFnOnce() -> T,
    ) -> Result<(Rows, T), StoreError> {
        let hold = connect::begin(self.writer()).await?;
        let postgres = hold.get_database_backend() == DbBackend::Postgres;
        let mut isolation = None;
        if postgres {
            let tables = TABLES.join(", ");
            hold.execute_unprepared(&format!("LOCK TABLE {tables} IN EXCLUSIVE MODE"))
                .await?;
            isolation = Some(IsolationLevel::RepeatableRead);
        }
        let access = postgres.then_some(AccessMode::ReadOnly);
        let look = self.reader().begin_with_config(isolation, access).await?;
        // The moment is that of the first look.
        entity::event_clock::Entity::find().one(&look).await?;
        let came = meanwhile().await;
        hold.rollback().await?;
        Ok((Rows { look }, came))
    }

    /// Puts rows into an empty database, all or none: `next` gives a table's name and a batch of its lines until
    /// it has no more, in the order of [`TABLES`].
    ///
    /// # Errors
    /// [`RowsError::NotEmpty`], a line that is no row, or a fault of the database. Nothing was changed then.
    pub async fn rows_restore(
        &self,
        mut next: impl FnMut() -> std::io::Result<Option<(String, Vec<String>)>> + Send,
    ) -> Result<(), RowsError> {
        let txn = connect::begin(self.writer()).await?;
        if rows_exist(&txn).await? {
            return Err(RowsError::NotEmpty);
        }
        entity::event_clock::Entity::delete_many()
            .exec(&txn)
            .await?;
        entity::audit_head::Entity::delete_many().exec(&txn).await?;
        loop {
            let batch = next().map_err(|source| RowsError::Io {
                table: "the backup".to_owned(),
                source,
            })?;
            let Some((table, lines)) = batch else { break };
            for lines in lines.chunks(AT_ONCE) {
                write_to(&txn, &table, lines).await?;
            }
        }
        if txn.get_database_backend() == DbBackend::Postgres {
            counters_advance(&txn).await?;
        }
        txn.commit().await?;
        Ok(())
    }
}

/// Rows came with their numbers; the next one goes on from there.
async fn counters_advance(txn: &DatabaseTransaction) -> Result<(), RowsError> {
    for table in TABLES {
        let sql = format!(
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}' \
             AND table_schema = current_schema() AND pg_get_serial_sequence('{table}', column_name) IS NOT NULL"
        );
        let found = txn
            .query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?;
        for row in found {
            let column: String = row.try_get_by_index(0)?;
            let sql = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT max({column}) FROM {table})) \
                 WHERE EXISTS (SELECT 1 FROM {table})"
            );
            txn.query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
                .await?;
        }
    }
    Ok(())
}

async fn read_all<E>(
    db: &DatabaseTransaction,
    each: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send),
) -> Result<u64, RowsError>
where
    E: EntityTrait,
    E::Model: Serialize + Sync,
{
    let table = E::default().table_name().to_owned();
    let keys: Vec<E::Column> = E::PrimaryKey::iter().map(|key| key.into_column()).collect();
    let mut last: Option<E::Model> = None;
    let mut count = 0;
    loop {
        let mut page = E::find();
        if let Some(last) = &last {
            let columns = keys.iter().map(|key| key.into_expr());
            let values = keys.iter().map(|key| Expr::value(last.get(*key)));
            page = page.filter(Expr::tuple(columns).gt(Expr::tuple(values)));
        }
        for key in &keys {
            page = page.order_by_asc(*key);
        }
        let rows = page.limit(AT_ONCE as u64).all(db).await?;
        let ends = rows.len() < AT_ONCE;
        for row in &rows {
            let line = serde_json::to_string(row).map_err(|error| RowsError::Line {
                table: table.clone(),
                found: error.to_string(),
            })?;
            each(&line).map_err(|source| RowsError::Io {
                table: table.clone(),
                source,
            })?;
            count += 1;
        }
        last = rows.into_iter().last();
        if ends || last.is_none() {
            return Ok(count);
        }
    }
}

async fn write_all<E>(db: &DatabaseTransaction, lines: &[String]) -> Result<(), RowsError>
where
    E: EntityTrait,
    E::Model: DeserializeOwned + IntoActiveModel<E::ActiveModel>,
{
    let rows = lines.iter().map(|line| {
        serde_json::from_str::<E::Model>(line).map_err(|error| RowsError::Line {
            table: E::default().table_name().to_owned(),
            found: error.to_string(),
        })
    });
    let rows: Vec<E::Model> = rows.collect::<Result<_, _>>()?;
    let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
    E::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}
