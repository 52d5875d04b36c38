//! What must hold for a condition to hold: comparisons that every way to its truth passes.

use std::rc::Rc;

use super::{
    odds,
    probe::{self, Atom},
};
use crate::{
    compile::{
        check::{Check, Test},
        operand::Operand,
        program::{Node, NodeId, Program},
    },
    fields::{FieldArg, ResolvedField},
    hash::{FastMap, FastSet},
};

/// Most comparisons and clauses that are kept of one node; fewer is always right.
const MAX_KEPT: usize = 64;
/// Most comparisons of one clause.
const MAX_CHECKS: usize = 4_096;

/// Number of a field in the order in which fields were first met.
pub(super) type FieldId = u32;

/// At least one of these comparisons of one field must hold.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    pub(super) field: FieldId,
    pub(super) checks: Rc<[u32]>,
    /// How often an event passes, of 1.
    pub(super) odds: f32,
}

/// What a node needs.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Comparisons that must have a truth.
    pub(super) literals: Vec<(NodeId, bool)>,
    pub(super) clauses: Vec<Clause>,
}

/// Finds what nodes need, each once.
pub(super) struct Guards<'p> {
    program: &'p Program,
    known: FastMap<(NodeId, bool), Rc<Needs>>,
    fields: Vec<&'p ResolvedField>,
    field_ids: FastMap<(&'static str, FieldArg), FieldId>,
}

impl<'p> Guards<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        Self { program, known: FastMap::default(), fields: Vec::new(), field_ids: FastMap::default() }
    }

    pub(super) fn field(&self, id: FieldId) -> Option<&'p ResolvedField> {
        self.fields.get(id as usize).copied()
    }

    /// How many fields were met.
    pub(super) fn fields(&self) -> FieldId {
        FieldId::try_from(self.fields.len()).unwrap_or(FieldId::MAX)
    }

    /// The atoms of a clause's comparisons.
    pub(super) fn atoms(&self, clause: &Clause) -> Vec<Atom> {
        let of_check = |index: &u32| match &self.program.check(*index)?.test {
            Test::Matches(matcher) => probe::atoms(matcher),
            _ => None,
        };
        clause.checks.iter().filter_map(of_check).flatten().collect()
    }

    /// What a node needs to have a truth.
    pub(super) fn needs(&mut self, id: NodeId, wanted: bool) -> Rc<Needs> {
        if let Some(known) = self.known.get(&(id, wanted)) {
            return Rc::clone(known);
        }
        let needs = match (self.program.node(id), wanted) {
            (Node::Const(_), _) => Rc::new(Needs::default()),
            (Node::Not(child), _) => self.needs(*child, !wanted),
            (Node::Check(index), _) => Rc::new(self.of_check(id, *index, wanted)),
            (Node::And(children), true) | (Node::Or(children), false) => {
                Rc::new(self.of_all(children, wanted))
            }
            (Node::And(children), false) | (Node::Or(children), true) => {
                Rc::new(self.of_either(children, wanted))
            }
        };
        self.known.insert((id, wanted), Rc::clone(&needs));
        needs
    }

    fn of_check(&mut self, id: NodeId, index: u32, wanted: bool) -> Needs {
        let clauses = self.program.check(index).filter(|_| wanted).and_then(|check| self.clause(check, index));
        Needs { literals: vec![(id, wanted)], clauses: clauses.into_iter().collect() }
    }

    fn clause(&mut self, check: &'p Check, index: u32) -> Option<Clause> {
        let (Operand::Field(field), Test::Matches(matcher)) = (&check.left, &check.test) else { return None };
        if field.field.list || odds::of_reading(field).is_none() {
            return None;
        }
        let atoms = probe::atoms(matcher)?;
        let next = self.fields();
        let field_id = *self.field_ids.entry((field.field.name, field.arg.clone())).or_insert(next);
        if field_id == next {
            self.fields.push(field);
        }
        Some(Clause { field: field_id, checks: [index].into(), odds: odds::of_atoms(field, &atoms) })
    }

    /// All children must be so: what any of them needs.
    fn of_all(&mut self, children: &[NodeId], wanted: bool) -> Needs {
        let mut needs = Needs::default();
        let mut seen = FastSet::default();
        for child in children {
            let own = self.needs(*child, wanted);
            let new = own.literals.iter().filter(|literal| seen.insert(**literal));
            needs.literals.extend(new.take(MAX_KEPT - needs.literals.len().min(MAX_KEPT)));
            needs.clauses.extend(own.clauses.iter().cloned());
        }
        needs.clauses.sort_by(|a, b| a.odds.total_cmp(&b.odds));
        needs.clauses.truncate(MAX_KEPT);
        needs
    }

    /// One of the children must be so: what all of them need, and for each field that all have a clause of, one of
    /// those clauses.
    fn of_either(&mut self, children: &[NodeId], wanted: bool) -> Needs {
        let all: Vec<Rc<Needs>> = children.iter().map(|child| self.needs(*child, wanted)).collect();
        let Some((first, others)) = all.split_first() else { return Needs::default() };
        let shared = |literal: &&(NodeId, bool)| others.iter().all(|needs| needs.literals.contains(literal));
        let literals = first.literals.iter().filter(shared).copied().collect();
        let mut clauses: Vec<Clause> = Vec::new();
        for clause in &first.clauses {
            if clauses.iter().all(|done| done.field != clause.field) {
                clauses.extend(united(clause.field, &all));
            }
        }
        Needs { literals, clauses }
    }
}

/// The best clause of each on that field, as one.
fn united(field: FieldId, all: &[Rc<Needs>]) -> Option<Clause> {
    let mut checks: Vec<u32> = Vec::new();
    let mut odds = 0.0;
    for needs in all {
        let of_field = needs.clauses.iter().filter(|clause| clause.field == field);
        let best = of_field.min_by(|a, b| a.odds.total_cmp(&b.odds))?;
        odds += best.odds;
        checks.extend(best.checks.iter());
        if checks.len() > MAX_CHECKS {
            return None;
        }
    }
    checks.sort_unstable();
    checks.dedup();
    Some(Clause { field, checks: checks.into(), odds: odds.min(1.0) })
}
