//! A policy that is ready to be asked.

use std::collections::BTreeMap;

use fargard_model::{Container, Task, Timestamp};

use crate::{
    ALL, Collection, Effect, Exception, FIELDS, Field, Pattern, Policy, Rule, Stage, candidates::Candidates,
    image_name,
};

/// Subjects beyond these are not kept with a result, so an exception for single subjects cannot be sure of all.
const MOST_SUBJECTS: usize = 1_000;

/// What a result is about.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Where the container belongs; of an image before deployment, empty.
    pub task: &'a Task,
    /// The container; of an image before deployment, only its image is known.
    pub container: &'a Container,
}

impl Target<'_> {
    /// Whether it is a container of a task or an image before deployment.
    #[must_use]
    pub fn stage(&self) -> Stage {
        if self.task.arn.is_empty() { Stage::Ci } else { Stage::Deployed }
    }
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason<'p> {
    /// No rule applies.
    Default,
    /// The rule of that name.
    Rule(&'p str),
    /// The exception of that name, against the rule (or the default).
    Exception(&'p str),
}

/// What becomes of a failed check, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'p> {
    /// The effect.
    pub effect: Effect,
    /// What decided it.
    pub reason: Reason<'p>,
    /// Indices of those subjects that exceptions take out, while others remain.
    pub excepted: Vec<usize>,
}

/// A policy that is ready to be asked. Names of collections that do not exist match nothing.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<(Rule, Vec<usize>)>,
    exceptions: Vec<(Exception, Vec<Pattern>, Vec<usize>)>,
    scopes: Vec<(String, Scope)>,
    default: Effect,
}

/// A collection's fields that restrict.
#[derive(Debug, Default)]
struct Scope(Vec<(Field, Vec<Pattern>)>);

impl Scope {
    fn of(collection: &Collection) -> Self {
        let fields = FIELDS.into_iter().filter(|field| collection.restricts(*field)).map(|field| {
            let patterns = collection.patterns(field).iter();
            (field, patterns.filter_map(|text| Pattern::parse(text).ok()).collect())
        });
        Self(fields.collect())
    }

    fn holds(&self, names: &Candidates) -> bool {
        self.0.iter().all(|(field, patterns)| is_in(*field, patterns, names.of_field(*field)))
    }
}

/// Exclusions count before all else; without inclusions everything else is in.
fn is_in(field: Field, patterns: &[Pattern], names: &[String]) -> bool {
    let matches = |pattern: &Pattern| {
        // What has no name at all, as a container without labels, is matched by a pattern for everything.
        pattern.is_everything() || names.iter().any(|name| matches_name(field, pattern, name))
    };
    let (excluding, including): (Vec<&Pattern>, Vec<&Pattern>) =
        patterns.iter().partition(|pattern| pattern.excludes());
    !excluding.into_iter().any(matches)
        && (including.is_empty() && !patterns.is_empty() || including.into_iter().any(matches))
}

fn matches_name(field: Field, pattern: &Pattern, name: &str) -> bool {
    pattern.matches(name)
        || field == Field::Images
            && pattern.is_exact()
            && image_name::expanded(pattern.core()).is_some_and(|full| full == *name)
}

