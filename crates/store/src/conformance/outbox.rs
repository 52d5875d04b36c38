//! Changes of coverage that are to be told.

use std::sync::Arc;

use fargard_coverage::{
    notice::Told,
    row::CoverageRow,
    rules::{Management, Status},
    sweep::Sweep,
};
use fargard_model::Timestamp;

use super::sample::at;
use crate::{ClusterKnown, CoverageStore, Judgement, News, StoreError};

type Store = Arc<dyn CoverageStore>;

const CLUSTER: &str = "arn:aws:ecs:eu-west-1:111122223333:cluster/prod";

fn missing(reason: &str) -> StoreError {
    StoreError::Corrupt { what: "the outbox".to_owned(), reason: reason.to_owned() }
}

/// The cluster after that many changes.
fn row(changes: u64) -> CoverageRow {
    let status = if changes.is_multiple_of(2) { Status::Healthy } else { Status::Unhealthy };
    CoverageRow {
        arn: CLUSTER.to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        cluster: "prod".to_owned(),
        status,
        management: Management::AutoManaged,
        issues: vec![],
        covered_instances: 0,
        compatible_instances: 0,
        covered_tasks: 0,
        uncovered_tasks: 0,
        updated_at: at(changes),
        newest_task: Timestamp(0),
        since: at(changes),
        told: Some(Told { status, changes }),
    }
}

/// Tells the change after so many.
fn judgement(changes_before: u64, sinks: &[&str]) -> Judgement {
    let changes = changes_before + 1;
    let news = News {
        id: format!("change-{changes}"),
        recorded: at(changes),
        body: format!("{{\"nul\":\"a\u{0}b\",\"number\":{changes}}}"),
        sinks: sinks.iter().map(|sink| (*sink).to_owned()).collect(),
    };
    Judgement { row: Some(row(changes)), changes_before, due: at(1000), forgotten: vec![], news: Some(news) }
}

async fn known(store: &Store, seconds: u64) -> Result<ClusterKnown, StoreError> {
    let sweep = serde_json::json!({"account": "111122223333", "region": "eu-west-1", "partial": true,
        "startedAt": at(seconds).seconds(), "clusters": [{"clusterArn": CLUSTER}]});
    let bad = |reason: String| StoreError::Corrupt { what: "a sample".to_owned(), reason };
    let sweep: Sweep = serde_json::from_value(sweep).map_err(|error| bad(error.to_string()))?;
    store.merge(&sweep.items().map_err(|error| bad(error.to_string()))?).await?;
    Ok(store.known(CLUSTER).await?.unwrap_or_default())
}

pub(super) async fn a_change_is_recorded_with_its_judgement_and_once(store: Store) -> Result<(), StoreError> {
    let stale = known(&store, 10).await?;
    let current = known(&store, 20).await?;
    assert!(!store.judged(&stale, &judgement(0, &["log", "webhook"])).await?);
    assert_eq!(store.notices_waiting().await?, [].into(), "no change without its judgement");
    // Two who judge the same knowledge tell its change once.
    let (one, other) = (judgement(0, &["log", "webhook"]), judgement(0, &["log", "webhook"]));
    let (one, other) = tokio::join!(store.judged(&current, &one), store.judged(&current, &other));
    assert_eq!([one?, other?].into_iter().filter(|kept| *kept).count(), 1);
    let waiting = store.notices_waiting().await?;
    assert_eq!(waiting, [("log".to_owned(), 1), ("webhook".to_owned(), 1)].into());
    // A judgement that began before somebody told a change does not take it back.
    let late = Judgement { row: Some(row(0)), due: at(1000), ..Judgement::default() };
    assert!(!store.judged(&current, &late).await?);
    assert_eq!(store.coverage_row(CLUSTER).await?, Some(row(1)));
    let then = Judgement { news: None, row: Some(row(1)), ..judgement(1, &[]) };
    assert!(store.judged(&current, &then).await?);
    // A cluster that is gone takes nothing back.
    assert!(store.judged(&current, &Judgement { due: at(1000), ..Judgement::default() }).await?);
    assert_eq!(store.notices_waiting().await?, waiting);
    Ok(())
}

pub(super) async fn notices_are_told_in_order_by_one_at_a_time(store: Store) -> Result<(), StoreError> {
    let known = known(&store, 10).await?;
    for changes in 0..3 {
        let sinks: &[&str] = if changes == 1 { &["webhook"] } else { &["webhook", "log"] };
        assert!(store.judged(&known, &judgement(changes, sinks)).await?);
    }
    assert_eq!(store.take_notice("other", at(100), at(110)).await?, None);
    let one = store.take_notice("webhook", at(100), at(110)).await?.ok_or_else(|| missing("three wait"))?;
    assert_eq!((one.id.as_str(), one.recorded, one.attempts), ("change-1", at(1), 0));
    assert!(one.body.starts_with("{\"nul\":\"a") && one.body.ends_with("\"number\":1}"), "{}", one.body);
    // Who took it may have died: until then nobody else is given anything.
    assert_eq!(store.take_notice("webhook", at(109), at(120)).await?, None);
    let again =
        store.take_notice("webhook", at(110), at(120)).await?.ok_or_else(|| missing("it was not told"))?;
    assert_eq!((again.id.as_str(), again.attempts, &again.body), ("change-1", 1, &one.body));
    store.put_notice_off(again.number, at(200)).await?;
    assert_eq!(store.take_notice("webhook", at(199), at(210)).await?, None, "nothing overtakes");
    let log = store
        .take_notice("log", at(199), at(210))
        .await?
        .ok_or_else(|| missing("the other does not wait"))?;
    store.notice_told(log.number).await?;
    let mut told = Vec::new();
    while let Some(notice) = store.take_notice("webhook", at(200), at(210)).await? {
        store.notice_told(notice.number).await?;
        told.push(notice.id);
    }
    assert_eq!(told, ["change-1", "change-2", "change-3"]);
    assert_eq!(store.notices_waiting().await?, [("log".to_owned(), 1)].into());
    Ok(())
}
