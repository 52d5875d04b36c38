//! Compares a document with the schema: unknown members, wrong types, missing members.

use crate::{
    issue::{Issue, IssueCode},
    json::{Node, Value},
    schema::{Kind, Known, READ_ONLY, TASK_DEFINITION},
};

/// Most issues reported of one document.
const MAX_ISSUES: usize = 100;

/// Every deviation of a task definition from the schema.
pub(crate) fn check(definition: &Node) -> Vec<Issue> {
    let mut issues = Vec::new();
    object(definition, "", TASK_DEFINITION, &mut issues);
    issues.truncate(MAX_ISSUES);
    issues
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn value(node: &Node, path: &str, kind: Kind, issues: &mut Vec<Issue>) {
    let wanted = match (kind, &node.value) {
        // Consoles export absent members as null.
        (_, Value::Null)
        | (Kind::Any, _)
        | (Kind::Text, Value::Text(_))
        | (Kind::Boolean, Value::Bool(_)) => {
            return;
        }
        (Kind::Integer, Value::Number(text)) if text.parse::<i64>().is_ok() => return,
        (Kind::List(inner), Value::List(elements)) => {
            return elements.iter().enumerate().for_each(|(index, element)| {
                let path = format!("{path}[{index}]");
                if element.value == Value::Null {
                    issues.push(wrong_type(element, &path, name_of(*inner)));
                } else {
                    value(element, &path, *inner, issues);
                }
            });
        }
        (Kind::Map, Value::Object(members)) => {
            return members.iter().for_each(|member| {
                value(&member.node, &join(path, &member.name), Kind::Text, issues);
            });
        }
        (Kind::Object(known), Value::Object(_)) => return object(node, path, known, issues),
        (kind, _) => name_of(kind),
    };
    issues.push(wrong_type(node, path, wanted));
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a string",
        Kind::Integer => "a whole number",
        Kind::Boolean => "a boolean",
        Kind::List(_) => "a list",
        Kind::Map | Kind::Object(_) => "an object",
        Kind::Any => "any value",
    }
}

fn wrong_type(node: &Node, path: &str, wanted: &str) -> Issue {
    let hint = match (&node.value, wanted) {
        (Value::Number(text), "a string") => format!("; write \"{text}\""),
        (Value::Text(text), "a list") if text.len() <= 40 => format!("; write [{text:?}]"),
        (Value::Text(text), "a whole number" | "a boolean") if text.len() <= 20 => {
            format!("; write {text} without quotes")
        }
        _ => String::new(),
    };
    let message = format!("must be {wanted}, found {}{hint}", node.value.kind());
    Issue::error(IssueCode::WrongType, node.at, path, message)
}

fn object(node: &Node, path: &str, known: &'static [Known], issues: &mut Vec<Issue>) {
    let Value::Object(members) = &node.value else {
        return issues.push(wrong_type(node, path, "an object"));
    };
    for member in members {
        let path = join(path, &member.name);
        if let Some(found) = known.iter().find(|candidate| candidate.name == member.name) {
            value(&member.node, &path, found.kind, issues);
        } else if is_root(known) && READ_ONLY.iter().any(|candidate| candidate.name == member.name) {
            let message =
                "only DescribeTaskDefinition prints this; RegisterTaskDefinition refuses it; ignored";
            issues.push(Issue::warning(IssueCode::ReadOnlyMember, member.at, &path, message));
        } else {
            let message = match nearest(&member.name, known) {
                Some(name) => format!("ECS knows no such member; did you mean {name:?}?"),
                None => "ECS knows no such member".to_owned(),
            };
            issues.push(Issue::error(IssueCode::UnknownMember, member.at, &path, message));
        }
    }
    for required in known.iter().filter(|candidate| candidate.required) {
        if node.get(required.name).is_none() {
            let message = format!("required member {:?} is missing", required.name);
            issues.push(Issue::error(IssueCode::Missing, node.at, path, message));
        }
    }
}

fn is_root(known: &'static [Known]) -> bool {
    std::ptr::eq(known, TASK_DEFINITION)
}

/// The known name closest to the given one, if it is close enough to be meant.
fn nearest(name: &str, known: &'static [Known]) -> Option<&'static str> {
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_lowercase();
    let distances = known.iter().map(|known| (distance(&lower, &known.name.to_lowercase()), known.name));
    let (distance, closest) = distances.min()?;
    (distance * 3 <= name.chars().count()).then_some(closest)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut next = vec![i + 1];
        for (b, window) in right.iter().zip(row.windows(2)) {
            let (&[diagonal, above], Some(&before)) = (window, next.last()) else { return usize::MAX };
            next.push((diagonal + usize::from(a != *b)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};
    use crate::schema::TASK_DEFINITION;

    #[test]
    fn distances() {
        for (left, right, expected) in
            [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("family", "familiy", 1)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn only_what_could_be_meant_is_suggested() {
        assert_eq!(nearest("ContainerDefinitions", TASK_DEFINITION), Some("containerDefinitions"));
        assert_eq!(nearest("containerDefs", TASK_DEFINITION), None);
        assert_eq!(nearest("netwrokMode", TASK_DEFINITION), Some("networkMode"));
        assert_eq!(nearest("x", TASK_DEFINITION), None);
    }
}
