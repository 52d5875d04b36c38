//! How many calls the sensor stopped during a workload: what its last heartbeat says.
//!
//! The sensor is told of a server that nobody runs, so that its batches stay in a spool directory, and they are
//! read there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use fargard_model::{Batch, Record, batch::MAX_BYTES, bounded};

use super::{
    resident::processes_of,
    variant::Variant,
    workload::{Bench, Workload},
};

/// Longest wait for the sensor's processes to end after the workload.
const END: Duration = Duration::from_secs(20);

/// What the last heartbeats of a run say.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Calls stopped.
    pub(super) events: u64,
    /// What was lost or left out on purpose, by class.
    pub(super) lost: BTreeMap<String, u64>,
}

/// Runs something once under a variant of the sensor and gives what the sensor told of it.
pub(super) fn told<T>(
    bench: &Bench,
    variant: &Variant,
    sensor: &Path,
    run: impl FnOnce(&Variant) -> Result<T>,
) -> Result<(T, Told)> {
    let spool = bench.directory().join("spool");
    std::fs::create_dir_all(&spool).with_context(|| format!("cannot create {}", spool.display()))?;
    let recorded = variant.with_environment(&[
        ("FARGARD_SERVER", "http://127.0.0.1:9"),
        ("FARGARD_TOKEN", "nobody-listens"),
        ("FARGARD_SPOOL_DIR", &spool.to_string_lossy()),
    ]);
    let given = run(&recorded)?;
    wait_for_end(sensor)?;
    let told = told_in(&spool);
    std::fs::remove_dir_all(&spool).with_context(|| format!("cannot remove {}", spool.display()))?;
    match told? {
        Told { events: 0, .. } => {
            bail!("the sensor saw no call at all under {}: it did not watch", variant.name)
        }
        told => Ok((given, told)),
    }
}

/// Runs a workload once under a variant of the sensor and gives the number of calls it saw.
pub(super) fn count(workload: &Workload, bench: &Bench, variant: &Variant, sensor: &Path) -> Result<u64> {
    let (_, told) = told(bench, variant, sensor, |recorded| workload.measure(bench, recorded))?;
    Ok(told.events)
}

/// Waits until no process executes the sensor's file any more.
pub(super) fn wait_for_end(sensor: &Path) -> Result<()> {
    let started = Instant::now();
    // Nothing is ever sent: receiving is a wait with a bound.
    let (_sender, never) = mpsc::channel::<()>();
    while !processes_of(sensor)?.is_empty() {
        if started.elapsed() > END {
            bail!("the sensor's processes did not end within {} s of the workload", END.as_secs());
        }
        let _ = never.recv_timeout(Duration::from_millis(20));
    }
    Ok(())
}

/// Sum over producers of their last heartbeats.
fn told_in(spool: &Path) -> Result<Told> {
    let mut total = Told::default();
    for producer in list(spool)? {
        let mut last = Told::default();
        for file in
            list(&producer)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "zst"))
        {
            let packed =
                bounded::read(&file, MAX_BYTES).with_context(|| format!("cannot read {}", file.display()))?;
            let lines = zstd::stream::read::Decoder::new(packed.as_slice())
                .and_then(|stream| bounded::read_from(stream, MAX_BYTES))
                .with_context(|| format!("cannot unpack {}", file.display()))?;
            let batch =
                Batch::from_lines(&lines).with_context(|| format!("cannot read {}", file.display()))?;
            for record in batch.records {
                if let Record::Heartbeat(heartbeat) = record
                    && heartbeat.events >= last.events
                {
                    last = Told { events: heartbeat.events, lost: heartbeat.lost.0.into_iter().collect() };
                }
            }
        }
        total.events += last.events;
        for (class, number) in last.lost {
            *total.lost.entry(class).or_default() += number;
        }
    }
    Ok(total)
}

fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let shown = || format!("cannot list {}", directory.display());
    directory.read_dir().with_context(shown)?.map(|entry| Ok(entry.with_context(shown)?.path())).collect()
}
