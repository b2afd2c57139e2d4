//! Schema history.
//!
//! Portable between SQLite and PostgreSQL: words are text with `CHECK`, times are microseconds since the Unix
//! epoch as 64-bit integers, documents are JSON as text, and foreign keys stand in the table's creation.
//! A migration that was released is never changed; the next one is added.

mod m20261121_000001_spine;
mod m20261122_000002_usage;
mod m20261122_000003_idempotency;
mod m20261122_000004_audit;
mod m20261122_000005_journal;
mod m20261122_000006_webhooks;
mod m20261122_000008_sessions;
mod m20261122_000009_people;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_spine::Migration),
            Box::new(m20261122_000002_usage::Migration),
            Box::new(m20261122_000003_idempotency::Migration),
            Box::new(m20261122_000004_audit::Migration),
            Box::new(m20261122_000005_journal::Migration),
            Box::new(m20261122_000006_webhooks::Migration),
            Box::new(m20261122_000009_people::Migration),
            Box::new(m20261122_000008_sessions::Migration),
        ]
    }
}
