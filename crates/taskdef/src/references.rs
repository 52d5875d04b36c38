//! Names that refer to each other: duplicates, unknown ones, circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    definition::{Condition, TaskDefinition},
    issue::{Issue, IssueCode},
    json::{Node, Position},
};

/// Every broken reference of a definition whose shape is right.
pub(crate) fn check(root: &Node, definition: &TaskDefinition) -> Vec<Issue> {
    let mut issues = Vec::new();
    let containers = root.get("containerDefinitions").map_or(&[][..], Node::elements);
    let volumes = root.get("volumes").map_or(&[][..], Node::elements);
    duplicates(containers, "containerDefinitions", "container", &mut issues);
    duplicates(volumes, "volumes", "volume", &mut issues);
    if !definition.containers.iter().any(|container| container.essential)
        && let Some(list) = root.get("containerDefinitions")
    {
        let message = "at least one container must be essential";
        issues.push(Issue::error(IssueCode::NoEssential, list.at, "containerDefinitions", message));
    }
    for (index, node) in containers.iter().enumerate() {
        let path = format!("containerDefinitions[{index}]");
        dependencies(node, &path, definition, &mut issues);
        volume_references(node, &path, definition, &mut issues);
    }
    circles(containers, "dependsOn", "containerName", &mut issues);
    circles(containers, "volumesFrom", "sourceContainer", &mut issues);
    issues
}

fn duplicates(nodes: &[Node], list: &str, what: &str, issues: &mut Vec<Issue>) {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let Some(found) = node.get("name") else { continue };
        let Some(name) = found.text() else { continue };
        if let Some(earlier) = first.get(name) {
            let message = format!("{what} {name:?} is already defined at {list}[{earlier}]");
            let path = format!("{list}[{index}].name");
            issues.push(Issue::error(IssueCode::DuplicateName, found.at, &path, message));
        } else {
            first.insert(name, index);
        }
    }
}

fn dependencies(node: &Node, path: &str, definition: &TaskDefinition, issues: &mut Vec<Issue>) {
    for (index, entry) in node.get("dependsOn").map_or(&[][..], Node::elements).iter().enumerate() {
        let path = format!("{path}.dependsOn[{index}]");
        let Some(found) = entry.get("containerName") else { continue };
        let name = found.text().unwrap_or_default();
        let Some(target) = definition.container(name) else {
            issues.push(unknown_container(definition, found.at, &format!("{path}.containerName"), name));
            continue;
        };
        let condition = entry.get("condition").and_then(Node::text).unwrap_or_default();
        let reason = if condition == Condition::Healthy.name() && target.health_check.is_none() {
            format!("container {name:?} has no healthCheck, so it never becomes HEALTHY")
        } else if ["SUCCESS", "COMPLETE"].contains(&condition) && target.essential {
            format!("container {name:?} is essential: its end ends the task, so nothing can wait for it")
        } else {
            continue;
        };
        let at = entry.get("condition").map_or(entry.at, |node| node.at);
        issues.push(Issue::error(IssueCode::ImpossibleDependency, at, &format!("{path}.condition"), reason));
    }
}

fn unknown_container(definition: &TaskDefinition, at: Position, path: &str, name: &str) -> Issue {
    let names: Vec<&str> = definition.containers.iter().map(|container| &*container.name).collect();
    let message = format!("no container {name:?} is defined; there are: {}", names.join(", "));
    Issue::error(IssueCode::UnknownReference, at, path, message)
}

fn volume_references(node: &Node, path: &str, definition: &TaskDefinition, issues: &mut Vec<Issue>) {
    for (index, mount) in node.get("mountPoints").map_or(&[][..], Node::elements).iter().enumerate() {
        let path = format!("{path}.mountPoints[{index}]");
        let name = mount.get("sourceVolume").and_then(Node::text).unwrap_or_default();
        if !definition.volumes.iter().any(|volume| volume.name == name) {
            let at = mount.get("sourceVolume").map_or(mount.at, |node| node.at);
            let message = format!("no volume {name:?} is defined under \"volumes\"");
            let path = format!("{path}.sourceVolume");
            issues.push(Issue::error(IssueCode::UnknownReference, at, &path, message));
        }
        let target = mount.get("containerPath");
        if !target.and_then(Node::text).is_some_and(|path| path.starts_with('/')) {
            let at = target.map_or(mount.at, |node| node.at);
            let path = format!("{path}.containerPath");
            issues.push(Issue::error(IssueCode::BadValue, at, &path, "must be an absolute path"));
        }
    }
    for (index, source) in node.get("volumesFrom").map_or(&[][..], Node::elements).iter().enumerate() {
        let found = source.get("sourceContainer");
        let name = found.and_then(Node::text).unwrap_or_default();
        if definition.container(name).is_none() {
            let path = format!("{path}.volumesFrom[{index}].sourceContainer");
            let at = found.map_or(source.at, |node| node.at);
            issues.push(unknown_container(definition, at, &path, name));
        }
    }
}

/// Reports each circle once, at the container where it was entered.
fn circles(containers: &[Node], list: &str, member: &str, issues: &mut Vec<Issue>) {
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in containers {
        let Some(name) = node.get("name").and_then(Node::text) else { continue };
        let targets = node.get(list).map_or(&[][..], Node::elements).iter();
        edges.insert(name, targets.filter_map(|entry| entry.get(member)?.text()).collect());
    }
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (index, node) in containers.iter().enumerate() {
        let Some(name) = node.get("name").and_then(Node::text) else { continue };
        if let Some(circle) = find_circle(name, &edges, &mut done) {
            let at = node.get(list).map_or(node.at, |node| node.at);
            let path = format!("containerDefinitions[{index}].{list}");
            let message = format!("runs in a circle: {}", circle.join(" -> "));
            issues.push(Issue::error(IssueCode::Cycle, at, &path, message));
        }
    }
}

/// Depth first with an explicit stack, as the number of containers is the author's choice.
fn find_circle<'a>(
    start: &'a str,
    edges: &BTreeMap<&'a str, Vec<&'a str>>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    let mut trail: Vec<(&str, usize)> = vec![(start, 0)];
    let mut circle = None;
    while let Some((name, next)) = trail.pop() {
        if done.contains(name) {
            continue;
        }
        let Some(target) = edges.get(name).and_then(|targets| targets.get(next)) else {
            done.insert(name);
            continue;
        };
        trail.push((name, next + 1));
        if let Some(from) = trail.iter().position(|(visited, _)| visited == target) {
            if circle.is_none() {
                let names = trail.iter().skip(from).map(|(visited, _)| *visited);
                circle = Some(names.chain([*target]).collect());
            }
        } else {
            trail.push((target, 0));
        }
    }
    circle
}
