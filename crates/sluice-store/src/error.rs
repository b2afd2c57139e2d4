//! What can go wrong between the store and its database.

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// A fault of the database or of what it holds. What can be expected is an outcome, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names no database that we know.
    #[error(
        "{url:?} is not a database; use sqlite:///absolute/path?mode=rwc, sqlite::memory: or \
         postgres://user@host/name"
    )]
    Url {
        /// The URL, without a password.
        url: String,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {url}; check that it exists and that this user may write it")]
    Open {
        /// The URL, without a password.
        url: String,
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// The schema was made by a newer program.
    #[error(
        "the database holds the migration {migration}, which this program does not know; it was used by a \
         newer sluice: run that version, or restore a backup from before the upgrade"
    )]
    NewerSchema {
        /// The first unknown migration.
        migration: String,
    },
    /// The schema is not this program's, and was to be left as it is.
    #[error(
        "the database is not one of this version of sluice; use the version that its daemon runs"
    )]
    OtherSchema,
    /// Somebody else holds the database for longer than we wait, or asked for the same rows the other way round.
    #[error(
        "the database is locked by another program; try again, and end what holds it if it stays so"
    )]
    Locked {
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// The disk is full.
    #[error("the disk of the database is full; free some space and try again, nothing was lost")]
    Full {
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// The database may only be read.
    #[error(
        "the database can only be read; give this user the right to write the file and its folder"
    )]
    ReadOnly {
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// The file is no database, or a damaged one.
    #[error("the database is damaged or is not a database; restore a backup")]
    Damaged {
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// The database does not answer.
    #[error("the database does not answer; start it again, the work goes on by itself")]
    Unreachable {
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// Any other fault of the database.
    #[error("the database refused a statement")]
    Database {
        /// What the driver says.
        #[source]
        source: DbErr,
    },
    /// A stored value cannot be read: another program wrote it, or it was damaged.
    #[error("{table}.{column} of {key} cannot be read ({found}); restore a backup")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        found: String,
    },
    /// A row that the call rests on is not there.
    #[error("there is no {what} {key}")]
    Missing {
        /// What kind of row.
        what: &'static str,
        /// Its key.
        key: String,
    },
    /// The call contradicts itself; nothing was changed.
    #[error("refused to store a contradiction: {what}")]
    Contradiction {
        /// What does not fit.
        what: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing it.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            StoreError::Locked { .. } | StoreError::Full { .. } | StoreError::Unreachable { .. }
        )
    }
}

impl From<DbErr> for StoreError {
    fn from(source: DbErr) -> StoreError {
        match class(&source) {
            Class::Locked => StoreError::Locked { source },
            Class::Full => StoreError::Full { source },
            Class::ReadOnly => StoreError::ReadOnly { source },
            Class::Damaged => StoreError::Damaged { source },
            Class::Unreachable => StoreError::Unreachable { source },
            Class::Other => StoreError::Database { source },
        }
    }
}

/// What a caller can do about a fault.
enum Class {
    Locked,
    Full,
    ReadOnly,
    Damaged,
    Unreachable,
    Other,
}

fn class(error: &DbErr) -> Class {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return match error {
            DbErr::ConnectionAcquire(_) => Class::Unreachable,
            _ => Class::Other,
        };
    };
    let database = match error.as_ref() {
        sqlx::Error::Database(database) => database,
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            return Class::Unreachable;
        }
        _ => return Class::Other,
    };
    let code = database.code().unwrap_or_default();
    if database
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
    {
        // The low byte of an extended code is the primary one: https://www.sqlite.org/rescode.html
        return match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(5 | 6) => Class::Locked,
            Ok(13) => Class::Full,
            Ok(8) => Class::ReadOnly,
            Ok(11 | 26) => Class::Damaged,
            _ => Class::Other,
        };
    }
    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    match code.as_ref() {
        "40001" | "40P01" | "55P03" => Class::Locked,
        "53100" => Class::Full,
        "25006" => Class::ReadOnly,
        "XX001" | "XX002" => Class::Damaged,
        "53300" | "57P01" | "57P02" | "57P03" => Class::Unreachable,
        _ => Class::Other,
    }
}
