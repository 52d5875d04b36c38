use std::{collections::BTreeSet, sync::Arc};

use fargard_coverage::{
    event,
    guardduty::create_detector,
    inventory::{Item, Resource},
    query::{After, Column, CoverageQuery, Criterion, SortKey},
    row::CoverageRow,
    rules::{Issue, Management, Problem, Remedy, Status},
    sweep::Sweep,
};
use fargard_model::{Heartbeat, Lost, Record, Timestamp};

use super::{
    State,
    sample::{at, batch, task},
};
use crate::{AccessKey, Counts, CoverageStore, Judgement, KeyRole, StoreError};

type Store = Arc<dyn CoverageStore>;

const CLUSTER: &str = "arn:aws:ecs:eu-west-1:111122223333:cluster/prod";
const SCOPE: &str = "eu-west-1/111122223333";

fn arn(number: u64) -> String {
    format!("arn:aws:ecs:eu-west-1:111122223333:task/prod/{number:032x}")
}

fn json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(value)
        .map_err(|error| StoreError::Corrupt { what: "a sample".to_owned(), reason: error.to_string() })
}

fn bad<E: ToString>(error: &E) -> StoreError {
    StoreError::Corrupt { what: "a sample".to_owned(), reason: error.to_string() }
}

/// Everything of the account at that time: so many tasks.
fn sweep(seconds: u64, tasks: u64) -> Result<Vec<Item>, StoreError> {
    let tasks: Vec<_> = (0..tasks)
        .map(|number| {
            serde_json::json!({"taskArn": arn(number), "clusterArn": CLUSTER, "version": 3, "lastStatus": "RUNNING",
                "launchType": "FARGATE", "createdAt": at(0).seconds(), "startedAt": at(0).seconds(),
                "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7"})
        })
        .collect();
    let sweep: Sweep = json(serde_json::json!({"account": "111122223333", "region": "eu-west-1",
        "startedAt": at(seconds).seconds(), "tasks": tasks,
        "clusters": [{"clusterArn": CLUSTER, "status": "ACTIVE", "tags": [{"key": "nul", "value": "a\u{0}b"}]}],
        "vpcs": [{"vpcId": "vpc-1", "subnets": ["subnet-1"]}],
        "taskDefinitions": [{"taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7"},
            {"taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/other:1"}]}))?;
    sweep.items().map_err(|error| bad(&error))
}

fn stopped(number: u64, seconds: u64) -> Result<Vec<Item>, StoreError> {
    let time = at(seconds).rfc3339();
    let event = serde_json::json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "time": time,
        "detail": {"taskArn": arn(number), "clusterArn": CLUSTER, "version": 5, "lastStatus": "STOPPED",
            "launchType": "FARGATE", "createdAt": at(0).rfc3339(), "stoppedAt": time}});
    event::items(event.to_string().as_bytes()).map_err(|error| bad(&error))
}

