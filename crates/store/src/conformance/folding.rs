use std::sync::Arc;

use fargard_model::{Batch, CheckStatus, Finding, Priority};

use super::{
    State,
    sample::{at, batch, check, checked, detected, detection, task},
};
use crate::{Applied, FindingQuery, StoreError, query::MAX_PAGE};

pub(super) fn missing(what: &str) -> StoreError {
    StoreError::Corrupt { what: what.to_owned(), reason: "it is not there".to_owned() }
}

/// Every finding, by id.
pub(super) async fn all(store: &State) -> Result<Vec<Finding>, StoreError> {
    let query = FindingQuery { limit: MAX_PAGE, ..FindingQuery::default() };
    let mut findings = store.findings(&query).await?.findings;
    findings.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(findings)
}

pub(super) async fn a_batch_is_applied_once(store: State) -> Result<(), StoreError> {
    let records = vec![detected(detection(&task("task-0"), "rule", 1, at(1)))];
    let sent = batch("p", 1, records.clone());
    let Applied::Now { findings } = store.apply(&sent).await? else { return Err(missing("a new batch")) };
    assert_eq!(findings.len(), 1);
    let before = all(&store).await?;
    assert_eq!(store.apply(&sent).await?, Applied::Before);
    assert_eq!(all(&store).await?, before);
    assert_eq!(before.first().map(|finding| finding.count), Some(1));
    // Another producer's batch of the same number, and another number, are other batches.
    assert_eq!(
        store.apply(&batch("q", 1, records.clone())).await?,
        Applied::Now { findings: findings.clone() }
    );
    assert_eq!(store.apply(&batch("p", 2, records)).await?, Applied::Now { findings });
    assert_eq!(all(&store).await?.first().map(|finding| finding.count), Some(3));
    Ok(())
}

pub(super) async fn occurrences_fold_and_the_latest_stay(store: State) -> Result<(), StoreError> {
    let task = task("task-0");
    let many = (1..=45).map(|num| detected(detection(&task, "rule", num, at(num)))).collect();
    store.apply(&batch("p", 1, many)).await?;
    let mut urgent = detection(&task, "rule", 60, at(60));
    urgent.priority = Priority::Alert;
    urgent.tags = vec!["T1059".to_owned()];
    let mut more: Vec<_> = (46..60).map(|num| detected(detection(&task, "rule", num, at(num)))).collect();
    more.push(detected(urgent));
    more.push(detected(detection(&task, "rule", 100, at(0))));
    store.apply(&batch("p", 2, more)).await?;

    let findings = all(&store).await?;
    assert_eq!(findings.len(), 1);
    let Some(finding) = findings.first() else { return Err(missing("the finding")) };
    assert_eq!((finding.count, finding.first_seen, finding.last_seen), (61, at(0), at(60)));
    assert_eq!((finding.priority, finding.summary.as_str()), (Priority::Alert, "rule by event 60"));
    assert_eq!(finding.tags, ["T1059"]);
    let Some(detail) = store.finding(&finding.id).await? else { return Err(missing("the finding's detail")) };
    assert_eq!(&detail.finding, finding);
    let nums: Vec<u64> = detail.detections.iter().map(|detection| detection.event.num).collect();
    assert_eq!(nums, (11..=60).rev().collect::<Vec<_>>());
    assert!(detail.checks.is_empty());
    assert_eq!(store.finding("0").await?, None);
    Ok(())
}

/// Orders in which the batches of [`batches`] arrive, some more than once.
pub(super) const ORDERS: [&[usize]; 7] = [
    &[0, 1, 2, 3, 4],
    &[4, 3, 2, 1, 0],
    &[2, 0, 2, 4, 1, 1, 3, 0],
    &[3, 3, 3, 0, 1, 2, 4],
    &[1, 4, 0, 3, 2, 4],
    &[4, 0, 3, 1, 2, 2],
    &[0, 3, 4, 1, 2],
];

