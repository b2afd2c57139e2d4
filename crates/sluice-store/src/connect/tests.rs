//! Tests of connections: what is shown of a URL, and what a full disk leaves.

use sea_orm::{ConnectionTrait, Statement};

use super::{Schema, begin, open, without_password};

#[test]
fn a_password_is_not_shown() {
    assert_eq!(
        without_password("postgres://ada:s3cret@127.0.0.1/sluice"),
        "postgres://ada@127.0.0.1/sluice"
    );
    assert_eq!(
        without_password("postgres://ada:p@ss@host/db"),
        "postgres://ada@host/db"
    );
    assert_eq!(without_password("sqlite::memory:"), "sqlite::memory:");
    assert_eq!(
        without_password("sqlite:///a/b.db?mode=rwc"),
        "sqlite:///a/b.db?mode=rwc"
    );
}

/// The number that a statement answers with.
async fn number(db: &impl ConnectionTrait, sql: &str) -> i64 {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn what_is_committed_after_a_full_disk_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("a.db").display());
    let connections = open(&url, Schema::Migrate).await.unwrap();
    let write = &connections.write;
    write
        .execute_unprepared("CREATE TABLE t (x TEXT)")
        .await
        .unwrap();
    let pages = number(write, "PRAGMA page_count").await;
    let insert = "INSERT INTO t VALUES (hex(zeroblob(100000)))";

    // SQLite takes a file that may not grow for a full disk.
    let limit = format!("PRAGMA max_page_count = {pages}");
    write.execute_unprepared(&limit).await.unwrap();
    let txn = begin(write).await.unwrap();
    let error = txn.execute_unprepared(insert).await.unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    drop(txn);
    drop(begin(write).await.unwrap());

    let more = "PRAGMA max_page_count = 1000000";
    write.execute_unprepared(more).await.unwrap();
    let txn = begin(write).await.unwrap();
    txn.execute_unprepared(insert).await.unwrap();
    txn.commit().await.unwrap();
    assert_eq!(number(&connections.read, "SELECT count(*) FROM t").await, 1);
}
