//! Which task definitions a file holds.

use std::collections::BTreeMap;

use super::{
    dialect::Dialect,
    opaque,
    resolve::Resolver,
    tree::{self, Node, Places, Value},
    yaml,
};
use crate::json::{self, MAX_BYTES, Position};

/// Why a file cannot be worked on; nothing of it was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct EmbedError {
    /// Where.
    pub at: Position,
    /// What is wrong, and what to do.
    pub message: String,
}

impl EmbedError {
    pub(crate) fn new(at: Position, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// A file's text and tree.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    /// Without byte order mark.
    pub(crate) text: &'a str,
    pub(crate) root: Node,
    places: Places<'a>,
}

/// A task definition in a document.
pub(crate) struct Task<'d> {
    /// Family, or the logical name in a template.
    pub(crate) name: String,
    /// The object that holds `containerDefinitions`.
    pub(crate) node: &'d Node,
    /// The object that holds `tags`.
    pub(crate) tags: &'d Node,
    /// The list of containers, if there is one.
    pub(crate) list: Option<&'d Node>,
}

impl<'a> Document<'a> {
    /// Reads JSON, or YAML if the text does not begin as JSON does.
    pub(crate) fn open(text: &'a str) -> Result<Self, EmbedError> {
        if text.len() > MAX_BYTES {
            let message =
                format!("{} bytes; a task definition or template has at most {MAX_BYTES}", text.len());
            return Err(EmbedError::new(Position { line: 1, column: 1 }, message));
        }
        let root = if text.trim_start().starts_with(['{', '[']) {
            let node = json::parse(text)
                .map_err(|error| EmbedError::new(error.at, format!("not JSON: {}", error.reason)))?;
            tree::from_json(&node)
        } else {
            yaml::parse(text).map_err(|error| {
                let message = format!("neither JSON nor YAML: {}", error.message);
                EmbedError::new(Places::of(text).position(error.at), message)
            })?
        };
        Ok(Self { text, root, places: Places::of(text) })
    }

    pub(crate) fn position(&self, node: &Node) -> Position {
        self.position_at(node.span.start)
    }

    /// Line and column of a byte.
    pub(crate) fn position_at(&self, offset: usize) -> Position {
        self.places.position(offset)
    }

    fn is_template(&self) -> bool {
        self.root.get("Resources").is_some()
    }

    pub(crate) fn dialect<'d>(&'d self, parameters: &'d BTreeMap<String, String>) -> Dialect<'d> {
        if self.is_template() {
            Dialect::template(Resolver::new(&self.root, parameters))
        } else {
            Dialect::ecs()
        }
    }

    /// The task definitions.
    pub(crate) fn tasks(&self) -> Result<Vec<Task<'_>>, EmbedError> {
        let root = &self.root;
        if let Some(resources) = root.get("Resources") {
            let mut tasks = Vec::new();
            definitions(resources, "", &mut tasks);
            return Ok(tasks);
        }
        if is_container_list(root) {
            return Ok(vec![Task { name: String::new(), node: root, tags: root, list: Some(root) }]);
        }
        let (node, tags) = match root.get("taskDefinition") {
            Some(inner) if root.get("containerDefinitions").is_none() => (inner, root),
            _ => (root, root),
        };
        if !matches!(node.value, Value::Map(_)) || node.get("containerDefinitions").is_none() {
            let message = "this is no task definition (it has no \"containerDefinitions\") and no CloudFormation \
                           template (it has no \"Resources\")";
            return Err(EmbedError::new(self.position(node), message));
        }
        // Registered definitions may have them inside, described ones have them beside.
        let tags = if node.get("tags").is_some() { node } else { tags };
        let name = node.get("family").and_then(Node::text).unwrap_or_default().to_owned();
        Ok(vec![Task { name, node, tags, list: node.get("containerDefinitions") }])
    }
}

/// The task definitions among resources, those that loops make too.
fn definitions<'d>(resources: &'d Node, prefix: &str, tasks: &mut Vec<Task<'d>>) {
    for member in resources.members() {
        let name = format!("{prefix}{}", member.name);
        if member.name.starts_with(opaque::LOOP) {
            if let Some(body) = opaque::body(&member.node) {
                definitions(body, &format!("{name}/"), tasks);
            }
        } else if member.node.get("Type").and_then(Node::text) == Some("AWS::ECS::TaskDefinition")
            && let Some(node) = member.node.get("Properties")
        {
            tasks.push(Task { name, node, tags: node, list: node.get("ContainerDefinitions") });
        }
    }
}

/// What Terraform calls `container_definitions`: the list alone.
fn is_container_list(root: &Node) -> bool {
    let is_container = |node: &Node| node.get("name").is_some() && node.get("image").is_some();
    !root.elements().is_empty() && root.elements().iter().all(is_container)
}