impl Engine {
    /// Makes a policy ready.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let mut scopes = vec![(ALL.to_owned(), Scope::default())];
        scopes.extend(
            policy
                .collections
                .iter()
                .filter(|collection| collection.name != ALL)
                .map(|each| (each.name.clone(), Scope::of(each))),
        );
        let places: BTreeMap<&str, usize> =
            scopes.iter().enumerate().map(|(place, (name, _))| (name.as_str(), place)).collect();
        let of =
            |names: &[String]| names.iter().filter_map(|name| places.get(name.as_str()).copied()).collect();
        let rules = policy.rules.iter().filter(|rule| !rule.disabled);
        let rules = rules.map(|rule| (rule.clone(), of(&rule.collections))).collect();
        let exceptions = policy.exceptions.iter().map(|each| {
            let subjects = each.subjects.iter().filter_map(|text| Pattern::of_subject(text).ok()).collect();
            (each.clone(), subjects, of(&each.collections))
        });
        Self { rules, exceptions: exceptions.collect(), scopes, default: policy.default }
    }

    /// The policy as it stands for a target.
    #[must_use]
    pub fn scope(&self, target: &Target<'_>) -> Scoped<'_> {
        let names = Candidates::of(target.task, target.container);
        let inside: Vec<bool> = self.scopes.iter().map(|(_, scope)| scope.holds(&names)).collect();
        let is_inside = |places: &[usize]| places.iter().any(|place| inside.get(*place) == Some(&true));
        let stage = target.stage();
        let is_for = |rule: &Rule| rule.stage == Stage::Any || rule.stage == stage;
        let rule = self.rules.iter().find(|(rule, places)| is_for(rule) && is_inside(places));
        Scoped {
            engine: self,
            stage,
            rule: rule.map(|(rule, _)| rule),
            exceptions: self
                .exceptions
                .iter()
                .filter(|(_, _, places)| is_inside(places))
                .map(|(exception, subjects, _)| (exception, subjects.as_slice()))
                .collect(),
            inside,
        }
    }
}

/// A policy as it stands for one target.
#[derive(Debug)]
pub struct Scoped<'p> {
    engine: &'p Engine,
    stage: Stage,
    rule: Option<&'p Rule>,
    exceptions: Vec<(&'p Exception, &'p [Pattern])>,
    inside: Vec<bool>,
}

impl<'p> Scoped<'p> {
    /// Name of the rule that applies.
    #[must_use]
    pub fn rule(&self) -> Option<&'p str> {
        self.rule.map(|rule| rule.name.as_str())
    }

    /// Names of the collections the target is in.
    #[must_use]
    pub fn collections(&self) -> Vec<&'p str> {
        let scopes = self.engine.scopes.iter().zip(&self.inside);
        scopes.filter(|(_, inside)| **inside).map(|((name, _), _)| name.as_str()).collect()
    }

    /// What becomes of a failed check that found these subjects.
    #[must_use]
    pub fn decide(&self, check: u32, subjects: &[String], now: Timestamp) -> Decision<'p> {
        let (effect, reason) = match self.rule {
            Some(rule) => (rule.effect(check), Reason::Rule(rule.name.as_str())),
            None => (self.engine.default, Reason::Default),
        };
        let effect = match (effect, self.stage) {
            // Nothing stands between a task and its start; what a rule of another make says of that only alerts.
            (Effect::Fail | Effect::Block, Stage::Deployed) => Effect::Alert,
            (Effect::Block, _) => Effect::Fail,
            (effect, _) => effect,
        };
        if effect == Effect::Ignore {
            return Decision { effect, reason, excepted: Vec::new() };
        }
        let today = now.rfc3339();
        let mut excepted = vec![None; subjects.len()];
        for (exception, patterns) in &self.exceptions {
            let holds = today.get(..10).is_some_and(|today| today <= exception.expires.as_str());
            if exception.check != check || !holds {
                continue;
            }
            if patterns.is_empty() {
                let reason = Reason::Exception(&exception.name);
                return Decision { effect: Effect::Ignore, reason, excepted: Vec::new() };
            }
            for (subject, by) in subjects.iter().zip(&mut excepted) {
                if by.is_none() && patterns.iter().any(|pattern| pattern.matches(subject)) {
                    *by = Some(exception.name.as_str());
                }
            }
        }
        match excepted.first() {
            Some(Some(name)) if excepted.iter().all(Option::is_some) && subjects.len() < MOST_SUBJECTS => {
                Decision { effect: Effect::Ignore, reason: Reason::Exception(name), excepted: Vec::new() }
            }
            _ => {
                let indices = (0..).zip(&excepted).filter(|(_, by)| by.is_some()).map(|(index, _)| index);
                Decision { effect, reason, excepted: indices.collect() }
            }
        }
    }
}
