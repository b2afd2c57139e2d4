//! What was asked of agents, call by call: how it ended, tokens, money, time.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000002_usage"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(calls()).await?;
        let by_run = Index::create()
            .name("calls_run")
            .table("calls")
            .col("run")
            .take();
        manager.create_index(by_run).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let calls = Table::drop().table("calls").take();
        manager.drop_table(calls).await
    }
}

fn calls() -> TableCreateStatement {
    let text = |name: &'static str| ColumnDef::new(name).text().not_null().take();
    let maybe_text = |name: &'static str| ColumnDef::new(name).text().take();
    let number = |name: &'static str| ColumnDef::new(name).big_integer().not_null().take();
    let maybe_number = |name: &'static str| ColumnDef::new(name).big_integer().take();
    let count = |name: &'static str| ColumnDef::new(name).integer().not_null().take();
    let mut outcome = text("outcome");
    outcome.check(Expr::col("outcome").is_in(["replied", "cut", "refused", "failed"]));
    Table::create()
        .table("calls")
        .col(text("id").primary_key())
        .col(text("run"))
        .col(count("n"))
        .col(count("ask"))
        .col(text("gate"))
        .col(text("role"))
        .col(text("agent"))
        .col(maybe_text("model"))
        // The model that the server says has answered.
        .col(maybe_text("served"))
        .col(outcome)
        .col(maybe_text("fault"))
        .col(maybe_number("input_tokens"))
        .col(maybe_number("output_tokens"))
        .col(maybe_number("cached_tokens"))
        // Billionths of the currency; null where the price or the tokens are unknown.
        .col(maybe_number("cost_nanos"))
        .col(maybe_text("currency"))
        .col(count("tries"))
        .col(number("millis"))
        .col(number("at"))
        .foreign_key(
            ForeignKey::create()
                .name("calls_runs")
                .from_tbl("calls")
                .to_tbl("runs")
                .from_col("run")
                .to_col("id"),
        )
        .take()
}
