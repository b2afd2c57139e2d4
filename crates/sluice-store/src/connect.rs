//! Opens a database and brings its schema up to date.

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sluice_migrations::{Migrator, MigratorTrait};

use crate::error::StoreError;

/// How long a statement waits for another program's lock on a SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;
/// Any number, the same in every sluice: the lock under which a PostgreSQL schema is migrated.
const MIGRATION_LOCK: i64 = 0x0053_4c55_4943_4500;

/// Where to read and where to write.
///
/// SQLite takes one writer at a time; one connection makes writers wait in order instead of polling a lock.
pub(crate) struct Connections {
    pub(crate) read: DatabaseConnection,
    pub(crate) write: DatabaseConnection,
}

/// What to do with the schema that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    /// Bring it up to date.
    Migrate,
    /// Leave it as it is, and refuse another than this program's.
    AsIs,
}

pub(crate) async fn open(url: &str, schema: Schema) -> Result<Connections, StoreError> {
    let fault = |source| match StoreError::from(source) {
        StoreError::Database { source } | StoreError::Unreachable { source } => StoreError::Open {
            url: without_password(url),
            source,
        },
        known => known,
    };
    let connections = if url.starts_with("sqlite:") {
        let write = Database::connect(sqlite(url, 1)).await.map_err(fault)?;
        // Each connection to a database in memory has a database of its own.
        let read = if url.contains(":memory:") || url.contains("mode=memory") {
            write.clone()
        } else {
            Database::connect(sqlite(url, SQLITE_READERS))
                .await
                .map_err(fault)?
        };
        Connections { read, write }
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let mut options = options(url);
        options.max_connections(POSTGRES_CONNECTIONS);
        let write = Database::connect(options).await.map_err(fault)?;
        let read = write.clone();
        Connections { read, write }
    } else {
        let url = without_password(url);
        return Err(StoreError::Url { url });
    };
    match schema {
        Schema::Migrate => migrate(&connections.write).await?,
        Schema::AsIs => look(&connections.read).await?,
    }
    Ok(connections)
}

/// Begins a transaction that may write. On SQLite it takes the write lock at once: one that began as a reader
/// fails without waiting when somebody else has written meanwhile.
pub(crate) async fn begin(write: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    write.begin_with_options(options).await
}

fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

fn sqlite(url: &str, connections: u32) -> ConnectOptions {
    let mut options = options(url);
    options
        .max_connections(connections)
        .min_connections(1)
        // A database in memory lives as long as its connection.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // A full disk makes SQLite end the whole transaction. The driver does not notice: it counts on, and from
        // then on begins savepoints for transactions and commits nothing. Such a connection is closed.
        .map_sqlx_sqlite_pool_opts(|options| {
            options.after_release(|connection, _| {
                Box::pin(async move {
                    // The rollback of a dropped transaction comes before the answer.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
        })
        .map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
        });
    options
}

/// One transaction for all of it: a program that is killed in the middle leaves the old schema, and two that
/// start at once do the work once.
async fn migrate(write: &DatabaseConnection) -> Result<(), StoreError> {
    let txn = begin(write).await?;
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            .await?;
    }
    Migrator::install(&txn).await?;
    let known = known();
    let applied = Migrator::get_migration_models(&txn).await?;
    if let Some(migration) = applied
        .into_iter()
        .find(|one| !known.contains(&one.version))
    {
        let migration = migration.version;
        return Err(StoreError::NewerSchema { migration });
    }
    Migrator::up(&txn, None).await?;
    txn.commit().await?;
    Ok(())
}

/// The migrations of this program.
fn known() -> BTreeSet<String> {
    Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect()
}

/// Looks whether the schema is this program's.
async fn look(read: &DatabaseConnection) -> Result<(), StoreError> {
    // Without the table of migrations it is no database of ours.
    let applied = Migrator::get_migration_models(read)
        .await
        .unwrap_or_default();
    let applied: BTreeSet<String> = applied.into_iter().map(|one| one.version).collect();
    if applied == known() {
        return Ok(());
    }
    Err(StoreError::OtherSchema)
}

/// The URL as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((login, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}@{host}")
}

#[cfg(test)]
mod tests;
