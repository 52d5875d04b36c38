use fargard_model::{CheckStatus, FindingState};

use super::{
    State,
    folding::all,
    sample::{at, batch, check, checked, detected, detection, task},
};
use crate::StoreError;

async fn only_state(store: &State) -> Result<Option<FindingState>, StoreError> {
    let findings = all(store).await?;
    assert!(findings.len() <= 1, "{findings:?}");
    Ok(findings.first().map(|finding| finding.state))
}

pub(super) async fn checks_open_and_close(store: State) -> Result<(), StoreError> {
    let task = task("task-0");
    let steps = [
        (CheckStatus::Error, None),
        (CheckStatus::Passed, None),
        (CheckStatus::Failed, Some(FindingState::Open)),
        (CheckStatus::Error, Some(FindingState::Open)),
        (CheckStatus::Passed, Some(FindingState::Closed)),
        (CheckStatus::Failed, Some(FindingState::Open)),
    ];
    for (sequence, (status, expected)) in (1..).zip(steps) {
        let record = checked(check(&task, status, at(sequence)));
        store.apply(&batch("p", sequence, vec![record])).await?;
        assert_eq!(only_state(&store).await?, expected, "after step {sequence}");
    }
    let findings = all(&store).await?;
    let id = findings.first().map(|finding| finding.id.clone()).unwrap_or_default();
    let detail = store.finding(&id).await?;
    let detail = detail.iter().next();
    let history: Vec<_> = detail
        .iter()
        .flat_map(|detail| &detail.history)
        .map(|change| (change.at, change.state, change.who.as_str()))
        .collect();
    assert_eq!(history, [(at(5), FindingState::Closed, "fargard"), (at(6), FindingState::Open, "fargard")]);
    // All six results are shown with the finding and with the task, newest first.
    let statuses =
        |checks: &[fargard_model::CheckResult]| checks.iter().map(|check| check.status).collect::<Vec<_>>();
    let newest_first: Vec<_> = steps.iter().rev().map(|(status, _)| *status).collect();
    assert_eq!(detail.map(|detail| statuses(&detail.checks)), Some(newest_first.clone()));
    assert_eq!(store.task("task-0").await?.map(|task| statuses(&task.checks)), Some(newest_first));
    Ok(())
}

pub(super) async fn a_late_failure_does_not_reopen_what_passed_since(store: State) -> Result<(), StoreError> {
    let task = task("task-0");
    let steps = [
        (5, CheckStatus::Passed, None),
        (3, CheckStatus::Failed, Some(FindingState::Closed)),
        (4, CheckStatus::Failed, Some(FindingState::Closed)),
        (2, CheckStatus::Passed, Some(FindingState::Closed)),
        (5, CheckStatus::Failed, Some(FindingState::Open)),
        (4, CheckStatus::Passed, Some(FindingState::Open)),
    ];
    for (sequence, (seconds, status, expected)) in (1..).zip(steps) {
        let record = checked(check(&task, status, at(seconds)));
        store.apply(&batch("p", sequence, vec![record])).await?;
        assert_eq!(only_state(&store).await?, expected, "after step {sequence}");
    }
    Ok(())
}

pub(super) async fn states_follow_people(store: State) -> Result<(), StoreError> {
    let task = task("task-0");
    let occurs = |sequence: u64, seconds: u64| {
        let found = [detected(detection(&task, "rule", sequence, at(seconds)))];
        batch("p", sequence, found.to_vec())
    };
    store.apply(&occurs(1, 10)).await?;
    let id = all(&store).await?.first().map(|finding| finding.id.clone()).unwrap_or_default();
    assert_eq!(store.set_state("nothing", FindingState::Closed, "ann", "", at(11)).await?, None);

    let set = async |state, seconds| store.set_state(&id, state, "ann", "a 'note'", at(seconds)).await;
    let closed = set(FindingState::Closed, 11).await?;
    assert_eq!(closed.map(|finding| finding.state), Some(FindingState::Closed));
    // An occurrence older than the last one known arrives late: counted, not reopened.
    store.apply(&occurs(2, 5)).await?;
    assert_eq!(only_state(&store).await?, Some(FindingState::Closed));
    store.apply(&occurs(3, 12)).await?;
    assert_eq!(only_state(&store).await?, Some(FindingState::Open));
    set(FindingState::Acknowledged, 13).await?;
    store.apply(&occurs(4, 14)).await?;
    assert_eq!(only_state(&store).await?, Some(FindingState::Acknowledged));
    set(FindingState::Suppressed, 15).await?;
    store.apply(&occurs(5, 16)).await?;
    assert_eq!(only_state(&store).await?, Some(FindingState::Suppressed));

    let detail = store.finding(&id).await?;
    let detail = detail.iter().next();
    assert_eq!(detail.map(|detail| detail.finding.count), Some(5));
    let history: Vec<_> = detail
        .iter()
        .flat_map(|detail| &detail.history)
        .map(|change| (change.at, change.state, change.who.as_str(), change.note.as_str()))
        .collect();
    assert_eq!(
        history,
        [
            (at(11), FindingState::Closed, "ann", "a 'note'"),
            (at(12), FindingState::Open, "fargard", "it occurred again"),
            (at(13), FindingState::Acknowledged, "ann", "a 'note'"),
            (at(15), FindingState::Suppressed, "ann", "a 'note'"),
        ]
    );
    Ok(())
}
