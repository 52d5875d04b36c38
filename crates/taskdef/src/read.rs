//! From bytes to a [`TaskDefinition`].

use std::collections::BTreeMap;

use crate::{
    definition::{
        Condition, ContainerDefinition, Dependency, HealthCheck, HealthCommand, LogConfiguration, MountPoint,
        PortMapping, TaskDefinition, Ulimit, Volume, VolumeFrom, VolumeSource,
    },
    fargate,
    issue::{Issue, IssueCode, ReadError, Severity},
    json::{self, MAX_BYTES, Node, Position, Value},
    references, shape,
};

/// A definition that can be used, and what there is to say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The definition.
    pub definition: TaskDefinition,
    /// Warnings, and errors of [`fargate`] judging that do not make it unreadable.
    pub issues: Vec<Issue>,
    /// The document itself, for those who need more than the types hold.
    pub document: Node,
}

/// Reads a task definition: RegisterTaskDefinition's input, or `{"taskDefinition": {...}}` as
/// DescribeTaskDefinition prints it (with `tags` beside it).
///
/// What Fargate would refuse is judged by [`fargate::judge`], not here: a definition for EC2 is readable.
///
/// # Errors
/// The text is not a task definition ECS would accept; the error holds every problem found, each with its place.
pub fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    let document = parse(bytes).map_err(|issue| ReadError { issues: vec![issue] })?;
    let root = unwrap(&document).map_err(|issue| ReadError { issues: vec![issue] })?;
    let mut issues = shape::check(root);
    if !has_error(&issues) {
        let (definition, found) = extract(root);
        issues.extend(found);
        if !has_error(&issues) {
            issues.extend(references::check(root, &definition));
        }
        if !has_error(&issues) {
            return Ok(Reading { definition, issues, document });
        }
    }
    issues.sort_by_key(|issue| issue.at);
    Err(ReadError { issues })
}

fn has_error(issues: &[Issue]) -> bool {
    issues.iter().any(|issue| issue.severity == Severity::Error)
}

fn parse(bytes: &[u8]) -> Result<Node, Issue> {
    let start = Position { line: 1, column: 1 };
    if bytes.len() > MAX_BYTES {
        let message = format!("{} bytes; a task definition has at most {MAX_BYTES}", bytes.len());
        return Err(Issue::error(IssueCode::TooLarge, start, "", message));
    }
    // Editors on Windows put a byte order mark first.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().len() + 1;
        Issue::error(IssueCode::NotText, Position { line, column }, "", "not UTF-8, so not JSON")
    })?;
    json::parse(text).map_err(|error| {
        let yaml = !text.trim_start().is_empty() && !text.trim_start().starts_with(['{', '[']);
        let hint = if yaml { "; a task definition is a JSON object, YAML is not read" } else { "" };
        Issue::error(IssueCode::NotJson, error.at, "", format!("not JSON: {}{hint}", error.reason))
    })
}

/// The definition in what DescribeTaskDefinition or RegisterTaskDefinition prints, or the document itself.
fn unwrap(document: &Node) -> Result<&Node, Issue> {
    let Value::Object(members) = &document.value else {
        let message = format!("a task definition is an object, found {}", document.value.kind());
        return Err(Issue::error(IssueCode::WrongType, document.at, "", message));
    };
    if document.get("containerDefinitions").is_some() {
        return Ok(document);
    }
    if let Some(resources) = document.get("Resources") {
        let message = "this is a CloudFormation template; give the task definition itself, as \
                       `aws ecs describe-task-definition` prints it";
        return Err(Issue::error(IssueCode::UnknownMember, resources.at, "Resources", message));
    }
    let Some(inner) = document.get("taskDefinition") else { return Ok(document) };
    let stranger = members
        .iter()
        .find(|member| !["taskDefinition", "tags", "ResponseMetadata"].contains(&&*member.name));
    if let Some(member) = stranger {
        let message = "only \"tags\" may stand beside \"taskDefinition\"";
        return Err(Issue::error(IssueCode::UnknownMember, member.at, &member.name, message));
    }
    Ok(inner)
}

fn extract(root: &Node) -> (TaskDefinition, Vec<Issue>) {
    let mut issues = Vec::new();
    let family = text(root, "family").unwrap_or_default();
    if let Some(node) = root.get("family")
        && !is_name(&family)
    {
        let message = "must be 1 to 255 letters, digits, hyphens and underscores";
        issues.push(Issue::error(IssueCode::BadValue, node.at, "family", message));
    }
    let mut containers = Vec::new();
    if let Some(list) = root.get("containerDefinitions") {
        if list.elements().is_empty() {
            let message = "a task needs at least one container";
            issues.push(Issue::error(IssueCode::Empty, list.at, "containerDefinitions", message));
        }
        for (index, node) in list.elements().iter().enumerate() {
            let path = format!("containerDefinitions[{index}]");
            containers.push(container(node, &path, &mut issues));
        }
    }
    let platform = root.get("runtimePlatform");
    let definition = TaskDefinition {
        family,
        revision: number(root, "revision"),
        containers,
        volumes: elements(root, "volumes").iter().map(volume).collect(),
        cpu: text(root, "cpu"),
        memory: text(root, "memory"),
        network_mode: text(root, "networkMode"),
        pid_mode: text(root, "pidMode"),
        requires_compatibilities: texts(root, "requiresCompatibilities"),
        cpu_architecture: platform.and_then(|node| text(node, "cpuArchitecture")),
        operating_system: platform.and_then(|node| text(node, "operatingSystemFamily")),
        task_role: text(root, "taskRoleArn"),
        execution_role: text(root, "executionRoleArn"),
    };
    (definition, issues)
}

