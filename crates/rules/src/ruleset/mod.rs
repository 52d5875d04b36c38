//! Loaded rules.

mod counters;
mod evaluate;
mod memo;
mod plan;
mod possible;
mod tell;

use fargard_model::{Action, EventType, Priority, Source, TrapSet};

use self::{
    counters::Counters,
    plan::{Plan, Plans},
};
pub use self::{
    counters::{Clock, Counter},
    possible::Unknown,
};
use crate::{
    compile::{
        Output,
        program::{NodeId, Program},
    },
    correlate::Correlations,
    traps,
};

/// A rule of a [`Ruleset`]: its place in the order of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub(crate) u32);

impl RuleId {
    /// Position in [`Ruleset::rules`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a rule's detections come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleKind {
    /// One event that the condition holds for.
    #[default]
    Condition,
    /// Events of several kinds in order.
    Sequence,
    /// Many events.
    Threshold,
}

/// One rule as loaded; sequences and thresholds stand behind the others.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What its detections come from.
    pub kind: RuleKind,
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Condition as written, with what was appended to it.
    pub condition: String,
    /// Output as written.
    pub output: String,
    /// Priority.
    pub priority: Priority,
    /// Tags in the order of the file.
    pub tags: Vec<String>,
    /// Source of events it looks at.
    pub source: Source,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// What is to be done about a match.
    pub action: Action,
}

/// Which matching rules of an event count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// All of them.
    #[default]
    All,
    /// The first in the order of definition, Falco's default.
    First,
}

/// Rules ready to evaluate.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<Rule>,
    /// Whole condition and output of each rule.
    compiled: Vec<(NodeId, Output)>,
    /// Sequences, thresholds and foldings. The conditions of the first two, their parts, are evaluated as rules are,
    /// under the ids behind those of the rules.
    correlations: Correlations,
    program: Program,
    /// For each kind of event the enabled rules that can match it, with what remains of their conditions.
    plans: Plans,
    matching: Matching,
    /// Which comparisons read what a look-up may still tell.
    readers: possible::Readers,
    counters: Counters,
}

impl Ruleset {
    pub(crate) fn new(
        rules: Vec<(Rule, NodeId, Output)>,
        correlations: Correlations,
        program: Program,
    ) -> Self {
        let mut ruleset = Self {
            counters: Counters::new(rules.len()),
            rules: Vec::with_capacity(rules.len()),
            compiled: Vec::with_capacity(rules.len()),
            correlations,
            program,
            plans: Plans::default(),
            matching: Matching::All,
            readers: possible::Readers::default(),
        };
        for (rule, node, output) in rules {
            ruleset.rules.push(rule);
            ruleset.compiled.push((node, output));
        }
        ruleset.index();
        ruleset
    }

    /// Plans the evaluation of the enabled rules.
    fn index(&mut self) {
        let enabled = self.enabled_conditions();
        self.plans = Plans::new(&mut self.program, &enabled);
        self.readers = possible::Readers::of(&self.program);
    }

    /// The conditions of enabled rules, then those of enabled sequences and thresholds, each with its source.
    fn enabled_conditions(&self) -> Vec<(RuleId, Source, NodeId)> {
        let rules = self.compiled.iter().map(|(node, _)| *node);
        let parts = self.correlations.parts.iter().map(|(_, node)| *node);
        let all = (0..).map(RuleId).zip(rules.chain(parts));
        let with_source = |(id, node)| {
            let rule = self.owner(id).filter(|rule| rule.enabled)?;
            Some((id, rule.source, node))
        };
        all.filter_map(with_source).collect()
    }

    /// The rule of an id; for the id of a part, the sequence or threshold it belongs to.
    pub(crate) fn owner(&self, id: RuleId) -> Option<&Rule> {
        let part =
            id.index().checked_sub(self.rules.len()).and_then(|index| self.correlations.parts.get(index));
        self.rules.get(part.map_or(id, |(owner, _)| *owner).index())
    }

