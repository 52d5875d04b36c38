//! Checks that users write: what a file, a process, a port or a variable must be, in YAML, decided without a shell; and
//! scripts.
//!
//! [`read`] turns a file into [`CustomCheck`]s or names line and column of what is wrong. [`CustomCheck::evaluate`] asks
//! [`Sources`] and decides; it knows neither files nor `/proc` itself, so that the same checks are made of directories, of images and
//! of running tasks. What cannot be asked is [`Verdict::NotRun`], what fails to answer [`Verdict::Error`]; neither is
//! ever a pass.

mod condition;
mod members;
mod read;
mod rootfs;
mod script;
mod sources;
#[cfg(test)]
mod tests;
mod yaml;

pub use self::{
    condition::Condition,
    read::read,
    rootfs::RootSources,
    script::{Runner, Script},
    sources::{FileState, Kind, Listener, Process, Sources, Unanswered},
    yaml::{CustomError, Place},
};

use fargard_model::{CheckResult, CheckStatus, Priority};

use crate::{Finding, Target};

/// The first number of a check that a user wrote, as with Prisma Cloud.
pub const FIRST_NUMBER: u32 = 9000;

/// A check that a user wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomCheck {
    /// Its number, from [`FIRST_NUMBER`] on.
    pub number: u32,
    /// Title of its results.
    pub title: String,
    /// How bad a failure is.
    pub severity: Priority,
    /// What is looked for.
    pub description: String,
    /// What to do when it fails.
    pub remedy: String,
    /// Tags that map to standards.
    pub tags: Vec<String>,
    /// Where it stands.
    pub at: Place,
    /// What must hold.
    pub what: What,
}

/// What a check demands.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Every one of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// That a script ends with 0.
    Script(Script),
}

/// What became of a check. Four things that are kept apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Everything is as demanded.
    Pass,
    /// Something is not: what, and why.
    Fail(Vec<Finding>),
    /// It was asked and there was no usable answer: why.
    Error(String),
    /// There was nobody to ask: why.
    NotRun(String),
}

impl CustomCheck {
    /// Decides the check. A script is not run here but by a [`Runner`].
    pub fn evaluate(&self, sources: &dyn Sources) -> Verdict {
        let (conditions, all) = match &self.what {
            What::All(conditions) => (conditions, true),
            What::Any(conditions) => (conditions, false),
            What::Script(_) => return Verdict::NotRun("scripts are not run here".to_owned()),
        };
        let (mut findings, mut holds, mut error, mut blind) = (Vec::new(), 0, None, None);
        for condition in conditions {
            match condition.judge(sources) {
                Ok(None) => holds += 1,
                Ok(Some((subject, reason))) => {
                    findings.push(Finding { subject, class: "custom", reason, severity: self.severity });
                }
                Err(Unanswered::Failed(reason)) => error = error.or(Some(reason)),
                Err(Unanswered::NotHere(reason)) => blind = blind.or(Some(reason)),
            }
        }
        let decided = if all { !findings.is_empty() } else { holds > 0 };
        match (decided, error, blind) {
            (true, _, _) if all => Verdict::Fail(findings),
            (true, _, _) => Verdict::Pass,
            (false, Some(reason), _) => Verdict::Error(reason),
            (false, None, Some(reason)) => Verdict::NotRun(reason),
            (false, None, None) if all => Verdict::Pass,
            (false, None, None) => Verdict::Fail(findings),
        }
    }

    /// The result of this check; `None` when it was not run, with the reason.
    ///
    /// # Errors
    /// The check was not run: why.
    pub fn result(
        &self,
        verdict: Verdict,
        target: Target<'_>,
    ) -> Result<(CheckResult, Vec<Finding>), String> {
        let (status, cause, findings) = match verdict {
            Verdict::Pass => (CheckStatus::Passed, String::new(), Vec::new()),
            Verdict::Fail(found) => {
                let named: Vec<String> = found
                    .iter()
                    .take(10)
                    .map(|found| format!("{} ({})", found.subject, found.reason))
                    .collect();
                (CheckStatus::Failed, format!("Found: {}", named.join(", ")), found)
            }
            Verdict::Error(reason) => (CheckStatus::Error, reason, Vec::new()),
            Verdict::NotRun(reason) => return Err(reason),
        };
        let result = CheckResult {
            id: target.id,
            time: target.time,
            check: self.number,
            title: self.title.clone(),
            severity: self.severity,
            status,
            cause,
            subjects: findings.iter().map(|found| found.subject.clone()).collect(),
            found: Vec::new(),
            tags: self.tags.clone(),
            task: target.task.clone(),
            container: target.container.clone(),
        };
        Ok((result, findings))
    }

    /// Paths whose content or state it asks for.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let conditions = match &self.what {
            What::All(conditions) | What::Any(conditions) => conditions.as_slice(),
            What::Script(_) => &[],
        };
        conditions.iter().filter_map(Condition::path)
    }
}
