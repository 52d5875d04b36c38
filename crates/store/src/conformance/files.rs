//! Changes of monitored files: one finding for a path in all tasks of a family.

use std::sync::Arc;

use fargard_model::{Finding, FindingKind, FindingState, Task};

use super::{
    State,
    folding::{all, missing},
    sample::{at, batch, changed, detected, detection, file_change, task},
};
use crate::{FindingQuery, StoreError};

fn of_account(arn: &str) -> Task {
    Task { account: "123456789012".to_owned(), ..task(arn) }
}

pub(super) async fn changes_fold_over_the_tasks_of_a_family(store: State) -> Result<(), StoreError> {
    let first = file_change(&of_account("task-0"), "/etc/passwd", at(1));
    let second = file_change(&of_account("task-1"), "/etc/passwd", at(2));
    store.apply(&batch("p", 1, vec![changed(first.clone())])).await?;
    store.apply(&batch("q", 1, vec![changed(second.clone())])).await?;
    let other_path = file_change(&of_account("task-1"), "/etc/group", at(3));
    store.apply(&batch("q", 2, vec![changed(other_path)])).await?;
    // Outside ECS nothing says that two tasks are of one kind.
    store.apply(&batch("r", 1, vec![changed(file_change(&task("task-2"), "/etc/passwd", at(4)))])).await?;
    let findings = all(&store).await?;
    assert_eq!(findings.len(), 3);
    let both = findings.iter().find(|finding| finding.count == 2).ok_or_else(|| missing("the finding"))?;
    assert_eq!((both.kind, both.task.arn.as_str()), (FindingKind::FileIntegrity, "task-1"));
    assert_eq!(both.summary, second.summary());
    let detail = store.finding(&both.id).await?.ok_or_else(|| missing("its detail"))?;
    assert_eq!(detail.file_changes, [second, first]);
    assert!(detail.detections.is_empty() && detail.checks.is_empty());
    let closed = store.set_state(&both.id, FindingState::Acknowledged, "ann", "change 17", at(5)).await?;
    assert_eq!(closed.map(|finding| finding.state), Some(FindingState::Acknowledged));
    Ok(())
}

pub(super) async fn tasks_beside_each_other_lose_no_change(store: State) -> Result<(), StoreError> {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8_u64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for sequence in 1..=4 {
                let change = file_change(&of_account(&format!("task-{number}")), "/etc/passwd", at(sequence));
                store.apply(&batch(&format!("p{number}"), sequence, vec![changed(change)])).await?;
            }
            Ok::<_, StoreError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| StoreError::Backend { operation: "join", reason: error.to_string() })??;
    }
    let counts: Vec<u64> = all(&store).await?.iter().map(|finding| finding.count).collect();
    assert_eq!(counts, [32]);
    Ok(())
}

pub(super) async fn standards_are_found_by_how_tags_begin(store: State) -> Result<(), StoreError> {
    let change = file_change(&task("task-0"), "/etc/passwd", at(1));
    let rule = detection(&task("task-0"), "one", 1, at(2));
    store.apply(&batch("p", 1, vec![changed(change), detected(rule)])).await?;
    for (standards, expected) in [
        (&["PCI_DSS_11.5"][..], 2),
        (&["PCI_DSS"], 2),
        (&["PCI_DSS_11.5.2"], 2),
        (&["PCI_DSS_1"], 0),
        (&["HIPAA"], 1),
        (&["HIPAA_164.312"], 1),
        (&["HIPAA", "PCI_DSS_11"], 2),
        (&["' OR 1=1 --"], 0),
        (&["%"], 0),
    ] {
        let standards = standards.iter().map(|standard| (*standard).to_owned()).collect();
        let query = FindingQuery { standards, ..FindingQuery::default() };
        let found: Vec<Finding> = store.findings(&query).await?.findings;
        assert_eq!(found.len(), expected, "{query:?}");
    }
    let query = FindingQuery { kinds: vec![FindingKind::FileIntegrity], ..FindingQuery::default() };
    assert_eq!(store.findings(&query).await?.findings.len(), 1);
    Ok(())
}
