//! What the agent prints: everything at first, then what changed.

use std::{collections::BTreeMap, io::Write};

use fargard_agent::{Round, Standing};
use fargard_model::Timestamp;
use serde_json::{Value, json};

use crate::commands::embed::diff;

/// Prints rounds.
pub(super) struct Printer {
    json: bool,
    diffs: bool,
    /// Status and reason by service, as printed last.
    seen: BTreeMap<String, (String, String)>,
    held: Option<String>,
    failures: Vec<String>,
}

impl Printer {
    pub(super) fn new(json: bool, diffs: bool) -> Self {
        Self { json, diffs, seen: BTreeMap::new(), held: None, failures: Vec::new() }
    }

    /// Prints what is new.
    pub(super) fn print(&mut self, round: &Round) -> std::io::Result<()> {
        self.print_some(round)?;
        let mut out = String::new();
        self.seen.retain(|arn, _| round.standings.iter().any(|standing| standing.arn == *arn));
        if self.held != round.held {
            self.held.clone_from(&round.held);
            self.line(&mut out, "held", round.held.as_deref().unwrap_or("changes go on"));
        }
        for failure in round.failures.iter().filter(|failure| !self.failures.contains(failure)) {
            self.line(&mut out, "failure", failure);
        }
        self.failures.clone_from(&round.failures);
        write(&out)
    }

    /// Prints what is new of services, of which a look at some tells.
    pub(super) fn print_some(&mut self, round: &Round) -> std::io::Result<()> {
        let mut out = String::new();
        for standing in &round.standings {
            let state = (standing.status.to_string(), standing.reason.clone());
            let before = self.seen.insert(standing.arn.clone(), state.clone());
            if before.as_ref() != Some(&state) || standing.done.is_some() {
                let was = before.map(|(status, _)| status).filter(|status| *status != state.0);
                self.standing(&mut out, standing, was);
            }
        }
        write(&out)
    }

    /// Prints an error between rounds.
    pub(super) fn say(&self, error: &str) -> std::io::Result<()> {
        let mut out = String::new();
        self.line(&mut out, "failure", error);
        write(&out)
    }

    fn standing(&self, out: &mut String, standing: &Standing, was: Option<String>) {
        let diff = standing.candidate.as_ref().filter(|_| self.diffs);
        let diff =
            diff.map(|candidate| diff::unified(&standing.definition, &candidate.before, &candidate.after));
        if self.json {
            let mut line = json!(standing);
            if let Some(members) = line.as_object_mut() {
                members.insert("time".to_owned(), json!(Timestamp::now().rfc3339()));
                members.extend(was.map(|was| ("was".to_owned(), json!(was))));
                members.extend(diff.map(|diff| ("diff".to_owned(), json!(diff))));
            }
            out.push_str(&format!("{line}\n"));
            return;
        }
        let revision = standing.definition.rsplit('/').next().unwrap_or_default();
        let (cluster, service) = (&standing.cluster, &standing.service);
        out.push_str(&format!("{:<16} {cluster}/{service} ({revision})", standing.status.to_string()));
        if !standing.reason.is_empty() {
            out.push_str(&format!(": {}", standing.reason));
        }
        out.push('\n');
        if let Some(done) = &standing.done {
            out.push_str(&format!("{:<16} {done}\n", ""));
        }
        if let Some(diff) = diff {
            out.push_str(&diff);
        }
    }

    fn line(&self, out: &mut String, kind: &str, text: &str) {
        if self.json {
            let line: Value = json!({"time": Timestamp::now().rfc3339(), kind: text});
            out.push_str(&format!("{line}\n"));
        } else {
            out.push_str(&format!("{kind}: {text}\n"));
        }
    }
}

/// A reader that went away is no error.
fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
