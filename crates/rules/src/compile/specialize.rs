//! What remains of a condition once some of it is known: the event's type, and fields that have no value here.

use fargard_model::EventType;

use super::{
    check::{Check, Test, matches},
    is_event_type,
    matcher::Matcher,
    operand::Operand,
    program::{Node, NodeId, Program},
};
use crate::fields::{Extract, Value, Values};

/// What is known of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// It is a call of that name.
    Call(&'static str),
    /// It is a record; records are events of one type.
    Record,
}

/// Specialises nodes for one kind of event, each once.
pub(crate) struct Specializer<'p> {
    program: &'p mut Program,
    known: Known,
    /// By node: what remains of it.
    done: Vec<Option<NodeId>>,
}

impl<'p> Specializer<'p> {
    pub(crate) fn new(program: &'p mut Program, known: Known) -> Self {
        let done = vec![None; program.len()];
        Self { program, known, done }
    }

    pub(crate) fn node(&mut self, id: NodeId) -> NodeId {
        if let Some(Some(done)) = self.done.get(id as usize) {
            return *done;
        }
        let found = match self.program.node(id).clone() {
            Node::Const(_) => id,
            Node::Not(child) => {
                let child = self.node(child);
                self.program.not(child)
            }
            Node::And(children) => match self.children(&children, false) {
                Some(children) => self.program.and(children),
                None => self.program.constant(false),
            },
            Node::Or(children) => match self.children(&children, true) {
                Some(children) => self.program.or(children),
                None => self.program.constant(true),
            },
            Node::Check(index) => {
                match self.program.check(index).and_then(|check| decided(check, self.known)) {
                    Some(truth) => self.program.constant(truth),
                    None => id,
                }
            }
        };
        if let Some(slot) = self.done.get_mut(id as usize) {
            *slot = Some(found);
        }
        found
    }

    /// The children; `None` when one of them has the truth that decides.
    fn children(&mut self, children: &[NodeId], deciding: bool) -> Option<Vec<NodeId>> {
        let mut rest = Vec::with_capacity(children.len());
        for child in children {
            let child = self.node(*child);
            if *self.program.node(child) == Node::Const(deciding) {
                return None;
            }
            rest.push(child);
        }
        Some(rest)
    }
}

/// The truth of a comparison that needs no event.
fn decided(check: &Check, known: Known) -> Option<bool> {
    let missing = |operand: &Operand| operand.is_always_missing() || operand.is_missing_in(known);
    if missing(&check.left) || matches!(&check.test, Test::Field(_, right) if missing(right)) {
        return Some(false);
    }
    let Test::Matches(matcher) = &check.test else { return None };
    if is_event_type(&check.left) {
        let name = match known {
            Known::Call(name) => name,
            Known::Record => EventType::Pluginevent.name(),
        };
        return Some(matches(&Values::One(Value::Text(name.into())), matcher));
    }
    // Events count from 1: `evt.num = 0` is how rules write "never".
    let is_num = matches!(&check.left, Operand::Field(field) if field.field.name == "evt.num");
    (is_num && check.text == "evt.num = 0").then_some(false)
}

impl Operand {
    /// It has no value in that kind of event.
    fn is_missing_in(&self, known: Known) -> bool {
        let mut fields = Vec::new();
        self.fields(&mut fields);
        fields.iter().any(|field| {
            field.field.get.is_some_and(|get| match known {
                Known::Record => get.is_of_calls(),
                Known::Call(_) => matches!(get, Extract::Record(_)),
            })
        })
    }
}

/// The comparisons of the event's type that conditions hold.
pub(crate) struct EventTypeChecks(Vec<u32>);

/// Finds them.
pub(crate) fn event_type_checks(
    program: &Program,
    conditions: impl DoubleEndedIterator<Item = NodeId>,
) -> EventTypeChecks {
    let checks = program.checks_of(conditions).filter(|(_, check)| is_event_type(&check.left));
    EventTypeChecks(checks.map(|(index, _)| index).collect())
}

impl EventTypeChecks {
    /// Which of them hold for a type, as bits. Types of which the same hold are the same to the conditions.
    pub(crate) fn truths(&self, program: &Program, kind: EventType) -> Vec<u64> {
        let value = Value::Text(kind.name().into());
        let holds = |index: &u32| match program.check(*index).map(|check| &check.test) {
            Some(Test::Matches(matcher)) => Matcher::accepts(matcher, &value),
            _ => false,
        };
        let word = |checks: &[u32]| {
            checks.iter().enumerate().fold(0, |word, (bit, index)| word | u64::from(holds(index)) << bit)
        };
        self.0.chunks(64).map(word).collect()
    }
}
