//! `pmatch`: a tree of directories by component, walked along a path.

use super::postings::{List, Postings};
use crate::hash::FastMap;

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Paths {
    nodes: Vec<Directory>,
}

#[derive(Debug, Default)]
struct Directory {
    below: FastMap<Box<[u8]>, u32>,
    list: List,
}

impl Paths {
    /// A tree of directories with the rules behind them.
    pub(super) fn new(paths: Vec<(Vec<Box<str>>, u32)>, postings: &mut Postings) -> Self {
        let mut tree = Self::default();
        if paths.is_empty() {
            return tree;
        }
        tree.nodes.push(Directory::default());
        let mut rules: Vec<Vec<u32>> = vec![Vec::new()];
        for (path, rule) in paths {
            let mut at = 0;
            for component in path {
                let next = u32::try_from(tree.nodes.len()).unwrap_or(u32::MAX);
                let Some(node) = tree.nodes.get_mut(at as usize) else { break };
                at = *node.below.entry(component.into_boxed_bytes()).or_insert(next);
                if at == next {
                    tree.nodes.push(Directory::default());
                    rules.push(Vec::new());
                }
            }
            if let Some(rules) = rules.get_mut(at as usize) {
                rules.push(rule);
            }
        }
        for (node, rules) in tree.nodes.iter_mut().zip(rules) {
            node.list = postings.add(rules);
        }
        tree
    }

    /// Marks the rules behind the path itself and every directory above it.
    pub(super) fn mark(&self, path: &[u8], postings: &Postings, hits: &mut [u64]) {
        let Some(mut node) = self.nodes.first() else { return };
        postings.mark(node.list, hits);
        for component in path.split(|byte| *byte == b'/').filter(|component| !component.is_empty()) {
            let next = node.below.get(component).and_then(|next| self.nodes.get(*next as usize));
            let Some(next) = next else { return };
            node = next;
            postings.mark(node.list, hits);
        }
    }
}
