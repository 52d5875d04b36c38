//! What remains of a condition once some of it is known: the event's type, and fields that have no value here.

use std::collections::HashMap;

use super::{
    check::{Check, Test, matches},
    is_event_type,
    operand::Operand,
    program::{Node, NodeId, Program},
};
use crate::fields::{Value, Values};

/// Specialises nodes for one event type, each once.
pub(crate) struct Specializer<'p> {
    program: &'p mut Program,
    event_type: &'static str,
    known: HashMap<NodeId, NodeId>,
}

impl<'p> Specializer<'p> {
    pub(crate) fn new(program: &'p mut Program, event_type: &'static str) -> Self {
        Self { program, event_type, known: HashMap::new() }
    }

    pub(crate) fn node(&mut self, id: NodeId) -> NodeId {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let found = match self.program.node(id).clone() {
            Node::Const(_) => id,
            Node::Not(child) => {
                let child = self.node(child);
                self.program.not(child)
            }
            Node::And(children) => {
                let children = children.iter().map(|child| self.node(*child)).collect();
                self.program.and(children)
            }
            Node::Or(children) => {
                let children = children.iter().map(|child| self.node(*child)).collect();
                self.program.or(children)
            }
            Node::Check(index) => {
                match self.program.check(index).and_then(|check| decided(check, self.event_type)) {
                    Some(truth) => self.program.constant(truth),
                    None => id,
                }
            }
        };
        self.known.insert(id, found);
        found
    }
}

/// The truth of a comparison that needs no event.
fn decided(check: &Check, event_type: &'static str) -> Option<bool> {
    if check.left.is_always_missing() {
        return Some(false);
    }
    if matches!(&check.test, Test::Field(_, right) if right.is_always_missing()) {
        return Some(false);
    }
    let Test::Matches(matcher) = &check.test else { return None };
    if is_event_type(&check.left) {
        return Some(matches(&Values::One(Value::Text(event_type.into())), matcher));
    }
    // Events count from 1: `evt.num = 0` is how rules write "never".
    if matches!(&check.left, Operand::Field(field) if field.field.name == "evt.num")
        && check.text == "evt.num = 0"
    {
        return Some(false);
    }
    None
}
