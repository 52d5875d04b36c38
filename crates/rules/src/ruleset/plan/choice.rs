//! Which guards a plan asks: comparisons that many rules need, then fields in whose index most rules stand. Each is
//! taken while what it saves is more than what it costs.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    Step,
    bits::Set,
    guard::{Clause, FieldId, Guards, Needs},
    odds,
    probe::{Probe, Wanted},
};
use crate::{
    compile::program::{Node, NodeId, Program},
    hash::{FastMap, FastSet},
};

/// So many conditions are evaluated as soon as they are looked up: most end at their first comparison.
const FEW: usize = 2;
/// What the evaluation of a condition costs, in the cost of reading a plain member.
const EVALUATION: f32 = 5.0;
/// The same for a rule that an index leaves out most of the time.
const INDEXED: f32 = 0.4;
/// What looking up a value costs.
const LOOKUP: f32 = 4.0;
/// A clause that events pass more often is no help.
const MOST_ODDS: f32 = 0.5;
/// A rule stands in the index of a field when its clause there is at most so many times as likely as its best.
const CLOSE_ODDS: f32 = 8.0;
/// Most comparisons asked before the indexes.
const MAX_LITERALS: usize = 8;

/// The steps for conditions, in the order in which they are taken.
pub(super) fn steps(program: &Program, guards: &mut Guards<'_>, conditions: &[NodeId]) -> Vec<Step> {
    if conditions.len() <= FEW {
        return Vec::new();
    }
    let needs: Vec<Rc<Needs>> = conditions.iter().map(|node| guards.needs(*node, true)).collect();
    let fields = indexed_fields(guards, &needs);
    let assigned: Vec<Option<&Clause>> = needs.iter().map(|needs| best_clause(needs, &fields)).collect();
    let mut steps = literals(program, &needs, &assigned);
    steps.extend(probe(guards, &assigned).map(|probe| Step::Probe(Box::new(probe))));
    steps
}

/// The rule's least likely clause of these fields, where it is selective enough.
fn best_clause<'n>(needs: &'n Needs, fields: &FastSet<FieldId>) -> Option<&'n Clause> {
    let best = needs.clauses.iter().map(|clause| clause.odds).fold(1.0, f32::min);
    let may = |clause: &&Clause| {
        clause.odds < MOST_ODDS
            && clause.odds <= best.max(0.01) * CLOSE_ODDS
            && clause.fields.iter().all(|field| fields.contains(field))
    };
    needs.clauses.iter().filter(may).min_by(|a, b| a.odds.total_cmp(&b.odds))
}

/// How often the rule's best clause of these fields lets an event pass.
fn best_odds(needs: &Needs, fields: &FastSet<FieldId>) -> f32 {
    best_clause(needs, fields).map_or(1.0, |clause| clause.odds)
}

/// The fields worth an index: again and again those whose indexes save most for what they cost.
fn indexed_fields(guards: &Guards<'_>, needs: &[Rc<Needs>]) -> FastSet<FieldId> {
    let mut sets: Vec<Rc<[FieldId]>> =
        needs.iter().flat_map(|needs| &needs.clauses).map(|clause| Rc::clone(&clause.fields)).collect();
    sets.sort_unstable();
    sets.dedup();
    let mut chosen = FastSet::default();
    loop {
        let now: Vec<f32> = needs.iter().map(|needs| best_odds(needs, &chosen)).collect();
        let worth = |set: &Rc<[FieldId]>| {
            let new = set.iter().filter(|field| !chosen.contains(*field));
            let cost: f32 =
                new.filter_map(|field| guards.reading(*field)?.cost()).map(|reading| reading + LOOKUP).sum();
            let mut with = chosen.clone();
            with.extend(set.iter().copied());
            let better = needs.iter().zip(&now).map(|(needs, now)| (now - best_odds(needs, &with)).max(0.0));
            let gain = better.sum::<f32>() * EVALUATION;
            (cost > 0.0 && gain > cost * 0.5).then_some(gain / cost)
        };
        let best = sets.iter().filter_map(|set| Some((set, worth(set)?)));
        let Some((set, _)) = best.max_by(|(a, one), (b, other)| one.total_cmp(other).then(b.cmp(a))) else {
            return chosen;
        };
        chosen.extend(set.iter().copied());
    }
}

/// The indexes over the fields of the rules' clauses.
fn probe(guards: &Guards<'_>, assigned: &[Option<&Clause>]) -> Option<Probe> {
    let mut wanted: BTreeMap<FieldId, Wanted> = BTreeMap::new();
    let with_clause = || assigned.iter().enumerate().filter_map(|(rule, clause)| Some((rule, (*clause)?)));
    for (rule, clause) in with_clause() {
        for (field, atom) in guards.atoms(clause) {
            wanted.entry(field).or_default().add(u32::try_from(rule).ok()?, atom);
        }
    }
    with_clause().next()?;
    let wanted = wanted.into_iter().map(|(id, wanted)| Some((guards.reading(id)?.clone(), wanted)));
    Probe::new(assigned.len(), with_clause().map(|(rule, _)| rule), wanted.collect::<Option<_>>()?)
}

/// A comparison that several rules need.
struct Literal {
    node: NodeId,
    wanted: bool,
    rules: Vec<usize>,
    odds: f32,
    cost: f32,
}

fn literals(program: &Program, needs: &[Rc<Needs>], assigned: &[Option<&Clause>]) -> Vec<Step> {
    let mut rules_of: FastMap<(NodeId, bool), Vec<usize>> = FastMap::default();
    for (rule, needs) in needs.iter().enumerate() {
        for literal in &needs.literals {
            rules_of.entry(*literal).or_default().push(rule);
        }
    }
    let mut open: Vec<Literal> = rules_of
        .into_iter()
        .filter(|(_, rules)| rules.len() > 1)
        .filter_map(|((node, wanted), rules)| {
            let Node::Check(index) = program.node(node) else { return None };
            let (odds, cost) = odds::of_check(program.check(*index)?, wanted)?;
            Some(Literal { node, wanted, rules, odds, cost })
        })
        .collect();
    let weight = |slot: &Option<&Clause>| if slot.is_some() { INDEXED } else { EVALUATION };
    let mut weights: Vec<f32> = assigned.iter().map(weight).collect();
    let mut steps = Vec::new();
    while steps.len() < MAX_LITERALS {
        let gain = |literal: &Literal| {
            let saved: f32 = literal.rules.iter().filter_map(|rule| weights.get(*rule)).sum();
            saved * (1.0 - literal.odds) - literal.cost * 1.5
        };
        let best = open.iter().enumerate().map(|(index, literal)| (index, gain(literal)));
        let best = best.filter(|(_, gain)| *gain > 0.0).max_by(|(a, one), (b, other)| {
            let node = |index: &usize| open.get(*index).map(|literal| literal.node);
            one.total_cmp(other).then(node(b).cmp(&node(a)))
        });
        let Some((index, _)) = best else { break };
        let literal = open.swap_remove(index);
        for rule in &literal.rules {
            if let Some(weight) = weights.get_mut(*rule) {
                *weight *= literal.odds;
            }
        }
        let rules = Set::of(needs.len(), literal.rules.into_iter());
        steps.push(Step::Literal { node: literal.node, wanted: literal.wanted, rules });
    }
    steps
}
