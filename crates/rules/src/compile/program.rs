//! Conditions as one graph in which equal parts stand once, shared by all rules.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
};

use super::check::Check;
use crate::hash::FastSet;

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Const(bool),
    Check(u32),
    Not(NodeId),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
}

/// Index of a node.
pub(crate) type NodeId = u32;

/// Deepest condition with all its macros.
pub(crate) const MAX_DEPTH: u16 = 1_000;
/// Most bytes an expanded condition is printed to.
const MAX_PRINTED: usize = 256 << 10;

/// The graph.
#[derive(Debug, Default)]
pub(crate) struct Program {
    nodes: Vec<Node>,
    depths: Vec<u16>,
    costs: Vec<u32>,
    /// How often, of 1, each node may be expected to hold.
    odds: Vec<f32>,
    checks: Vec<Check>,
    node_at: HashMap<Node, NodeId>,
    check_at: HashMap<String, u32>,
}

impl Program {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id as usize).unwrap_or(&Node::Const(false))
    }

    pub(crate) fn check(&self, index: u32) -> Option<&Check> {
        self.checks.get(index as usize)
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn depth(&self, id: NodeId) -> u16 {
        self.depths.get(id as usize).copied().unwrap_or_default()
    }

    /// The comparisons that conditions are made of, each once, with their indexes, in the order of the conditions.
    pub(crate) fn checks_of(
        &self,
        conditions: impl IntoIterator<Item = NodeId, IntoIter: DoubleEndedIterator>,
    ) -> impl Iterator<Item = (u32, &Check)> {
        let mut open: Vec<NodeId> = conditions.into_iter().rev().collect();
        let mut seen = FastSet::default();
        std::iter::from_fn(move || {
            while let Some(id) = open.pop() {
                if !seen.insert(id) {
                    continue;
                }
                match self.node(id) {
                    Node::Const(_) => {}
                    Node::Check(index) => return self.check(*index).map(|check| (*index, check)),
                    Node::Not(child) => open.push(*child),
                    Node::And(children) | Node::Or(children) => open.extend(children.iter().rev()),
                }
            }
            None
        })
    }

    /// The node of a check that was made before.
    pub(crate) fn known_check(&self, text: &str) -> Option<NodeId> {
        let index = self.check_at.get(text)?;
        self.node_at.get(&Node::Check(*index)).copied()
    }

    pub(crate) fn add_check(&mut self, check: Check) -> NodeId {
        let index = u32::try_from(self.checks.len()).unwrap_or(u32::MAX);
        self.check_at.insert(check.text.clone(), index);
        self.checks.push(check);
        self.add(Node::Check(index))
    }

    pub(crate) fn constant(&mut self, truth: bool) -> NodeId {
        self.add(Node::Const(truth))
    }

    pub(crate) fn not(&mut self, child: NodeId) -> NodeId {
        match self.node(child) {
            Node::Const(truth) => {
                let truth = !*truth;
                self.constant(truth)
            }
            Node::Not(inner) => *inner,
            _ => self.add(Node::Not(child)),
        }
    }

    pub(crate) fn and(&mut self, children: Vec<NodeId>) -> NodeId {
        self.join(children, false, Node::And)
    }

    pub(crate) fn or(&mut self, children: Vec<NodeId>) -> NodeId {
        self.join(children, true, Node::Or)
    }

    /// Joins children of which one `deciding` constant decides. First is asked what decides soonest for its cost.
    fn join(&mut self, mut children: Vec<NodeId>, deciding: bool, node: fn(Box<[NodeId]>) -> Node) -> NodeId {
        if children.iter().any(|child| *self.node(*child) == Node::Const(deciding)) {
            return self.constant(deciding);
        }
        children.retain(|child| !matches!(self.node(*child), Node::Const(_)));
        let mut seen = HashSet::new();
        children.retain(|child| seen.insert(*child));
        match children.as_slice() {
            [] => self.constant(!deciding),
            [only] => *only,
            _ => {
                let price = |child: &NodeId| {
                    let holds = self.odds_of(*child);
                    let decides = if deciding { holds } else { 1.0 - holds };
                    (self.cost(*child) as f32 + 1.0) / decides.max(0.01)
                };
                children.sort_by(|a, b| price(a).total_cmp(&price(b)));
                self.add(node(children.into_boxed_slice()))
            }
        }
    }

    fn cost(&self, id: NodeId) -> u32 {
        self.costs.get(id as usize).copied().unwrap_or(u32::MAX)
    }

    fn odds_of(&self, id: NodeId) -> f32 {
        self.odds.get(id as usize).copied().unwrap_or(0.5)
    }

    fn guess_odds(&self, node: &Node) -> f32 {
        match node {
            Node::Const(truth) => f32::from(u8::from(*truth)),
            Node::Check(index) => self.check(*index).map_or(0.5, Check::odds),
            Node::Not(child) => 1.0 - self.odds_of(*child),
            Node::And(children) => children.iter().map(|child| self.odds_of(*child)).product(),
            Node::Or(children) => {
                1.0 - children.iter().map(|child| 1.0 - self.odds_of(*child)).product::<f32>()
            }
        }
    }

    fn add(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.node_at.get(&node) {
            return *id;
        }
        let (depth, cost) = match &node {
            Node::Const(_) => (0, 0),
            Node::Check(index) => (0, self.check(*index).map_or(1, Check::cost)),
            Node::Not(child) => (self.depth(*child), self.cost(*child)),
            Node::And(children) | Node::Or(children) => {
                children.iter().fold((0, 0), |(depth, cost): (u16, u32), child| {
                    (depth.max(self.depth(*child)), cost.saturating_add(self.cost(*child)))
                })
            }
        };
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        self.odds.push(self.guess_odds(&node));
        self.nodes.push(node.clone());
        self.depths.push(depth.saturating_add(1));
        self.costs.push(cost);
        self.node_at.insert(node, id);
        id
    }

    /// The condition with every macro and list put in, cut at [`MAX_PRINTED`] bytes.
    pub(crate) fn print(&self, id: NodeId) -> String {
        let mut text = String::new();
        self.print_into(id, &mut text, false);
        text
    }

    fn print_into(&self, id: NodeId, text: &mut String, wrap: bool) {
        if text.len() > MAX_PRINTED {
            if !text.ends_with("...") {
                text.push_str("...");
            }
            return;
        }
        match self.node(id) {
            Node::Const(truth) => {
                // What can never be true is printed as Falco's rules write it.
                text.push_str(if *truth { "evt.num exists" } else { "evt.num = 0" });
            }
            Node::Check(index) => {
                let _ = write!(text, "{}", self.check(*index).map_or("", |check| check.text.as_str()));
            }
            Node::Not(child) => {
                text.push_str("not ");
                self.print_into(*child, text, true);
            }
            Node::And(children) => self.print_joined(children, " and ", text, wrap),
            Node::Or(children) => self.print_joined(children, " or ", text, wrap),
        }
    }

    fn print_joined(&self, children: &[NodeId], separator: &str, text: &mut String, wrap: bool) {
        if wrap {
            text.push('(');
        }
        for (index, child) in children.iter().enumerate() {
            if index > 0 {
                text.push_str(separator);
            }
            self.print_into(*child, text, true);
        }
        if wrap {
            text.push(')');
        }
    }
}