    /// Only rules of this priority or a more urgent one stay enabled.
    pub fn set_minimum_priority(&mut self, least: Priority) {
        for rule in &mut self.rules {
            rule.enabled &= rule.priority <= least;
        }
        self.index();
    }

    /// Enables or disables the rules that a test selects, by name or tag.
    pub fn enable(&mut self, enabled: bool, select: impl Fn(&Rule) -> bool) {
        for rule in self.rules.iter_mut().filter(|rule| select(rule)) {
            rule.enabled = enabled;
        }
        self.index();
    }

    /// Sets which matching rules count; all, unless set.
    pub fn set_matching(&mut self, matching: Matching) {
        self.matching = matching;
    }

    /// The rules in the order of their definition, disabled ones included.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<RuleId> {
        let index = self.rules.iter().position(|rule| rule.name == name)?;
        u32::try_from(index).ok().map(RuleId)
    }

    /// The enabled rules that can match an event of that type, with what remains of their conditions.
    pub(crate) fn of_type(&self, kind: EventType) -> &[(RuleId, NodeId)] {
        self.plans.of_type(kind).map_or(&[], Plan::conditions)
    }

    /// The condition of a rule, or those of a sequence's or threshold's parts, by the rule's position.
    pub(crate) fn conditions(&self, rule: usize) -> Vec<NodeId> {
        match self.rules.get(rule).map(|rule| rule.kind) {
            Some(RuleKind::Condition) => self.compiled.get(rule).map(|(node, _)| *node).into_iter().collect(),
            _ => self
                .correlations
                .parts
                .iter()
                .filter(|(owner, _)| owner.index() == rule)
                .map(|(_, node)| *node)
                .collect(),
        }
    }

    /// Whether the rule itself bounds how many detections it makes: a `limit` or `dedup` of it has no key.
    #[must_use]
    pub fn is_limited(&self, rule: RuleId) -> bool {
        let folds = self.correlations.folds.get(&rule);
        folds.is_some_and(|folds| folds.iter().any(|fold| fold.by.0.is_empty()))
    }

    pub(crate) fn correlations(&self) -> &Correlations {
        &self.correlations
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// The rule's condition with macros and lists put in; cut when very long. Of a sequence or threshold, those of its
    /// parts, one a line.
    #[must_use]
    pub fn expanded_condition(&self, rule: RuleId) -> Option<String> {
        self.rules.get(rule.index())?;
        let conditions = self.conditions(rule.index());
        Some(conditions.iter().map(|node| self.program.print(*node)).collect::<Vec<_>>().join("\n"))
    }

    /// Event types the rule can match, of those that can be observed.
    #[must_use]
    pub fn event_types(&self, rule: RuleId) -> Vec<EventType> {
        let is = |id: RuleId| match id.index().checked_sub(self.rules.len()) {
            None => id == rule,
            Some(part) => self.correlations.parts.get(part).is_some_and(|(owner, _)| *owner == rule),
        };
        let can = |kind: &EventType| self.of_type(*kind).iter().any(|(id, _)| is(*id));
        EventType::OBSERVED.iter().copied().filter(can).collect()
    }

    /// The calls that must be observed for the enabled rules.
    #[must_use]
    pub fn traps(&self) -> TrapSet {
        traps::traps(self)
    }

    /// Some enabled rule asks for a process's environment.
    #[must_use]
    pub fn needs_env(&self) -> bool {
        let is_env =
            |field: &&crate::fields::ResolvedField| matches!(field.field.name, "proc.env" | "proc.aenv");
        let enabled = self.rules.iter().zip(&self.compiled).filter(|(rule, _)| rule.enabled);
        enabled.into_iter().any(|(_, (_, output))| output.fields().iter().any(is_env))
            || self.correlations.fields().iter().any(is_env)
            || self
                .plans
                .iter()
                .flat_map(Plan::conditions)
                .any(|(_, node)| traps::reads(&self.program, *node, is_env))
    }
}

#[cfg(test)]
mod tests;
