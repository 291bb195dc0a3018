//! The log as it is written and read, with real files, and what becomes of it when something breaks.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use futures_util::future::join_all;
use hpol_runtime::Effect;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use super::*;
use crate::config::StoreConfig;
use crate::testing::{ManualClock, TestStore};

/// Set for the child process of the crash test: the store to write to.
const CRASH_STORE: &str = "HPOL_TEST_CRASH_STORE";

fn record(request: u32, identity: &str) -> Record {
    let mut record = Record::new(RecordKind::Decision, json!({"number": request}));
    record = record.of_request(&format!("r-{request}"), Some(identity));
    record.effect = Some(if request.is_multiple_of(2) { Effect::Allow } else { Effect::Deny });
    record.rules = vec![format!("rule {}", request % 3)];
    record
}

fn start(test: &TestStore) -> (AuditLog, AuditWriter) {
    AuditLog::start(&test.store, &Metrics::new(), Clock::system())
}

/// Runs SQL as somebody with access to the file would.
async fn tamper(test: &TestStore, sql: &'static str) {
    let mut connection = test.store.connect().await.expect("opens");
    sqlx::raw_sql("DROP TRIGGER IF EXISTS audit_is_never_changed; DROP TRIGGER IF EXISTS audit_is_never_deleted;")
        .execute(&mut connection)
        .await
        .expect("valid SQL");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("valid SQL");
    connection.close().await.expect("closes");
}

/// A log of ten records.
async fn ten_records() -> TestStore {
    let test = TestStore::open().await;
    let (log, writer) = start(&test);
    for number in 1..=10 {
        log.append(record(number, "ada")).await.expect("written");
    }
    drop(log);
    writer.finish().await;
    test
}

async fn fault(test: &TestStore) -> ChainFault {
    match verify(&test.store, None).await {
        Err(VerifyError::Fault(fault)) => fault,
        other => panic!("the chain should be broken, not {other:?}"),
    }
}

