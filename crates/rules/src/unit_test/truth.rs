//! The truth of each part of a condition for one event: to explain it, and to see what decided it.

use std::{collections::HashMap, fmt::Write};

use crate::{
    Subject,
    compile::program::{Node, NodeId, Program},
};

/// Longest text of a clause that is shown.
const MAX_CLAUSE: usize = 110;
/// Most bytes of an explanation.
const MAX_EXPLANATION: usize = 64 << 10;

/// Truths of nodes for an event, each found once.
pub(super) struct Truths<'a> {
    program: &'a Program,
    subject: Subject<'a>,
    known: HashMap<NodeId, bool>,
}

impl<'a> Truths<'a> {
    pub(super) fn new(program: &'a Program, subject: Subject<'a>) -> Self {
        Self { program, subject, known: HashMap::new() }
    }

    pub(super) fn of(&mut self, id: NodeId) -> bool {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let program = self.program;
        let truth = match program.node(id) {
            Node::Const(truth) => *truth,
            Node::Check(index) => program.check(*index).is_some_and(|check| check.holds(self.subject)),
            Node::Not(child) => !self.of(*child),
            Node::And(children) => children.iter().all(|child| self.of(*child)),
            Node::Or(children) => children.iter().any(|child| self.of(*child)),
        };
        self.known.insert(id, truth);
        truth
    }

    /// Calls `seen` with each check that decided the node's truth: with the other truth of that check alone, the node
    /// would have the other truth as well.
    pub(super) fn decisive(&mut self, id: NodeId, seen: &mut impl FnMut(u32, bool)) {
        let program = self.program;
        match program.node(id) {
            Node::Const(_) => {}
            Node::Check(index) => {
                let truth = self.of(id);
                seen(*index, truth);
            }
            Node::Not(child) => self.decisive(*child, seen),
            node @ (Node::And(children) | Node::Or(children)) => {
                let deciding = matches!(node, Node::Or(_));
                let mut deciders = children.iter().copied().filter(|child| self.of(*child) == deciding);
                match (deciders.next(), deciders.next()) {
                    (None, _) => children.iter().for_each(|child| self.decisive(*child, seen)),
                    (Some(only), None) => self.decisive(only, seen),
                    (Some(_), Some(_)) => {}
                }
            }
        }
    }

    /// The condition as an indented tree; what does not bear on the truth of the whole is kept short.
    pub(super) fn explain(&mut self, id: NodeId, depth: usize, text: &mut String) {
        if text.len() > MAX_EXPLANATION {
            return;
        }
        let truth = self.of(id);
        let indent = depth * 2;
        let program = self.program;
        match program.node(id) {
            Node::Const(_) => {
                let _ = writeln!(text, "{:indent$}{truth:<5} (constant)", "");
            }
            Node::Check(index) => {
                let Some(check) = program.check(*index) else { return };
                let values: Vec<String> =
                    check.left.values(self.subject).into_vec().iter().map(ToString::to_string).collect();
                let found = if values.is_empty() { "no value".to_owned() } else { values.join(", ") };
                let _ = writeln!(text, "{:indent$}{truth:<5} {}   <- {}", "", cut(&check.text), cut(&found));
            }
            Node::Not(child) => {
                let _ = writeln!(text, "{:indent$}{truth:<5} not", "");
                self.explain(*child, depth + 1, text);
            }
            node @ (Node::And(children) | Node::Or(children)) => {
                let is_or = matches!(node, Node::Or(_));
                let _ = writeln!(text, "{:indent$}{truth:<5} {}", "", if is_or { "or" } else { "and" });
                for child in children {
                    // All children of a true `and` or a false `or` bear on it, of the others those that decide.
                    if self.of(*child) == truth {
                        self.explain(*child, depth + 1, text);
                    } else {
                        let indent = indent + 2;
                        let clause = cut(&program.print(*child));
                        let _ = writeln!(text, "{:indent$}{:<5} {clause}", "", !truth);
                    }
                }
            }
        }
    }
}

/// The text on one line, cut where it is long.
pub(super) fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.get(..line.floor_char_boundary(MAX_CLAUSE)) {
        Some(short) if short.len() < line.len() => format!("{short}..."),
        _ => line,
    }
}