fn batches() -> Vec<Batch> {
    let (one, other) = (task("task-0"), task("task-1"));
    let mut same_time = detection(&one, "rule", 9, at(2));
    same_time.output = "another output of the same time".to_owned();
    vec![
        batch("p", 1, vec![detected(detection(&one, "rule", 1, at(1))), detected(same_time)]),
        batch(
            "p",
            2,
            vec![
                detected(detection(&one, "rule", 2, at(2))),
                checked(check(&one, CheckStatus::Failed, at(3))),
            ],
        ),
        batch("p", 3, vec![checked(check(&one, CheckStatus::Passed, at(4)))]),
        batch(
            "q",
            1,
            vec![
                checked(check(&other, CheckStatus::Failed, at(2))),
                checked(check(&other, CheckStatus::Passed, at(1))),
            ],
        ),
        batch(
            "q",
            2,
            vec![
                checked(check(&other, CheckStatus::Failed, at(5))),
                checked(check(&other, CheckStatus::Passed, at(3))),
            ],
        ),
    ]
}

pub(super) async fn order_and_repetition_do_not_matter(
    store: State,
    order: &[usize],
) -> Result<(), StoreError> {
    let batches = batches();
    for batch in order.iter().filter_map(|index| batches.get(*index)) {
        store.apply(batch).await?;
    }
    let findings: Vec<_> = all(&store)
        .await?
        .into_iter()
        .map(|finding| {
            (finding.task.arn.clone(), finding.kind.name(), finding.state.name(), finding.count, finding)
        })
        .collect();
    let mut short: Vec<_> =
        findings.iter().map(|(arn, kind, state, count, _)| (arn.as_str(), *kind, *state, *count)).collect();
    short.sort_unstable();
    assert_eq!(
        short,
        [
            ("task-0", "check", "closed", 1),
            ("task-0", "detection", "open", 3),
            ("task-1", "check", "open", 2)
        ]
    );
    let summaries: Vec<_> = findings.iter().map(|(.., finding)| finding.summary.as_str()).collect();
    let expected = reference_summaries(&batches);
    assert_eq!(summaries, expected, "order {order:?}");
    Ok(())
}

/// Summaries by id, as folding the batches by hand gives them; the tie at second 2 is decided by the store's own key.
fn reference_summaries(batches: &[Batch]) -> Vec<String> {
    let mut standings = std::collections::BTreeMap::<_, crate::state::fold::Standing>::new();
    for batch in batches {
        let Ok(digest) = crate::state::digest::Digest::of(batch) else { continue };
        for (id, occurrences) in digest.occurrences {
            for occurrence in occurrences {
                if let crate::state::digest::Effect::Found(finding) = occurrence.effect {
                    standings.entry(id.clone()).or_default().occurred(*finding, &occurrence.ordering);
                }
            }
        }
    }
    standings.into_values().filter_map(|standing| standing.finding).map(|finding| finding.summary).collect()
}

pub(super) async fn concurrent_batches_lose_nothing(store: State) -> Result<(), StoreError> {
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..12_u64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for sequence in 1..=4 {
                let num = worker * 4 + sequence;
                let record = detected(detection(&task("task-0"), "rule", num, at(num)));
                // Twice, as a sender does that got no answer.
                let sent = batch(&format!("p{worker}"), sequence, vec![record]);
                let (one, other) = tokio::join!(store.apply(&sent), store.apply(&sent));
                let now =
                    [one?, other?].iter().filter(|applied| matches!(applied, Applied::Now { .. })).count();
                assert_eq!(now, 1);
            }
            Ok::<_, StoreError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| StoreError::Backend { operation: "join", reason: error.to_string() })??;
    }
    let findings = all(&store).await?;
    assert_eq!(findings.iter().map(|finding| finding.count).collect::<Vec<_>>(), [48]);
    assert_eq!(findings.first().map(|finding| finding.last_seen), Some(at(48)));
    Ok(())
}
