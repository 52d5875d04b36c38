//! Reading a task definition in either form: ECS's own (`containerDefinitions`) or CloudFormation's
//! (`ContainerDefinitions`, functions in place of values).

use super::{
    resolve::{Known, Resolver},
    tree::{Node, Value},
};

/// How members are called and values are found.
pub(crate) struct Dialect<'a> {
    /// `None` in ECS's own form.
    resolver: Option<Resolver<'a>>,
}

/// A list of strings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Texts {
    /// Written as a list in the document, every element known.
    Written(Vec<String>),
    /// Absent, null, empty: ECS treats them alike.
    Nothing,
    /// A function, or a list with elements that are not known.
    Unknown,
}

impl<'a> Dialect<'a> {
    pub(crate) fn ecs() -> Self {
        Self { resolver: None }
    }

    pub(crate) fn template(resolver: Resolver<'a>) -> Self {
        Self { resolver: Some(resolver) }
    }

    pub(crate) fn is_template(&self) -> bool {
        self.resolver.is_some()
    }

    /// A member's name (as ECS writes it) in this form.
    pub(crate) fn name(&self, name: &str) -> String {
        let mut chars = name.chars();
        match (&self.resolver, chars.next()) {
            (Some(_), Some(first)) => first.to_ascii_uppercase().to_string() + chars.as_str(),
            _ => name.to_owned(),
        }
    }

    /// A member that says something: neither null nor `AWS::NoValue`.
    pub(crate) fn get<'n>(&self, node: &'n Node, name: &str) -> Option<&'n Node> {
        node.get(&self.name(name)).filter(|found| !is_no_value(found))
    }

    pub(crate) fn text(&self, node: &Node, name: &str) -> Option<String> {
        self.text_of(self.get(node, name)?)
    }

    /// The text of a scalar, as far as it is known.
    pub(crate) fn text_of(&self, node: &Node) -> Option<String> {
        match (&self.resolver, &node.value) {
            (Some(resolver), _) => match resolver.value(node)? {
                Known::Text(text) => Some(text),
                Known::List(_) | Known::Nothing => None,
            },
            (None, Value::Text(text) | Value::Number(text)) => Some(text.clone()),
            (None, Value::Bool(value)) => Some(value.to_string()),
            (None, _) => None,
        }
    }

    /// Whether a condition of the template holds; `None` where that is not known, or there is no such condition.
    pub(crate) fn condition(&self, name: &str) -> Option<bool> {
        self.resolver.as_ref()?.holds(name)
    }

    /// Whether a parameter of the template is a list.
    pub(crate) fn is_list_parameter(&self, name: &str) -> bool {
        self.resolver.as_ref().is_some_and(|resolver| resolver.is_list(name))
    }

    pub(crate) fn texts(&self, node: &Node, name: &str) -> Texts {
        let Some(found) = self.get(node, name) else { return Texts::Nothing };
        if found.intrinsic().is_some() {
            return Texts::Unknown;
        }
        let all: Option<Vec<String>> = found.elements().iter().map(|element| self.text_of(element)).collect();
        match (&found.value, all) {
            (Value::List(elements), _) if elements.is_empty() => Texts::Nothing,
            (Value::List(_), Some(texts)) => Texts::Written(texts),
            _ => Texts::Unknown,
        }
    }

    /// The objects of a list, those in the branches of `Fn::If` too; `None` for what is no list or holds others.
    pub(crate) fn objects<'n>(&self, list: &'n Node) -> Option<Vec<&'n Node>> {
        let Value::List(elements) = &list.value else { return None };
        let mut found = Vec::new();
        elements.iter().all(|element| self.branches(element, &mut found)).then_some(found)
    }

    pub(crate) fn branches<'n>(&self, node: &'n Node, found: &mut Vec<&'n Node>) -> bool {
        if self.resolver.is_some() && is_no_value(node) {
            return true;
        }
        match node.intrinsic() {
            None => {
                found.push(node);
                matches!(node.value, Value::Map(_))
            }
            Some(("Fn::If", argument)) if self.resolver.is_some() => {
                let [_, yes, no] = argument.elements() else { return false };
                self.branches(yes, found) && self.branches(no, found)
            }
            Some(_) => false,
        }
    }
}

fn is_no_value(node: &Node) -> bool {
    matches!(node.intrinsic(), Some(("Ref", argument)) if argument.text() == Some("AWS::NoValue"))
}
