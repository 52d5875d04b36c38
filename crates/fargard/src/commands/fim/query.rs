//! Asks a server for what a report needs.

use std::path::Path;

use anyhow::{Context as _, bail};
use fargard_model::{FileChange, Timestamp, bounded};
use fargard_store::{FindingDetail, FindingPage, TaskDetail, TaskPage};
use serde::de::DeserializeOwned;
use ureq::{
    Agent,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{
    report::{Decision, Gathered, Reported, Watched},
    standard::StandardName,
};
use crate::failure::BadInput;

/// Findings and tasks asked for at most.
const MAX_FINDINGS: usize = 10_000;
const MAX_TASKS: usize = 5_000;
/// Largest answer.
const MAX_ANSWER: u64 = 64 << 20;
const MAX_CA: usize = 1 << 20;

/// A server's REST interface.
pub(super) struct Query {
    agent: Agent,
    base: String,
    token: String,
}

impl Query {
    /// A server at that base URL, asked with an admin token.
    pub(super) fn new(base: &str, token: String, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(std::time::Duration::from_secs(60)));
        if let Some(path) = ca_file {
            let bad = |reason: String| BadInput::because(format!("--ca-file {}: {reason}", path.display()));
            let pem = bounded::read(path, MAX_CA).map_err(|error| bad(error.to_string()))?;
            let roots: Vec<Certificate<'static>> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if roots.is_empty() {
                return Err(bad("no certificate in it".to_owned()).into());
            }
            config =
                config.tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build());
        }
        Ok(Self { agent: config.build().into(), base: base.trim_end_matches('/').to_owned(), token })
    }

    fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.base);
        let request = self
            .agent
            .get(&url)
            .query_pairs(query.iter().copied())
            .header("Authorization", format!("Bearer {}", self.token));
        let mut answer = request.call().with_context(|| format!("asking {url}"))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let body = body.with_context(|| format!("reading the answer of {url}"))?;
        match status {
            200 => {
                serde_json::from_str(&body).with_context(|| format!("{url} does not answer as Fargard does"))
            }
            401 => {
                Err(BadInput::because(format!("{url} refuses the token: an admin token is needed")).into())
            }
            _ => bail!("{url} answers {status}: {}", body.chars().take(300).collect::<String>()),
        }
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
