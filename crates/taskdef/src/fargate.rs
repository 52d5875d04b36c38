//! What Fargate (Linux, platform version 1.4.0) refuses in a definition that ECS can read.

use crate::{
    issue::{Issue, IssueCode},
    json::{Node, Value},
    size,
};

/// Members of the task that Fargate refuses.
const TASK_REFUSED: &[&str] = &["ipcMode", "placementConstraints", "inferenceAccelerators"];
/// Members of a container that Fargate refuses.
const CONTAINER_REFUSED: &[&str] = &[
    "links",
    "extraHosts",
    "dnsServers",
    "dnsSearchDomains",
    "dockerSecurityOptions",
    "disableNetworking",
    "hostname",
    "resourceRequirements",
    "credentialSpecs",
];
/// Members of `linuxParameters` that Fargate refuses.
const LINUX_REFUSED: &[&str] = &["devices", "tmpfs", "sharedMemorySize", "maxSwap", "swappiness"];
const LOG_DRIVERS: &[&str] = &["awslogs", "splunk", "awsfirelens"];

/// Everything Fargate refuses (errors) or defaults (warnings) in a definition whose shape is right.
#[must_use]
pub fn judge(root: &Node) -> Vec<Issue> {
    let mut issues = Vec::new();
    compatibility(root, &mut issues);
    modes(root, &mut issues);
    platform(root, &mut issues);
    task_size(root, &mut issues);
    refused(root, "", TASK_REFUSED, &mut issues);
    volumes(root, &mut issues);
    for (index, container) in list(root, "containerDefinitions").iter().enumerate() {
        judge_container(container, &format!("containerDefinitions[{index}]"), &mut issues);
    }
    issues.sort_by_key(|issue| issue.at);
    issues
}

fn list<'a>(node: &'a Node, name: &str) -> &'a [Node] {
    node.get(name).map_or(&[], Node::elements)
}

/// Whether a member asks for something: present, not false, not empty.
fn asks(node: &Node) -> bool {
    match &node.value {
        Value::Null | Value::Bool(false) => false,
        Value::Text(text) => !text.is_empty(),
        Value::List(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

fn refused(node: &Node, path: &str, names: &[&str], issues: &mut Vec<Issue>) {
    for name in names {
        let Some(found) = node.get(name).filter(|found| asks(found)) else { continue };
        let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        issues.push(Issue::error(IssueCode::NotOnFargate, found.at, &path, "Fargate does not support this"));
    }
}

fn compatibility(root: &Node, issues: &mut Vec<Issue>) {
    let path = "requiresCompatibilities";
    let types = list(root, path);
    if types.is_empty() {
        let message = "requiresCompatibilities is absent; taken to be meant for FARGATE";
        issues.push(Issue::warning(IssueCode::NotFargate, root.at, "", message));
    } else if !types.iter().any(|node| node.text() == Some("FARGATE")) {
        let at = root.get(path).map_or(root.at, |node| node.at);
        issues.push(Issue::error(IssueCode::NotFargate, at, path, "does not contain \"FARGATE\""));
    }
}

fn modes(root: &Node, issues: &mut Vec<Issue>) {
    match root.get("networkMode") {
        Some(node) if node.text() != Some("awsvpc") => {
            let message = "Fargate knows only \"awsvpc\"";
            issues.push(Issue::error(IssueCode::NetworkMode, node.at, "networkMode", message));
        }
        Some(_) => {}
        None => {
            let message = "networkMode is absent; Fargate needs \"awsvpc\"";
            issues.push(Issue::warning(IssueCode::NetworkMode, root.at, "", message));
        }
    }
    if let Some(node) = root.get("pidMode").filter(|node| asks(node) && node.text() != Some("task")) {
        let message = "Fargate knows only \"task\"";
        issues.push(Issue::error(IssueCode::PidMode, node.at, "pidMode", message));
    }
}

fn platform(root: &Node, issues: &mut Vec<Issue>) {
    let family = root.get("runtimePlatform").and_then(|node| node.get("operatingSystemFamily"));
    if let Some(node) = family.filter(|node| asks(node) && node.text() != Some("LINUX")) {
        let path = "runtimePlatform.operatingSystemFamily";
        issues.push(Issue::error(IssueCode::Platform, node.at, path, "only LINUX tasks are supported"));
    }
}

fn task_size(root: &Node, issues: &mut Vec<Issue>) {
    let (Some(cpu), Some(memory)) = (root.get("cpu"), root.get("memory")) else {
        let message = "Fargate needs cpu and memory of the task, as \"256\" and \"512\"";
        return issues.push(Issue::warning(IssueCode::TaskSize, root.at, "", message));
    };
    let units = cpu.text().and_then(size::cpu_units);
    let mib = memory.text().and_then(size::memory_mib);
    let (Some(units), Some(mib)) = (units, mib) else {
        let (node, path) = if units.is_none() { (cpu, "cpu") } else { (memory, "memory") };
        let message = "not a size; write as \"256\" or \".25 vCPU\", \"512\" or \"1 GB\"";
        return issues.push(Issue::warning(IssueCode::TaskSize, node.at, path, message));
    };
    if !size::is_fargate_size(units, mib) {
        let message = size::memory_choices(units).map_or_else(
            || {
                format!(
                    "Fargate has no tasks of {units} CPU units; it has 256, 512, 1024, 2048, 4096, 8192, 16384, 32768"
                )
            },
            |choices| format!("Fargate has no {mib} MiB with {units} CPU units; it has {choices}"),
        );
        issues.push(Issue::warning(IssueCode::TaskSize, cpu.at, "cpu", message));
    }
}

fn volumes(root: &Node, issues: &mut Vec<Issue>) {
    for (index, volume) in list(root, "volumes").iter().enumerate() {
        let path = format!("volumes[{index}]");
        refused(
            volume,
            &path,
            &["dockerVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration"],
            issues,
        );
        if let Some(host) = volume.get("host") {
            refused(host, &format!("{path}.host"), &["sourcePath"], issues);
        }
    }
}

fn judge_container(container: &Node, path: &str, issues: &mut Vec<Issue>) {
    refused(container, path, CONTAINER_REFUSED, issues);
    if let Some(node) = container.get("privileged").filter(|node| asks(node)) {
        let message = "Fargate has no privileged containers";
        issues.push(Issue::error(IssueCode::Privileged, node.at, &format!("{path}.privileged"), message));
    }
    let driver = container.get("logConfiguration").and_then(|log| log.get("logDriver"));
    if let Some(node) = driver.filter(|node| !LOG_DRIVERS.contains(&node.text().unwrap_or_default())) {
        let message = format!("Fargate knows only {}", LOG_DRIVERS.join(", "));
        let path = format!("{path}.logConfiguration.logDriver");
        issues.push(Issue::error(IssueCode::LogDriver, node.at, &path, message));
    }
    let Some(linux) = container.get("linuxParameters") else { return };
    refused(linux, &format!("{path}.linuxParameters"), LINUX_REFUSED, issues);
    let Some(capabilities) = linux.get("capabilities") else { return };
    for (index, added) in list(capabilities, "add").iter().enumerate() {
        let name = added.text().unwrap_or_default();
        if name != "SYS_PTRACE" {
            let message = format!("Fargate lets only SYS_PTRACE be added, not {name:?}");
            let path = format!("{path}.linuxParameters.capabilities.add[{index}]");
            issues.push(Issue::error(IssueCode::Capability, added.at, &path, message));
        }
    }
}
