//! Which guards a plan asks: comparisons that many rules need, then fields in whose index most rules stand. Each is
//! taken while what it saves is more than what it costs.

use super::{
    Step,
    bits::{self, Bits},
    guard::{Clause, FieldId, Guards, Needs},
    odds,
    probe::Probe,
};
use crate::{
    compile::program::{Node, NodeId, Program},
    hash::FastMap,
};
use std::rc::Rc;

/// What the evaluation of a condition costs, in the cost of reading a plain member.
const EVALUATION: f32 = 5.0;
/// The same for a rule that an index leaves out most of the time.
const INDEXED: f32 = 0.7;
/// A clause that events pass more often is no help.
const MOST_ODDS: f32 = 0.5;
/// A rule stands in the index of a field when its clause there is at most so many times as likely as its best.
const CLOSE_ODDS: f32 = 8.0;
/// Most comparisons asked before the indexes.
const MAX_LITERALS: usize = 8;

/// The steps for conditions, in the order in which they are taken.
pub(super) fn steps(program: &Program, guards: &mut Guards<'_>, conditions: &[NodeId]) -> Vec<Step> {
    let needs: Vec<Rc<Needs>> = conditions.iter().map(|node| guards.needs(*node, true)).collect();
    let mut assigned: Vec<Option<Clause>> = vec![None; needs.len()];
    let mut order = Vec::new();
    while let Some(field) = best_field(guards, &needs, &assigned) {
        order.push(field);
        for (needs, slot) in needs.iter().zip(&mut assigned) {
            if slot.is_none() {
                *slot = clause_of(needs, field).cloned();
            }
        }
    }
    let mut steps = literals(program, &needs, &assigned);
    for field in order {
        let of_field = (0..).zip(&assigned).filter_map(|(rule, slot)| {
            let clause = slot.as_ref().filter(|clause| clause.field == field)?;
            Some((rule, guards.atoms(clause)))
        });
        let Some(resolved) = guards.field(field) else { continue };
        if let Some(probe) = Probe::new(resolved.clone(), conditions.len(), of_field) {
            steps.push(Step::Probe(Box::new(probe)));
        }
    }
    steps
}

/// A rule's clause of a field, where it is selective enough.
fn clause_of(needs: &Needs, field: FieldId) -> Option<&Clause> {
    // Clauses of a conjunction are sorted, those of a disjunction are few.
    let best = needs.clauses.iter().map(|clause| clause.odds).fold(1.0, f32::min);
    let of_field = needs.clauses.iter().filter(|clause| clause.field == field);
    of_field
        .min_by(|a, b| a.odds.total_cmp(&b.odds))
        .filter(|clause| clause.odds < MOST_ODDS && clause.odds <= best.max(0.01) * CLOSE_ODDS)
}

/// The field whose index saves most for what it costs.
fn best_field(guards: &Guards<'_>, needs: &[Rc<Needs>], assigned: &[Option<Clause>]) -> Option<FieldId> {
    let mut gains: FastMap<FieldId, f32> = FastMap::default();
    for (needs, slot) in needs.iter().zip(assigned) {
        if slot.is_some() {
            continue;
        }
        for (index, clause) in needs.clauses.iter().enumerate() {
            let is_first = needs.clauses.iter().take(index).all(|other| other.field != clause.field);
            if is_first && let Some(clause) = clause_of(needs, clause.field) {
                *gains.entry(clause.field).or_default() += (1.0 - clause.odds) * EVALUATION;
            }
        }
    }
    let worth = |(field, gain): (FieldId, f32)| {
        // The look-up itself costs about as much as reading four members.
        let cost = odds::of_reading(guards.field(field)?)? + 4.0;
        (gain > cost * 0.5).then_some((field, gain / cost))
    };
    let by_worth = |a: &(FieldId, f32), b: &(FieldId, f32)| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0));
    gains.into_iter().filter_map(worth).max_by(by_worth).map(|(field, _)| field)
}

/// A comparison that several rules need.
struct Literal {
    node: NodeId,
    wanted: bool,
    rules: Vec<usize>,
    odds: f32,
    cost: f32,
}

fn literals(program: &Program, needs: &[Rc<Needs>], assigned: &[Option<Clause>]) -> Vec<Step> {
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
    let weight = |slot: &Option<Clause>| if slot.is_some() { INDEXED } else { EVALUATION };
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
        let mut rules: Bits = bits::none(needs.len());
        for rule in literal.rules {
            bits::insert(&mut rules, rule);
            if let Some(weight) = weights.get_mut(rule) {
                *weight *= literal.odds;
            }
        }
        steps.push(Step::Literal { node: literal.node, wanted: literal.wanted, rules });
    }
    steps
}