/// Names of families, containers and volumes.
fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn text(node: &Node, name: &str) -> Option<String> {
    node.get(name)?.text().map(str::to_owned)
}

fn number(node: &Node, name: &str) -> Option<u64> {
    u64::try_from(node.get(name)?.integer()?).ok()
}

fn flag(node: &Node, name: &str, default: bool) -> bool {
    node.get(name).and_then(Node::boolean).unwrap_or(default)
}

fn elements<'a>(node: &'a Node, name: &str) -> &'a [Node] {
    node.get(name).map_or(&[], Node::elements)
}

fn texts(node: &Node, name: &str) -> Vec<String> {
    elements(node, name).iter().filter_map(Node::text).map(str::to_owned).collect()
}

/// A list of arguments; empty means absent, as ECS treats it.
fn arguments(node: &Node, name: &str) -> Option<Vec<String>> {
    Some(texts(node, name)).filter(|list| !list.is_empty())
}

fn pairs(node: &Node, name: &str, key: &str) -> Vec<(String, String)> {
    elements(node, name)
        .iter()
        .map(|pair| (text(pair, key).unwrap_or_default(), text(pair, "value").unwrap_or_default()))
        .collect()
}

fn map(node: &Node, name: &str) -> BTreeMap<String, String> {
    let Some(Value::Object(members)) = node.get(name).map(|node| &node.value) else { return BTreeMap::new() };
    members
        .iter()
        .map(|member| (member.name.clone(), member.node.text().unwrap_or_default().to_owned()))
        .collect()
}

fn container(node: &Node, path: &str, issues: &mut Vec<Issue>) -> ContainerDefinition {
    let name = text(node, "name").unwrap_or_default();
    if let Some(found) = node.get("name")
        && !is_name(&name)
    {
        let message = "must be 1 to 255 letters, digits, hyphens and underscores";
        issues.push(Issue::error(IssueCode::BadValue, found.at, &format!("{path}.name"), message));
    }
    let image = text(node, "image").unwrap_or_default();
    if let Some(found) = node.get("image")
        && (image.is_empty() || image.len() > 255)
    {
        let message = "must be 1 to 255 characters";
        issues.push(Issue::error(IssueCode::BadValue, found.at, &format!("{path}.image"), message));
    }
    let linux = node.get("linuxParameters");
    let capabilities = linux.and_then(|linux| linux.get("capabilities"));
    ContainerDefinition {
        name,
        image,
        essential: flag(node, "essential", true),
        entry_point: arguments(node, "entryPoint"),
        command: arguments(node, "command"),
        environment: pairs(node, "environment", "name"),
        secrets: elements(node, "secrets").iter().filter_map(secret).collect(),
        environment_files: elements(node, "environmentFiles").len(),
        user: text(node, "user").filter(|user| !user.is_empty()),
        working_directory: text(node, "workingDirectory").filter(|directory| !directory.is_empty()),
        cpu: number(node, "cpu"),
        memory: number(node, "memory"),
        memory_reservation: number(node, "memoryReservation"),
        readonly_root: flag(node, "readonlyRootFilesystem", false),
        mount_points: elements(node, "mountPoints").iter().map(mount_point).collect(),
        volumes_from: elements(node, "volumesFrom").iter().map(volume_from).collect(),
        depends_on: depends_on(node, path, issues),
        start_timeout: seconds(node, path, "startTimeout", issues),
        stop_timeout: seconds(node, path, "stopTimeout", issues),
        health_check: node
            .get("healthCheck")
            .and_then(|check| health_check(check, &format!("{path}.healthCheck"), issues)),
        capabilities_add: capabilities.map(|node| texts(node, "add")).unwrap_or_default(),
        capabilities_drop: capabilities.map(|node| texts(node, "drop")).unwrap_or_default(),
        init_process: linux.is_some_and(|linux| flag(linux, "initProcessEnabled", false)),
        ulimits: elements(node, "ulimits").iter().map(ulimit).collect(),
        ports: elements(node, "portMappings").iter().filter_map(port).collect(),
        labels: map(node, "dockerLabels"),
        log: node.get("logConfiguration").map(log_configuration),
        restart: node.get("restartPolicy").is_some_and(|policy| flag(policy, "enabled", false)),
        pseudo_terminal: flag(node, "pseudoTerminal", false),
        system_controls: pairs(node, "systemControls", "namespace"),
        firelens: node.get("firelensConfiguration").is_some(),
    }
}

