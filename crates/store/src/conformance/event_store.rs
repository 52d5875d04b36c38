use std::sync::Arc;

use fargard_model::{Outcome, Timestamp};

use super::sample::{at, batch, detected, detection, event, happened, task};
use crate::{EventQuery, EventStore, StoreError};

type Store = Arc<dyn EventStore>;

async fn nums(store: &Store, query: &EventQuery) -> Result<Vec<u64>, StoreError> {
    Ok(store.events(query).await?.events.iter().map(|event| event.num).collect())
}

pub(super) async fn events_come_in_order_of_time(store: Store) -> Result<(), StoreError> {
    let one = task("task-0");
    let ours = [(3, 30), (1, 10), (2, 20), (4, 30)];
    let first = batch("p", 1, ours.map(|(num, time)| happened(event(&one, num, at(time)))).to_vec());
    store.store(&first).await?;
    store.store(&first).await?;
    store.store(&batch("q", 1, vec![happened(event(&one, 1, at(30)))])).await?;
    store.store(&batch("r", 1, vec![happened(event(&task("task-1"), 1, at(1)))])).await?;

    let query = EventQuery { task: "task-0".to_owned(), ..EventQuery::default() };
    assert_eq!(nums(&store, &query).await?, [1, 2, 3, 4, 1]);
    let part = EventQuery { from: Some(at(20)), to: Some(at(30)), ..query.clone() };
    assert_eq!(nums(&store, &part).await?, [2]);
    let mut paged = EventQuery { limit: 2, ..query };
    let mut seen = Vec::new();
    loop {
        let page = store.events(&paged).await?;
        seen.push(page.events.iter().map(|event| event.num).collect::<Vec<_>>());
        paged.cursor = page.next;
        if paged.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [vec![1, 2], vec![3, 4], vec![1]]);
    paged.cursor = Some("6600".to_owned());
    assert!(matches!(store.events(&paged).await, Err(StoreError::Cursor)));

    assert_eq!(store.event("p", 2).await?, Some(event(&one, 2, at(20))));
    assert_eq!(store.event("p", 9).await?, None);
    assert_eq!(store.event("\0", 1).await?, None);
    Ok(())
}

pub(super) async fn a_confirmed_event_replaces_its_attempt(store: Store) -> Result<(), StoreError> {
    let last = Timestamp(u64::MAX);
    let attempt = event(&task("task-0"), u64::MAX, last);
    let mut confirmed = attempt.clone();
    confirmed.outcome = Outcome::Confirmed(-13);
    for (sequence, sent) in (1..).zip([&attempt, &confirmed, &attempt]) {
        store.store(&batch("p", sequence, vec![happened(sent.clone())])).await?;
    }
    assert_eq!(store.event("p", u64::MAX).await?, Some(confirmed));
    Ok(())
}

pub(super) async fn events_of_detections_are_kept_too(store: Store) -> Result<(), StoreError> {
    let one = task("task-0");
    let records = vec![
        detected(detection(&one, "a", 5, at(5))),
        detected(detection(&one, "b", 5, at(5))),
        happened(event(&one, 5, at(5))),
    ];
    store.store(&batch("p", 1, records)).await?;
    let query = EventQuery { task: "task-0".to_owned(), ..EventQuery::default() };
    assert_eq!(nums(&store, &query).await?, [5]);
    Ok(())
}
