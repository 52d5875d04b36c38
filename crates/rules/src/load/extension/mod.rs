//! What Falco's files may hold beside Falco's own items: `sequence`, `threshold` and `test` items, and the keys
//! `dedup`, `limit` and `action` of rules. Falco skips them with a warning.

mod action;
mod correlation;
mod duration;
mod folding;
mod json;
mod test;
#[cfg(test)]
mod tests;

pub(crate) use action::{ActionDef, check};
pub(crate) use correlation::{CorrelationDef, Kind, Part, Wanted};
pub(crate) use folding::FoldingDef;
pub(crate) use test::{Content, EventDef, TestDef};

use std::rc::Rc;

use super::{FileReader, Refused, apply::Definitions, item::Text};
use crate::{
    diagnostic::{Code, Item},
    yaml::Node,
};

/// Names of the items.
const ITEMS: [&str; 3] = ["sequence", "threshold", "test"];

impl FileReader<'_> {
    /// Reads the item if it is one of ours.
    pub(super) fn extension(
        &mut self,
        node: &Rc<Node>,
        definitions: &mut Definitions,
    ) -> Option<Result<(), Refused>> {
        let (kind, name) = ITEMS.into_iter().find_map(|kind| Some((kind, node.get(kind)?)))?;
        let Some(text) = name.text().filter(|text| !text.is_empty()) else {
            let message = format!("the {kind} has no name");
            return Some(Err(self.refuse(Code::ErrYamlValidate, name.span.clone(), message)));
        };
        let name = Text { text: text.to_owned(), place: self.place(&name.span) };
        let item =
            Item { kind, name: name.text.clone(), file: self.file.name.clone(), offset: node.span.start };
        let read = match kind {
            "test" => self.test(node, name, definitions),
            _ => self.correlation(kind, node, name, definitions),
        };
        Some(read.map_err(|refused| Box::new(refused.with_item(item))))
    }

    /// An error in one of our items or keys.
    fn refuse_extension(&self, node: &Node, message: impl Into<String>) -> Refused {
        self.refuse(Code::ErrExtension, node.span.clone(), message)
    }

    /// One text or a list of texts.
    fn texts(&self, node: &Node, message: &str) -> Result<Vec<Text>, Refused> {
        match node.items() {
            Some(items) => items.iter().map(|item| self.scalar(item, message)).collect(),
            None => Ok(vec![self.scalar(node, message)?]),
        }
    }

    /// A whole number of at least `least` and at most `most`.
    fn number(&self, node: &Node, key: &str, least: u32, most: u32) -> Result<u32, Refused> {
        let number = node.text().and_then(|text| text.parse().ok());
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            self.refuse_extension(node, format!("'{key}' must be a whole number from {least} to {most}"))
        })
    }
}
