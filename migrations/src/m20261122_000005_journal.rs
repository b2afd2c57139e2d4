//! The journal: what people and agents note about a project.

use sea_orm_migration::prelude::*;

/// Adds the table.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const KINDS: [&str; 6] = [
    "note",
    "risk",
    "blocker",
    "question",
    "decision",
    "deliverable",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(journal()).await?;
        for (name, columns) in [
            ("journal_project", ["project", "id"]),
            ("journal_run", ["run", "state"]),
        ] {
            let mut index = Index::create().name(name).table("journal").take();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn journal() -> TableCreateStatement {
    let text = |name: &'static str| ColumnDef::new(name).text().not_null().take();
    let word = |name: &'static str, words: &[&'static str]| {
        text(name)
            .check(Expr::col(name).is_in(words.iter().copied()))
            .take()
    };
    Table::create()
        .table("journal")
        .col(text("id").primary_key())
        .col(text("project"))
        .col(word("kind", &KINDS))
        .col(ColumnDef::new("gate").text())
        .col(text("body"))
        .col(word("state", &["open", "answered", "closed"]))
        .col(text("author"))
        // The run whose agent asks; it waits for the answer.
        .col(ColumnDef::new("run").text())
        .col(ColumnDef::new("attempt").integer())
        .col(ColumnDef::new("answer").text())
        .col(ColumnDef::new("answered_by").text())
        .col(ColumnDef::new("answered_at").big_integer())
        .col(ColumnDef::new("version").big_integer().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("updated_at").big_integer().not_null())
        .foreign_key(
            ForeignKey::create()
                .name("journal_projects")
                .from_tbl("journal")
                .from_col("project")
                .to_tbl("projects")
                .to_col("name"),
        )
        .take()
}
