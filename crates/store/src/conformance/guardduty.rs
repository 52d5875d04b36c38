//! What GuardDuty's API keeps and reads.

use std::sync::Arc;

use fargard_coverage::guardduty::create_detector;
use fargard_model::{FindingState, Priority};
use serde_json::json;

use super::{
    State,
    sample::{at, batch, detected, detection, task},
};
use crate::{CoverageStore, FindingScan, ObjectKey, ObjectKind, StoreError};

type Store = Arc<dyn CoverageStore>;

/// Objects are kept by kind, scope and name.
pub(super) async fn objects_are_kept_by_name(store: Store) -> Result<(), StoreError> {
    let key = |name: &str| ObjectKey::new(ObjectKind::Filter, "d1", name);
    for name in ["b", "a", "c\u{0}"] {
        assert!(store.add_object(&key(name), &json!({"name": name})).await?);
    }
    assert!(!store.add_object(&key("a"), &json!({"name": "other"})).await?, "the name is taken");
    assert_eq!(store.object(&key("a")).await?, Some(json!({"name": "a"})));
    store.put_object(&key("a"), &json!({"name": "new"})).await?;
    store.put_object(&ObjectKey::new(ObjectKind::Filter, "d2", "a"), &json!(2)).await?;
    store.put_object(&ObjectKey::new(ObjectKind::IpSet, "d1", "a"), &json!(3)).await?;
    let names = |objects: Vec<crate::Object>| -> Vec<String> {
        objects.into_iter().map(|object| format!("{} {}", object.scope, object.name)).collect()
    };
    assert_eq!(names(store.objects(ObjectKind::Filter, "d1", "", 2).await?), ["d1 a", "d1 b"]);
    assert_eq!(names(store.objects(ObjectKind::Filter, "d1", "b", 2).await?), ["d1 c\u{fffd}"]);
    assert_eq!(names(store.objects_named(ObjectKind::Filter, Some("a"), 9).await?), ["d1 a", "d2 a"]);
    assert_eq!(store.objects_named(ObjectKind::Filter, None, 9).await?.len(), 4);
    assert!(store.remove_object(&key("b")).await? && !store.remove_object(&key("b")).await?);
    store.forget_scope("d1").await?;
    assert_eq!(store.object(&key("a")).await?, None);
    assert_eq!(names(store.objects_named(ObjectKind::Filter, None, 9).await?), ["d2 a"]);
    Ok(())
}

/// Findings are read in pages by what their task's ARN begins with.
pub(super) async fn findings_are_read_by_region_and_account(
    state: State,
    store: Store,
) -> Result<(), StoreError> {
    for (number, place) in (1_u64..).zip(["eu-west-1:1", "eu-west-1:1", "eu-west-1:2", "us-east-1:1", ""]) {
        let task = task(&format!("arn:aws:ecs:{place}:task/prod/{number}"));
        let one = detected(detection(&task, "rule", number, at(number)));
        state.apply(&batch("p", number, vec![one])).await?;
    }
    let all = FindingScan { arn_prefix: "arn:aws:ecs:eu-west-1:".to_owned(), limit: 2, ..Default::default() };
    let page = store.findings_of(&all).await?;
    assert_eq!(page.len(), 2);
    let last = page.last().map(|last| (last.task.arn.clone(), last.id.clone()));
    let rest = store.findings_of(&FindingScan { after: last, ..all.clone() }).await?;
    assert_eq!(rest.len(), 1);
    let all = FindingScan { limit: 9, ..all };
    let count = |scan: FindingScan| {
        let store = store.clone();
        async move { Ok::<_, StoreError>(store.findings_of(&scan).await?.len()) }
    };
    let own = FindingScan { arn_prefix: "arn:aws:ecs:eu-west-1:1:".to_owned(), ..all.clone() };
    assert_eq!(count(own.clone()).await?, 2);
    assert_eq!(count(FindingScan { ids: vec![rest[0].id.clone()], ..all.clone() }).await?, 1);
    assert_eq!(count(FindingScan { ids: vec![rest[0].id.clone()], ..own.clone() }).await?, 0, "not its own");
    state.set_state(&page[0].id, FindingState::Closed, "w", "", at(9)).await?;
    assert_eq!(count(FindingScan { states: vec![FindingState::Open], ..all.clone() }).await?, 2);
    let priority = page[0].priority;
    let others: Vec<Priority> = Priority::ALL.iter().copied().filter(|each| *each != priority).collect();
    assert_eq!(count(FindingScan { priorities: vec![priority], ..all.clone() }).await?, 3);
    assert_eq!(count(FindingScan { priorities: others, ..all.clone() }).await?, 0);
    let latest = store.findings_of(&all).await?.iter().map(|finding| finding.last_seen).max();
    assert_eq!(count(FindingScan { since: latest, ..all.clone() }).await?, 1);
    Ok(())
}

/// Detectors are listed by account.
pub(super) async fn detectors_are_listed_by_region(store: Store) -> Result<(), StoreError> {
    for (id, account, region) in [("b", "2", "r"), ("a", "1", "r"), ("c", "1", "s")] {
        let made = create_detector(br#"{"enable": true}"#, id.to_owned(), account, region, at(0));
        let made =
            made.map_err(|error| StoreError::Corrupt { what: id.to_owned(), reason: error.message })?;
        assert!(store.add_detector(&made).await?);
    }
    let ids = |all: Vec<fargard_coverage::guardduty::Detector>| -> Vec<String> {
        all.into_iter().map(|detector| detector.id).collect()
    };
    assert_eq!(ids(store.detectors("r", "", 9).await?), ["a", "b"]);
    assert_eq!(ids(store.detectors("r", "1", 9).await?), ["b"]);
    assert_eq!(store.accounts("r", "", 9).await?, Vec::<String>::new());
    assert_eq!(store.inside("none").await?, crate::Inside::default());
    assert!(store.resource("none").await?.is_none());
    Ok(())
}
