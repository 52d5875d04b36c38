//! Which rules match an event.

use super::{
    Matching, RuleId, Ruleset,
    memo::{MEMO, Memo},
    plan::Asks,
    possible::Origin,
};
use crate::{
    Subject,
    compile::program::{NodeId, Program},
};

impl Ruleset {
    /// Puts the enabled rules that match the event into `matches`, in the order of definition; clears it first.
    /// Sequences and thresholds take more than one event: see [`crate::Detector`].
    pub fn evaluate<'e>(&self, subject: impl Into<Subject<'e>>, matches: &mut Vec<RuleId>) {
        self.evaluate_with_parts(subject.into(), matches);
        // Parts stand behind all rules.
        if matches.last().is_some_and(|id| id.index() >= self.rules.len()) {
            matches.retain(|id| id.index() < self.rules.len());
        }
    }

    /// The same, followed by the parts of sequences and thresholds that hold.
    pub(crate) fn evaluate_with_parts(&self, subject: Subject<'_>, matches: &mut Vec<RuleId>) {
        matches.clear();
        let Some(plan) = self.plans.of(subject).filter(|plan| !plan.conditions().is_empty()) else { return };
        MEMO.with_borrow_mut(|memo| {
            memo.begin(self.program.len());
            let mut asks = Decided { program: &self.program, subject };
            plan.candidates(subject, memo, &mut asks, |memo, rule, node| {
                if !self.is_shadowed(rule, matches)
                    && self.counters.timed(rule, || memo.holds(&self.program, node, subject))
                {
                    self.counters.hit(rule);
                    matches.push(rule);
                }
                true
            });
        });
    }

    /// The same as [`Ruleset::evaluate`], found by evaluating every condition: what the plan's answers are judged
    /// and measured against.
    #[doc(hidden)]
    pub fn evaluate_all_conditions<'e>(&self, subject: impl Into<Subject<'e>>, matches: &mut Vec<RuleId>) {
        let subject = subject.into();
        matches.clear();
        let Some(plan) = self.plans.of(subject) else { return };
        MEMO.with_borrow_mut(|memo| {
            memo.begin(self.program.len());
            for (rule, node) in plan.conditions() {
                if !self.is_shadowed(*rule, matches) && memo.holds(&self.program, *node, subject) {
                    matches.push(*rule);
                }
            }
        });
        matches.retain(|id| id.index() < self.rules.len());
    }

    /// Another rule matched already, and only the first counts. Parts of sequences and thresholds always count.
    fn is_shadowed(&self, rule: RuleId, matches: &[RuleId]) -> bool {
        self.matching == Matching::First && rule.index() < self.rules.len() && !matches.is_empty()
    }
}

/// Everything about the event is known.
struct Decided<'a> {
    program: &'a Program,
    subject: Subject<'a>,
}

impl Asks for Decided<'_> {
    fn can_be(&mut self, memo: &mut Memo, node: NodeId, wanted: bool) -> bool {
        memo.holds(self.program, node, self.subject) == wanted
    }

    fn is_known(&self, _: Origin) -> bool {
        true
    }
}
