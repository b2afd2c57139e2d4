//! People whom an OpenID Connect issuer vouches for, each with the one name that stands for them here.

use sea_orm_migration::prelude::*;

/// Creates the table.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(people()).await
    }
}

/// Issuer and subject are who somebody is; the name is given once, and to nobody else.
fn people() -> TableCreateStatement {
    Table::create()
        .table("people")
        .col(text("issuer"))
        .col(text("subject"))
        .col(text("name"))
        // The form in which names are compared.
        .col(text("compared").unique_key().take())
        .col(ColumnDef::new("at").big_integer().not_null())
        .primary_key(Index::create().col("issuer").col("subject"))
        .take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}
