//! Could a rule match an event of which something is not known yet?
//!
//! Looking up a call's result or a socket's ends costs many times what an evaluation costs. Most events match no
//! rule whatever the look-up would say, and this finds them: a comparison of what is not known counts as either
//! truth, everything else is decided.

use fargard_model::Event;

use super::{
    Ruleset,
    memo::{MEMO, Memo},
    plan::Asks,
};
use crate::{
    Subject,
    compile::{
        check::Check,
        program::{Node, NodeId, Program},
    },
    fields::{FieldArg, ResolvedField},
};

/// What is not known of an event yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The call's result, and with it the number of an opened descriptor.
    Result,
    /// The result and everything about the descriptor.
    Descriptor,
}

/// What values come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// Some from the call's result.
    pub(super) result: bool,
    /// Some from its descriptor.
    pub(super) descriptor: bool,
}

impl Origin {
    pub(super) fn of(field: &ResolvedField) -> Self {
        Self { result: reads_result(field), descriptor: field.field.name.starts_with("fd.") }
    }

    fn of_check(check: &Check) -> Self {
        let none = Self { result: false, descriptor: false };
        check.fields().into_iter().map(Self::of).fold(none, |all, own| Self {
            result: all.result | own.result,
            descriptor: all.descriptor | own.descriptor,
        })
    }
}

/// For each comparison of a program, what it reads.
#[derive(Debug, Default)]
pub(super) struct Readers(Vec<Origin>);

impl Readers {
    pub(super) fn of(program: &Program) -> Self {
        Self((0..).map_while(|index| program.check(index)).map(Origin::of_check).collect())
    }
}

fn reads_result(field: &ResolvedField) -> bool {
    match field.field.name {
        "evt.res" | "evt.rawres" | "evt.failed" | "evt.args" | "evt.info" | "fd.num" | "fd.connected" => true,
        "evt.arg" | "evt.rawarg" => matches!(&field.arg, FieldArg::Key(name) if name == "res"),
        _ => false,
    }
}

impl Ruleset {
    /// Whether some enabled rule could match the event, whatever the unknown turns out to be. `false` is certain.
    #[must_use]
    pub fn could_match(&self, event: &Event, unknown: Unknown) -> bool {
        let subject = Subject::Call(event);
        let Some(plan) = self.plans.of(subject) else { return false };
        let is_open: fn(Origin) -> bool = match unknown {
            Unknown::Result => |origin| origin.result,
            Unknown::Descriptor => |origin| origin.result || origin.descriptor,
        };
        MEMO.with_borrow_mut(|memo| {
            memo.begin(self.program.len() * 2);
            let mut search = Search { ruleset: self, subject, is_open };
            let mut found = false;
            plan.candidates(subject, memo, &mut search.clone(), |memo, _, node| {
                found = search.can_be(memo, node, true);
                !found
            });
            found
        })
    }
}

/// Whether nodes can have a truth while some of the event is open.
#[derive(Clone)]
struct Search<'a> {
    ruleset: &'a Ruleset,
    subject: Subject<'a>,
    is_open: fn(Origin) -> bool,
}

impl Search<'_> {
    fn is_open_check(&self, index: u32) -> bool {
        self.ruleset.readers.0.get(index as usize).is_none_or(|origin| (self.is_open)(*origin))
    }
}

impl Asks for Search<'_> {
    fn can_be(&mut self, memo: &mut Memo, id: NodeId, wanted: bool) -> bool {
        let cell = id as usize * 2 + usize::from(wanted);
        if let Some(known) = memo.known(cell) {
            return known;
        }
        let program = &self.ruleset.program;
        let possible = match program.node(id) {
            Node::Const(truth) => *truth == wanted,
            Node::Check(index) if self.is_open_check(*index) => true,
            Node::Check(index) => {
                program.check(*index).is_some_and(|check| check.holds(self.subject)) == wanted
            }
            Node::Not(child) => self.can_be(memo, *child, !wanted),
            Node::And(children) if wanted => children.iter().all(|child| self.can_be(memo, *child, true)),
            Node::And(children) => children.iter().any(|child| self.can_be(memo, *child, false)),
            Node::Or(children) if wanted => children.iter().any(|child| self.can_be(memo, *child, true)),
            Node::Or(children) => children.iter().all(|child| self.can_be(memo, *child, false)),
        };
        memo.note(cell, possible);
        possible
    }

    fn is_known(&self, origin: Origin) -> bool {
        !(self.is_open)(origin)
    }
}

#[cfg(test)]
mod tests {
    use fargard_model::{EventType, Outcome};
    use proptest::prelude::*;

    use super::Unknown;
    use crate::{
        SourceFile, load,
        ruleset::Ruleset,
        testing::{Made, made, write},
    };

    fn rules(condition: &str) -> Ruleset {
        let text =
            format!("- rule: r\n  desc: d\n  condition: |\n    {condition}\n  output: o\n  priority: INFO\n");
        load(&[SourceFile { name: "t.yaml".into(), text }]).ruleset.unwrap()
    }

    #[test]
    fn only_what_is_not_known_is_left_open() {
        for (condition, event, unknown, possible) in [
            ("fd.name=/etc/x and evt.res=EACCES", write("/etc/x"), Unknown::Result, true),
            ("fd.name=/etc/y and evt.res=EACCES", write("/etc/x"), Unknown::Result, false),
            ("fd.name=/etc/y or evt.rawres<0", write("/etc/x"), Unknown::Result, true),
            ("not evt.failed=true and fd.num>=0", write("/etc/x"), Unknown::Result, true),
            ("not (fd.name=/etc/x or evt.rawres<0)", write("/etc/x"), Unknown::Result, false),
            ("evt.type=connect and fd.sip=10.0.0.1", made(EventType::Connect), Unknown::Descriptor, true),
            ("evt.type=connect and fd.sip=10.0.0.1", made(EventType::Connect), Unknown::Result, false),
            ("evt.type=bind and fd.sip=10.0.0.1", made(EventType::Connect), Unknown::Descriptor, false),
        ] {
            let Made(event) = event;
            assert_eq!(rules(condition).could_match(&event, unknown), possible, "{condition}");
        }
    }

    fn condition() -> impl Strategy<Value = String> {
        let check = prop::sample::select(vec![
            "fd.name=/etc/x",
            "fd.name=/etc/y",
            "evt.rawres<0",
            "evt.res=SUCCESS",
            "evt.failed=true",
            "fd.num>=0",
            "evt.arg.res exists",
            "proc.name=app",
        ]);
        check.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
                inner.prop_map(|a| format!("(not {a})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_matches_with_some_result_could_match(condition in condition(), code in -20_i64..5) {
            let rules = rules(&format!("evt.type in (open, openat) and {condition}"));
            let Made(mut event) = write("/etc/x");
            let possible = rules.could_match(&event, Unknown::Result);
            let mut found = Vec::new();
            for outcome in [Outcome::Attempt, Outcome::Confirmed(code)] {
                event.outcome = outcome;
                rules.evaluate(&event, &mut found);
                prop_assert!(found.is_empty() || possible);
            }
        }
    }
}
