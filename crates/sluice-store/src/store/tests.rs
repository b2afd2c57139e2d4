//! Tests of opening, closing and full disks.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::Store;
use crate::StoreError;

async fn pragma(db: &sea_orm::DatabaseConnection, name: &str) -> String {
    let statement = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {name}"));
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index::<String>(0)
        .or_else(|_| row.try_get_by_index::<i64>(0).map(|n| n.to_string()))
        .unwrap()
}

#[tokio::test]
async fn a_sqlite_file_is_durable_and_keeps_its_references() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/s.db?mode=rwc", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    for db in [&store.read, &store.write] {
        assert_eq!(pragma(db, "journal_mode").await, "wal");
        assert_eq!(pragma(db, "synchronous").await, "2", "2 is FULL");
        assert_eq!(pragma(db, "foreign_keys").await, "1");
        assert_eq!(pragma(db, "busy_timeout").await, "5000");
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/s.db?mode=rwc", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    store.setting_put_once("before", "kept").await.unwrap();
    let pages = pragma(&store.write, "page_count").await;
    pragma(&store.write, &format!("max_page_count = {pages}")).await;

    let error = store
        .setting_put_once("big", &"x".repeat(1 << 20))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.is_passing());

    pragma(&store.write, "max_page_count = 1000000").await;
    assert_eq!(store.setting_get("big").await.unwrap(), None);
    assert_eq!(
        store.setting_get("before").await.unwrap().as_deref(),
        Some("kept")
    );
    store.setting_put_once("big", "fits now").await.unwrap();
}
