//! The suite over files and over memory, and what only a file can show.

mod crash;
mod order;
mod rate;

use std::{path::Path, sync::Arc, time::Duration};

use fargard_model::{FindingState, Timestamp};
use rusqlite::Connection;

use super::SqliteStore;
use crate::{
    Applied, EventLog, EventStore, FindingQuery, MIN_IDENTITY_AGE, StateStore, StoreError,
    conformance::{
        self, State,
        sample::{at, batch, detected, detection, task},
    },
};

fn stores_in(directory: &Path) -> impl Fn() -> Result<Arc<SqliteStore>, StoreError> {
    let number = std::cell::Cell::new(0);
    move || {
        number.set(number.get() + 1);
        SqliteStore::open(&directory.join(format!("{}.db", number.get()))).map(Arc::new)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_passes_the_suite() {
    let directory = tempfile::tempdir().unwrap();
    let fresh = stores_in(directory.path());
    conformance::state_store(async || fresh().map(|store| store as State)).await.unwrap();
    conformance::coverage_store(async || fresh().map(|store| (store.clone() as State, store as _)))
        .await
        .unwrap();
    conformance::compliance_store(async || fresh().map(|store| (store.clone() as State, store as _)))
        .await
        .unwrap();
    conformance::event_log(async || fresh().map(|store| store as Arc<dyn EventLog>)).await.unwrap();
    conformance::event_store(async || fresh().map(|store| store as Arc<dyn EventStore>)).await.unwrap();
}

#[tokio::test]
async fn memory_passes_the_suite() {
    let fresh = || SqliteStore::in_memory().map(Arc::new);
    conformance::state_store(async || fresh().map(|store| store as State)).await.unwrap();
    conformance::event_log(async || fresh().map(|store| store as Arc<dyn EventLog>)).await.unwrap();
    conformance::event_store(async || fresh().map(|store| store as Arc<dyn EventStore>)).await.unwrap();
}

#[tokio::test]
async fn a_store_is_there_when_opened_again_and_only_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fargard.db");
    let sent = batch("p", 1, vec![detected(detection(&task("task-0"), "rule", 1, at(1)))]);
    {
        let store = SqliteStore::open(&path).unwrap();
        store.apply(&sent).await.unwrap();
        store.append(&sent).await.unwrap();
    }
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.apply(&sent).await.unwrap(), Applied::Before);
    assert_eq!(store.next(1).await.unwrap().first().unwrap().batch, sent);
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
}

