//! Webhooks: how far each has been told what happens, and what is on its way to it.

use sea_orm_migration::prelude::*;

/// Adds the tables.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(webhooks()).await?;
        manager.create_table(deliveries()).await?;
        for (name, columns) in [
            ("webhook_deliveries_due", ["webhook", "due_at"]),
            ("webhook_deliveries_ended", ["webhook", "ended_at"]),
        ] {
            let mut index = Index::create()
                .name(name)
                .table("webhook_deliveries")
                .take();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        // An event makes one delivery to a webhook, also when it is looked at again after a kill.
        let once = Index::create()
            .name("webhook_deliveries_event")
            .table("webhook_deliveries")
            .col("webhook")
            .col("event")
            .unique()
            .take();
        manager.create_index(once).await
    }
}

fn webhooks() -> TableCreateStatement {
    Table::create()
        .table("webhooks")
        .col(text("id").primary_key())
        // The last event that was looked at for it.
        .col(time("cursor").not_null())
        // The digest of its address: another address is another receiver.
        .col(text("target"))
        .col(time("disabled_at"))
        .col(time("last_success_at"))
        .col(time("last_error_at"))
        .col(ColumnDef::new("last_error").text())
        .take()
}

fn deliveries() -> TableCreateStatement {
    let state = text("state")
        .check(Expr::col("state").is_in(["waiting", "delivered", "failed"]))
        .take();
    Table::create()
        .table("webhook_deliveries")
        .col(text("id").primary_key())
        .col(text("webhook"))
        // Null for what no event is behind.
        .col(time("event"))
        .col(text("kind"))
        .col(text("payload"))
        .col(state)
        .col(ColumnDef::new("tries").integer().not_null())
        // Null as soon as it is not waiting any more.
        .col(time("due_at"))
        .col(ColumnDef::new("status").integer())
        .col(ColumnDef::new("error").text())
        .col(time("created_at").not_null())
        .col(time("tried_at"))
        .col(time("ended_at"))
        .foreign_key(
            ForeignKey::create()
                .name("webhook_deliveries_webhooks")
                .from_tbl("webhook_deliveries")
                .from_col("webhook")
                .to_tbl("webhooks")
                .to_col("id"),
        )
        .take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}
