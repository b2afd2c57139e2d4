//! The first schema: projects, runs and all that a run leaves behind.

use sea_orm_migration::prelude::*;

/// Creates the tables.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const GATES: [&str; 10] = ["g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9"];
const ACTOR_KINDS: [&str; 3] = ["person", "agent", "system"];
const ROLES: [&str; 4] = ["viewer", "operator", "approver", "admin"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            projects(),
            runs(),
            attempts(),
            asks(),
            decisions(),
            escalations(),
            proofs(),
            findings(),
            events(),
            event_clock(),
            tokens(),
            checks(),
            settings(),
        ] {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in [
            ("runs_due", "runs", &["due_at"][..]),
            ("decisions_run", "decisions", &["run"]),
            ("escalations_state", "escalations", &["state", "id"]),
            ("escalations_run", "escalations", &["run"]),
            ("proofs_gate", "proofs", &["project", "gate"]),
            ("findings_project", "findings", &["project", "id"]),
            ("findings_open", "findings", &["open_in", "check_name"]),
            ("events_project", "events", &["project", "seq"]),
            ("checks_state", "checks", &["state", "id"]),
        ] {
            manager
                .create_index(index(name, table, columns).take())
                .await?;
        }
        for (name, table, columns) in [
            ("runs_ordinal", "runs", &["project", "gate", "ordinal"][..]),
            // One open run per project: the column is null in closed runs, and nulls are distinct.
            ("runs_open", "runs", &["open_in"]),
            // Nobody approves the same subject twice: null for every other kind of decision.
            ("decisions_once", "decisions", &["once"]),
            ("tokens_hash", "tokens", &["hash"]),
        ] {
            manager
                .create_index(index(name, table, columns).unique().take())
                .await?;
        }
        let clock = Query::insert()
            .into_table("event_clock")
            .columns(["id", "last"])
            .values_panic([1.into(), 0_i64.into()])
            .to_owned();
        manager.execute(clock).await
    }
}

fn projects() -> TableCreateStatement {
    table("projects")
        .col(text("name").primary_key())
        .col(text("template"))
        .col(word("kind", &["web", "service", "library", "ai"]))
        .col(maybe_text("agent"))
        .col(time("created_at"))
        .col(maybe_time("deleted_at"))
        .take()
}

