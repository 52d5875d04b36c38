//! What is already known of the event at hand: each node is asked once, whatever number of rules share it.

use std::cell::RefCell;

use crate::{
    Subject,
    compile::program::{Node, NodeId, Program},
};

thread_local! {
    /// One for each thread, kept so that an evaluation allocates nothing.
    pub(super) static MEMO: RefCell<Memo> = const { RefCell::new(Memo::new()) };
}

/// Answers of one evaluation, and the room it works in.
pub(super) struct Memo {
    /// Number of the evaluation; a cell of another stamp is empty.
    stamp: u32,
    /// By node: stamp and truth.
    cells: Vec<u32>,
    /// Rules of the plan that may still match.
    pub(super) alive: Vec<u64>,
    /// Rules that a probe found.
    pub(super) hits: Vec<u64>,
}

impl Memo {
    pub(super) const fn new() -> Self {
        Self { stamp: 0, cells: Vec::new(), alive: Vec::new(), hits: Vec::new() }
    }

    /// Forgets everything; room for that many answers.
    pub(super) fn begin(&mut self, cells: usize) {
        self.stamp = (self.stamp + 1) & (u32::MAX >> 1);
        if self.stamp == 0 {
            self.cells.clear();
            self.stamp = 1;
        }
        if self.cells.len() < cells {
            self.cells.resize(cells, 0);
        }
    }

    /// The truth of a node.
    #[inline]
    pub(super) fn holds(&mut self, program: &Program, id: NodeId, subject: Subject<'_>) -> bool {
        if let Some(known) = self.known(id as usize) {
            return known;
        }
        let truth = match program.node(id) {
            Node::Check(index) => compare(program, *index, subject),
            node => self.truth(program, node, subject),
        };
        self.note(id as usize, truth);
        truth
    }

    /// The same, made out. Apart, so that comparisons, most of what is asked, are made without a call of it.
    fn truth(&mut self, program: &Program, node: &Node, subject: Subject<'_>) -> bool {
        match node {
            Node::Const(truth) => *truth,
            Node::Check(index) => compare(program, *index, subject),
            Node::Not(child) => !self.holds(program, *child, subject),
            Node::And(children) => children.iter().all(|child| self.holds(program, *child, subject)),
            Node::Or(children) => children.iter().any(|child| self.holds(program, *child, subject)),
        }
    }

    pub(super) fn known(&self, cell: usize) -> Option<bool> {
        let cell = self.cells.get(cell)?;
        (cell >> 1 == self.stamp).then_some(cell & 1 == 1)
    }

    pub(super) fn note(&mut self, cell: usize, truth: bool) {
        if let Some(cell) = self.cells.get_mut(cell) {
            *cell = self.stamp << 1 | u32::from(truth);
        }
    }
}

fn compare(program: &Program, index: u32, subject: Subject<'_>) -> bool {
    program.check(index).is_some_and(|check| check.holds(subject))
}
