//! What must hold for a condition to hold: comparisons that every way to its truth passes.

use std::rc::Rc;

use super::{
    odds,
    probe::{self, Atom, Reading},
    text::TextAtom,
};
use crate::{
    compile::{
        check::{Check, Test},
        matcher::Matcher,
        operand::Operand,
        program::{Node, NodeId, Program},
    },
    fields::{self, FieldArg},
    hash::{FastMap, FastSet},
    syntax::ast::TransformName,
};

/// Most comparisons and clauses that are kept of one node; fewer is always right.
const MAX_KEPT: usize = 64;
/// Most comparisons of one clause.
const MAX_CHECKS: usize = 4_096;

/// Number of a field in the order in which fields were first met.
pub(super) type FieldId = u32;

/// At least one of these comparisons must hold.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    /// The fields they read, sorted.
    pub(super) fields: Rc<[FieldId]>,
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
    readings: Vec<Reading>,
    field_ids: FastMap<(&'static str, FieldArg, bool), FieldId>,
}

impl<'p> Guards<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        Self { program, known: FastMap::default(), readings: Vec::new(), field_ids: FastMap::default() }
    }

    pub(super) fn reading(&self, id: FieldId) -> Option<&Reading> {
        self.readings.get(id as usize)
    }

    /// The atoms of a clause's comparisons, each with its field.
    pub(super) fn atoms(&self, clause: &Clause) -> Vec<(FieldId, Atom)> {
        let of_check = |index: &u32| {
            let (Reading { field, lower }, atoms) = wanted(self.program.check(*index)?)?;
            let id = *self.field_ids.get(&(field.field.name, field.arg, lower))?;
            Some(atoms.into_iter().map(move |atom| (id, atom)))
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
        let clauses =
            self.program.check(index).filter(|_| wanted).and_then(|check| self.clause(check, index));
        Needs { literals: vec![(id, wanted)], clauses: clauses.into_iter().collect() }
    }

    fn clause(&mut self, check: &'p Check, index: u32) -> Option<Clause> {
        let (reading, atoms) = wanted(check)?;
        reading.cost()?;
        let field = &reading.field;
        let odds = odds::of_atoms(field, &atoms);
        let next = FieldId::try_from(self.readings.len()).ok()?;
        let key = (field.field.name, field.arg.clone(), reading.lower);
        let field_id = *self.field_ids.entry(key).or_insert(next);
        if field_id == next {
            self.readings.push(reading);
        }
        Some(Clause { fields: [field_id].into(), checks: [index].into(), odds })
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

    /// One of the children must be so: what all of them need, and one clause of each child. Two ways to choose those
    /// are kept: all of one field, for each field there is, and the least likely.
    fn of_either(&mut self, children: &[NodeId], wanted: bool) -> Needs {
        let all: Vec<Rc<Needs>> = children.iter().map(|child| self.needs(*child, wanted)).collect();
        let Some((first, others)) = all.split_first() else { return Needs::default() };
        let shared = |literal: &&(NodeId, bool)| others.iter().all(|needs| needs.literals.contains(literal));
        let literals = first.literals.iter().filter(shared).copied().collect();
        let mut clauses: Vec<Clause> = Vec::new();
        for clause in &first.clauses {
            if clause.fields.len() == 1 && clauses.iter().all(|done| done.fields != clause.fields) {
                clauses.extend(united(&all, |other| other.fields == clause.fields));
            }
        }
        clauses.extend(united(&all, |_| true).filter(|clause| clause.fields.len() > 1));
        clauses.truncate(MAX_KEPT);
        Needs { literals, clauses }
    }
}

/// The field a comparison reads and what it wants of it. Directory and name of a file are parts of its path, which is
/// read once for all three.
fn wanted(check: &Check) -> Option<(Reading, Vec<Atom>)> {
    let Test::Matches(matcher) = &check.test else { return None };
    let (field, lower) = match &check.left {
        Operand::Field(field) => (field, ignores_case(matcher)),
        Operand::Map(TransformName::Tolower, inner) => match &**inner {
            Operand::Field(field) => (field, true),
            _ => return None,
        },
        _ => return None,
    };
    if field.field.list {
        return None;
    }
    let atoms = probe::atoms(matcher, lower)?;
    let as_written = |atoms| (Reading { field: field.clone(), lower }, atoms);
    if lower {
        return Some(as_written(atoms));
    }
    let part = match field.field.name {
        "fd.directory" => TextAtom::Directory,
        "fd.filename" => TextAtom::FileName,
        _ => return Some(as_written(atoms)),
    };
    let of_path = |atom: &Atom| match atom {
        Atom::Text(TextAtom::Is(text)) => Some(Atom::Text(part(text.clone()))),
        _ => None,
    };
    match atoms.iter().map(of_path).collect() {
        Some(of_path) => Some((Reading { field: fields::resolve("fd.name", None).ok()?, lower }, of_path)),
        None => Some(as_written(atoms)),
    }
}

/// It accepts a text exactly when it accepts that in lower case.
fn ignores_case(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Icontains(_) => true,
        Matcher::Each(_, matchers) => matchers.iter().all(ignores_case),
        _ => false,
    }
}

/// The least likely clause of each that may be used, as one.
fn united(all: &[Rc<Needs>], may: impl Fn(&Clause) -> bool) -> Option<Clause> {
    let mut checks: Vec<u32> = Vec::new();
    let mut fields: Vec<FieldId> = Vec::new();
    let mut odds = 0.0;
    for needs in all {
        let usable = needs.clauses.iter().filter(|clause| may(clause));
        let best = usable.min_by(|a, b| a.odds.total_cmp(&b.odds))?;
        odds += best.odds;
        checks.extend(best.checks.iter());
        fields.extend(best.fields.iter());
        if checks.len() > MAX_CHECKS {
            return None;
        }
    }
    for list in [&mut checks, &mut fields] {
        list.sort_unstable();
        list.dedup();
    }
    Some(Clause { fields: fields.into(), checks: checks.into(), odds: odds.min(1.0) })
}
