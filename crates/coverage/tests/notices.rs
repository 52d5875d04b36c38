//! Which changes are told, and how.

use fargard_coverage::{
    notice::{self, Change, SOURCE},
    row::CoverageRow,
    rules::{Issue, Management, Problem, Remedy, Status},
};
use fargard_model::Timestamp;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
const HOLD: u64 = 30 * SECOND;
const BEGIN: u64 = 1_763_700_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp((BEGIN + seconds) * SECOND)
}

/// The record after a judgement that came to this status.
fn step(previous: Option<&CoverageRow>, status: Status, now: u64) -> (CoverageRow, Option<Change>) {
    let issue = Issue {
        problem: Problem::NotReporting,
        definition: "web:7".to_owned(),
        tasks: vec!["0f9d".to_owned()],
        services: vec![],
        remedy: Remedy { text: String::new(), command: String::new() },
    };
    let since = previous.filter(|row| row.status == status).map_or(at(now), |row| row.since);
    let mut row = CoverageRow {
        arn: "arn:aws:ecs:eu-west-1:111122223333:cluster/prod".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        cluster: "prod".to_owned(),
        status,
        management: Management::AutoManaged,
        issues: if status == Status::Unhealthy { vec![issue] } else { vec![] },
        covered_instances: 0,
        compatible_instances: 0,
        covered_tasks: 0,
        uncovered_tasks: 1,
        updated_at: at(now),
        newest_task: Timestamp(0),
        since,
        told: None,
    };
    let change = row.tell(previous, HOLD, at(now));
    (row, change)
}

#[test]
fn a_change_is_told_once_when_it_has_lasted() {
    use Status::{Healthy, Unhealthy};
    let mut row: Option<CoverageRow> = None;
    let mut told = Vec::new();
    for (now, status) in [
        (0, Healthy),
        (10, Unhealthy),
        (20, Healthy),
        (30, Unhealthy),
        (59, Unhealthy),
        (60, Unhealthy),
        (61, Unhealthy),
        (70, Healthy),
        (80, Unhealthy),
        (109, Unhealthy),
        (111, Unhealthy),
        (200, Healthy),
        (230, Healthy),
    ] {
        let (next, change) = step(row.as_ref(), status, now);
        assert_eq!(next.is_untold(), next.told.unwrap().status != status);
        told.extend(change.map(|change| (now, change.previous, change.current, change.since)));
        row = Some(next);
    }
    assert_eq!(told, [(60, Healthy, Unhealthy, at(30)), (230, Unhealthy, Healthy, at(200))]);
    // What a record of an older build says counts as told.
    let mut old = row.unwrap();
    old.told = None;
    old.status = Unhealthy;
    old.since = Timestamp(0);
    assert_eq!(step(Some(&old), Unhealthy, 300).1, None);
}

#[test]
fn events_have_guarddutys_members_by_both_names() {
    let (row, _) = step(None, Status::Unhealthy, 0);
    let (row, change) = step(Some(&row), Status::Unhealthy, 31);
    let unhealthy = notice::event(&change.unwrap(), &row, SOURCE);
    let (row, _) = step(Some(&row), Status::Healthy, 90);
    let (row, change) = step(Some(&row), Status::Healthy, 120);
    let healthy = notice::event(&change.unwrap(), &row, SOURCE);
    assert_ne!(unhealthy["id"], healthy["id"]);
    insta::assert_json_snapshot!([unhealthy, healthy]);
}

#[test]
fn an_event_fits_whatever_is_wrong() {
    let (mut row, _) = step(None, Status::Unhealthy, 0);
    row.issues = vec![row.issues[0].clone(); 50];
    for issue in &mut row.issues {
        issue.problem = Problem::TaskExcluded;
        issue.tasks = vec!["t".repeat(5_000); 50];
    }
    let change =
        Change { id: "x".to_owned(), previous: Status::Healthy, current: Status::Unhealthy, since: at(0) };
    let event = notice::event(&change, &row, SOURCE).to_string();
    assert!(event.len() < 200 << 10, "{}", event.len());
}

proptest! {
    /// Whatever happens, what is told alternates, each lasted, and the last is what holds once nothing changes any more.
    #[test]
    fn what_is_told_alternates_and_ends_in_the_truth(steps in prop::collection::vec((1_u64..60, any::<bool>()), 1..60)) {
        let (mut now, mut row) = (0, None::<CoverageRow>);
        let (mut last, mut ids) = (Status::Healthy, std::collections::BTreeSet::new());
        let settled = std::iter::once((60, steps.last().unwrap().1));
        for (pause, healthy) in steps.iter().copied().chain(settled.clone()).chain(settled) {
            now += pause;
            let status = if healthy { Status::Healthy } else { Status::Unhealthy };
            let (next, change) = step(row.as_ref(), status, now);
            if let Some(change) = change {
                prop_assert_eq!((change.previous, change.current), (last, status));
                prop_assert!(last != status && at(now).0 - change.since.0 >= HOLD);
                prop_assert!(ids.insert(change.id));
                last = status;
            }
            row = Some(next);
        }
        prop_assert_eq!(last, row.unwrap().status);
    }
}
