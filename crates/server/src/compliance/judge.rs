//! A target's results under a policy.

use std::collections::{BTreeMap, BTreeSet};

use fargard_model::{CheckResult, CheckStatus, Container, Priority, Timestamp};
use fargard_policy::{Effect, Engine, Reason, Scoped, Target, standards::Outcome};
use fargard_store::ComplianceTarget;
use serde::Serialize;

/// A result and what the policy makes of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct JudgedCheck {
    /// The result.
    #[serde(flatten)]
    pub(crate) result: CheckResult,
    /// What becomes of it; `None` when the check did not fail.
    pub(crate) effect: Option<Effect>,
    /// Name of the rule that decided.
    pub(crate) rule: Option<String>,
    /// Name of the exception that decided against the rule.
    pub(crate) exception: Option<String>,
    /// Subjects that exceptions take out, while others remain.
    pub(crate) excepted: Vec<String>,
}

/// A target with its results under a policy.
#[derive(Clone, Debug)]
pub(crate) struct JudgedTarget {
    /// The target; its results are in `checks`.
    pub(crate) target: ComplianceTarget,
    /// Names of its containers.
    pub(crate) containers: BTreeSet<String>,
    /// Rules that apply to its containers.
    pub(crate) rules: BTreeSet<String>,
    /// Collections its containers are in.
    pub(crate) collections: BTreeSet<String>,
    /// Results by container and check.
    pub(crate) checks: Vec<JudgedCheck>,
}

impl JudgedTarget {
    /// Judges all results of a target.
    pub(crate) fn new(engine: &Engine, mut target: ComplianceTarget, now: Timestamp) -> Self {
        let results = std::mem::take(&mut target.results);
        let mut scopes: BTreeMap<String, Scoped<'_>> = BTreeMap::new();
        let mut checks = Vec::with_capacity(results.len());
        for result in results {
            let scoped = scopes.entry(result.container.name.clone()).or_insert_with(|| {
                engine.scope(&Target { task: &target.task, container: &result.container })
            });
            checks.push(JudgedCheck::new(scoped, result, now));
        }
        if scopes.is_empty() {
            let container = Container { image: target.image.clone(), ..Container::default() };
            scopes.insert(String::new(), engine.scope(&Target { task: &target.task, container: &container }));
        }
        let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        Self {
            rules: scopes.values().filter_map(Scoped::rule).map(str::to_owned).collect(),
            collections: scopes.values().flat_map(|scoped| names(scoped.collections())).collect(),
            containers: scopes.keys().filter(|name| !name.is_empty()).cloned().collect(),
            target,
            checks,
        }
    }

    /// It belongs to a Fargate task.
    pub(crate) fn is_fargate(&self) -> bool {
        self.target.task.launch_type == "FARGATE"
    }

    /// Failed checks that the policy does not ignore.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &JudgedCheck> {
        self.checks.iter().filter(|check| check.is_alert())
    }

    /// Numbers of the checks that `is_wanted`, each once.
    pub(crate) fn numbers(&self, is_wanted: impl Fn(&JudgedCheck) -> bool) -> Vec<u32> {
        let numbers: BTreeSet<u32> =
            self.checks.iter().filter(|check| is_wanted(check)).map(|check| check.result.check).collect();
        numbers.into_iter().collect()
    }

    /// Alerts by severity, the most urgent first.
    pub(crate) fn severities(&self) -> BTreeMap<Priority, u64> {
        let mut counts = BTreeMap::new();
        for check in self.alerts() {
            *counts.entry(check.result.severity).or_default() += 1;
        }
        counts
    }

    /// Each check once for the target: its worst outcome over the containers, with the tags of a result.
    pub(crate) fn outcomes(&self) -> BTreeMap<u32, (&[String], Outcome)> {
        let rank = |outcome: Outcome| match outcome {
            Outcome::Failed => 0,
            Outcome::Error => 1,
            Outcome::Ignored => 2,
            Outcome::Passed => 3,
        };
        let mut worst: BTreeMap<u32, (&[String], Outcome)> = BTreeMap::new();
        for check in &self.checks {
            let outcome = check.outcome();
            let entry = worst.entry(check.result.check).or_insert((&check.result.tags, outcome));
            if rank(outcome) < rank(entry.1) {
                entry.1 = outcome;
            }
        }
        worst
    }
}

impl JudgedCheck {
    fn new(scoped: &Scoped<'_>, result: CheckResult, now: Timestamp) -> Self {
        if result.status != CheckStatus::Failed {
            return Self { result, effect: None, rule: None, exception: None, excepted: Vec::new() };
        }
        let decision = scoped.decide(result.check, &result.subjects, now);
        let (rule, exception) = match decision.reason {
            Reason::Default => (None, None),
            Reason::Rule(name) => (Some(name.to_owned()), None),
            Reason::Exception(name) => (scoped.rule().map(str::to_owned), Some(name.to_owned())),
        };
        let excepted = decision.excepted.iter().filter_map(|index| result.subjects.get(*index).cloned());
        Self { excepted: excepted.collect(), effect: Some(decision.effect), rule, exception, result }
    }

    /// It failed, and the policy does not ignore that.
    pub(crate) fn is_alert(&self) -> bool {
        self.effect.is_some_and(|effect| effect != Effect::Ignore)
    }

    /// It failed, and the policy ignores that.
    pub(crate) fn is_ignored(&self) -> bool {
        self.effect == Some(Effect::Ignore)
    }

    fn outcome(&self) -> Outcome {
        match (self.result.status, self.is_alert()) {
            (CheckStatus::Passed, _) => Outcome::Passed,
            (CheckStatus::Error, _) => Outcome::Error,
            (CheckStatus::Failed, true) => Outcome::Failed,
            (CheckStatus::Failed, false) => Outcome::Ignored,
        }
    }
}
