use std::{sync::Arc, time::Duration};

use fargard_model::Batch;

use super::sample::{at, batch, beat, event, happened, heartbeat, task};
use crate::{EventLog, StoreError};

fn numbered(producer: &str, sequence: u64) -> Batch {
    batch(producer, sequence, vec![beat(heartbeat(&task("task-0"), sequence, at(1)))])
}

pub(super) async fn entries_leave_in_order_and_once(log: Arc<dyn EventLog>) -> Result<(), StoreError> {
    for sequence in [2, 1, 3] {
        assert!(log.append(&numbered("p", sequence)).await?);
    }
    assert!(!log.append(&numbered("p", 1)).await?);
    assert!(log.append(&numbered("q", 1)).await?);
    assert_eq!(log.backlog().await?, 4);

    let entries = log.next(3).await?;
    let batches: Vec<_> = entries.iter().map(|entry| entry.batch.clone()).collect();
    assert_eq!(batches, [numbered("p", 2), numbered("p", 1), numbered("p", 3)]);
    assert!(entries.is_sorted_by(|one, next| one.offset < next.offset));
    assert!(entries.iter().all(|entry| entry.received.0 > at(0).0));
    assert_eq!(log.next(3).await?, entries, "not done yet");
    let second = entries.get(1).map(|entry| entry.offset).unwrap_or_default();
    log.done(second).await?;
    log.done(second).await?;
    assert_eq!(log.backlog().await?, 2);
    let rest: Vec<_> = log.next(100).await?.into_iter().map(|entry| entry.batch.header.producer).collect();
    assert_eq!(rest, ["p", "q"]);
    log.done(u64::MAX).await?;
    assert_eq!(log.backlog().await?, 0);
    // What was done is still known.
    assert!(!log.append(&numbered("p", 2)).await?);
    assert!(log.append(&numbered("p", u64::MAX)).await?);
    assert!(!log.append(&numbered("p", u64::MAX)).await?);
    let after = log.next(1).await?;
    assert!(after.iter().all(|entry| entry.offset > second));
    Ok(())
}

pub(super) async fn next_waits_for_an_entry(log: Arc<dyn EventLog>) -> Result<(), StoreError> {
    let short = tokio::time::timeout(Duration::from_millis(50), log.next(1)).await;
    assert!(short.is_err(), "{short:?}");
    let waiting = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.next(1).await }
    });
    tokio::task::yield_now().await;
    log.append(&numbered("p", 1)).await?;
    let woken = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(matches!(&woken, Ok(Ok(Ok(entries))) if entries.len() == 1), "{woken:?}");
    Ok(())
}

pub(super) async fn concurrent_appends_are_all_kept(log: Arc<dyn EventLog>) -> Result<(), StoreError> {
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..16 {
        let log = Arc::clone(&log);
        senders.spawn(async move {
            let mut new = 0;
            for sequence in 1..=20 {
                let sent = numbered(&format!("p{sender}"), sequence);
                let (one, other) = tokio::join!(log.append(&sent), log.append(&sent));
                new += usize::from(one?) + usize::from(other?);
            }
            Ok::<_, StoreError>(new)
        });
    }
    while let Some(new) = senders.join_next().await {
        let new =
            new.map_err(|error| StoreError::Backend { operation: "join", reason: error.to_string() })?;
        assert_eq!(new?, 20);
    }
    assert_eq!(log.backlog().await?, 320);
    assert_eq!(log.next(320).await?.len(), 320);
    Ok(())
}

pub(super) async fn a_batch_that_could_not_be_read_back_is_refused(
    log: Arc<dyn EventLog>,
) -> Result<(), StoreError> {
    let mut foreign = numbered("p", 1);
    foreign.records.push(happened(event(&task("task-1"), 1, at(1))));
    let answer = log.append(&foreign).await;
    assert!(
        matches!(&answer, Err(StoreError::Backend { reason, .. }) if reason.contains("task-1")),
        "{answer:?}"
    );
    assert_eq!(log.backlog().await?, 0);
    assert!(log.append(&numbered("p", 1)).await?);
    Ok(())
}