#[tokio::test]
async fn what_is_appended_is_found() {
    let test = TestStore::open().await;
    let clock = ManualClock::new();
    let (log, _writer) = AuditLog::start(&test.store, &Metrics::new(), clock.clock());
    for number in 1..=6 {
        log.append(record(number, if number < 4 { "ada" } else { "bob" })).await.expect("written");
        clock.advance(Duration::from_secs(1));
    }
    let numbers = async |filter: Filter| {
        let page = list(&test.store, &filter).await.expect("readable");
        (page.entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), page.next)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(numbers(Filter::default()).await, (vec![6, 5, 4, 3, 2, 1], None));
    assert_eq!(numbers(Filter { limit: Some(4), ..Filter::default() }).await, (vec![6, 5, 4, 3], Some(3)));
    assert_eq!(numbers(Filter { before: Some(3), limit: Some(4), ..Filter::default() }).await, (vec![2, 1], None));
    assert_eq!(numbers(Filter { identity: text("bob"), ..Filter::default() }).await.0, [6, 5, 4]);
    assert_eq!(numbers(Filter { effect: Some(Effect::Deny), ..Filter::default() }).await.0, [5, 3, 1]);
    assert_eq!(numbers(Filter { rule: text("rule 0"), ..Filter::default() }).await.0, [6, 3]);
    assert_eq!(numbers(Filter { request_id: text("r-2"), ..Filter::default() }).await.0, [2]);
    assert_eq!(numbers(Filter { kind: text("startup"), ..Filter::default() }).await.0, [0; 0]);
    let third = show(&test.store, 3).await.expect("readable").expect("it is there");
    assert_eq!(third.body, r#"{"number":3}"#);
    let (since, until) = (Some(third.time), Some(third.time.plus(Duration::from_secs(2))));
    assert_eq!(numbers(Filter { since, until, ..Filter::default() }).await.0, [4, 3]);
    // What a caller types never reaches the query as SQL.
    assert_eq!(numbers(Filter { identity: text("' OR 1=1 --"), ..Filter::default() }).await.0, [0; 0]);
    assert_eq!(show(&test.store, 7).await.expect("readable"), None);
    assert_eq!(show(&test.store, u64::MAX).await.expect("readable"), None);
}

#[tokio::test]
async fn an_untouched_log_verifies() {
    let test = TestStore::open().await;
    let empty = verify(&test.store, None).await.expect("an empty log is whole");
    assert_eq!(empty, Verified { records: 0, head: RecordHash::ZERO });
    let test = ten_records().await;
    let whole = verify(&test.store, None).await.expect("nothing was touched");
    assert_eq!(whole.records, 10);
    let head = head(&test.store).await.expect("readable").expect("ten records");
    assert_eq!((head.sequence, head.hash), (10, whole.head));
    // A head kept some time ago still stands for the records up to it.
    let fourth = show(&test.store, 4).await.expect("readable").expect("it is there");
    verify(&test.store, Some(fourth.hash)).await.expect("the fourth record is still there");
    let read_only = Store::open_read_only(&test.config.path).await.expect("opens");
    assert_eq!(verify(&read_only, None).await.expect("nothing was touched"), whole);
}

#[tokio::test]
async fn whatever_is_done_to_a_record_shows() {
    for sql in [
        "UPDATE audit SET time = time + 1 WHERE sequence = 4",
        "UPDATE audit SET kind = 'startup' WHERE sequence = 4",
        "UPDATE audit SET request_id = NULL WHERE sequence = 4",
        "UPDATE audit SET request_id = '' WHERE sequence = 4",
        "UPDATE audit SET identity = 'eve' WHERE sequence = 4",
        "UPDATE audit SET effect = 'deny' WHERE sequence = 4",
        "UPDATE audit SET rules = '[]' WHERE sequence = 4",
        "UPDATE audit SET body = '{\"number\":5}' WHERE sequence = 4",
        "UPDATE audit SET hash = zeroblob(32) WHERE sequence = 4",
    ] {
        let test = ten_records().await;
        tamper(&test, sql).await;
        assert_eq!(fault(&test).await, ChainFault::Changed { sequence: 4 }, "{sql}");
    }
}

#[tokio::test]
async fn whatever_is_done_to_the_order_shows() {
    for (sql, expected) in [
        ("DELETE FROM audit WHERE sequence = 1", ChainFault::Missing { expected: 1, found: 2 }),
        ("DELETE FROM audit WHERE sequence = 4", ChainFault::Missing { expected: 4, found: 5 }),
        ("DELETE FROM audit WHERE sequence > 8", ChainFault::Cut { last: 8, kept: 10 }),
        ("DELETE FROM audit", ChainFault::Cut { last: 0, kept: 10 }),
        ("DELETE FROM audit_head", ChainFault::Head { last: 10, kept: 0 }),
        (
            "UPDATE audit SET sequence = -1 WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 5;
             UPDATE audit SET sequence = 5 WHERE sequence = -1",
            ChainFault::Unlinked { sequence: 4 },
        ),
        (
            "DELETE FROM audit WHERE sequence = 4; UPDATE audit SET sequence = sequence - 1 WHERE sequence > 4",
            ChainFault::Unlinked { sequence: 4 },
        ),
        (
            "INSERT INTO audit SELECT 11, time, kind, request_id, identity, effect, rules, body, previous, hash
             FROM audit WHERE sequence = 10",
            ChainFault::Unlinked { sequence: 11 },
        ),
        ("UPDATE audit SET sequence = 0 WHERE sequence = 1", ChainFault::Missing { expected: 1, found: 0 }),
    ] {
        let test = ten_records().await;
        tamper(&test, sql).await;
        assert_eq!(fault(&test).await, expected, "{sql}");
    }
    let test = ten_records().await;
    tamper(&test, "UPDATE audit SET rules = 'no json' WHERE sequence = 4").await;
    assert!(matches!(fault(&test).await, ChainFault::Unreadable { last: 3, .. }));
}

/// Who can write the whole file can cut the log and set the head to match. A head kept elsewhere shows even that.
#[tokio::test]
async fn a_head_kept_elsewhere_shows_a_cut_that_was_covered_up() {
    let test = ten_records().await;
    let kept = head(&test.store).await.expect("readable").expect("ten records").hash;
    tamper(
        &test,
        "DELETE FROM audit WHERE sequence > 8;
         UPDATE audit_head SET sequence = 8, hash = (SELECT hash FROM audit WHERE sequence = 8)",
    )
    .await;
    assert_eq!(verify(&test.store, None).await.expect("covered up").records, 8);
    let found = verify(&test.store, Some(kept)).await.expect_err("the kept head is gone");
    assert!(matches!(found, VerifyError::Fault(ChainFault::UnknownHead { hash }) if hash == kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_make_one_chain() {
    let test = TestStore::open().await;
    let (log, _writer) = start(&test);
    // A second gateway on the same file by mistake must not fork the chain either.
    let (other, _other_writer) = start(&test);
    let appends = (0..300).map(|number| {
        let log = if number % 3 == 0 { other.clone() } else { log.clone() };
        tokio::spawn(async move { log.append(record(number, "ada")).await })
    });
    let mut sequences = Vec::new();
    for appended in join_all(appends).await {
        sequences.push(appended.expect("no panic").expect("written").sequence);
    }
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=300).collect::<Vec<_>>());
    assert_eq!(verify(&test.store, None).await.expect("whole").records, 300);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_alone() {
    let test = TestStore::open().await;
    let (log, _writer) = start(&test);
    let large = Record::new(RecordKind::Decision, json!({"text": "x".repeat(70_000)}));
    assert!(matches!(log.append(large).await, Err(StoreError::TooLarge { .. })));
    log.append(record(1, "ada")).await.expect("the next one is written");
    log.check().await.expect("the store itself is well");
}

#[tokio::test]
async fn a_full_store_refuses_and_recovers() {
    let test = TestStore::open_with(|config| config.max_size = Some(1 << 20)).await;
    let metrics = Metrics::new();
    let (log, writer) = AuditLog::start(&test.store, &metrics, Clock::system());
    let large = || Record::new(RecordKind::Decision, json!({"text": "x".repeat(60_000)}));
    let mut written = 0;
    let error = loop {
        match log.append(large()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "1 MiB takes less than 100 records of 60 KB");
    };
    assert_eq!(error, StoreError::Full);
    assert_eq!(log.append(large()).await, Err(StoreError::Full), "it stays full, and the log lives on");
    assert_eq!(log.check().await, Ok(()), "a small record still fits, so the store is ready again");
    let written = verify(&test.store, None).await.expect("a failed write leaves nothing behind").records;
    drop(log);
    writer.finish().await;
    let roomy = StoreConfig { max_size: None, ..test.config.clone() };
    let store = Store::open(&roomy).await.expect("opens");
    let (log, _writer) = AuditLog::start(&store, &metrics, Clock::system());
    log.append(large()).await.expect("there is room now");
    assert_eq!(verify(&store, None).await.expect("whole").records, written + 1);
}

#[tokio::test]
async fn a_locked_store_refuses_and_recovers() {
    let test = TestStore::open_with(|config| config.busy_timeout = Duration::from_millis(20)).await;
    let (log, _writer) = start(&test);
    log.append(record(1, "ada")).await.expect("written");
    let mut other = test.store.connect().await.expect("opens");
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.expect("nobody else writes");
    assert_eq!(log.append(record(2, "ada")).await, Err(StoreError::Locked));
    assert_eq!(log.check().await, Err(StoreError::Locked));
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("ends");
    log.append(record(3, "ada")).await.expect("written");
    assert_eq!(log.check().await, Ok(()));
    assert_eq!(verify(&test.store, None).await.expect("whole").records, 2);
}

/// Appends until it is killed, and prints the number of each record once it is said to be on the disk.
async fn append_until_killed(path: &std::path::Path) -> ! {
    let config = StoreConfig { path: path.to_owned(), ..StoreConfig::default() };
    let store = Store::open(&config).await.expect("opens");
    let (log, _writer) = AuditLog::start(&store, &Metrics::new(), Clock::system());
    let mut number = 0;
    loop {
        let batch = join_all((0..20).map(|offset| log.append(record(number + offset, "ada")))).await;
        for appended in batch {
            let line = format!("written {}\n", appended.expect("written").sequence);
            std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).expect("the parent reads");
        }
        number += 20;
    }
}

/// Kills a process in the middle of writing. Whatever it said was on the disk must be there, in a whole chain.
#[tokio::test]
async fn a_crash_loses_nothing_that_was_acknowledged() {
    if let Some(path) = std::env::var_os(CRASH_STORE) {
        append_until_killed(path.as_ref()).await;
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("hpol.db");
    for round in 1..=3u64 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "record::tests::a_crash_loses_nothing_that_was_acknowledged", "--nocapture"])
            .env(CRASH_STORE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts itself");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let written = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("written ")?.parse::<u64>().ok());
        let mut acknowledged = 0;
        for sequence in written.take(100 * usize::try_from(round).expect("small")) {
            acknowledged = sequence;
        }
        child.kill().expect("killed in the middle of writing");
        child.wait().expect("ended");
        assert!(acknowledged >= 100, "the child wrote {acknowledged} records");
        let config = StoreConfig { path: path.clone(), ..StoreConfig::default() };
        let store = Store::open(&config).await.expect("opens after the crash");
        let verified = verify(&store, None).await.expect("the chain is whole");
        assert!(verified.records >= acknowledged, "{} of {acknowledged} records are left", verified.records);
    }
}

#[tokio::test]
async fn a_change_that_does_not_apply_leaves_no_record() {
    struct Never;
    impl Change for Never {
        fn apply<'c>(
            &'c self,
            connection: &'c mut SqliteConnection,
        ) -> futures_util::future::BoxFuture<'c, Result<bool, sqlx::Error>> {
            Box::pin(async move {
                sqlx::raw_sql("CREATE TABLE leftover (x)").execute(connection).await?;
                Ok(false)
            })
        }
    }
    let test = TestStore::open().await;
    let (log, _writer) = start(&test);
    let (applied, beside) = tokio::join!(log.append_with(record(1, "ada"), Never), log.append(record(2, "ada")));
    assert_eq!(applied, Ok(None));
    assert_eq!(beside.expect("written").sequence, 1);
    let mut connection = test.store.connect().await.expect("opens");
    let leftover = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = 'leftover'");
    assert!(leftover.fetch_optional(&mut connection).await.expect("readable").is_none());
}

#[test]
fn a_record_of_a_decision_is_bounded() {
    let mut decision = crate::testing::approve(&[(&[crate::testing::group("sec")], 1)], Duration::from_secs(60));
    decision.reasons = vec!["ä".repeat(5_000); 1_000];
    let record = Record::decision("r-1", "ada", &decision, json!({"path": "/v1/responses"}));
    assert!(record.body.to_string().len() < 40_000);
    assert_eq!(record.body.get("cut"), Some(&json!(true)));
    assert_eq!(record.effect, Some(Effect::Approve));
}