fn volume(node: &Node) -> Volume {
    let source = if let Some(path) = node.get("host").and_then(|host| text(host, "sourcePath")) {
        VolumeSource::Host(path)
    } else if node.get("dockerVolumeConfiguration").is_some() {
        VolumeSource::Docker
    } else if node.get("efsVolumeConfiguration").is_some() {
        VolumeSource::Efs
    } else if node.get("fsxWindowsFileServerVolumeConfiguration").is_some() {
        VolumeSource::Fsx
    } else if node.get("s3filesVolumeConfiguration").is_some() {
        VolumeSource::S3Files
    } else if flag(node, "configuredAtLaunch", false) {
        VolumeSource::AtLaunch
    } else {
        VolumeSource::Task
    };
    Volume { name: text(node, "name").unwrap_or_default(), source }
}

fn mount_point(node: &Node) -> MountPoint {
    MountPoint {
        volume: text(node, "sourceVolume").unwrap_or_default(),
        path: text(node, "containerPath").unwrap_or_default(),
        read_only: flag(node, "readOnly", false),
    }
}

fn secret(node: &Node) -> Option<(String, String)> {
    Some((text(node, "name")?, text(node, "valueFrom").unwrap_or_default()))
}

fn volume_from(node: &Node) -> VolumeFrom {
    VolumeFrom {
        container: text(node, "sourceContainer").unwrap_or_default(),
        read_only: flag(node, "readOnly", false),
    }
}

fn depends_on(node: &Node, path: &str, issues: &mut Vec<Issue>) -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    for (index, entry) in elements(node, "dependsOn").iter().enumerate() {
        let container = text(entry, "containerName").unwrap_or_default();
        let Some(written) = entry.get("condition") else { continue };
        let condition = match written.text().unwrap_or_default() {
            "START" => Condition::Start,
            "COMPLETE" => Condition::Complete,
            "SUCCESS" => Condition::Success,
            "HEALTHY" => Condition::Healthy,
            other => {
                let path = format!("{path}.dependsOn[{index}].condition");
                let message = format!("{other:?} is none of START, COMPLETE, SUCCESS, HEALTHY");
                issues.push(Issue::error(IssueCode::BadValue, written.at, &path, message));
                continue;
            }
        };
        dependencies.push(Dependency { container, condition });
    }
    dependencies
}

fn seconds(node: &Node, path: &str, name: &str, issues: &mut Vec<Issue>) -> Option<u64> {
    bounded(node, path, name, 0..=86_400, issues)
}

fn bounded(
    node: &Node,
    path: &str,
    name: &str,
    range: std::ops::RangeInclusive<i64>,
    issues: &mut Vec<Issue>,
) -> Option<u64> {
    let found = node.get(name)?;
    let value = found.integer()?;
    if !range.contains(&value) {
        let message = format!("{value} is not between {} and {}", range.start(), range.end());
        issues.push(Issue::error(IssueCode::BadValue, found.at, &format!("{path}.{name}"), message));
    }
    u64::try_from(value).ok()
}

fn health_check(node: &Node, path: &str, issues: &mut Vec<Issue>) -> Option<HealthCheck> {
    let list = node.get("command")?;
    let mut words = texts(node, "command");
    let kind = if words.is_empty() { String::new() } else { words.remove(0) };
    let command = match (kind.as_str(), words.is_empty()) {
        ("NONE", true) => return None,
        ("CMD", false) => HealthCommand::Exec(words),
        ("CMD-SHELL", false) => HealthCommand::Shell(words.join(" ")),
        _ => {
            let message = "must be [\"CMD\", program, arguments...] or [\"CMD-SHELL\", command]";
            issues.push(Issue::error(IssueCode::BadValue, list.at, &format!("{path}.command"), message));
            return None;
        }
    };
    Some(HealthCheck {
        command,
        interval: bounded(node, path, "interval", 5..=300, issues).unwrap_or(30),
        timeout: bounded(node, path, "timeout", 2..=120, issues).unwrap_or(5),
        retries: bounded(node, path, "retries", 1..=10, issues).unwrap_or(3),
        start_period: bounded(node, path, "startPeriod", 0..=300, issues).unwrap_or(0),
    })
}

fn ulimit(node: &Node) -> Ulimit {
    Ulimit {
        name: text(node, "name").unwrap_or_default(),
        soft: number(node, "softLimit").unwrap_or(0),
        hard: number(node, "hardLimit").unwrap_or(0),
    }
}

fn port(node: &Node) -> Option<PortMapping> {
    let port = u16::try_from(number(node, "containerPort")?).ok()?;
    Some(PortMapping { port, protocol: text(node, "protocol").unwrap_or_else(|| "tcp".to_owned()) })
}

fn log_configuration(node: &Node) -> LogConfiguration {
    LogConfiguration { driver: text(node, "logDriver").unwrap_or_default(), options: map(node, "options") }
}

impl Reading {
    /// What Fargate would refuse or do differently; see [`fargate::judge`].
    #[must_use]
    pub fn fargate_issues(&self) -> Vec<Issue> {
        unwrap(&self.document).map(fargate::judge).unwrap_or_default()
    }
}
