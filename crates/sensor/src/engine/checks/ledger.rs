//! What was found so far, by check: each result tells all of it, and who brought what is new.

use std::collections::BTreeMap;

use fargard_model::{CheckFinding, CheckResult, MAX_FOUND, Timestamp};
use fargard_scan::{
    CHECK_41, CHECK_48, CHECK_424, CHECK_425, CHECK_426, CHECK_448, CheckInfo, Finding, Target,
};

use super::{Hit, Report};

/// The checks that are made of a running task.
const CHECKS: [&CheckInfo; 6] = [&CHECK_41, &CHECK_48, &CHECK_424, &CHECK_425, &CHECK_426, &CHECK_448];

/// Most findings of one check that are kept; the rest is counted.
const MAX_KEPT: usize = 1000;

/// Everything found since the engine's start. What was once found stays: whoever removes a miner is no less to be asked.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    checks: BTreeMap<u32, Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    findings: BTreeMap<String, Finding>,
    /// More than are kept.
    more: u64,
    /// What the first scan did not see.
    incomplete: Option<String>,
}

impl Ledger {
    /// Takes a report; gives the results to tell. `target` says what each is about.
    pub(crate) fn take<'a>(
        &mut self,
        report: Report,
        mut target: impl FnMut() -> Target<'a>,
    ) -> Vec<CheckResult> {
        let (hits, made) = match report {
            Report::Hits(hits) => (hits, Vec::new()),
            Report::First(hits, made) => (hits, made),
        };
        let mut told: BTreeMap<u32, Vec<CheckFinding>> = BTreeMap::new();
        for (check, incomplete) in made {
            self.checks.entry(check).or_default().incomplete = incomplete;
            told.entry(check).or_default();
        }
        for hit in hits {
            let check = hit.check;
            if let Some(found) = self.checks.entry(check).or_default().add(hit) {
                told.entry(check).or_default().push(found);
            }
        }
        let results = told.into_iter().filter_map(|(check, found)| self.result(check, found, target()));
        results.collect()
    }

    fn result(&self, number: u32, mut found: Vec<CheckFinding>, target: Target<'_>) -> Option<CheckResult> {
        let check = CHECKS.into_iter().find(|check| check.number == number)?;
        let kept = self.checks.get(&number)?;
        let findings: Vec<Finding> = kept.findings.values().cloned().collect();
        let more = (kept.more > 0).then(|| format!("{} more findings are not kept", kept.more));
        let incomplete = kept.incomplete.clone().or(more);
        found.sort_by_key(|found| std::cmp::Reverse(found.time));
        found.truncate(MAX_FOUND);
        Some(CheckResult { found, ..check.result(&findings, incomplete.as_deref(), target) })
    }
}

impl Kept {
    /// Keeps a finding; gives it back when it is new.
    fn add(&mut self, hit: Hit) -> Option<CheckFinding> {
        let Hit { finding, by, .. } = hit;
        if self.findings.get(&finding.subject).is_some_and(|known| {
            known.severity <= finding.severity
                && (known.class == finding.class || known.severity < finding.severity)
        }) {
            return None;
        }
        if self.findings.len() >= MAX_KEPT && !self.findings.contains_key(&finding.subject) {
            self.more += 1;
            return None;
        }
        let found = CheckFinding {
            subject: finding.subject.clone(),
            class: finding.class.to_owned(),
            reason: finding.reason.clone(),
            severity: finding.severity,
            time: by.as_ref().map_or_else(Timestamp::now, |by| by.time),
            by,
        };
        self.findings.insert(finding.subject.clone(), finding);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use fargard_model::{CheckStatus, Container, Priority, Task, Timestamp};
    use fargard_scan::{Finding, Target};

    use super::{Hit, Ledger, MAX_KEPT, Report};

    fn hit(check: u32, subject: &str, severity: Priority) -> Hit {
        let reason = "because".to_owned();
        let finding = Finding { subject: subject.to_owned(), class: "altered", reason, severity };
        Hit { check, finding, by: None }
    }

    #[test]
    fn a_result_tells_all_and_what_is_new_and_nothing_twice() {
        let (task, container) = (Task::default(), Container::default());
        let target = || Target { id: String::new(), time: Timestamp(1), task: &task, container: &container };
        let mut ledger = Ledger::default();
        let first = vec![hit(448, "/a", Priority::Warning)];
        let made = vec![(426, None), (448, None), (425, Some("cut".to_owned()))];
        let results = ledger.take(Report::First(first, made), target);
        let states: Vec<_> =
            results.iter().map(|result| (result.check, result.status, result.found.len())).collect();
        assert_eq!(
            states,
            [(425, CheckStatus::Error, 0), (426, CheckStatus::Passed, 0), (448, CheckStatus::Failed, 1)]
        );
        assert!(ledger.take(Report::Hits(vec![hit(448, "/a", Priority::Warning)]), target).is_empty());
        let worse = ledger.take(
            Report::Hits(vec![hit(448, "/a", Priority::Error), hit(448, "/b", Priority::Error)]),
            target,
        );
        assert_eq!(
            (worse[0].subjects.as_slice(), worse[0].found.len()),
            (["/a".to_owned(), "/b".to_owned()].as_slice(), 2)
        );
    }

    #[test]
    fn a_flood_is_counted() {
        let (task, container) = (Task::default(), Container::default());
        let target = || Target { id: String::new(), time: Timestamp(1), task: &task, container: &container };
        let mut ledger = Ledger::default();
        let hits =
            (0..MAX_KEPT + 5).map(|number| hit(426, &format!("/{number}"), Priority::Critical)).collect();
        let results = ledger.take(Report::Hits(hits), target);
        assert!(
            results[0].cause.ends_with("incomplete: 5 more findings are not kept"),
            "{}",
            results[0].cause
        );
        assert!(results[0].found.len() <= fargard_model::MAX_FOUND);
    }
}
