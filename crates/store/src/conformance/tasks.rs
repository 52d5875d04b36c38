use fargard_model::{CheckStatus, Lost, Task};

use super::{
    State,
    folding::missing,
    sample::{
        SECOND, START, at, batch, beat, check, checked, container, detected, detection, event, happened,
        heartbeat, task,
    },
};
use crate::{StoreError, TaskQuery};

pub(super) async fn tasks_gather_what_records_say(store: State) -> Result<(), StoreError> {
    let one = task("task-0");
    let mut renamed = one.clone();
    renamed.service = "shop".to_owned();
    let mut first = batch("p", 1, vec![beat(heartbeat(&one, 10, at(10)))]);
    first.header.lost = Lost([("ring_read".to_owned(), 3)].into());
    let mut second = batch("p", 2, vec![beat(heartbeat(&renamed, 20, at(20)))]);
    second.header.lost = Lost([("ring_read".to_owned(), 3), ("spool_full".to_owned(), 4)].into());
    let mut sidecar = event(&one, 1, at(5));
    let mut log_router = container();
    (log_router.id, log_router.name) = ("c2".to_owned(), "log_router".to_owned());
    sidecar.container = log_router.into();
    // The later batch first.
    store.apply(&second).await?;
    store.apply(&first).await?;
    store.apply(&batch("q", 1, vec![happened(sidecar), detected(detection(&one, "rule", 2, at(6)))])).await?;

    let Some(detail) = store.task("task-0").await? else { return Err(missing("task-0")) };
    assert_eq!(detail.row.task, renamed);
    let names: Vec<_> = detail.row.containers.iter().map(|container| container.name.as_str()).collect();
    assert_eq!(names, ["app", "log_router"]);
    assert_eq!((detail.row.first_seen, detail.row.last_seen), (at(5), at(20)));
    assert_eq!((detail.row.open_findings, detail.row.lost, detail.row.ended), (1, 7, false));
    let sensors: Vec<_> = detail.sensors.iter().map(|(name, beat)| (name.as_str(), beat.events)).collect();
    assert_eq!(sensors, [("p", 20)]);

    let mut goodbye = heartbeat(&renamed, 30, at(30));
    goodbye.last = true;
    store.apply(&batch("p", 3, vec![beat(goodbye)])).await?;
    assert_eq!(store.task("task-0").await?.map(|detail| detail.row.ended), Some(true));
    // A header without records makes its task known.
    let mut empty = batch("r", 1, vec![]);
    empty.header.task_arn = "task-9".to_owned();
    store.apply(&empty).await?;
    assert_eq!(store.task("task-9").await?.map(|detail| detail.row.task.arn), Some("task-9".to_owned()));
    assert_eq!(store.task("nothing").await?, None);
    Ok(())
}

pub(super) async fn tasks_are_listed_by_latest_record(store: State) -> Result<(), StoreError> {
    for num in 0..7_u64 {
        let mut task: Task = task(&format!("arn:{num}"));
        if num % 2 == 1 {
            (task.cluster, task.family) = ("Dev".to_owned(), "api".to_owned());
        }
        store.apply(&batch(&format!("p{num}"), 1, vec![beat(heartbeat(&task, 1, at(num)))])).await?;
    }
    let arns = async |query: TaskQuery| {
        let page = store.tasks(&query).await?;
        let arns: Vec<_> = page.tasks.into_iter().map(|row| row.task.arn).collect();
        Ok::<_, StoreError>((arns.join(" "), page.total, page.next))
    };
    let any = TaskQuery::default;
    let (all, total, next) = arns(any()).await?;
    assert_eq!((all.as_str(), total, next), ("arn:6 arn:5 arn:4 arn:3 arn:2 arn:1 arn:0", 7, None));
    let clusters = vec!["Dev".to_owned()];
    assert_eq!(arns(TaskQuery { clusters, ..any() }).await?.0, "arn:5 arn:3 arn:1");
    let families = vec!["web".to_owned()];
    assert_eq!(arns(TaskQuery { families, ..any() }).await?.0, "arn:6 arn:4 arn:2 arn:0");
    assert_eq!(arns(TaskQuery { text: "ARN:4".to_owned(), ..any() }).await?.0, "arn:4");
    assert_eq!(arns(TaskQuery { text: "dev".to_owned(), ..any() }).await?.0, "arn:5 arn:3 arn:1");
    let (first, total, cursor) = arns(TaskQuery { limit: 4, ..any() }).await?;
    assert_eq!((first.as_str(), total), ("arn:6 arn:5 arn:4 arn:3", 7));
    assert!(cursor.is_some());
    let (second, total, cursor) = arns(TaskQuery { limit: 4, cursor, ..any() }).await?;
    assert_eq!((second.as_str(), total, cursor), ("arn:2 arn:1 arn:0", 7, None));
    Ok(())
}

pub(super) async fn the_overview_adds_up(store: State) -> Result<(), StoreError> {
    let (one, other) = (task("task-0"), task("task-1"));
    let mut tagged = detection(&one, "b", 3, at(3));
    tagged.tags = ["PCI", "PCI_DSS", "T1059"].map(str::to_owned).to_vec();
    let mut first = batch(
        "p",
        1,
        vec![
            beat(heartbeat(&one, 10, at(0))),
            detected(detection(&one, "a", 1, at(1))),
            detected(detection(&one, "a", 2, at(2))),
            detected(tagged),
            checked(check(&one, CheckStatus::Failed, at(3700))),
            checked(check(&one, CheckStatus::Passed, at(3800))),
        ],
    );
    first.header.lost = Lost([("ring_read".to_owned(), 5)].into());
    store.apply(&first).await?;
    let late = vec![beat(heartbeat(&other, 7, at(3600))), detected(detection(&other, "a", 1, at(3600)))];
    store.apply(&batch("q", 1, late)).await?;

    let overview = store.overview(at(3800)).await?;
    let pairs = |map: &std::collections::BTreeMap<String, u64>| {
        map.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(pairs(&overview.open_by_priority), "Error 3");
    assert_eq!(pairs(&overview.by_state), "closed 1, open 3");
    assert_eq!(overview.top_titles, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert_eq!((overview.tasks_alive, overview.tasks_total), (1, 2));
    assert_eq!((overview.events, overview.lost), (17, 5));
    assert_eq!(overview.last_day.len(), 24);
    let hour = START / SECOND / 3600 * 3600;
    // 22:13 and an hour on; the failed check at 23:14:59 and the detection at 23:13:20.
    assert_eq!(
        overview.last_day.iter().rev().take(3).copied().collect::<Vec<_>>(),
        [(hour + 3600, 2), (hour, 3), (hour - 3600, 0)]
    );
    let standards: Vec<_> = overview
        .by_standard
        .iter()
        .map(|(title, controls)| format!("{title}: {}", pairs(controls)))
        .collect();
    // The finding that both `PCI` and `PCI_DSS` name counts once.
    assert_eq!(standards, ["MITRE ATT&CK: T1059 1", "PCI DSS:  1, 11.5.2 2"]);
    Ok(())
}
