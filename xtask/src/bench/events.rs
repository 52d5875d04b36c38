//! How many calls the sensor stopped during a workload: what its last heartbeat says.
//!
//! The sensor is told of a server that nobody runs, so that its batches stay in a spool directory, and they are
//! read there.

use std::{
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

/// Runs a workload once under a variant of the sensor and gives the number of calls it saw.
pub(super) fn count(workload: &Workload, bench: &Bench, variant: &Variant, sensor: &Path) -> Result<u64> {
    let spool = bench.directory().join("spool");
    std::fs::create_dir_all(&spool).with_context(|| format!("cannot create {}", spool.display()))?;
    let recorded = variant.with_environment(&[
        ("FARGARD_SERVER", "http://127.0.0.1:9"),
        ("FARGARD_TOKEN", "nobody-listens"),
        ("FARGARD_SPOOL_DIR", &spool.to_string_lossy()),
    ]);
    workload.measure(bench, &recorded)?;
    wait_for_end(sensor)?;
    let count = events_in(&spool);
    std::fs::remove_dir_all(&spool).with_context(|| format!("cannot remove {}", spool.display()))?;
    match count? {
        0 => bail!("the sensor saw no call at all under {}: it did not watch", variant.name),
        seen => Ok(seen),
    }
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

/// Sum over producers of the calls in their last heartbeats.
fn events_in(spool: &Path) -> Result<u64> {
    let mut total = 0;
    for producer in list(spool)? {
        let mut seen = 0;
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
                if let Record::Heartbeat(heartbeat) = record {
                    seen = seen.max(heartbeat.events);
                }
            }
        }
        total += seen;
    }
    Ok(total)
}

fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let shown = || format!("cannot list {}", directory.display());
    directory.read_dir().with_context(shown)?.map(|entry| Ok(entry.with_context(shown)?.path())).collect()
}
