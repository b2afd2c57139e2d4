//! The store itself: its connections, its transactions, and who is told when something happened.

use std::time::Instant;

use jiff::Timestamp;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait};
use tokio::sync::watch;

use crate::connect::{self, Schema};
use crate::entity::event_clock;
use crate::error::StoreError;
use crate::group::{Change, Writer};
use crate::id::EventSeq;
use crate::meters;

/// The key of the one row that counts events.
pub(crate) const CLOCK: i32 = 1;

/// All that is remembered. A clone is the same store.
#[derive(Clone)]
pub struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    /// SQLite's changes; PostgreSQL groups commits by itself.
    pub(crate) group: Option<Writer>,
    events: watch::Sender<EventSeq>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a database, makes it if the URL says so, and brings its schema up to date.
    ///
    /// `url` is `sqlite:///absolute/path?mode=rwc`, `sqlite::memory:` or `postgres://user@host/name`. A SQLite
    /// file is kept in WAL mode with `synchronous = FULL`: what was acknowledged survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Open`], [`StoreError::NewerSchema`], or a fault of the database.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Self::with(connect::open(url, Schema::Migrate).await?).await
    }

    /// Opens a database that another program may be using, and leaves its schema as it is. `url` names one that
    /// is there: `sqlite:///absolute/path?mode=rw`.
    ///
    /// # Errors
    /// As [`Store::open`]; [`StoreError::OtherSchema`] when it is not the schema of this program.
    pub async fn open_as_is(url: &str) -> Result<Store, StoreError> {
        Self::with(connect::open(url, Schema::AsIs).await?).await
    }

    async fn with(connections: connect::Connections) -> Result<Store, StoreError> {
        let connect::Connections { read, write } = connections;
        let last = event_clock::Entity::find_by_id(CLOCK).one(&read).await?;
        let last = EventSeq(last.map_or(0, |clock| clock.last));
        let (events, _) = watch::channel(last);
        let group = match write.get_database_backend() {
            DbBackend::Sqlite => Some(Writer::new(write.clone())),
            _ => None,
        };
        Ok(Store {
            read,
            write,
            group,
            events,
        })
    }

    /// Waits for open work and closes the connections; SQLite then folds its log into the file.
    ///
    /// # Errors
    /// A fault of the database. Nothing that was acknowledged is lost.
    pub async fn close(self) -> Result<(), StoreError> {
        self.read.close().await?;
        self.write.close().await?;
        Ok(())
    }

    /// The last event that was committed through this store; it changes when there are new ones.
    ///
    /// Another program on the same database does not change it: a reader that must see those asks again now
    /// and then.
    pub fn events_watch(&self) -> watch::Receiver<EventSeq> {
        self.events.subscribe()
    }

    /// Answers whether the database can be read.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read.ping().await?;
        Ok(())
    }

    /// Where to read outside a transaction. Never while one is open: a database in memory has one connection.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Where to write, for what is no ordinary change.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Begins a change. Every write goes through here.
    pub(crate) async fn begin(&self) -> Result<Txn<'_>, StoreError> {
        let began = Instant::now();
        let inner = match &self.group {
            Some(group) => Inner::Grouped(group.begin().await?),
            None => Inner::Alone(connect::begin(&self.write).await?),
        };
        Ok(Txn {
            inner,
            events: &self.events,
            last: None,
            began,
        })
    }
}

/// A change that is not visible yet. Dropped without [`Txn::commit`], it never happened.
pub(crate) struct Txn<'a> {
    inner: Inner,
    events: &'a watch::Sender<EventSeq>,
    last: Option<EventSeq>,
    began: Instant,
}

enum Inner {
    Alone(DatabaseTransaction),
    Grouped(Change),
}

impl Txn<'_> {
    pub(crate) fn db(&self) -> &DatabaseTransaction {
        match &self.inner {
            Inner::Alone(inner) => inner,
            Inner::Grouped(change) => change.db(),
        }
    }

    /// Notes the last event of this change; the watchers hear of it after the commit.
    pub(crate) fn reached(&mut self, seq: EventSeq) {
        self.last = Some(seq);
    }

    /// Makes the change durable and visible, then wakes who watches.
    pub(crate) async fn commit(self) -> Result<Option<EventSeq>, StoreError> {
        let committed = match self.inner {
            Inner::Alone(inner) => inner.commit().await,
            Inner::Grouped(change) => change.commit().await,
        };
        if let Err(error) = committed {
            meters::FAILED_CHANGES.inc();
            return Err(error.into());
        }
        meters::CHANGE_SECONDS.observe(self.began.elapsed().as_secs_f64());
        if let Some(seq) = self.last {
            self.events.send_if_modified(|last| {
                let newer = seq > *last;
                *last = seq.max(*last);
                newer
            });
        }
        Ok(self.last)
    }

    /// Takes the change back.
    pub(crate) async fn roll_back(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Alone(inner) => inner.rollback().await?,
            Inner::Grouped(change) => change.roll_back().await?,
        }
        Ok(())
    }
}

/// The stored form of a time: microseconds since the Unix epoch. Finer parts are cut off.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

#[cfg(test)]
mod tests;
