//! Requests that may be sent again under a key, with the answer that the first one got.

use sea_orm_migration::prelude::*;

/// Creates the table.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "idempotency";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table()).await?;
        let index = Index::create()
            .name("idempotency_expires")
            .table(TABLE)
            .col("expires_at")
            .take();
        manager.create_index(index).await
    }
}

/// The primary key is the lock: of all who insert a row, on any number of connections, one does.
fn table() -> TableCreateStatement {
    Table::create()
        .table(TABLE)
        .col(text("principal"))
        .col(text("route"))
        .col(text("key"))
        .col(text("request"))
        // Whose work it is; another claim's answer is not taken.
        .col(text("claim"))
        // The daemon that works on it, so that its next process can give it back.
        .col(text("owner"))
        .col(time("held_until"))
        .col(time("expires_at"))
        // Null while the request is being answered.
        .col(ColumnDef::new("status").integer())
        .col(ColumnDef::new("headers").text())
        .col(ColumnDef::new("body").blob())
        .primary_key(Index::create().col("principal").col("route").col("key"))
        .take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}
