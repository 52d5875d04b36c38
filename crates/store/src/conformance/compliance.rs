use std::{collections::BTreeSet, sync::Arc};

use fargard_model::{CheckResult, CheckStatus, Task};

use super::{
    State,
    folding::missing,
    sample::{at, batch, beat, check, checked, heartbeat, task},
};
use crate::{
    ComplianceStore, PolicyRevision, StandardDay, StoreError, TargetQuery,
    compliance::{MAX_IMAGES, MAX_RESULTS, MAX_REVISIONS},
};

type Store = Arc<dyn ComplianceStore>;

fn arn(number: u64) -> String {
    format!("arn:aws:ecs:eu-west-1:111122223333:task/prod/{number:032x}")
}

fn result(task: &Task, container: &str, check_number: u32, status: CheckStatus, seconds: u64) -> CheckResult {
    let mut result = check(task, status, at(seconds));
    result.check = check_number;
    result.container.name = container.to_owned();
    result
}

/// What is kept of the only target, as `container check status cause`.
async fn kept(store: &Store) -> Result<Vec<String>, StoreError> {
    let page = store.targets(&TargetQuery::default()).await?;
    let results = page.targets.iter().flat_map(|target| &target.results);
    Ok(results
        .map(|each| format!("{} {} {:?} {}", each.container.name, each.check, each.status, each.cause))
        .collect())
}

pub(super) async fn results_gather_by_image_task_and_container(
    state: State,
    store: Store,
) -> Result<(), StoreError> {
    let one = task(&arn(1));
    let (passed, failed) = (CheckStatus::Passed, CheckStatus::Failed);
    let mut other_image = result(&one, "log", 426, passed, 40);
    other_image.container.image = "fluent-bit:3".to_owned();
    // The later batch first; a sidecar of the same image; another image.
    state.apply(&batch("p", 2, vec![checked(result(&one, "app", 426, failed, 20))])).await?;
    state.apply(&batch("p", 1, vec![checked(result(&one, "app", 426, passed, 10))])).await?;
    let more = vec![
        checked(result(&one, "app", 425, passed, 15)),
        checked(result(&one, "sidecar", 426, passed, 15)),
        checked(other_image),
        beat(heartbeat(&one, 1, at(50))),
    ];
    state.apply(&batch("p", 3, more.clone())).await?;
    state.apply(&batch("p", 3, more)).await?;
    let page = store.targets(&TargetQuery::default()).await?;
    let seen: Vec<_> =
        page.targets.iter().map(|each| (each.image.as_str(), each.last_seen, each.ended)).collect();
    assert_eq!(seen, [("fluent-bit:3", at(40), false), ("nginx:1.27", at(20), false)]);
    assert_eq!(page.total, 2);
    let Some(target) = store.target(&page.targets[1].id).await? else { return Err(missing("the target")) };
    assert_eq!(target, page.targets[1]);
    assert_eq!(target.task, one);
    let results: Vec<_> =
        target.results.iter().map(|each| (each.container.name.as_str(), each.check, each.status)).collect();
    assert_eq!(results, [("app", 425, passed), ("app", 426, failed), ("sidecar", 426, passed)]);
    state.apply(&batch("p", 4, vec![checked(result(&one, "app", 426, passed, 30))])).await?;
    assert!(kept(&store).await?.contains(&format!("app 426 Passed Found: /tmp/xmrig at {}", at(30).0)));
    let mut goodbye = heartbeat(&one, 2, at(60));
    goodbye.last = true;
    state.apply(&batch("p", 5, vec![beat(goodbye)])).await?;
    assert!(store.targets(&TargetQuery::default()).await?.targets.iter().all(|target| target.ended));
    assert_eq!(store.target("nothing").await?, None);
    Ok(())
}

pub(super) async fn targets_are_filtered_and_paged(state: State, store: Store) -> Result<(), StoreError> {
    for number in 0..7_u64 {
        let mut task = task(&arn(number));
        if number % 2 == 1 {
            (task.cluster, task.family, task.service) = ("dev".into(), "api".into(), "shop".into());
            (task.account, task.launch_type) = ("111122223333".into(), "EC2".into());
        }
        let status = if number < 2 { CheckStatus::Failed } else { CheckStatus::Passed };
        let mut found = result(&task, "app", 426, status, number);
        if number == 6 {
            found.container.image = "redis:7".into();
            found.container.image_digest = "sha256:00".into();
        }
        state.apply(&batch(&format!("p{number}"), 1, vec![checked(found)])).await?;
    }
    let mut scan = result(&Task::default(), "", 426, CheckStatus::Failed, 100);
    scan.container.image = "app:ci".into();
    store.put_scan(&[scan]).await?;
    let list = async |query: TargetQuery| {
        let page = store.targets(&query).await?;
        let hosts = page.targets.iter().map(|each| each.task.id().trim_start_matches('0').to_owned());
        Ok::<_, StoreError>(hosts.collect::<Vec<_>>().join(" "))
    };
    let any = TargetQuery::default;
    let one = |text: &str| vec![text.to_owned()];
    for (query, expected) in [
        (any(), " 6 5 4 3 2 1 "),
        (TargetQuery { deployed: Some(true), ..any() }, "6 5 4 3 2 1 "),
        (TargetQuery { deployed: Some(false), ..any() }, ""),
        (TargetQuery { hosts: vec![format!("{:032x}", 3), arn(4)], ..any() }, "4 3"),
        (TargetQuery { clusters: one("dev"), ..any() }, "5 3 1"),
        (TargetQuery { accounts: one("111122223333"), ..any() }, "5 3 1"),
        (TargetQuery { families: one("api"), ..any() }, "5 3 1"),
        (TargetQuery { services: one("shop"), ..any() }, "5 3 1"),
        (TargetQuery { launch_types: one("FARGATE"), ..any() }, "6 4 2 "),
        (TargetQuery { images: one("redis:7"), digest: Some("sha256:00".into()), ..any() }, "6"),
        (TargetQuery { images: one("redis:7"), digest: Some("sha256:01".into()), ..any() }, ""),
        (TargetQuery { failed: vec![426, 1], deployed: Some(true), ..any() }, "1 "),
        (TargetQuery { failed: vec![425], ..any() }, ""),
        (TargetQuery { text: "REDIS".into(), ..any() }, "6"),
        (TargetQuery { text: "shop".into(), ..any() }, "5 3 1"),
        (TargetQuery { text: "'%".into(), ..any() }, ""),
    ] {
        assert_eq!(list(query.clone()).await?, expected, "{query:?}");
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.targets(&TargetQuery { limit: 3, cursor, ..any() }).await?;
        assert_eq!(page.total, 8);
        seen.extend(page.targets.iter().map(|target| target.id.clone()));
        let last = page.targets.last().map(super::super::compliance::ComplianceTarget::cursor);
        assert!(page.next.is_none() || page.next == last);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (8, 8));
    assert!(matches!(
        store.targets(&TargetQuery { cursor: Some("00".into()), ..any() }).await,
        Err(StoreError::Cursor)
    ));
    Ok(())
}

