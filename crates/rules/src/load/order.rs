//! The order in which macros can be compiled. A macro may be redefined or appended to after others that name it, so
//! this is not always the order of definition.

use super::{Definitions, Lists, Parsed};
use crate::syntax::ast::Expr;

impl Definitions {
    /// The macros such that each stands behind those it names, unless they name each other in a circle.
    pub(crate) fn macro_order(&self, lists: &Lists) -> Vec<usize> {
        let all = 0..self.macros.len();
        if self.macros.iter().all(|found| found.first == found.visibility) {
            return all.collect();
        }
        let mut search = Search { named: Vec::new(), met: vec![false; self.macros.len()], order: Vec::new() };
        for found in &self.macros {
            let mut named = Vec::new();
            if let Some(parsed) = Parsed::new(&found.condition, lists) {
                self.named(&parsed.tree, &mut named);
            }
            search.named.push(named);
        }
        all.for_each(|index| search.visit(index));
        search.order
    }

    fn named(&self, tree: &Expr, found: &mut Vec<usize>) {
        match tree {
            Expr::And(children) | Expr::Or(children) => {
                children.iter().for_each(|child| self.named(child, found));
            }
            Expr::Not(child) => self.named(child, found),
            Expr::Macro(name, _) => found.extend(self.macro_index(name)),
            Expr::Check(_) => {}
        }
    }
}

struct Search {
    /// By macro, those it names.
    named: Vec<Vec<usize>>,
    /// Macros that were met.
    met: Vec<bool>,
    order: Vec<usize>,
}

impl Search {
    /// Puts a macro behind those it names; walks with a stack of its own, a chain may be long.
    fn visit(&mut self, index: usize) {
        match self.met.get_mut(index) {
            Some(met) if !*met => *met = true,
            _ => return,
        }
        let mut open = vec![(index, 0)];
        while let Some((index, next)) = open.pop() {
            match self.named.get(index).and_then(|named| named.get(next)).copied() {
                Some(inner) => {
                    open.push((index, next + 1));
                    if let Some(met) = self.met.get_mut(inner)
                        && !std::mem::replace(met, true)
                    {
                        open.push((inner, 0));
                    }
                }
                None => self.order.push(index),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{SourceFile, load};

    /// Falco's rule: a macro sees those that were first defined before its own last change.
    #[test]
    fn visibility_goes_by_the_first_definition() {
        let rule =
            "- rule: r\n  desc: d\n  condition: evt.type = open and a\n  output: o\n  priority: INFO\n";
        let define = |name: &str, condition: &str| format!("- macro: {name}\n  condition: {condition}\n");
        let append = |name: &str, condition: &str| {
            format!("- macro: {name}\n  condition: {condition}\n  override:\n    condition: append\n")
        };
        for (macros, wrong) in [
            ([define("b", "proc.pid=1"), define("a", "b"), define("b", "proc.pid=2")].concat(), None),
            ([define("b", "proc.pid=1"), define("a", "b"), append("b", "or proc.pid=2")].concat(), None),
            ([define("a", "proc.pid=1"), define("b", "proc.pid=3"), append("a", "or b")].concat(), None),
            ([define("a", "b"), define("b", "proc.pid=1")].concat(), Some("used before it is defined")),
            ([define("a", "proc.pid=1 and a")].concat(), Some("used before it is defined")),
            ([define("a", "proc.pid=1"), define("b", "a"), append("a", "or b")].concat(), Some("circle")),
            ([define("a", "proc.pid=1"), define("a", "a or proc.pid=2")].concat(), Some("circle")),
        ] {
            let report = load(&[SourceFile { name: "t.yaml".into(), text: format!("{macros}{rule}") }]);
            match wrong {
                None => assert!(report.diagnostics.is_empty(), "{macros}: {:?}", report.diagnostics),
                Some(part) => {
                    let said =
                        report.diagnostics.iter().any(|one| one.is_error() && one.message.contains(part));
                    assert!(said, "{macros}: {:?}", report.diagnostics);
                }
            }
        }
    }
}