#[tokio::test]
async fn what_this_build_did_not_write_is_refused_with_the_reason() {
    for (change, reason) in [
        (
            "INSERT INTO schema_migrations SELECT max(version) + 1, 'next.sql', '00', 0 FROM schema_migrations",
            "the schema is of version",
        ),
        (
            "UPDATE schema_migrations SET checksum = '00' WHERE version = 1",
            "was not made by this program's own",
        ),
        ("DELETE FROM schema_migrations WHERE version = 1", "was not made by this program's own"),
        ("UPDATE schema_migrations SET version = -1 WHERE version = 1", "not a count"),
    ] {
        // A directory for each: a log left beside a removed file would be taken for that of the next one.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fargard.db");
        drop(SqliteStore::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let error = SqliteStore::open(&path).err().unwrap().to_string();
        assert!(error.contains(reason), "{change}: {error}");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fargard.db");
    std::fs::write(&path, "this is a letter, not a database; ".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).err().unwrap().to_string();
    assert!(error.contains("not a database") && error.contains("fargard.db"), "{error}");
    let error = SqliteStore::open(&directory.path().join("no/such/file")).err().unwrap().to_string();
    assert!(error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn damaged_rows_are_named_and_harm_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fargard.db");
    let store = SqliteStore::open(&path).unwrap();
    for num in 1..=2 {
        let found = detected(detection(&task("task-0"), &format!("rule {num}"), num, at(num)));
        let sent = batch("p", num, vec![found]);
        store.apply(&sent).await.unwrap();
        store.append(&sent).await.unwrap();
        store.store(&sent).await.unwrap();
    }
    let damage = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let id = store.findings(&FindingQuery::default()).await.unwrap().findings[0].id.clone();

    damage("UPDATE log SET body = x'ff00' WHERE position = 2");
    assert_eq!(store.next(10).await.unwrap().len(), 1, "the entry before it is still given out");
    store.done(1).await.unwrap();
    is_corrupt(store.next(10).await, "entry 2 of the log");
    store.append(&batch("p", 4, vec![detected(detection(&task("task-0"), "rule", 4, at(4)))])).await.unwrap();
    damage("INSERT INTO log (received, body) VALUES ('x', 7)");
    assert_eq!(store.next(10).await.unwrap().len(), 1, "the damaged entry holds up no others");
    store.done(3).await.unwrap();
    is_corrupt(store.next(10).await, "entry 4 of the log");
    assert_eq!(store.backlog().await.unwrap(), 0);
    let kept = Connection::open(&path).unwrap();
    let kept = kept.query_row("SELECT COUNT(*) FROM log_damaged", [], |row| row.get::<_, i64>(0));
    assert_eq!(kept.unwrap(), 2);

    damage("UPDATE events SET body = '{' WHERE number = 1");
    is_corrupt(store.event("p", 1).await, "event 1 of p");
    assert!(store.event("p", 2).await.unwrap().is_some());

    damage(&format!("UPDATE occurrences SET body = '[]' WHERE finding = '{id}'"));
    is_corrupt(store.finding(&id).await, "a detection of finding");
    damage("UPDATE findings SET body = x'00'");
    is_corrupt(store.finding(&id).await, "column 1");
    is_corrupt(store.findings(&FindingQuery::default()).await, "column 3");
    is_corrupt(store.set_state(&id, FindingState::Closed, "ann", "", at(9)).await, "column 1");
    let again = batch("p", 3, vec![detected(detection(&task("task-0"), "rule 1", 3, at(3)))]);
    is_corrupt(store.apply(&again).await, "column 1");
    damage("UPDATE findings SET priority = 99; UPDATE tasks SET last_seen = 'x'");
    is_corrupt(store.overview(at(9)).await, "a priority");
    is_corrupt(store.facets(&FindingQuery::default()).await, "a priority");
    is_corrupt(store.task("task-0").await, "column 3");
    store.ping().await.unwrap();
}

fn is_corrupt<T: std::fmt::Debug>(answer: Result<T, StoreError>, part: &str) {
    match answer {
        Err(StoreError::Corrupt { what, .. }) if what.contains(part) => {}
        other => panic!("expected {part:?} to be corrupt, got {other:?}"),
    }
}

#[tokio::test]
async fn readers_that_panic_leave_room_for_others() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("fargard.db")).unwrap();
    for _ in 0..10 {
        let answer: Result<(), _> = store.read(|_| panic!("on purpose")).await;
        assert!(matches!(answer, Err(StoreError::Backend { .. })), "{answer:?}");
    }
    assert_eq!(store.backlog().await.unwrap(), 0);
}

#[tokio::test]
async fn identities_are_kept_for_a_day_and_forgotten_after() {
    let store = SqliteStore::in_memory().unwrap();
    let sent = batch("p", 1, vec![detected(detection(&task("task-0"), "rule", 1, at(1)))]);
    store.apply(&sent).await.unwrap();
    store.append(&sent).await.unwrap();
    store.store(&sent).await.unwrap();
    let now = Timestamp::now();
    assert_eq!(store.forget_identities(now, Duration::ZERO).await.unwrap(), 0);
    assert_eq!(store.apply(&sent).await.unwrap(), Applied::Before);
    assert!(!store.append(&sent).await.unwrap());
    let later = Timestamp(now.0 + u64::try_from(MIN_IDENTITY_AGE.as_nanos()).unwrap() + 1_000_000_000);
    assert_eq!(store.forget_identities(later, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(store.backlog().await.unwrap(), 1, "what waits is not forgotten");
    assert_eq!(store.forget_events(at(1)).await.unwrap(), 0);
    assert_eq!(store.forget_events(at(2)).await.unwrap(), 1);
}
