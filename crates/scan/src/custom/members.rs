//! The members of a mapping, each taken once; what is left over nobody knows.

use super::yaml::{CustomError, Node, Place, Value, error};

/// A mapping being read.
pub(super) struct Members<'n> {
    at: Place,
    rest: Vec<(&'n str, Place, &'n Node)>,
}

impl<'n> Members<'n> {
    pub(super) fn of(node: &'n Node, what: &str) -> Result<Self, CustomError> {
        let Value::Map(members) = &node.value else {
            return Err(error(node.at, format!("{what} must be a mapping (name: value)")));
        };
        Ok(Self { at: node.at, rest: members.iter().map(|(name, at, node)| (&**name, *at, node)).collect() })
    }

    pub(super) fn at(&self) -> Place {
        self.at
    }

    pub(super) fn take(&mut self, name: &str) -> Option<&'n Node> {
        let at = self.rest.iter().position(|(known, _, _)| *known == name)?;
        Some(self.rest.remove(at).2)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<&'n str>, CustomError> {
        self.take(name).map(|node| text(node, name)).transpose()
    }

    pub(super) fn required(&mut self, name: &str) -> Result<(&'n str, Place), CustomError> {
        let node = self.take(name).ok_or_else(|| error(self.at, format!("{name:?} is missing")))?;
        let text = text(node, name)?;
        if text.trim().is_empty() {
            return Err(error(node.at, format!("{name} is empty")));
        }
        Ok((text, node.at))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, CustomError> {
        let Some(node) = self.take(name) else { return Ok(None) };
        match text(node, name)? {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            other => Err(error(node.at, format!("{name} must be true or false, not {other:?}"))),
        }
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, CustomError> {
        let Some(node) = self.take(name) else { return Ok(Vec::new()) };
        let nodes = match &node.value {
            Value::List(elements) => elements.iter().collect(),
            _ => vec![node],
        };
        nodes.into_iter().map(|node| non_empty(node, name)).collect()
    }

    /// Nothing may be left.
    pub(super) fn finish(self, known: &[&str]) -> Result<(), CustomError> {
        match self.rest.first() {
            None => Ok(()),
            Some((name, at, _)) => {
                Err(error(*at, format!("there is no member {name:?} here; use {}", known.join(", "))))
            }
        }
    }
}

pub(super) fn text<'n>(node: &'n Node, name: &str) -> Result<&'n str, CustomError> {
    match &node.value {
        Value::Text(text, _) => Ok(text),
        _ => Err(error(node.at, format!("{name} must be a text"))),
    }
}

fn non_empty(node: &Node, name: &str) -> Result<String, CustomError> {
    match text(node, name)? {
        "" => Err(error(node.at, format!("a text of {name} is empty: every file has it"))),
        text => Ok(text.to_owned()),
    }
}
