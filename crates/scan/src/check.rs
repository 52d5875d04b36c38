//! What the checks are, and how their findings become results.

use std::fmt::Write;

use fargard_model::{CheckResult, CheckStatus, Container, Priority, Task, Timestamp};

use crate::Finding;

/// Files named in a cause; the rest is counted there and listed among the subjects.
const NAMED_IN_CAUSE: usize = 10;

/// Files listed among the subjects of a result.
const SUBJECTS: usize = 1000;

/// A check: what it looks for and what to do when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckInfo {
    /// Its number, as people filter by it.
    pub number: u32,
    /// Title of its results.
    pub title: &'static str,
    /// How bad a failure is.
    pub severity: Priority,
    /// What is looked for.
    pub description: &'static str,
    /// What to do when it fails.
    pub remedy: &'static str,
    /// Tags that map to standards.
    pub tags: &'static [&'static str],
    /// What others call it: controls of Security Hub (`ECS.5`) and AWS Config, checks of Checkov (`CKV_AWS_336`), Prowler,
    /// Dockle (`CIS-DI-0001`) and Trivy (`DS-0002`), recommendations of the CIS Docker benchmark.
    pub known_as: &'static [&'static str],
}

/// What a result is about.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// Id of the result: `<producer>-check-<number>`.
    pub id: String,
    /// When the check was made.
    pub time: Timestamp,
    /// The task.
    pub task: &'a Task,
    /// The container.
    pub container: &'a Container,
}

impl CheckInfo {
    /// The result of this check: failed when a finding fails it, an error when none does but not everything could
    /// be seen (`incomplete` says why), passed otherwise. Its severity is the worst finding's.
    #[must_use]
    pub fn result(&self, findings: &[Finding], incomplete: Option<&str>, target: Target<'_>) -> CheckResult {
        let failing: Vec<&Finding> = findings.iter().filter(|found| found.fails()).collect();
        let status = match (failing.as_slice(), incomplete) {
            ([], None) => CheckStatus::Passed,
            ([], Some(_)) => CheckStatus::Error,
            _ => CheckStatus::Failed,
        };
        CheckResult {
            id: target.id,
            time: target.time,
            check: self.number,
            title: self.title.to_owned(),
            severity: failing.iter().map(|found| found.severity).min().unwrap_or(self.severity),
            status,
            cause: cause(&failing, incomplete),
            subjects: failing.iter().take(SUBJECTS).map(|found| found.subject.clone()).collect(),
            found: Vec::new(),
            tags: self.tags.iter().map(|&tag| tag.to_owned()).collect(),
            task: target.task.clone(),
            container: target.container.clone(),
        }
    }
}

/// `Found: /tmp/xmrig (named as a miner), /opt/x (contains stratum+tcp://) and 3 more; incomplete: ...`
fn cause(findings: &[&Finding], incomplete: Option<&str>) -> String {
    let mut text = String::new();
    for (index, found) in findings.iter().take(NAMED_IN_CAUSE).enumerate() {
        let lead = if index == 0 { "Found: " } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{lead}{} ({})", found.subject, found.reason);
    }
    if findings.len() > NAMED_IN_CAUSE {
        let _ = write!(text, " and {} more", findings.len() - NAMED_IN_CAUSE);
    }
    if let Some(reason) = incomplete {
        let lead = if text.is_empty() { "Incomplete: " } else { "; incomplete: " };
        let _ = write!(text, "{lead}{reason}");
    }
    text
}

#[cfg(test)]
mod tests {
    use fargard_model::{CheckStatus, Container, Priority, Task, Timestamp, standard::of_tag};

    use super::Target;
    use crate::{
        CHECK_426, Finding,
        miner::{Kind, Match},
    };

    fn result(paths: &[String], incomplete: Option<&str>) -> fargard_model::CheckResult {
        let matches: Vec<_> = paths
            .iter()
            .map(|path| Match { path: path.clone(), reason: "named as a miner".to_owned(), kind: Kind::Name })
            .map(|found| Finding::from(&found))
            .collect();
        let (task, container) = (Task::default(), Container::default());
        let target =
            Target { id: "t-check-1".to_owned(), time: Timestamp(1), task: &task, container: &container };
        CHECK_426.result(&matches, incomplete, target)
    }

    #[test]
    fn only_a_complete_look_passes() {
        assert_eq!(result(&[], None).status, CheckStatus::Passed);
        let blind = result(&[], Some("1 not readable"));
        assert_eq!((blind.status, blind.cause.as_str()), (CheckStatus::Error, "Incomplete: 1 not readable"));
        let both = result(&["/tmp/xmrig".to_owned()], Some("more than 5 entries"));
        assert_eq!(both.status, CheckStatus::Failed);
        assert_eq!(both.cause, "Found: /tmp/xmrig (named as a miner); incomplete: more than 5 entries");
    }

    #[test]
    fn a_flood_of_files_keeps_the_cause_short() {
        let paths: Vec<_> = (0..5000).map(|number| format!("/tmp/{number}/xmrig")).collect();
        let flooded = result(&paths, None);
        assert!(flooded.cause.ends_with(" and 4990 more") && flooded.cause.len() < 1000);
        assert_eq!(flooded.subjects.len(), 1000);
    }

    #[test]
    fn every_tag_maps_to_a_standard() {
        for check in crate::all_checks() {
            for tag in check.tags {
                assert!(of_tag(tag).is_some(), "{}: {tag}", check.number);
            }
        }
    }

    #[test]
    fn every_check_has_a_number_of_its_own() {
        let mut numbers: Vec<u32> = crate::all_checks().map(|check| check.number).collect();
        numbers.sort_unstable();
        let count = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
    }

    #[test]
    fn what_is_only_listed_fails_nothing_and_the_worst_finding_gives_the_severity() {
        let (task, container) = (Task::default(), Container::default());
        let target =
            || Target { id: "t-check-1".to_owned(), time: Timestamp(1), task: &task, container: &container };
        let of = |severity| Finding {
            subject: "/a".to_owned(),
            class: "plaintext",
            reason: "because".to_owned(),
            severity,
        };
        let listed = CHECK_426.result(&[of(Priority::Notice)], None, target());
        assert_eq!((listed.status, listed.subjects.len()), (CheckStatus::Passed, 0));
        let failed = CHECK_426.result(&[of(Priority::Warning), of(Priority::Error)], None, target());
        assert_eq!((failed.status, failed.severity), (CheckStatus::Failed, Priority::Error));
    }
}
