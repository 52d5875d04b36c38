//! Which event types a condition can be true for: `and` intersects, `or` unites, `not` complements.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use fargard_model::EventType;

use super::{
    check::Test,
    matcher::Matcher,
    operand::Operand,
    program::{Node, NodeId, Program},
};
use crate::fields::Value;

/// A set of event types: those named, or all but those named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventTypes {
    Only(BTreeSet<String>),
    AllBut(BTreeSet<String>),
}

/// Falco warns of rules that match more types than this.
const MANY: usize = 100;

impl EventTypes {
    fn all() -> Self {
        Self::AllBut(BTreeSet::new())
    }

    /// Too many, or none at all: the rule names no event type.
    pub(crate) fn is_unrestricted(&self) -> bool {
        match self {
            Self::Only(names) => names.is_empty() || names.len() > MANY,
            Self::AllBut(_) => true,
        }
    }

    fn complement(self) -> Self {
        match self {
            Self::Only(names) => Self::AllBut(names),
            Self::AllBut(names) => Self::Only(names),
        }
    }

    fn and(self, other: Self) -> Self {
        use EventTypes::{AllBut, Only};
        match (self, other) {
            (Only(a), Only(b)) => Only(a.intersection(&b).cloned().collect()),
            (Only(a), AllBut(b)) | (AllBut(b), Only(a)) => Only(a.difference(&b).cloned().collect()),
            (AllBut(a), AllBut(b)) => AllBut(a.union(&b).cloned().collect()),
        }
    }

    fn or(self, other: Self) -> Self {
        self.complement().and(other.complement()).complement()
    }

    fn of_check(program: &Program, index: u32, wanted: bool) -> Self {
        let Some(check) = program.check(index) else { return Self::all() };
        let Test::Matches(matcher) = &check.test else { return Self::all() };
        if !is_event_type(&check.left) {
            return Self::all();
        }
        let named = EventType::ALL
            .iter()
            .map(|kind| kind.name())
            .filter(|name| matcher.accepts(&Value::Text((*name).into())) == wanted)
            .map(str::to_owned)
            .collect::<BTreeSet<_>>();
        // What excludes some types leaves all others, also those that have no name here.
        let excludes = matches!(matcher, Matcher::Not(_)) == wanted;
        if excludes {
            let others = EventType::ALL
                .iter()
                .map(|kind| kind.name())
                .filter(|name| !named.contains(*name))
                .map(str::to_owned);
            return Self::AllBut(others.collect());
        }
        Self::Only(named)
    }
}

/// Finds the event types of nodes, each once.
#[derive(Default)]
pub(crate) struct EventTypesOf {
    known: HashMap<(NodeId, bool), Rc<EventTypes>>,
}

impl EventTypesOf {
    /// The types for which a node can be `wanted`.
    pub(crate) fn node(&mut self, program: &Program, id: NodeId, wanted: bool) -> Rc<EventTypes> {
        if let Some(known) = self.known.get(&(id, wanted)) {
            return Rc::clone(known);
        }
        let found = match program.node(id) {
            Node::Const(truth) if *truth == wanted => Rc::new(EventTypes::all()),
            Node::Const(_) => Rc::new(EventTypes::Only(BTreeSet::new())),
            Node::Not(child) => self.node(program, *child, !wanted),
            Node::Check(index) => Rc::new(EventTypes::of_check(program, *index, wanted)),
            Node::And(children) | Node::Or(children) => {
                let intersect = matches!(program.node(id), Node::And(_)) == wanted;
                let mut whole: Option<EventTypes> = None;
                for child in children {
                    let one = EventTypes::clone(&self.node(program, *child, wanted));
                    whole = Some(match whole {
                        None => one,
                        Some(others) if intersect => others.and(one),
                        Some(others) => others.or(one),
                    });
                }
                Rc::new(whole.unwrap_or_else(EventTypes::all))
            }
        };
        self.known.insert((id, wanted), Rc::clone(&found));
        found
    }
}

/// Compares the event's type.
pub(crate) fn is_event_type(operand: &Operand) -> bool {
    matches!(operand, Operand::Field(field) if matches!(field.field.name, "evt.type" | "syscall.type"))
}
