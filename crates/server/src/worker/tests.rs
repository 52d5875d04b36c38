//! The worker beside a database that fails.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use fargard_model::{
    Batch, BatchHeader, Finding, FindingState, Heartbeat, Lost, Record, Task, Timestamp, batch::FORMAT,
};
use fargard_rules::Ruleset;
use fargard_store::{
    Applied, EventLog, Facets, FindingDetail, FindingPage, FindingQuery, Overview, SqliteStore, StateStore,
    StoreError, TaskDetail, TaskPage, TaskQuery, Token,
};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use super::Worker;
use crate::{
    backlog::Backlog,
    state::AppState,
    updates::{Update, Updates},
};

/// What the database does at the next call of `apply` or `ping`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Down,
    Well,
}

/// A SQLite store that is down for some calls, and refuses batches of the producer `poison`.
struct Moody {
    inner: Arc<SqliteStore>,
    moods: Mutex<VecDeque<Mood>>,
    rest: Mood,
}

impl Moody {
    fn mood(&self) -> Result<(), StoreError> {
        match self.moods.lock().unwrap().pop_front().unwrap_or(self.rest) {
            Mood::Well => Ok(()),
            Mood::Down => Err(StoreError::Backend { operation: "test", reason: "down".into() }),
        }
    }
}

#[async_trait]
impl StateStore for Moody {
    async fn apply(&self, batch: &Batch) -> Result<Applied, StoreError> {
        self.mood()?;
        if batch.header.producer == "poison" {
            return Err(StoreError::Backend { operation: "apply", reason: "refused".into() });
        }
        self.inner.apply(batch).await
    }
    async fn findings(&self, query: &FindingQuery) -> Result<FindingPage, StoreError> {
        self.inner.findings(query).await
    }
    async fn facets(&self, query: &FindingQuery) -> Result<Facets, StoreError> {
        self.inner.facets(query).await
    }
    async fn finding(&self, id: &str) -> Result<Option<FindingDetail>, StoreError> {
        self.inner.finding(id).await
    }
    async fn set_state(
        &self,
        id: &str,
        state: FindingState,
        who: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Option<Finding>, StoreError> {
        self.inner.set_state(id, state, who, note, at).await
    }
    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        self.inner.tasks(query).await
    }
    async fn task(&self, arn: &str) -> Result<Option<TaskDetail>, StoreError> {
        self.inner.task(arn).await
    }
    async fn overview(&self, now: Timestamp) -> Result<Overview, StoreError> {
        self.inner.overview(now).await
    }
    async fn put_token(&self, token: &Token) -> Result<(), StoreError> {
        self.inner.put_token(token).await
    }
    async fn token(&self, hash: &str) -> Result<Option<Token>, StoreError> {
        self.inner.token(hash).await
    }
    async fn take_token(&self, hash: &str) -> Result<bool, StoreError> {
        self.inner.take_token(hash).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.mood()
    }
}

struct Bench {
    sqlite: Arc<SqliteStore>,
    state: AppState,
    set_aside: tempfile::TempDir,
    drain: watch::Sender<Option<Instant>>,
    worker: Option<Worker>,
}

fn bench(moods: &[Mood], rest: Mood) -> Bench {
    let sqlite = Arc::new(SqliteStore::in_memory().unwrap());
    let store = Moody { inner: sqlite.clone(), moods: Mutex::new(moods.iter().copied().collect()), rest };
    let state = AppState {
        store: Arc::new(store),
        coverage: sqlite.clone(),
        compliance: Arc::new(crate::compliance::Compliance::new(sqlite.clone())),
        terms: Arc::default(),
        seal: crate::auth::Seal::for_test(),
        events: sqlite.clone(),
        log: sqlite.clone(),
        rules: Arc::new(fargard_rules::load(&[]).ruleset.unwrap()) as Arc<Ruleset>,
        epoch: "test".into(),
        updates: Updates::default(),
        metrics: Arc::default(),
        backlog: Arc::new(Backlog::new(10)),
        attempts: Arc::default(),
        decoders: Arc::new(Semaphore::new(1)),
        stopping: watch::channel(false).1,
        tls: false,
    };
    let set_aside = tempfile::tempdir().unwrap();
    let (drain, draining) = watch::channel(None);
    let worker = Some(Worker::new(state.clone(), set_aside.path().into(), draining));
    Bench { sqlite, state, set_aside, drain, worker }
}

