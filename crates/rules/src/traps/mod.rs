//! Which calls must be observed. For each class of calls the conditions are evaluated with what is known of every
//! call of the class and everything else unknown: a rule forces the class when its condition could still be true.
//! Where rules look at an argument that lies in a register, only the values that could make one true are needed.

mod cells;
mod denial;
mod kleene;
#[cfg(test)]
mod tests;

use fargard_model::{ArgSet, EventType, Trap, TrapSet};

pub use self::denial::{CannotPrevent, Denial, denials};
pub(crate) use self::kleene::{Class, of_class};
use self::{
    cells::{Cells, Selected},
    kleene::Kleene,
};
use crate::{
    RuleId,
    compile::program::{NodeId, Program},
    fields::ResolvedField,
    ruleset::Ruleset,
};

/// One reason to observe calls: which class, for which event type, by which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The class.
    pub trap: Trap,
    /// The event type of the class.
    pub kind: EventType,
    /// The calls of that type for which no rule can hold are those for which this does not; `None`: no argument in a
    /// register tells.
    pub only: Option<ArgSet>,
    /// Names of the rules, in the order of definition.
    pub rules: Vec<String>,
}

/// Every class and event type that some enabled rule needs.
#[must_use]
pub fn needs(ruleset: &Ruleset) -> Vec<Need> {
    let mut needs = Vec::new();
    for kind in EventType::OBSERVED.iter().copied() {
        for trap in Trap::of(kind).iter().copied() {
            needs.extend(need(ruleset, Class { trap, kind }, |_| true));
        }
    }
    needs.sort_by_key(|need| (need.trap, need.kind));
    needs
}

/// The needs of enabled rules that calls of a set do not meet, each with those of its rules whose own need they do
/// not meet.
#[must_use]
pub fn unmet_needs(ruleset: &Ruleset, stopped: &TrapSet) -> Vec<Need> {
    let is_unmet = |need: &Need| !stopped.covers(need.trap, need.kind, need.only.as_ref());
    let mut unmet: Vec<Need> = needs(ruleset).into_iter().filter(is_unmet).collect();
    for need_of_all in &mut unmet {
        let class = Class { trap: need_of_all.trap, kind: need_of_all.kind };
        need_of_all
            .rules
            .retain(|name| need(ruleset, class, |rule| rule == name).is_some_and(|need| is_unmet(&need)));
    }
    unmet.retain(|need| !need.rules.is_empty());
    unmet
}

fn need(ruleset: &Ruleset, class: Class, of: impl Fn(&str) -> bool) -> Option<Need> {
    let program = ruleset.program();
    let mut kleene = Kleene::new(program, class, None);
    let mut rules: Vec<(RuleId, NodeId)> = ruleset.of_type(class.kind).to_vec();
    rules.retain(|(rule, _)| ruleset.owner(*rule).is_some_and(|rule| of(&rule.name)));
    rules.retain(|(_, node)| kleene.node(*node) != Some(false));
    let mut only = None;
    if !class.trap.is_whole() && !rules.is_empty() {
        let nodes: Vec<NodeId> = rules.iter().map(|(_, node)| *node).collect();
        for cells in Cells::of(program, class, &nodes) {
            rules.retain(|(_, node)| cells.some_can_hold(program, class, &[*node]));
            let nodes: Vec<NodeId> = rules.iter().map(|(_, node)| *node).collect();
            match cells.where_some_can_hold(program, class, &nodes) {
                Ok(set) => {
                    let narrower = only.as_ref().is_none_or(|known: &ArgSet| known.except && !set.except);
                    only = if narrower { Some(set) } else { only };
                }
                Err(Selected::Nothing) => return None,
                Err(Selected::Everything | Selected::TooMuch) => {}
            }
        }
    }
    let mut names: Vec<String> =
        rules.iter().filter_map(|(rule, _)| ruleset.owner(*rule)).map(|rule| rule.name.clone()).collect();
    // Parts of one sequence follow each other.
    names.dedup();
    (!names.is_empty()).then_some(Need { trap: class.trap, kind: class.kind, only, rules: names })
}

pub(crate) fn traps(ruleset: &Ruleset) -> TrapSet {
    let mut set = TrapSet::default();
    for need in needs(ruleset) {
        for rule in &need.rules {
            if need.trap.is_whole() {
                set.add(need.trap, rule);
            } else {
                set.add_calls(need.trap, need.kind, need.only.clone(), rule);
            }
        }
    }
    set
}

/// Whether a condition reads a field.
pub(crate) fn reads(program: &Program, id: NodeId, wanted: impl Fn(&&ResolvedField) -> bool + Copy) -> bool {
    program.checks_of([id]).any(|(_, check)| check.fields().iter().any(wanted))
}