fn runs() -> TableCreateStatement {
    table("runs")
        .col(text("id").primary_key())
        .col(text("project"))
        .col(word("gate", &GATES))
        .col(count("ordinal"))
        .col(maybe_text("open_in"))
        .col(number("step"))
        .col(text("state"))
        .col(text("machine"))
        .col(text("base_commit"))
        .col(text("base_tree"))
        .col(maybe_text("subject_commit"))
        .col(maybe_text("subject_tree"))
        .col(maybe_text("subject_digest"))
        .col(maybe_text("agent"))
        .col(text("pins"))
        .col(text("gate_file"))
        .col(text("opened_by"))
        // When the machine acts next; null while a person, or a reply from outside, is waited for.
        .col(maybe_time("due_at"))
        .col(maybe_text("fault"))
        .col(count("fault_count"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .foreign_key(&mut reference("runs", &["project"], "projects", &["name"]))
        .take()
}

fn attempts() -> TableCreateStatement {
    table("attempts")
        .col(text("run"))
        .col(count("n"))
        .col(text("agent"))
        .col(text("strategy"))
        .col(maybe_text("commit_oid"))
        .col(maybe_text("tree_oid"))
        .col(maybe_text("receipts"))
        .col(maybe_text("report"))
        .col(maybe_text("failure"))
        .col(maybe_text("note"))
        .col(text("held"))
        .col(time("created_at"))
        .col(maybe_time("checked_at"))
        .primary_key(Index::create().col("run").col("n"))
        .foreign_key(&mut reference("attempts", &["run"], "runs", &["id"]))
        .take()
}

/// An attempt is asked for more than once when the agent answers with nothing. Requests and replies are
/// bytes: PostgreSQL's text cannot hold a NUL, and a reply is whatever a model wrote.
fn asks() -> TableCreateStatement {
    table("asks")
        .col(text("run"))
        .col(count("n"))
        .col(count("ask"))
        .col(ColumnDef::new("request").blob().not_null())
        .col(ColumnDef::new("reply").blob())
        .col(maybe_text("reply_digest"))
        .col(maybe_text("model"))
        .col(maybe_text("replied_by"))
        .col(time("asked_at"))
        .col(maybe_time("replied_at"))
        .primary_key(Index::create().col("run").col("n").col("ask"))
        .foreign_key(&mut reference(
            "asks",
            &["run", "n"],
            "attempts",
            &["run", "n"],
        ))
        .take()
}

fn decisions() -> TableCreateStatement {
    let kinds = [
        "approve", "reject", "rule", "answer", "cancel", "waive", "skip",
    ];
    table("decisions")
        .col(number("id").auto_increment().primary_key())
        .col(text("project"))
        .col(word("gate", &GATES))
        .col(text("run"))
        .col(number("step"))
        .col(ColumnDef::new("attempt").integer())
        .col(word("kind", &kinds))
        .col(text("actor_name"))
        .col(word("actor_kind", &ACTOR_KINDS))
        .col(word("actor_role", &ROLES))
        .col(maybe_text("actor_token"))
        .col(maybe_text("comment"))
        .col(maybe_text("subject_digest"))
        .col(text("fields"))
        .col(maybe_text("once"))
        .col(time("at"))
        .foreign_key(&mut reference("decisions", &["run"], "runs", &["id"]))
        .take()
}

fn escalations() -> TableCreateStatement {
    table("escalations")
        .col(text("id").primary_key())
        .col(text("project"))
        .col(word("gate", &GATES))
        .col(text("run"))
        .col(number("step"))
        .col(count("attempt"))
        .col(text("question"))
        .col(word("state", &["open", "answered", "withdrawn"]))
        .col(maybe_text("answer"))
        .col(maybe_text("answered_by"))
        .col(maybe_time("answered_at"))
        .col(time("created_at"))
        .foreign_key(&mut reference("escalations", &["run"], "runs", &["id"]))
        .take()
}

fn proofs() -> TableCreateStatement {
    table("proofs")
        .col(text("digest").primary_key())
        .col(text("project"))
        .col(word("gate", &GATES))
        .col(text("run"))
        .col(text("predicate_type"))
        .col(text("gate_commit"))
        .col(text("path"))
        .col(time("at"))
        .foreign_key(&mut reference("proofs", &["run"], "runs", &["id"]))
        .take()
}

fn findings() -> TableCreateStatement {
    table("findings")
        .col(text("id").primary_key())
        .col(text("project"))
        .col(word("gate", &GATES))
        .col(text("run"))
        .col(count("attempt"))
        .col(text("check_name"))
        .col(text("fingerprint"))
        .col(text("body"))
        // The project while the finding stands, null once it is resolved.
        .col(maybe_text("open_in"))
        .col(time("seen_at"))
        .col(maybe_time("resolved_at"))
        .col(maybe_text("resolved_by_run"))
        .col(ColumnDef::new("resolved_by_attempt").integer())
        .foreign_key(&mut reference("findings", &["run"], "runs", &["id"]))
        .take()
}

fn events() -> TableCreateStatement {
    table("events")
        .col(number("seq").primary_key())
        .col(maybe_text("project"))
        .col(text("kind"))
        .col(text("body"))
        .col(time("at"))
        .take()
}

/// One row that counts events. A sequence of the database hands out numbers before the transactions commit, so
/// that a reader can see 11 before 10 and miss 10 for good; the lock on this row makes numbers appear in order.
fn event_clock() -> TableCreateStatement {
    table("event_clock")
        .col(count("id").primary_key())
        .col(number("last"))
        .take()
}

fn tokens() -> TableCreateStatement {
    table("tokens")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(word("role", &ROLES))
        .col(word("kind", &ACTOR_KINDS))
        .col(text("hash"))
        .col(ColumnDef::new("fixed").boolean().not_null())
        .col(time("created_at"))
        .col(maybe_time("expires_at"))
        .col(maybe_time("revoked_at"))
        .take()
}

fn checks() -> TableCreateStatement {
    table("checks")
        .col(text("id").primary_key())
        .col(text("project"))
        .col(text("ref_text"))
        .col(text("commit_oid"))
        .col(text("tree_oid"))
        .col(text("only_checks"))
        .col(word("state", &["queued", "running", "done", "failed"]))
        .col(maybe_text("report"))
        .col(maybe_text("fault"))
        .col(text("requested_by"))
        .col(time("created_at"))
        .col(maybe_time("ended_at"))
        .foreign_key(&mut reference(
            "checks",
            &["project"],
            "projects",
            &["name"],
        ))
        .take()
}

fn settings() -> TableCreateStatement {
    table("settings")
        .col(text("key").primary_key())
        .col(text("value"))
        .take()
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).take()
}

fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).take();
    for column in columns {
        index.col(*column);
    }
    index
}

fn reference(
    from: &'static str,
    columns: &[&'static str],
    to: &'static str,
    keys: &[&'static str],
) -> ForeignKeyCreateStatement {
    let mut reference = ForeignKey::create()
        .name(format!("{from}_{to}"))
        .from_tbl(from)
        .to_tbl(to)
        .take();
    for (column, key) in columns.iter().zip(keys) {
        reference.from_col(*column).to_col(*key);
    }
    reference
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn maybe_text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

fn word(name: &'static str, words: &[&'static str]) -> ColumnDef {
    text(name)
        .check(Expr::col(name).is_in(words.iter().copied()))
        .take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn count(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}

fn time(name: &'static str) -> ColumnDef {
    number(name)
}

fn maybe_time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}
