//! Conditions as trees, for those who look at rules without evaluating them.

use super::{Condition, Lists, Place, RuleDef, Substituted, exception_condition};
use crate::{
    source::SourceFile,
    syntax::{
        self,
        ast::{Expr, Span},
    },
};

/// A condition with its lists put in, as a tree that knows its way back to the files.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    /// Macros stand in it by name.
    pub(crate) tree: Expr,
    pub(crate) condition: &'a Condition,
    /// The text that was parsed.
    pub(crate) text: Substituted,
}

impl<'a> Parsed<'a> {
    /// `None` for what is no condition.
    pub(crate) fn new(condition: &'a Condition, lists: &Lists) -> Option<Self> {
        let text = lists.substitute(&condition.text(), &mut std::collections::HashSet::new());
        let tree = syntax::parse(&text.text).ok()?;
        Some(Self { tree, condition, text })
    }

    /// Where a part of the tree stands in the files.
    pub(crate) fn place(&self, files: &[SourceFile], span: Span) -> Place {
        let start = self.text.original(span.start);
        let end = self.text.original(span.end.max(span.start + 1) - 1) + 1;
        self.condition.locate(files, start..end.max(start))
    }
}

/// The exceptions of a rule as trees, each true for what it excepts; those without values are left out.
pub(crate) fn exceptions(rule: &RuleDef, lists: &Lists) -> Vec<Expr> {
    let texts = rule.exceptions.iter().filter_map(|exception| exception_condition(exception).ok().flatten());
    texts
        .filter_map(|text| {
            let text = lists.substitute(&text, &mut std::collections::HashSet::new());
            syntax::parse(&text.text).ok()
        })
        .collect()
}
