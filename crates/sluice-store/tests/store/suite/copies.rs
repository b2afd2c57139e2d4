//! All rows, out of a database and into another one.

use sluice_store::{RowsError, Store, TABLES};

/// The lines of each table.
pub(crate) type Lines = Vec<(String, Vec<String>)>;

pub(crate) async fn read(store: &Store) -> Lines {
    let (rows, ()) = store.rows(async || ()).await.unwrap();
    let mut all = Vec::new();
    for &table in TABLES {
        let mut lines = Vec::new();
        let count = rows
            .read(table, &mut |line| {
                lines.push(line.to_owned());
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(count, lines.len() as u64);
        all.push((table.to_owned(), lines));
    }
    all
}

pub(crate) async fn write(store: &Store, lines: Lines) -> Result<(), RowsError> {
    let mut lines = lines.into_iter();
    store.rows_restore(|| Ok(lines.next())).await
}

/// What a story left is the same after it was copied into an empty database.
pub(crate) async fn everything_comes_back(store: &Store) {
    let before = read(store).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/copy.db?mode=rwc", folder.path().display());
    let copy = Store::open(&url).await.unwrap();
    write(&copy, before.clone()).await.unwrap();
    assert_eq!(read(&copy).await, before);
}
