//! Group commit for SQLite: changes that wait for their turn at the same time share one sync of the disk.
//!
//! SQLite takes one writer at a time, and a commit waits for the disk. Here each change is a savepoint of a
//! transaction that it shares with those that queued while the one before was being written. Nobody is told of a
//! success before that transaction is durable, and a change that is taken back takes no other with it.
//!
//! The steps that must not be left half done run in tasks of their own: a caller may go away at any time, and a
//! driver that is left between asking and hearing counts its savepoints wrong.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::connect;
use crate::meters;

/// The transaction that is open, if one is. Who holds the lock may change it, in the order of asking.
type Turns = Arc<Mutex<Option<Group>>>;

/// A transaction of several changes.
struct Group {
    shared: DatabaseTransaction,
    /// Who made a change and waits until it is durable.
    made: Vec<oneshot::Sender<Result<(), DbErr>>>,
    /// A change failed: SQLite may have ended the whole transaction with it, so nobody joins any more.
    closed: bool,
}

/// The way to write.
#[derive(Clone)]
pub(crate) struct Writer {
    write: DatabaseConnection,
    turns: Turns,
}

/// A change in a group. Dropped without [`Change::commit`], it never happened.
pub(crate) struct Change {
    /// Taken only at the end.
    inner: Option<DatabaseTransaction>,
    turn: Option<OwnedMutexGuard<Option<Group>>>,
}

impl Writer {
    pub(crate) fn new(write: DatabaseConnection) -> Writer {
        Writer {
            write,
            turns: Turns::default(),
        }
    }

    /// Waits for a turn and begins a change.
    pub(crate) async fn begin(&self) -> Result<Change, DbErr> {
        let Writer { write, turns } = self.clone();
        done(tokio::spawn(async move {
            let mut turn = Arc::clone(&turns).lock_owned().await;
            if turn.as_ref().is_some_and(|group| group.closed) {
                finish(&mut turn).await;
            }
            let group = match &mut *turn {
                Some(group) => group,
                none => {
                    let shared = connect::begin(&write).await?;
                    // It queues behind those who wait already: these are the group.
                    tokio::spawn(async move {
                        let mut turn = turns.lock_owned().await;
                        finish(&mut turn).await;
                    });
                    none.insert(Group {
                        shared,
                        made: Vec::new(),
                        closed: false,
                    })
                }
            };
            let inner = Some(group.shared.begin().await?);
            Ok(Change {
                inner,
                turn: Some(turn),
            })
        }))
        .await
    }
}

impl Change {
    pub(crate) fn db(&self) -> &DatabaseTransaction {
        self.inner
            .as_ref()
            .expect("a change that has not ended has its savepoint")
    }

    /// Makes the change a part of the group, and waits until the group is durable.
    pub(crate) async fn commit(mut self) -> Result<(), DbErr> {
        let durable = done(tokio::spawn(async move {
            if let Some(inner) = self.inner.take() {
                inner.commit().await?;
            }
            let (tell, told) = oneshot::channel();
            if let Some(mut turn) = self.turn.take()
                && let Some(group) = &mut *turn
            {
                group.made.push(tell);
            }
            Ok(told)
        }))
        .await?;
        durable.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Takes the change back; the group goes on.
    pub(crate) async fn roll_back(mut self) -> Result<(), DbErr> {
        done(tokio::spawn(async move {
            if let Some(inner) = self.inner.take() {
                inner.rollback().await?;
            }
            drop(self.turn.take());
            Ok(())
        }))
        .await
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        // The savepoint is taken back before the next one has its turn.
        drop(self.inner.take());
        if let Some(mut turn) = self.turn.take()
            && let Some(group) = &mut *turn
        {
            group.closed = true;
        }
    }
}

/// Makes the open group durable and tells its members.
async fn finish(turn: &mut Option<Group>) {
    let Some(group) = turn.take() else { return };
    let came = group.shared.commit().await;
    meters::GROUP_CHANGES.observe(group.made.len() as f64);
    for tell in group.made {
        // Who does not listen any more does not need to know.
        let _ = tell.send(came.clone());
    }
}

/// What a task of ours answers.
async fn done<T>(task: tokio::task::JoinHandle<Result<T, DbErr>>) -> Result<T, DbErr> {
    match task.await {
        Ok(answer) => answer,
        Err(end) if end.is_panic() => std::panic::resume_unwind(end.into_panic()),
        Err(_) => Err(gone()),
    }
}

/// The program is ending; whether the change stands is seen by reading.
fn gone() -> DbErr {
    DbErr::Custom("the store was closed before the change was durable".to_owned())
}

#[cfg(test)]
mod tests;
