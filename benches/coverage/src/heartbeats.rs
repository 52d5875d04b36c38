//! Heartbeats of many tasks, on one core: from a batch's compressed bytes over the durable log to the task's row. What
//! HTTP, TLS and the token's check cost is not part of it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fargard_model::{Batch, BatchHeader, Heartbeat, Lost, Record, Task, Timestamp, batch::FORMAT};
use fargard_store::{EventLog, SqliteStore, StateStore};
use rustix::{
    process::Pid,
    thread::{CpuSet, sched_setaffinity},
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::rows::REGION;

/// Batches that arrive at the same time; the log and the store commit them together.
const AT_ONCE: usize = 64;

fn batch(number: u64, time: Timestamp) -> Result<Vec<u8>> {
    let arn = format!("arn:aws:ecs:{REGION}:{:012}:task/prod/{number:032x}", 100_000_000_000 + number / 100);
    let task = Task { arn: arn.clone(), family: "web".into(), cluster: "prod".into(), ..Task::default() };
    let heartbeat = Heartbeat { time, version: "0.1.0".into(), task, ..Heartbeat::default() };
    let header = BatchHeader {
        format: FORMAT,
        producer: format!("sensor-{number}"),
        sequence: time.0,
        task_arn: arn,
        lost: Lost::default(),
    };
    let lines = Batch { header, records: vec![Record::Heartbeat(Box::new(heartbeat))] }.to_lines()?;
    Ok(zstd::encode_all(&*lines, 3)?)
}

fn processor_time() -> Result<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Duration::new(u64::try_from(time.tv_sec)?, u32::try_from(time.tv_nsec)?))
}

/// Measures and prints: first all tasks are seen once, which makes their rows, then a minute's heartbeats of all.
pub(super) fn measure(place: &Path, tasks: u64) -> Result<()> {
    let mut one = CpuSet::new();
    one.set(0);
    sched_setaffinity(Pid::from_raw(0), &one).context("cannot stay on one core")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store =
        std::sync::Arc::new(runtime.block_on(async { SqliteStore::open(&place.join("heartbeats.db")) })?);
    for round in ["first heartbeat of each", "one more of each"] {
        let now = Timestamp::now();
        let sent: Vec<Vec<u8>> = (0..tasks).map(|number| batch(number, now)).collect::<Result<_>>()?;
        let (wall, before) = (Instant::now(), processor_time()?);
        runtime.block_on(deliver(&store, sent))?;
        let (wall, used) =
            (wall.elapsed().as_secs_f64(), (processor_time()?.saturating_sub(before)).as_secs_f64());
        println!(
            "heartbeats of {tasks} tasks, {round}: {used:.1} s of processor time on one core ({wall:.1} s passed), \
             {:.0} us each; once a minute that is {:.0} % of a core",
            used * 1e6 / tasks as f64,
            used / 60.0 * 100.0
        );
    }
    Ok(())
}

async fn deliver(store: &std::sync::Arc<SqliteStore>, sent: Vec<Vec<u8>>) -> Result<()> {
    let permits = std::sync::Arc::new(Semaphore::new(AT_ONCE));
    let mut gate = JoinSet::new();
    let total = sent.len();
    let worker = tokio::spawn(fold(store.clone(), total));
    for body in sent {
        let permit = permits.clone().acquire_owned().await?;
        let store = store.clone();
        gate.spawn(async move {
            let batch = Batch::from_lines(&zstd::decode_all(&*body)?)?;
            store.append(&batch).await?;
            drop(permit);
            anyhow::Ok(())
        });
        while let Some(done) = gate.try_join_next() {
            done??;
        }
    }
    while let Some(done) = gate.join_next().await {
        done??;
    }
    worker.await?
}

/// As the server's worker does.
async fn fold(store: std::sync::Arc<SqliteStore>, total: usize) -> Result<()> {
    let mut folded = 0;
    while folded < total {
        let entries = store.next(AT_ONCE).await?;
        let Some(last) = entries.last().map(|entry| entry.offset) else { continue };
        folded += entries.len();
        let mut running = JoinSet::new();
        for entry in entries {
            let store = store.clone();
            running.spawn(async move { store.apply(&entry.batch).await });
        }
        while let Some(done) = running.join_next().await {
            done??;
        }
        store.done(last).await?;
    }
    Ok(())
}
