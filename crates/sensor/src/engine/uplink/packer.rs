//! Makes batches of records and puts them into the spool.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use fargard_model::{
    Batch, BatchHeader, Container, Record,
    batch::{FORMAT, MAX_BYTES},
};

use super::{
    outbox::{Lane, Outbox},
    spool::Spool,
};
use crate::engine::identity::{Identity, is_stand_in};

/// zstd's fast level: a batch of events shrinks about tenfold for a fraction of a millisecond.
const LEVEL: i32 = 1;

/// The spool as packer and sender share it.
#[derive(Debug)]
pub(crate) struct SharedSpool {
    spool: Mutex<Filling>,
    changed: Condvar,
}

/// A spool and whether more will be put into it.
#[derive(Debug)]
pub(crate) struct Filling {
    /// The batches.
    pub(crate) spool: Spool,
    /// Everything is in it.
    pub(crate) complete: bool,
}

impl SharedSpool {
    /// Shares a spool.
    pub(crate) fn new(spool: Spool) -> Self {
        Self { spool: Mutex::new(Filling { spool, complete: false }), changed: Condvar::new() }
    }

    /// The spool, once nobody shares it any more.
    pub(crate) fn into_inner(self) -> Spool {
        self.spool.into_inner().unwrap_or_else(PoisonError::into_inner).spool
    }

    /// Exclusive use.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Filling> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, at most that long.
    pub(crate) fn wait<'a>(
        &self,
        guard: MutexGuard<'a, Filling>,
        time: std::time::Duration,
    ) -> MutexGuard<'a, Filling> {
        match self.changed.wait_timeout(guard, time) {
            Ok((guard, _)) => guard,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }

    /// Ends the waits.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }
}

/// Packs until the outbox is closed and empty.
pub(crate) fn run(outbox: &Outbox, spool: &SharedSpool, identity: &Identity, producer: &str) {
    let mut sequence = 0;
    while let Some((lane, mut records)) = outbox.take() {
        stamp(&mut records, identity);
        let number = records.len() as u64;
        pack(outbox, spool, identity, producer, &mut sequence, lane, records);
        if lane == Lane::Urgent {
            outbox.settle(number);
        }
    }
    spool.lock().complete = true;
    spool.notify();
}

/// Records made before the task was known get its name now; those of other containers keep theirs.
fn stamp(records: &mut [Record], identity: &Identity) {
    let (task, container) = identity.arcs();
    let own = |known: &mut Arc<Container>| {
        if is_stand_in(known) {
            known.clone_from(&container);
        }
    };
    for record in records {
        match record {
            Record::Event(event) => {
                event.task = Arc::clone(&task);
                own(&mut event.container);
            }
            Record::Detection(detection) => {
                detection.event.task = Arc::clone(&task);
                own(&mut detection.event.container);
            }
            Record::CheckResult(result) => {
                result.task.clone_from(&task);
                if is_stand_in(&result.container) {
                    result.container.clone_from(&container);
                }
            }
            Record::FileChange(change) => {
                change.task.clone_from(&task);
                if is_stand_in(&change.container) {
                    change.container.clone_from(&container);
                }
            }
            Record::Heartbeat(heartbeat) => {
                heartbeat.task.clone_from(&task);
                heartbeat.container.clone_from(&container);
            }
        }
    }
}

fn pack(
    outbox: &Outbox,
    spool: &SharedSpool,
    identity: &Identity,
    producer: &str,
    sequence: &mut u64,
    lane: Lane,
    records: Vec<Record>,
) {
    let count = records.len() as u64;
    let header = BatchHeader {
        format: FORMAT,
        producer: producer.to_owned(),
        sequence: *sequence + 1,
        task_arn: identity.arcs().0.arn.clone(),
        lost: outbox.lost(),
    };
    let batch = Batch { header, records };
    let encoded = batch.to_lines().ok().filter(|lines| lines.len() <= MAX_BYTES);
    let compressed = encoded.and_then(|lines| zstd::bulk::compress(&lines, LEVEL).ok());
    let Some(content) = compressed.filter(|content| content.len() <= fargard_model::batch::MAX_COMPRESSED)
    else {
        let mut records = batch.records;
        if records.len() > 1 {
            let rest = records.split_off(records.len() / 2);
            pack(outbox, spool, identity, producer, sequence, lane, records);
            pack(outbox, spool, identity, producer, sequence, lane, rest);
        } else {
            outbox.add_lost("unsendable", count);
        }
        return;
    };
    *sequence += 1;
    let (urgent, events) = spool.lock().spool.put(lane, *sequence, count, content);
    outbox.add_lost("spool_full", urgent);
    outbox.add_lost("spool_full_event", events);
    spool.notify();
}