fn heartbeat(producer: &str, task: &str) -> Batch {
    let heartbeat = Heartbeat { task: Task { arn: task.into(), ..Task::default() }, ..Heartbeat::default() };
    Batch {
        header: BatchHeader {
            format: FORMAT,
            producer: producer.into(),
            sequence: 1,
            task_arn: task.into(),
            lost: Lost::default(),
        },
        records: vec![Record::Heartbeat(Box::new(heartbeat))],
    }
}

impl Bench {
    /// Runs the worker until it reported this task, then drains it.
    async fn work_until(&mut self, task: &str) {
        let mut updates = self.state.updates.subscribe();
        let working = tokio::spawn(self.worker.take().unwrap().run());
        let wanted = Update::Task { arn: task.into() };
        // No time limit here: the paused clock would jump to it whenever everybody waits for SQLite's thread.
        while updates.recv().await.unwrap().1 != wanted {}
        self.drain.send(Some(Instant::now() + Duration::from_secs(60))).unwrap();
        working.await.unwrap();
    }

    fn files_set_aside(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.set_aside.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_a_database_that_is_down_however_long() {
    let mut bench = bench(&[Mood::Down; 60], Mood::Well);
    bench.sqlite.append(&heartbeat("p", "local:h:1")).await.unwrap();
    bench.work_until("local:h:1").await;
    assert!(bench.sqlite.task("local:h:1").await.unwrap().is_some());
    assert_eq!(bench.sqlite.backlog().await.unwrap(), 0);
    assert!(bench.files_set_aside().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_the_database_refuses_is_set_aside_and_holds_up_nobody() {
    let mut bench = bench(&[], Mood::Well);
    bench.sqlite.append(&heartbeat("poison", "local:h:1")).await.unwrap();
    bench.sqlite.append(&heartbeat("p", "local:h:1")).await.unwrap();
    bench.work_until("local:h:1").await;
    assert_eq!(bench.sqlite.backlog().await.unwrap(), 0);
    assert_eq!(bench.files_set_aside(), ["poison-1.jsonl"]);
    let kept = fargard_model::bounded::read(&bench.set_aside.path().join("poison-1.jsonl"), 1 << 20).unwrap();
    assert_eq!(Batch::from_lines(&kept).unwrap(), heartbeat("poison", "local:h:1"));
    let metrics = bench.state.metrics.page(0, []).unwrap();
    assert!(metrics.contains("fargard_batches_set_aside_total 1"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn draining_ends_at_its_deadline_and_leaves_the_rest_in_the_log() {
    let mut bench = bench(&[], Mood::Down);
    bench.sqlite.append(&heartbeat("p", "local:h:1")).await.unwrap();
    let working = tokio::spawn(bench.worker.take().unwrap().run());
    bench.drain.send(Some(Instant::now() + Duration::from_secs(10))).unwrap();
    working.await.unwrap();
    assert_eq!(bench.sqlite.backlog().await.unwrap(), 1);
    assert!(bench.files_set_aside().is_empty());
}

#[tokio::test]
async fn a_worker_ends_when_nobody_is_left_to_stop_it() {
    let mut bench = bench(&[], Mood::Well);
    let working = tokio::spawn(bench.worker.take().unwrap().run());
    drop(bench.drain);
    tokio::time::timeout(Duration::from_secs(20), working).await.unwrap().unwrap();
}
