//! Opening: what is taken, what is refused, and with which words.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::testing::TestStore;

#[tokio::test]
async fn a_new_file_is_for_its_owner_only_and_opens_again() {
    let test = TestStore::open().await;
    for name in ["hpol.db", "hpol.db-wal"] {
        let path = test.folder.path().join(name);
        if let Ok(metadata) = std::fs::metadata(&path) {
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
    Store::open(&test.config).await.expect("an existing store opens");
    Store::open_read_only(&test.config.path).await.expect("an existing store opens for reading");
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "shopping: bread, butter, and a lot of other things that SQLite would not write")
        .expect("write");
    let other = folder.path().join("other.db");
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&other).create_if_missing(true))
            .await
            .expect("SQLite creates a file");
    sqlx::raw_sql("CREATE TABLE shopping (item TEXT)").execute(&mut connection).await.expect("valid SQL");
    connection.close().await.expect("closes");
    for path in [text, other] {
        let config = StoreConfig { path: path.clone(), ..StoreConfig::default() };
        assert_eq!(Store::open(&config).await.err(), Some(StoreError::Foreign(path.clone())));
        assert_eq!(Store::open_read_only(&path).await.err(), Some(StoreError::Foreign(path)));
    }
    let missing = folder.path().join("none.db");
    let error = Store::open_read_only(&missing).await.expect_err("there is no such file");
    assert!(error.to_string().contains("none.db"), "{error}");
    let config = StoreConfig { path: folder.path().join("no folder/hpol.db"), ..StoreConfig::default() };
    assert!(matches!(Store::open(&config).await, Err(StoreError::Open { .. })));
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let test = TestStore::open().await;
    let mut connection = test.store.connect().await.expect("opens");
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut connection).await.expect("valid SQL");
    connection.close().await.expect("closes");
    let newer = Some(StoreError::Newer { found: 99, known: 2 });
    assert_eq!(Store::open(&test.config).await.err(), newer);
    assert_eq!(Store::open_read_only(&test.config.path).await.err(), newer);
}

#[tokio::test]
async fn records_and_heads_cannot_be_changed_by_mistake() {
    let test = TestStore::open().await;
    let mut connection = test.store.connect().await.expect("opens");
    sqlx::raw_sql(
        "INSERT INTO audit (sequence, time, kind, rules, body, previous, hash) VALUES (1, 0, 'x', '[]', '{}', x'00', x'00')",
    )
    .execute(&mut connection)
    .await
    .expect("valid SQL");
    for sql in ["UPDATE audit SET body = ''", "DELETE FROM audit"] {
        let error = sqlx::raw_sql(sql).execute(&mut connection).await.expect_err("a trigger refuses");
        assert!(error.to_string().contains("audit records are never"), "{error}");
    }
}
