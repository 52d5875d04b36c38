//! What ECS and Fargate say of a definition before anything is changed.

use super::{
    dialect::Dialect,
    document::{Document, Task},
    reason::{Skip, SkipCode},
    tree::{self, Node, Value},
};
use crate::{
    Issue, IssueCode, Severity, fargate,
    json::{self, Position},
};

/// Most issues told of one definition.
const MAX_ISSUES: usize = 20;

/// What Fargate would refuse or do differently, as far as values are known.
pub(crate) fn judge(document: &Document<'_>, dialect: &Dialect<'_>, task: &Task<'_>) -> Vec<String> {
    if !matches!(task.node.value, Value::Map(_)) {
        return Vec::new();
    }
    let known = known(dialect, task.node, true);
    let issues = fargate::judge(&known).into_iter();
    // Launch type and platform are told as reasons.
    issues
        .filter(|issue| !matches!(issue.code, IssueCode::NotFargate | IssueCode::Platform))
        .filter(|issue| !(dialect.is_template() && issue.path.is_empty()))
        .take(MAX_ISSUES)
        .map(|issue| Issue { at: document.position_at(issue.at.line), ..issue }.to_string())
        .collect()
}

/// Refuses what ECS itself would refuse. Members that are not known here may be newer than this program.
pub(crate) fn check(document: &Document<'_>, dialect: &Dialect<'_>) -> Result<(), Skip> {
    if dialect.is_template() || !document.text.trim_start().starts_with('{') {
        return Ok(());
    }
    let Err(error) = crate::read(document.text.as_bytes()) else { return Ok(()) };
    let serious =
        |issue: &&Issue| issue.severity == Severity::Error && issue.code != IssueCode::UnknownMember;
    let found: Vec<String> = error.issues.iter().filter(serious).take(5).map(Issue::to_string).collect();
    if found.is_empty() { Ok(()) } else { Err(Skip::new(SkipCode::InvalidInput, found.join("; "))) }
}

/// The definition in ECS's own form with what is known of it. In place of a line stands a byte: finding the line takes
/// time, and few are asked for.
fn known(dialect: &Dialect<'_>, node: &Node, renames: bool) -> json::Node {
    let at = Position { line: node.span.start, column: 0 };
    let value = match &node.value {
        _ if node.intrinsic().is_some() && dialect.is_template() => {
            dialect.text_of(node).map_or(json::Value::Null, json::Value::Text)
        }
        Value::Null => json::Value::Null,
        Value::Bool(value) => json::Value::Bool(*value),
        Value::Number(text) => json::Value::Number(text.clone()),
        Value::Text(text) => json::Value::Text(text.clone()),
        Value::List(elements) => json::Value::List(
            elements
                .iter()
                .map(|element| known(dialect, element, renames))
                .filter(|element| element.value != json::Value::Null)
                .collect(),
        ),
        Value::Map(members) => {
            json::Value::Object(members.iter().map(|member| known_member(dialect, member, renames)).collect())
        }
    };
    json::Node { at, span: node.span.clone(), value }
}

fn known_member(dialect: &Dialect<'_>, member: &tree::Member, renames: bool) -> json::Member {
    let mut chars = member.name.chars();
    let name = match chars.next() {
        Some(first) if renames && dialect.is_template() => {
            first.to_ascii_lowercase().to_string() + chars.as_str()
        }
        _ => member.name.clone(),
    };
    // The user's own names stand in these.
    let renames = renames && !["options", "dockerLabels", "driverOpts", "labels"].contains(&&*name);
    let mut node = known(dialect, &member.node, renames);
    // Sizes are strings in ECS's form; templates have numbers too.
    if let (true, json::Value::Number(text)) = (["cpu", "memory"].contains(&&*name), &node.value)
        && dialect.is_template()
    {
        node.value = json::Value::Text(text.clone());
    }
    json::Member { name, at: Position { line: member.start, column: 0 }, start: member.start, node }
}
