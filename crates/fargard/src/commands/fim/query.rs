//! Asks a server for what a report needs.

use std::path::Path;

use fargard_model::{FileChange, Timestamp};
use fargard_store::{FindingDetail, FindingPage, TaskDetail, TaskPage};
use serde::de::DeserializeOwned;

use super::{
    report::{Decision, Gathered, Reported, Watched},
    standard::StandardName,
};
use crate::commands::remote::Remote;

/// Findings and tasks asked for at most.
const MAX_FINDINGS: usize = 10_000;
const MAX_TASKS: usize = 5_000;

/// What a report asks a server for.
pub(super) struct Query(Remote);

impl Query {
    /// A server at that base URL, asked with an admin token.
    pub(super) fn new(base: &str, token: String, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        Remote::new(base, token, ca_file).map(Self)
    }

    fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<T> {
        self.0.get(path, query)
    }

    /// Everything about file integrity since a time.
    pub(super) fn gather(
        &self,
        standard: Option<&StandardName>,
        since: Option<Timestamp>,
    ) -> anyhow::Result<Gathered> {
        let mut gathered = Gathered::default();
        self.findings(standard, since, &mut gathered)?;
        self.tasks(since, &mut gathered)?;
        Ok(gathered)
    }

    fn findings(
        &self,
        standard: Option<&StandardName>,
        since: Option<Timestamp>,
        gathered: &mut Gathered,
    ) -> anyhow::Result<()> {
        let since_text = since.map(Timestamp::rfc3339);
        let mut cursor: Option<String> = None;
        let mut number = 0;
        loop {
            let mut query = vec![("kind", "file_integrity"), ("limit", "500")];
            query.extend(standard.map(|standard| ("standard", standard.0.as_str())));
            query.extend(since_text.as_deref().map(|since| ("since", since)));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: FindingPage = self.get("/api/v1/findings", &query)?;
            for finding in &page.findings {
                if number == MAX_FINDINGS {
                    let text = format!(
                        "changes of {} further files: narrow the report",
                        page.total.saturating_sub(MAX_FINDINGS as u64)
                    );
                    gathered.left_out.push(text);
                    return Ok(());
                }
                number += 1;
                let detail: FindingDetail = self.get(&format!("/api/v1/findings/{}", finding.id), &[])?;
                take_finding(detail, since, gathered);
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    fn tasks(&self, since: Option<Timestamp>, gathered: &mut Gathered) -> anyhow::Result<()> {
        let mut cursor: Option<String> = None;
        let mut number = 0;
        loop {
            let mut query = vec![("limit", "500")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: TaskPage = self.get("/api/v1/tasks", &query)?;
            for row in &page.tasks {
                // Latest seen first.
                if since.is_some_and(|since| row.last_seen < since) {
                    return Ok(());
                }
                if number == MAX_TASKS {
                    gathered.left_out.push("further tasks: narrow the report by --since".to_owned());
                    return Ok(());
                }
                number += 1;
                let path = format!("/api/v1/tasks/{}", row.task.arn.replace('%', "%25").replace('/', "%2F"));
                let detail: TaskDetail = self.get(&path, &[])?;
                gathered.tasks.push(Watched {
                    task: detail.row.task,
                    first_seen: detail.row.first_seen,
                    last_seen: detail.row.last_seen,
                    ended: detail.row.ended,
                    heartbeats: detail.sensors.into_values().collect(),
                });
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}

fn take_finding(detail: FindingDetail, since: Option<Timestamp>, gathered: &mut Gathered) {
    let FindingDetail { finding, file_changes, history, .. } = detail;
    let kept = file_changes.len() as u64;
    if finding.count > kept {
        let path = file_changes.first().map_or("", |change| change.path.as_str());
        gathered.left_out.push(format!(
            "{} earlier changes of {path} are counted and no longer kept",
            finding.count - kept
        ));
    }
    let decision = history.into_iter().next_back().map(|change| Decision {
        who: change.who,
        at: change.at,
        note: change.note,
    });
    let within = |change: &FileChange| since.is_none_or(|since| change.time >= since);
    for change in file_changes.into_iter().filter(within) {
        let decision = decision.clone();
        gathered.changes.push(Reported { change, state: Some(finding.state), decision });
    }
}