/// A task that lies fills no database.
pub(super) async fn a_task_keeps_a_bounded_number_of_results(
    state: State,
    store: Store,
) -> Result<(), StoreError> {
    let one = task(&arn(1));
    let count = u32::try_from(MAX_RESULTS).unwrap_or_default() + 10;
    let many =
        (0..count).map(|number| checked(result(&one, "app", number, CheckStatus::Failed, u64::from(number))));
    state.apply(&batch("p", 1, many.collect())).await?;
    let page = store.targets(&TargetQuery::default()).await?;
    let numbers: Vec<u32> =
        page.targets.iter().flat_map(|target| &target.results).map(|each| each.check).collect();
    assert_eq!((numbers.len(), numbers.first()), (MAX_RESULTS, Some(&10)), "the latest stay");
    let images = (0..MAX_IMAGES as u64 + 10).map(|number| {
        let mut found = result(&one, "app", 426, CheckStatus::Failed, 10_000 + number);
        found.container.image = format!("image-{number}");
        checked(found)
    });
    state.apply(&batch("p", 2, images.collect())).await?;
    assert_eq!(store.targets(&TargetQuery::default()).await?.total, MAX_IMAGES as u64);
    Ok(())
}

pub(super) async fn images_before_deployment_have_no_task(store: Store) -> Result<(), StoreError> {
    let mut scan = result(&Task::default(), "", 426, CheckStatus::Failed, 1);
    scan.container.image = "app:1".to_owned();
    let of_a_task = result(&task(&arn(1)), "app", 426, CheckStatus::Failed, 1);
    let ids = store.put_scan(&[scan.clone(), of_a_task]).await?;
    assert_eq!(ids.len(), 1, "results of tasks come from their sensors only");
    (scan.status, scan.time) = (CheckStatus::Passed, at(2));
    assert_eq!(store.put_scan(&[scan.clone()]).await?, ids);
    let target = store.target(&ids[0]).await?;
    assert_eq!(target.map(|target| target.results), Some(vec![scan]));
    Ok(())
}

pub(super) async fn of_those_who_change_the_policy_at_once_one_does(store: Store) -> Result<(), StoreError> {
    assert_eq!(store.policy().await?, None);
    let policy = |revision: u64, who: &str| PolicyRevision {
        revision,
        at: at(revision),
        who: who.to_owned(),
        body: format!("{{\"é\\u0000\": \"{who}\"}}"),
    };
    assert!(!store.put_policy(&policy(2, "early")).await?);
    let tries = (0..8).map(|number| {
        let (store, policy) = (store.clone(), policy(1, &number.to_string()));
        async move { store.put_policy(&policy).await.map(|is_next| (is_next, policy)) }
    });
    let mut running = tokio::task::JoinSet::new();
    tries.for_each(|each| drop(running.spawn(each)));
    let mut winners = Vec::new();
    for each in running.join_all().await {
        let (is_next, policy) = each?;
        winners.extend(is_next.then_some(policy));
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.policy().await?, winners.pop());
    for revision in 2..=MAX_REVISIONS + 3 {
        assert!(store.put_policy(&policy(revision, "ada")).await?);
    }
    let history = store.policy_history(1_000).await?;
    assert_eq!((history.len() as u64, history[0].revision), (MAX_REVISIONS, MAX_REVISIONS + 3));
    assert_eq!(store.policy_history(1).await?, history[..1]);
    Ok(())
}

pub(super) async fn days_are_kept_once(store: Store) -> Result<(), StoreError> {
    let day =
        |day, failed| StandardDay { day, standard: "cis".to_owned(), failed, passed: 1, not_assessed: 2 };
    store.put_days(&[day(5, 1), day(6, 2)]).await?;
    store.put_days(&[day(6, 3), StandardDay { standard: "soc2".to_owned(), ..day(6, 0) }]).await?;
    let days = store.days(6).await?;
    assert_eq!(
        days.iter().map(|each| (each.standard.as_str(), each.failed)).collect::<Vec<_>>(),
        [("cis", 3), ("soc2", 0)]
    );
    assert_eq!(store.days(0).await?.len(), 3);
    Ok(())
}
