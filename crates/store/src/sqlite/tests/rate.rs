//! How fast small batches enter: `cargo test -p fargard-store --release rate -- --ignored --nocapture`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::super::SqliteStore;
use crate::{
    EventLog, EventStore, FindingQuery, StateStore, TaskQuery,
    conformance::sample::{at, batch, beat, detected, detection, event, happened, heartbeat, task},
};

const BATCHES: u64 = 10_000;
const SENDERS: u64 = 64;

/// A gate with 64 senders and one worker, as the server runs them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn rate_of_ingest() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&directory.path().join("fargard.db")).unwrap());
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let senders = (0..SENDERS).map(|_| tokio::spawn(send(Arc::clone(&store), Arc::clone(&next))));
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let appended = started.elapsed();
    assert_eq!(store.backlog().await.unwrap(), BATCHES);
    let started = Instant::now();
    while store.backlog().await.unwrap() > 0 {
        let entries = store.next(256).await.unwrap();
        let last = entries.last().unwrap().offset;
        let mut work = tokio::task::JoinSet::new();
        for entry in entries {
            let store = Arc::clone(&store);
            work.spawn(async move {
                store.store(&entry.batch).await.unwrap();
                store.apply(&entry.batch).await.unwrap();
            });
        }
        work.join_all().await;
        store.done(last).await.unwrap();
    }
    println!("{BATCHES} batches: appended in {appended:.2?}, folded in {:.2?}", started.elapsed());
}

async fn send(store: Arc<SqliteStore>, next: Arc<AtomicU64>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= BATCHES {
            return;
        }
        let task = task(&format!("arn:{}", number % 100));
        let producer = format!("p{}", number % 100);
        let records = vec![
            beat(heartbeat(&task, number, at(number))),
            happened(event(&task, number * 2, at(number))),
            detected(detection(&task, "rule", number * 2 + 1, at(number))),
        ];
        assert!(store.append(&batch(&producer, number / 100 + 1, records)).await.unwrap());
    }
}

/// How fast pages of a large store are read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn rate_of_queries() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("fargard.db")).unwrap();
    for number in 0..100 {
        let task = task(&format!("arn:{number}"));
        let found = (0..500).map(|rule| {
            let mut found = detection(&task, &format!("rule {rule}"), rule, at(number * 500 + rule));
            found.output = "some text of an ordinary length that says what happened ".repeat(5);
            detected(found)
        });
        store.apply(&batch(&format!("p{number}"), 1, found.collect())).await.unwrap();
    }
    let query = FindingQuery { states: vec![fargard_model::FindingState::Open], ..FindingQuery::default() };
    let started = Instant::now();
    assert_eq!(store.findings(&query).await.unwrap().total, 50_000);
    println!("findings {:.2?}", started.elapsed());
    let started = Instant::now();
    store.facets(&query).await.unwrap();
    println!("facets {:.2?}", started.elapsed());
    let started = Instant::now();
    store.overview(at(1)).await.unwrap();
    println!("overview {:.2?}", started.elapsed());
    let started = Instant::now();
    store.tasks(&TaskQuery { limit: 500, ..TaskQuery::default() }).await.unwrap();
    println!("tasks {:.2?}", started.elapsed());
    let started = Instant::now();
    store.findings(&FindingQuery { text: "rule 77".to_owned(), ..query }).await.unwrap();
    println!("text {:.2?}", started.elapsed());
}
