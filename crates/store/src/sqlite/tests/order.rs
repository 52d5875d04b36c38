//! Any order and repetition of a set of batches ends in the same state.

use fargard_model::{Batch, CheckStatus, Lost, Priority, Record, Task};
use proptest::{prelude::*, sample::Index};

use super::super::SqliteStore;
use crate::{
    FindingQuery, StateStore, TaskQuery,
    conformance::sample::{
        at, batch, beat, check, checked, detected, detection, event, happened, heartbeat, task,
    },
    query::MAX_PAGE,
};

const TASKS: [&str; 2] = ["task-0", "task-1"];

/// A record with few distinct times, so that many are equal.
fn record(task_index: usize) -> impl Strategy<Value = Record> {
    let sample = task(TASKS[task_index]);
    (0..4_u8, 0..3_usize, 0..5_u64, any::<bool>(), 0..1000_u64).prop_map(
        move |(kind, which, seconds, flag, salt)| {
            let time = at(seconds);
            let task = Task { service: format!("service {which}"), ..sample.clone() };
            match kind {
                0 => {
                    let mut found = detection(&task, ["a", "b", "c"][which], salt, time);
                    found.priority = Priority::ALL[which + 1];
                    found.tags = vec![format!("tag {salt}")];
                    detected(found)
                }
                1 => {
                    let status = [CheckStatus::Passed, CheckStatus::Failed, CheckStatus::Error][which];
                    let mut result = check(&task, status, time);
                    (result.cause, result.id) = (format!("cause {salt}"), format!("check {salt}"));
                    checked(result)
                }
                2 => {
                    let mut heartbeat = heartbeat(&task, salt, time);
                    heartbeat.last = flag;
                    heartbeat.container.name = format!("container {which}");
                    beat(heartbeat)
                }
                _ => happened(event(&task, salt, time)),
            }
        },
    )
}

/// Batches of two producers, each with its own task, numbered; losses grow as they do in a sensor.
fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let of = |index: usize| {
        proptest::collection::vec(proptest::collection::vec(record(index), 1..6), 0..5).prop_map(move |all| {
            let numbered = (1..).zip(all).map(|(sequence, records)| {
                let mut batch = batch(["p", "q"][index], sequence, records);
                batch.header.lost = Lost([("ring_read".to_owned(), sequence * 2)].into());
                batch
            });
            numbered.collect::<Vec<_>>()
        })
    };
    (of(0), of(1)).prop_map(|(mut one, other)| {
        one.extend(other);
        one
    })
}

/// Everything a person sees after these batches, apart from the history of states.
async fn outcome<'a>(batches: impl Iterator<Item = &'a Batch>) -> String {
    let store = SqliteStore::in_memory().unwrap();
    for batch in batches {
        store.apply(batch).await.unwrap();
    }
    let page = store.findings(&FindingQuery { limit: MAX_PAGE, ..FindingQuery::default() }).await.unwrap();
    let mut details = Vec::new();
    for finding in &page.findings {
        let mut detail = store.finding(&finding.id).await.unwrap().unwrap();
        detail.history.clear();
        details.push(detail);
    }
    let mut tasks = Vec::new();
    for arn in TASKS {
        tasks.push(store.task(arn).await.unwrap());
    }
    let list = store.tasks(&TaskQuery::default()).await.unwrap();
    let facets = store.facets(&FindingQuery::default()).await.unwrap();
    let overview = store.overview(at(5)).await.unwrap();
    format!("{page:#?}{details:#?}{tasks:#?}{list:#?}{facets:#?}{overview:#?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_change_nothing(
        (batches, order) in batches().prop_flat_map(|batches| {
            let order = Just((0..batches.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(batches), order)
        }),
        repeated in proptest::collection::vec((any::<Index>(), any::<Index>()), 0..6),
    ) {
        let mut order = order;
        for (from, to) in repeated.iter().filter(|_| !batches.is_empty()) {
            let again = order[from.index(order.len())];
            order.insert(to.index(order.len()), again);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (expected, found) = runtime.block_on(async {
            (outcome(batches.iter()).await, outcome(order.iter().map(|index| &batches[*index])).await)
        });
        prop_assert_eq!(expected, found);
    }
}
