//! The sensor's own container: in wrap mode it brings the program and ends at once; in attach mode it watches.

use super::{
    dialect::Dialect,
    record::LABEL,
    settings::Settings,
    tree::{Node, Value},
    wrap::PROGRAM,
    write::New,
};
use crate::size;

/// Name of the container.
pub(crate) const NAME: &str = "fargard-sensor";
/// Prefix of its log streams.
const STREAM_PREFIX: &str = "fargard";
/// MiB it may have: to print its version, and to watch a task (keeper and engine need under 16 MiB idle).
const MEMORY_WRAP: u64 = 32;
const MEMORY_ATTACH: u64 = 128;
/// The image's own user, without rights.
const USER: &str = "65532:65532";
/// Seconds it must have run before it is started again; the least that ECS takes.
const RESTART_SECONDS: &str = "60";

/// The container and what there is to say about it.
pub(crate) struct Sidecar {
    pub(crate) definition: New,
    pub(crate) notes: Vec<String>,
}

/// What the sensor is told, as variables.
pub(crate) fn variables(settings: &Settings) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    match &settings.server {
        Some(server) => variables.push(("FARGARD_SERVER".to_owned(), server.clone())),
        None => variables.push(("FARGARD_PRINT".to_owned(), "json".to_owned())),
    }
    for (name, value) in &settings.variables {
        variables.retain(|(known, _)| known != name);
        variables.push((name.clone(), value.clone()));
    }
    variables
}

/// What the sensor is told, as secrets: name and `valueFrom`.
pub(crate) fn secrets(settings: &Settings) -> Vec<(String, String)> {
    settings.token.iter().map(|from| ("FARGARD_TOKEN".to_owned(), from.clone())).collect()
}

/// Whether a container has the label that embedding gives the sensor's own.
pub(crate) fn is_labelled(container: &Node) -> bool {
    let labels = ["dockerLabels", "DockerLabels"].iter().find_map(|name| container.get(name));
    labels.is_some_and(|labels| labels.get(LABEL).is_some())
}

/// A list of pairs as ECS writes them.
pub(crate) fn pairs(dialect: &Dialect<'_>, pairs: &[(String, String)], value: &str) -> Vec<New> {
    pairs
        .iter()
        .map(|(name, text)| {
            New::Map(vec![
                (dialect.name("name"), New::text(name.as_str())),
                (dialect.name(value), New::text(text.as_str())),
            ])
        })
        .collect()
}

/// The sensor's container for a task.
pub(crate) fn build(
    dialect: &Dialect<'_>,
    settings: &Settings,
    task: &Node,
    containers: &[&Node],
    attach: bool,
    label: &str,
) -> Sidecar {
    let mut notes = Vec::new();
    let name = |text: &str| dialect.name(text);
    let arguments = if attach { "attach" } else { "--version" };
    let mut members = vec![
        (name("name"), New::text(NAME)),
        (name("image"), New::text(settings.sensor_image.as_str())),
        (name("essential"), New::Bool(false)),
        (name("entryPoint"), New::texts([PROGRAM])),
        (name("command"), New::texts([arguments])),
        (name("readonlyRootFilesystem"), New::Bool(true)),
    ];
    // A capability reaches root only.
    members.push((name("user"), New::text(if attach { "0" } else { USER })));
    let (what, which) = if attach { ("add", "SYS_PTRACE") } else { ("drop", "ALL") };
    let capabilities = New::Map(vec![(name(what), New::texts([which]))]);
    members.push((name("linuxParameters"), New::Map(vec![(name("capabilities"), capabilities)])));
    if attach {
        members.push((name("environment"), New::List(pairs(dialect, &variables(settings), "value"))));
        if settings.token.is_some() {
            members.push((name("secrets"), New::List(pairs(dialect, &secrets(settings), "valueFrom"))));
        }
        members.push((
            name("restartPolicy"),
            New::Map(vec![
                (name("enabled"), New::Bool(true)),
                (name("restartAttemptPeriod"), New::Number(RESTART_SECONDS.to_owned())),
            ]),
        ));
    }
    let memory = if attach { MEMORY_ATTACH } else { MEMORY_WRAP };
    match room(dialect, task, containers) {
        Some(room) if room >= memory => members.push((name("memory"), New::Number(memory.to_string()))),
        Some(room) => notes.push(format!(
            "the sensor's container has no memory limit of its own: {room} MiB of the task are not given to containers, \
             it would take {memory}"
        )),
        None => notes.push("the sensor's container has no memory limit of its own: the sizes of the task and its \
                            containers are not all known".to_owned()),
    }
    match log_configuration(dialect, containers) {
        Some(log) => members.push((name("logConfiguration"), log)),
        None => {
            notes.push("the sensor's container has no log: no container of the task uses awslogs".to_owned());
        }
    }
    members.push((name("dockerLabels"), New::Map(vec![(LABEL.to_owned(), New::text(label))])));
    Sidecar { definition: New::Map(members), notes }
}

/// MiB of the task that no container has for itself; `None` where a size is not known.
fn room(dialect: &Dialect<'_>, task: &Node, containers: &[&Node]) -> Option<u64> {
    let total = size::memory_mib(&dialect.text(task, "memory")?)?;
    let mut given = 0_u64;
    for container in containers {
        let limit = ["memory", "memoryReservation"].iter().find_map(|name| dialect.get(container, name));
        if let Some(limit) = limit {
            given = given.checked_add(dialect.text_of(limit)?.parse().ok()?)?;
        }
    }
    Some(total.saturating_sub(given))
}

/// The log configuration of the first container that uses awslogs, with another prefix.
fn log_configuration(dialect: &Dialect<'_>, containers: &[&Node]) -> Option<New> {
    let uses_awslogs = |container: &&&Node| {
        let log = dialect.get(container, "logConfiguration");
        log.and_then(|log| dialect.text(log, "logDriver")).as_deref() == Some("awslogs")
    };
    let log = dialect.get(containers.iter().find(uses_awslogs)?, "logConfiguration")?;
    let options = dialect.get(log, "options")?;
    if options.intrinsic().is_some() || !matches!(options.value, Value::Map(_)) {
        return None;
    }
    let mut copied: Vec<(String, New)> = options
        .members()
        .iter()
        .filter(|member| member.name != "awslogs-stream-prefix")
        .map(|member| (member.name.clone(), New::from(&member.node)))
        .collect();
    copied.push(("awslogs-stream-prefix".to_owned(), New::text(STREAM_PREFIX)));
    Some(New::Map(vec![
        (dialect.name("logDriver"), New::text("awslogs")),
        (dialect.name("options"), New::Map(copied)),
    ]))
}
