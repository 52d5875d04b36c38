//! Stored results under policies that change.

use std::sync::Arc;

use fargard_model::{CheckStatus, Priority, Timestamp};
use fargard_policy::{Collection, Effect, Policy, Rule, standards::Framework};
use fargard_store::{
    ComplianceStore, SqliteStore, StateStore, TargetQuery,
    conformance::sample::{at, batch, check, checked, task},
};

use super::{Compliance, ListQuery, NotKept, Standing};

async fn filled(tasks: u64) -> Compliance {
    let store = Arc::new(SqliteStore::in_memory().unwrap());
    for number in 0..tasks {
        let mut task = task(&format!("arn:{number}"));
        if number % 10 == 0 {
            task.family = "batch".to_owned();
        }
        let status = if number % 2 == 0 { CheckStatus::Failed } else { CheckStatus::Passed };
        let result = checked(check(&task, status, at(number)));
        store.apply(&batch(&format!("p{number}"), 1, vec![result])).await.unwrap();
    }
    Compliance::new(store as Arc<dyn ComplianceStore>)
}

fn policy() -> Policy {
    let mut batches = Collection::new("batches");
    batches.hosts = vec!["batch*".to_owned()];
    let mut quiet = Rule { collections: vec!["batches".to_owned()], ..Rule::new("quiet batches") };
    quiet.checks.insert(425, Effect::Alert);
    let loud = Rule { others: Effect::Alert, ..Rule::new("the rest") };
    Policy { collections: vec![batches], rules: vec![quiet, loud], ..Policy::default() }
}

async fn hosts(compliance: &Compliance, query: &ListQuery) -> (Vec<String>, Option<String>) {
    let page = compliance.list(query, Timestamp::now()).await.unwrap();
    (page.rows.iter().map(|row| row.target.task.arn.clone()).collect(), page.next)
}

#[tokio::test]
async fn a_change_of_the_policy_counts_for_stored_results() {
    let compliance = filled(20).await;
    let alerted = ListQuery { statuses: vec![Standing::Alerted], ..ListQuery::default() };
    assert_eq!(hosts(&compliance, &alerted).await.0.len(), 10);
    let summary = compliance.summary(Timestamp::now()).await.unwrap();
    assert_eq!((summary.report.targets(), summary.alerted), (20, 10));
    let failed = summary.report.states(Framework::Nist800190).0;
    assert!(failed > 0);

    assert_eq!(compliance.keep(&policy(), 0, "ada").await.unwrap(), 1);
    assert_eq!(hosts(&compliance, &alerted).await.0.len(), 8);
    let ignored = ListQuery { statuses: vec![Standing::Ignored], ..ListQuery::default() };
    assert_eq!(hosts(&compliance, &ignored).await.0, ["arn:10", "arn:0"]);
    let of_rule = ListQuery { rules: vec!["quiet batches".into()], ..ListQuery::default() };
    assert_eq!(hosts(&compliance, &of_rule).await.0, ["arn:10", "arn:0"]);
    let of_collection = ListQuery { collections: vec!["batches".into()], ..ListQuery::default() };
    assert_eq!(hosts(&compliance, &of_collection).await.0, ["arn:10", "arn:0"]);
    let errors = ListQuery { severities: vec![Priority::Error], ..ListQuery::default() };
    assert_eq!(hosts(&compliance, &errors).await.0, Vec::<String>::new());
    let summary = compliance.summary(Timestamp::now()).await.unwrap();
    assert_eq!((summary.alerted, summary.by_rule["quiet batches"], summary.by_collection["All"]), (8, 2, 20));
    assert!(!compliance.trend(Timestamp::now()).await.unwrap().is_empty());
}

#[tokio::test]
async fn pages_that_are_judged_cover_everything_once() {
    let compliance = filled(700).await;
    let mut query = ListQuery {
        statuses: vec![Standing::Alerted],
        stored: TargetQuery { limit: 40, ..TargetQuery::default() },
        ..ListQuery::default()
    };
    let mut seen = Vec::new();
    loop {
        let (page, next) = hosts(&compliance, &query).await;
        seen.extend(page);
        query.stored.cursor = next;
        if query.stored.cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..700).rev().filter(|n| n % 2 == 0).map(|n| format!("arn:{n}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn two_people_do_not_overwrite_each_other() {
    let compliance = filled(1).await;
    compliance.keep(&policy(), 0, "ada").await.unwrap();
    let lost = compliance.keep(&Policy::default(), 0, "bob").await.unwrap_err();
    assert!(matches!(lost, NotKept::Conflict(1)), "{lost:?}");
    assert_eq!(compliance.policy().await.unwrap().policy, policy());
    let mut blocking = policy();
    blocking.rules[0].checks.insert(426, Effect::Block);
    let NotKept::Problems(problems) = compliance.keep(&blocking, 1, "bob").await.unwrap_err() else {
        panic!("a conflict")
    };
    assert!(problems[0].message.contains("block is refused"), "{problems:?}");
    assert_eq!(compliance.policy().await.unwrap().revision, 1);
}
