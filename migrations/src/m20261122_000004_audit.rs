//! The audit log, the authors of what is decided on, and tokens for some projects only.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Adds tables and a column.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What the first row has for the hash of the one before it.
const BEFORE_THE_FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit()).await?;
        manager.create_table(audit_head()).await?;
        manager.create_table(subject_authors()).await?;
        for (name, columns) in [
            ("audit_project", ["project", "seq"]),
            ("audit_run", ["run", "seq"]),
        ] {
            let mut index = Index::create().name(name).table("audit").take();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        let head = Query::insert()
            .into_table("audit_head")
            .columns(["id", "seq", "hash"])
            .values_panic([1.into(), 0_i64.into(), BEFORE_THE_FIRST.into()])
            .to_owned();
        manager.execute(head).await?;
        let projects = Table::alter()
            .table("tokens")
            .add_column(ColumnDef::new("projects").text())
            .take();
        manager.alter_table(projects).await?;
        append_only(manager).await
    }
}

/// Rows are added and never changed: the database refuses everything else.
async fn append_only(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let refuse: &[&str] = match manager.get_database_backend() {
        DbBackend::Sqlite => &[
            "CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END",
            "CREATE TRIGGER audit_as_it_was BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END",
        ],
        _ => &[
            "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$",
            "CREATE TRIGGER audit_kept BEFORE DELETE OR UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
        ],
    };
    for statement in refuse {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}

fn audit() -> TableCreateStatement {
    Table::create()
        .table("audit")
        .col(ColumnDef::new("seq").big_integer().not_null().primary_key())
        .col(ColumnDef::new("at").big_integer().not_null())
        .col(ColumnDef::new("project").text())
        .col(ColumnDef::new("run").text())
        .col(ColumnDef::new("who_name").text().not_null())
        .col(ColumnDef::new("who_kind").text().not_null())
        .col(ColumnDef::new("who_role").text().not_null())
        .col(ColumnDef::new("who_token").text())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("body").text().not_null())
        .col(ColumnDef::new("previous").text().not_null())
        .col(ColumnDef::new("hash").text().not_null())
        .take()
}

/// One row: its lock makes rows appear in the order of their numbers.
fn audit_head() -> TableCreateStatement {
    Table::create()
        .table("audit_head")
        .col(ColumnDef::new("id").integer().not_null().primary_key())
        .col(ColumnDef::new("seq").big_integer().not_null())
        .col(ColumnDef::new("hash").text().not_null())
        .take()
}

/// Who wrote part of what is decided on, in the form in which names are compared.
fn subject_authors() -> TableCreateStatement {
    Table::create()
        .table("subject_authors")
        .col(ColumnDef::new("run").text().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .primary_key(Index::create().col("run").col("name"))
        .foreign_key(
            ForeignKey::create()
                .name("subject_authors_runs")
                .from_tbl("subject_authors")
                .from_col("run")
                .to_tbl("runs")
                .to_col("id"),
        )
        .take()
}