pub(super) async fn news_merges_and_has_its_cluster_judged(store: Store) -> Result<(), StoreError> {
    assert!(store.known(CLUSTER).await?.is_none());
    assert_eq!(store.due(at(0), 10).await?, Vec::<String>::new());
    let listed = sweep(10, 3)?;
    assert_eq!(store.merge(&listed).await?, 8);
    assert_eq!(store.merge(&listed).await?, 0, "the same news twice");
    assert_eq!(store.due(at(0), 10).await?, [CLUSTER]);
    let known = store.known(CLUSTER).await?.unwrap_or_default();
    assert!(!known.is_gone);
    assert_eq!(known.cluster.swept, at(10));
    let kinds: Vec<&str> = known.items.iter().map(|item| item.resource.kind().name()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "task").count(), 3, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "task_definition").count(), 1, "only those in use");
    assert_eq!(kinds.iter().filter(|kind| **kind == "vpc").count(), 1);
    let gone = Judgement { due: at(100), forgotten: vec![arn(2)], ..Judgement::default() };
    assert!(store.judged(&known, &gone).await?);
    assert_eq!(store.due(at(99), 10).await?, Vec::<String>::new());
    assert_eq!(store.due(at(100), 10).await?, [CLUSTER]);
    store.merge(&stopped(0, 20)?).await?;
    let known = store.known(CLUSTER).await?.unwrap_or_default();
    let tasks: Vec<(&str, &str)> = known
        .items
        .iter()
        .filter_map(|item| match &item.resource {
            Resource::Task(task) => Some((task.task_arn.as_str(), task.last_status.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(tasks.len(), 2, "one was forgotten");
    assert!(tasks.contains(&(arn(0).as_str(), "STOPPED")) && tasks.contains(&(arn(1).as_str(), "RUNNING")));
    assert_eq!(store.cluster_of_task(&arn(0)).await?.as_deref(), Some(CLUSTER));
    assert_eq!(store.cluster_of_task(&format!("{:032x}", 1)).await?.as_deref(), Some(CLUSTER));
    assert_eq!(store.cluster_of_task("none").await?, None);
    // A whole sweep that does not name the cluster ends it.
    let mut later = sweep(30, 0)?;
    later.retain(|item| matches!(item.resource, Resource::Account(_)));
    store.merge(&later).await?;
    assert!(store.known(CLUSTER).await?.is_some_and(|known| known.is_gone));
    Ok(())
}

pub(super) async fn news_during_a_judgement_is_not_lost(store: Store) -> Result<(), StoreError> {
    store.merge(&sweep(10, 1)?).await?;
    let known = store.known(CLUSTER).await?.unwrap_or_default();
    store.merge(&stopped(0, 20)?).await?;
    let row = row(1);
    assert!(!store.judged(&known, &of(&row)).await?, "a judgement of what is no longer so");
    assert_eq!(store.due(at(0), 10).await?, [CLUSTER]);
    assert_eq!(store.coverage_row(&row.arn).await?, None);
    let known = store.known(CLUSTER).await?.unwrap_or_default();
    assert!(store.judged(&known, &of(&row)).await?);
    store.judge_again(Some("eu-west-1/999999999999")).await?;
    assert_eq!(store.due(at(0), 10).await?, Vec::<String>::new());
    store.judge_again(Some(SCOPE)).await?;
    assert_eq!(store.due(at(0), 10).await?, [CLUSTER]);
    Ok(())
}

pub(super) async fn heartbeats_are_signs_of_life(state: State, store: Store) -> Result<(), StoreError> {
    store.merge(&sweep(10, 2)?).await?;
    let beat = |seconds: u64, last: bool| {
        let lost = Lost([("execve".to_owned(), 7)].into());
        let heartbeat = Heartbeat {
            time: at(seconds),
            version: format!("0.{seconds}"),
            task: task(&arn(0)),
            last,
            lost,
            ..Heartbeat::default()
        };
        vec![Record::Heartbeat(Box::new(heartbeat))]
    };
    state.apply(&batch("p", 1, beat(20, false))).await?;
    state.apply(&batch("p", 2, beat(30, false))).await?;
    state.apply(&batch("q", 1, beat(25, true))).await?;
    let signs = store.known(CLUSTER).await?.unwrap_or_default().signs;
    assert_eq!(signs.len(), 1);
    let sign = signs.get(&arn(0)).cloned().unwrap_or_default();
    assert_eq!((sign.at, sign.ended, sign.version.as_str()), (at(30), false, "0.30"));
    Ok(())
}

/// A record unlike its neighbours, with few different values so that many are equal.
fn row(number: u64) -> CoverageRow {
    let unhealthy = number.is_multiple_of(3);
    let remedy = Remedy { text: String::new(), command: String::new() };
    let problem = if number.is_multiple_of(2) { Problem::NotReporting } else { Problem::Unidentified };
    let issue = Issue { problem, definition: "web:7".to_owned(), tasks: vec![], services: vec![], remedy };
    let (account, region) =
        (format!("{:012}", number % 4), ["eu-west-1", "us-east-1"][usize::from(number.is_multiple_of(5))]);
    CoverageRow {
        arn: format!("arn:aws:ecs:{region}:{account}:cluster/c{number:03}"),
        account,
        region: region.to_owned(),
        cluster: format!("c{:02}", number % 20),
        status: if unhealthy { Status::Unhealthy } else { Status::Healthy },
        management: if number.is_multiple_of(7) { Management::Disabled } else { Management::AutoManaged },
        issues: if unhealthy { vec![issue] } else { vec![] },
        covered_instances: 0,
        compatible_instances: 0,
        covered_tasks: number,
        uncovered_tasks: 0,
        updated_at: at(number % 10),
        newest_task: Timestamp(0),
        since: Timestamp(0),
        told: None,
    }
}

/// A judgement that came to this record.
fn of(row: &CoverageRow) -> Judgement {
    Judgement { row: Some(row.clone()), due: at(1000), ..Judgement::default() }
}

async fn fill(store: &Store, number: u64) -> Result<(), StoreError> {
    let row = row(number);
    let (region, account) = (&row.region, &row.account);
    let sweep: Sweep = json(serde_json::json!({"account": account, "region": region, "partial": true,
        "startedAt": at(number).seconds(), "clusters": [{"clusterArn": row.arn}]}))?;
    store.merge(&sweep.items().map_err(|error| bad(&error))?).await?;
    let known = store.known(&row.arn).await?.unwrap_or_default();
    assert!(store.judged(&known, &of(&row)).await?);
    Ok(())
}

async fn pages(store: &Store, mut query: CoverageQuery) -> Result<Vec<CoverageRow>, StoreError> {
    let mut all = Vec::new();
    loop {
        let page = store.coverage(&query).await?;
        assert!(page.rows.len() <= query.limit);
        assert!(page.next.is_none() || page.rows.len() == query.limit);
        all.extend(page.rows);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(all),
        }
    }
}

type Key = fn(&CoverageRow) -> String;

pub(super) async fn each_filter_and_order_pages_through_everything_once(
    store: Store,
) -> Result<(), StoreError> {
    for number in 0..51 {
        fill(&store, number).await?;
        let wanted = match number {
            48 | 49 => None,
            50 => Some(1),
            _ => continue,
        };
        let page = store.coverage(&CoverageQuery::default()).await?;
        let rest = match page.next {
            Some(next) => {
                let query = CoverageQuery { after: Some(next), ..CoverageQuery::default() };
                Some(store.coverage(&query).await?.rows.len())
            }
            None => None,
        };
        assert_eq!((rest, page.rows.len()), (wanted, usize::try_from(number + 1).unwrap_or(0).min(50)));
    }
    let rows: Vec<CoverageRow> = (0..51).map(row).collect();
    let orders: [(SortKey, Key); 6] = [
        (SortKey::Account, |row| row.account.clone()),
        (SortKey::Cluster, |row| row.cluster.clone()),
        (SortKey::Status, |row| row.status.name().to_owned()),
        (SortKey::Issue, |row| row.issue().to_owned()),
        (SortKey::UpdatedAt, |row| row.updated_at.rfc3339()),
        (SortKey::Arn, |_| String::new()),
    ];
    for (sort, key) in orders {
        for (descending, limit) in [(false, 7), (true, 7), (false, 51), (true, 1)] {
            let got =
                pages(&store, CoverageQuery { sort, descending, limit, ..CoverageQuery::default() }).await?;
            let mut expected = rows.clone();
            expected.sort_by_key(|row| (key(row), row.arn.clone()));
            if descending {
                expected.reverse();
            }
            assert_eq!(got, expected, "{sort:?} {descending}");
        }
    }
    filters(&store, &rows).await?;
    let bad = After { value: "x".to_owned(), arn: "a".to_owned() };
    let query = CoverageQuery { sort: SortKey::UpdatedAt, after: Some(bad), ..CoverageQuery::default() };
    assert!(matches!(store.coverage(&query).await, Err(StoreError::Cursor)));
    Ok(())
}

async fn filters(store: &Store, rows: &[CoverageRow]) -> Result<(), StoreError> {
    let columns: [(Column, Key, [&str; 2]); 8] = [
        (Column::Arn, |row| row.arn.clone(), [&rows[3].arn, "none"]),
        (Column::Account, |row| row.account.clone(), ["000000000001", "000000000002"]),
        (Column::Region, |row| row.region.clone(), ["us-east-1", "x"]),
        (Column::Cluster, |row| row.cluster.clone(), ["c01", "c02"]),
        (Column::Status, |row| row.status.name().to_owned(), ["HEALTHY", "x"]),
        (Column::Management, |row| row.management.name().to_owned(), ["DISABLED", "MANUAL"]),
        (Column::Issue, |row| row.issue().to_owned(), ["Others", "x"]),
        (Column::ResourceType, |_| "ECS".to_owned(), ["ECS", "EKS"]),
    ];
    for (column, key, values) in columns {
        let values: Vec<String> = values.map(str::to_owned).to_vec();
        for (equals, not_equals) in
            [(values.clone(), vec![]), (vec![], values.clone()), (values.clone(), values)]
        {
            let criterion = Criterion { column, equals: equals.clone(), not_equals: not_equals.clone() };
            let query = CoverageQuery { criteria: vec![criterion], limit: 4, ..CoverageQuery::default() };
            let holds = |row: &&CoverageRow| {
                (equals.is_empty() || equals.contains(&key(row))) && !not_equals.contains(&key(row))
            };
            let wanted: BTreeSet<String> = rows.iter().filter(holds).map(|row| row.arn.clone()).collect();
            let got: BTreeSet<String> =
                pages(store, query.clone()).await?.into_iter().map(|row| row.arn).collect();
            assert_eq!(got, wanted, "{query:?}");
            let unhealthy =
                rows.iter().filter(holds).filter(|row| row.status == Status::Unhealthy).count() as u64;
            let counts = Counts { healthy: wanted.len() as u64 - unhealthy, unhealthy };
            assert_eq!(store.coverage_counts(&query).await?, counts, "{query:?}");
        }
    }
    for (equals, not_equals, wanted) in [(vec![String::new()], vec![], 0), (vec![], vec!["x".to_owned()], 51)]
    {
        let criterion = Criterion { column: Column::Absent, equals, not_equals };
        let query = CoverageQuery { criteria: vec![criterion], ..CoverageQuery::default() };
        let counts = store.coverage_counts(&query).await?;
        assert_eq!(counts.healthy + counts.unhealthy, wanted);
    }
    Ok(())
}

pub(super) async fn keys_and_detectors_are_kept(store: Store) -> Result<(), StoreError> {
    let key = AccessKey {
        id: "AKIAFARGARD".to_owned(),
        sealed: "00".to_owned(),
        name: "ann's".to_owned(),
        account: "111122223333".to_owned(),
        role: KeyRole::Member,
        read_only: true,
        created: at(1),
    };
    store.put_access_key(&key).await?;
    assert_eq!(store.access_key(&key.id).await?.as_ref(), Some(&key));
    assert_eq!(store.access_key("other").await?, None);
    assert_eq!(store.access_keys().await?, std::slice::from_ref(&key));
    assert!(store.remove_access_key(&key.id).await?);
    assert!(!store.remove_access_key(&key.id).await?);
    let make = |id: &str, region: &str| {
        create_detector(b"{\"enable\":true}", id.to_owned(), "111122223333", region, at(1))
            .map_err(|error| bad(&error.message))
    };
    let mut detector = make("d1", "eu-west-1")?;
    assert!(!store.set_detector(&detector).await?);
    assert!(store.add_detector(&detector).await?);
    assert!(!store.add_detector(&make("d2", "eu-west-1")?).await?, "one for an account in a region");
    assert!(store.add_detector(&make("d3", "us-east-1")?).await?);
    detector.enabled = false;
    assert!(store.set_detector(&detector).await?);
    assert_eq!(store.detector_of("111122223333", "eu-west-1").await?, Some(detector));
    assert_eq!(store.detector_of("111122223333", "eu-west-2").await?, None);
    assert!(store.remove_detector("d1").await? && !store.remove_detector("d1").await?);
    Ok(())
}
