//! Browsers that are signed in with a token.

use sea_orm_migration::prelude::*;

/// Adds the table.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(name).text().not_null().take();
        let table = Table::create()
            .table("sessions")
            // SHA-256 of what the browser keeps.
            .col(text("hash").primary_key())
            .col(text("token"))
            .col(ColumnDef::new("created_at").big_integer().not_null())
            .col(ColumnDef::new("expires_at").big_integer().not_null())
            .foreign_key(
                ForeignKey::create()
                    .name("sessions_tokens")
                    .from_tbl("sessions")
                    .from_col("token")
                    .to_tbl("tokens")
                    .to_col("id"),
            )
            .take();
        manager.create_table(table).await?;
        let index = Index::create()
            .name("sessions_expires_at")
            .table("sessions")
            .col("expires_at")
            .take();
        manager.create_index(index).await
    }
}
