//! Which containers of a task definition are watched, and how.

use super::{
    dialect::{Dialect, Texts},
    document::Task,
    foreign,
    lookup::{ImageLookup, Platform},
    opaque,
    reason::{Skip, SkipCode},
    record::LABEL,
    settings::{Choice, Settings},
    sidecar,
    size::MAX_CONTAINERS,
    tree::{Node, Value},
    wrap::{self, Wrap},
};

/// Name of the label and the tag that choose how a container or task is watched.
pub const MODE_LABEL: &str = "fargard.mode";

/// Most containers that are looked at, those in all branches of conditions together.
const MOST_LOOKED_AT: usize = 10 * MAX_CONTAINERS;

/// What is to be done with a container.
pub(crate) struct Decision<'d> {
    pub(crate) container: &'d Node,
    /// Its name, as far as known.
    pub(crate) name: String,
    /// Its name in the record.
    pub(crate) key: String,
    pub(crate) verdict: Result<Way, Skip>,
}

/// How a container is watched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Way {
    Wrap(Wrap),
    Attach(String),
}

/// What is to be done with a task definition.
pub(crate) struct Plan<'d> {
    /// The list of containers.
    pub(crate) list: &'d Node,
    pub(crate) decisions: Vec<Decision<'d>>,
    pub(crate) notes: Vec<String>,
}

impl Plan<'_> {
    pub(crate) fn attaches(&self) -> bool {
        self.decisions.iter().any(|decision| matches!(decision.verdict, Ok(Way::Attach(_))))
    }

    pub(crate) fn wraps(&self) -> bool {
        self.decisions.iter().any(|decision| matches!(decision.verdict, Ok(Way::Wrap(_))))
    }
}

/// A container that may be watched, with what is wanted for it.
struct Wanted {
    choice: Choice,
    wrap: Result<Wrap, Skip>,
}

/// Decides for a task definition and its containers. The error is about the task as a whole.
pub(crate) fn plan<'d>(
    dialect: &Dialect<'_>,
    task: &Task<'d>,
    settings: &Settings,
    lookup: &dyn ImageLookup,
) -> Result<Plan<'d>, Skip> {
    let mut notes = Vec::new();
    let choice = task_choice(dialect, task, settings)?;
    if let (None, Some(skip)) = (task.list, made_elsewhere(dialect, task.node)) {
        return Err(skip);
    }
    platform_is_fargate(dialect, task.node, settings, &mut notes)?;
    let (list, containers) = containers(dialect, task)?;
    let keys = keys(dialect, &containers);
    foreign_tracer(dialect, &containers)?;
    let platform = platform(dialect, task.node);
    let wanted: Vec<Result<Wanted, Skip>> = containers
        .iter()
        .map(|container| {
            let choice = container_choice(dialect, task.node, container, settings, choice)?;
            Ok(Wanted { choice, wrap: wrap::judge(dialect, container, &platform, lookup) })
        })
        .collect();
    let attach = attach_reason(dialect, task.node, &wanted, &keys)?;
    if let Some(reason) = &attach {
        notes.push(format!("attach: {reason}"));
        notes.push(
            "attach: the task's containers share one pid namespace, so none of them is PID 1".to_owned(),
        );
    }
    let decisions = containers
        .into_iter()
        .zip(wanted)
        .zip(keys)
        .map(|((container, wanted), (name, key))| {
            let verdict = wanted.and_then(|wanted| match &attach {
                Some(reason) => Ok(Way::Attach(reason.clone())),
                None => wanted.wrap.map(Way::Wrap),
            });
            Decision { container, name, key, verdict }
        })
        .collect();
    Ok(Plan { list, decisions, notes })
}

/// What the task's tag says, or the settings.
fn task_choice(dialect: &Dialect<'_>, task: &Task<'_>, settings: &Settings) -> Result<Option<Choice>, Skip> {
    let tags = dialect.get(task.tags, "tags").map(Node::elements).unwrap_or_default();
    let tag = tags.iter().find(|tag| dialect.text(tag, "key").as_deref() == Some(MODE_LABEL));
    let Some(value) = tag.and_then(|tag| dialect.text(tag, "value")) else { return Ok(None) };
    match Choice::parse(&value) {
        Some(Choice::Off) => Err(Skip::new(SkipCode::Excluded, format!("tag {MODE_LABEL} is {value:?}"))),
        // `auto` asks to be watched, how is for the settings to say.
        Some(Choice::Auto) => Ok(Some(settings.mode)),
        Some(choice) => Ok(Some(choice)),
        None => Err(unknown_choice("tag", &value)),
    }
}

fn unknown_choice(what: &str, value: &str) -> Skip {
    let reason = format!("{what} {MODE_LABEL} is {value:?}, none of auto, wrap, attach, off");
    Skip::new(SkipCode::NotUnderstood, reason)
}

fn platform_is_fargate(
    dialect: &Dialect<'_>,
    task: &Node,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<(), Skip> {
    let family =
        dialect.get(task, "runtimePlatform").and_then(|node| dialect.text(node, "operatingSystemFamily"));
    if let Some(family) = family.filter(|family| family.to_ascii_uppercase().starts_with("WINDOWS")) {
        return Err(Skip::new(SkipCode::Windows, format!("operatingSystemFamily is {family}")));
    }
    match dialect.texts(task, "requiresCompatibilities") {
        Texts::Written(types) if types.iter().any(|name| name == "FARGATE") => Ok(()),
        Texts::Written(types) => {
            let reason = format!("requiresCompatibilities is {}", types.join(", "));
            Err(Skip::new(SkipCode::NotFargate, reason))
        }
        _ if settings.assume_fargate => Ok(()),
        Texts::Nothing => {
            let has = |name: &str| dialect.get(task, name).is_some();
            if dialect.text(task, "networkMode").as_deref() == Some("awsvpc") && has("cpu") && has("memory") {
                notes.push(
                    "requiresCompatibilities is absent; taken for FARGATE as cpu, memory and awsvpc are set"
                        .to_owned(),
                );
                return Ok(());
            }
            let reason = "requiresCompatibilities is absent, and cpu, memory and networkMode awsvpc are not all set; \
                          add [\"FARGATE\"], or use --assume-fargate";
            Err(Skip::new(SkipCode::LaunchTypeUnknown, reason))
        }
        Texts::Unknown => {
            let reason = "requiresCompatibilities is not known before deployment; give --parameter NAME=VALUE, or use \
                          --assume-fargate";
            Err(Skip::new(SkipCode::LaunchTypeUnknown, reason))
        }
    }
}

/// The list of containers and each of them.
fn containers<'d>(dialect: &Dialect<'_>, task: &Task<'d>) -> Result<(&'d Node, Vec<&'d Node>), Skip> {
    let not_understood = |reason: &str| Skip::new(SkipCode::NotUnderstood, reason);
    let name = dialect.name("containerDefinitions");
    let list = task.list.ok_or_else(|| Skip::new(SkipCode::InvalidInput, format!("{name} is missing")))?;
    if let Some(skip) = list.elements().iter().find_map(|element| made_elsewhere(dialect, element)) {
        return Err(skip);
    }
    let containers = dialect.objects(list).ok_or_else(|| {
        not_understood(&format!("{name} is not a list of objects (or Fn::If with objects)"))
    })?;
    if containers.is_empty() {
        return Err(Skip::new(SkipCode::InvalidInput, format!("{name} is empty")));
    }
    if containers.len() > MOST_LOOKED_AT {
        let reason = format!("{} containers; ECS takes {MAX_CONTAINERS}", containers.len());
        return Err(Skip::new(SkipCode::TooManyContainers, reason));
    }
    for container in &containers {
        if container.member("<<").is_some() {
            return Err(not_understood("a container uses a YAML merge key (<<); write its members out"));
        }
        if dialect.text(container, "name").as_deref() == Some(sidecar::NAME) {
            let reason = format!("there is a container {:?} that was not embedded; rename it", sidecar::NAME);
            return Err(Skip::new(SkipCode::NameTaken, reason));
        }
        if label(dialect, container, LABEL).is_some() {
            let reason =
                format!("a container has the label {LABEL:?}, which says that it is the sensor's; remove it");
            return Err(Skip::new(SkipCode::NameTaken, reason));
        }
    }
    Ok((list, containers))
}

/// What a transform or a loop puts into an object, which is not to be seen here.
fn made_elsewhere(dialect: &Dialect<'_>, node: &Node) -> Option<Skip> {
    if !dialect.is_template() {
        return None;
    }
    if opaque::is_foreign_transform(node) {
        let reason = "Fn::Transform makes members of it when it is deployed; write them out";
        return Some(Skip::new(SkipCode::Transform, reason));
    }
    let has_loop = node.members().iter().any(|member| member.name.starts_with(opaque::LOOP));
    has_loop.then(|| Skip::new(SkipCode::ForEach, "a loop makes members of it; write them out"))
}

/// Each container's name, and its name in the record: unique and without what is not known.
fn keys(dialect: &Dialect<'_>, containers: &[&Node]) -> Vec<(String, String)> {
    let names: Vec<Option<String>> =
        containers.iter().map(|container| dialect.text(container, "name")).collect();
    let unique = |name: &String| names.iter().flatten().filter(|other| *other == name).count() == 1;
    names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let key = name.clone().filter(|name| !name.is_empty() && unique(name) && !name.starts_with('#'));
            let number = format!("#{index}");
            (name.clone().unwrap_or_else(|| number.clone()), key.unwrap_or(number))
        })
        .collect()
}

fn foreign_tracer(dialect: &Dialect<'_>, containers: &[&Node]) -> Result<(), Skip> {
    for container in containers {
        let name = dialect.text(container, "name").unwrap_or_default();
        let image = dialect.text(container, "image");
        let entry_point = match dialect.texts(container, "entryPoint") {
            Texts::Written(words) => words,
            _ => Vec::new(),
        };
        if entry_point.first().is_some_and(|program| program == wrap::PROGRAM) {
            let reason = format!("container {name:?} already starts with the sensor, written by hand");
            return Err(Skip::new(SkipCode::NameTaken, reason));
        }
        if let Some(product) = foreign::tracer(&name, image.as_deref(), &entry_point) {
            let reason = format!(
                "container {name:?} belongs to {product}; a process has one tracer, so only one of both can watch the task"
            );
            return Err(Skip::new(SkipCode::OtherTracer, reason));
        }
    }
    Ok(())
}

fn platform(dialect: &Dialect<'_>, task: &Node) -> Platform {
    let architecture =
        dialect.get(task, "runtimePlatform").and_then(|node| dialect.text(node, "cpuArchitecture"));
    Platform::linux(architecture.as_deref())
}

fn label(dialect: &Dialect<'_>, container: &Node, name: &str) -> Option<String> {
    // Labels' names are the user's own: the same in both forms.
    dialect.text_of(dialect.get(container, "dockerLabels")?.get(name)?)
}

/// What is wanted for a container, or why it is left alone.
fn container_choice(
    dialect: &Dialect<'_>,
    task: &Node,
    container: &Node,
    settings: &Settings,
    of_task: Option<Choice>,
) -> Result<Choice, Skip> {
    if !matches!(container.value, Value::Map(_)) {
        return Err(Skip::new(
            SkipCode::InvalidInput,
            format!("a container is {}, not an object", container.kind()),
        ));
    }
    let name = dialect.text(container, "name").unwrap_or_default();
    let labelled = match label(dialect, container, MODE_LABEL) {
        Some(value) => Some(Choice::parse(&value).ok_or_else(|| unknown_choice("label", &value))?),
        None => None,
    };
    if labelled == Some(Choice::Off) {
        return Err(Skip::new(SkipCode::Excluded, format!("label {MODE_LABEL} is off")));
    }
    if settings.exclude.contains(&name) {
        return Err(Skip::new(SkipCode::Excluded, "excluded by --exclude"));
    }
    let included = settings.include.contains(&name);
    if !settings.include.is_empty() && !included {
        return Err(Skip::new(SkipCode::NotIncluded, "not among those of --include"));
    }
    if settings.only_labelled && labelled.is_none() && of_task.is_none() {
        return Err(Skip::new(SkipCode::NotIncluded, format!("no label or tag {MODE_LABEL} asks for it")));
    }
    // Who names a container means it, whatever it is.
    if labelled.is_none() && !included {
        not_an_app(dialect, task, container, &name)?;
    }
    let labelled = labelled.map(|choice| if choice == Choice::Auto { settings.mode } else { choice });
    Ok(labelled.or(of_task).unwrap_or(settings.mode))
}

fn not_an_app(dialect: &Dialect<'_>, task: &Node, container: &Node, name: &str) -> Result<(), Skip> {
    if dialect.get(container, "firelensConfiguration").is_some() {
        return Err(Skip::new(SkipCode::LogRouter, "it has a firelensConfiguration"));
    }
    let proxy = dialect.get(task, "proxyConfiguration").and_then(|node| dialect.text(node, "containerName"));
    if proxy.as_deref() == Some(name) && !name.is_empty() {
        return Err(Skip::new(SkipCode::Proxy, "proxyConfiguration names it"));
    }
    let image = dialect.text(container, "image").unwrap_or_default();
    if foreign::is_proxy(&image) {
        return Err(Skip::new(SkipCode::Proxy, format!("{image} is a proxy's image")));
    }
    if foreign::is_agent(&image) {
        return Err(Skip::new(SkipCode::Agent, format!("{image} is an agent's image")));
    }
    Ok(())
}

/// Why the task is watched by attaching; `None` where it is not.
fn attach_reason(
    dialect: &Dialect<'_>,
    task: &Node,
    wanted: &[Result<Wanted, Skip>],
    keys: &[(String, String)],
) -> Result<Option<String>, Skip> {
    let candidates: Vec<(&Wanted, &str)> = wanted
        .iter()
        .zip(keys)
        .filter_map(|(wanted, (name, _))| Some((wanted.as_ref().ok()?, name.as_str())))
        .collect();
    let asked = candidates.iter().find(|(wanted, _)| wanted.choice == Choice::Attach);
    let failed = candidates.iter().find_map(|(wanted, name)| {
        let skip = wanted.wrap.as_ref().err()?;
        (wanted.choice == Choice::Auto)
            .then(|| format!("container {name:?} cannot be wrapped: {}", skip.reason))
    });
    let Some(reason) =
        asked.map(|(_, name)| format!("asked for by container {name:?} or the settings")).or(failed)
    else {
        return Ok(None);
    };
    let Err(obstacle) = can_attach(dialect, task, &candidates) else { return Ok(Some(reason)) };
    // Where attaching was a way out only, what can be wrapped still is.
    if asked.is_some() { Err(obstacle) } else { Ok(None) }
}

fn can_attach(dialect: &Dialect<'_>, task: &Node, candidates: &[(&Wanted, &str)]) -> Result<(), Skip> {
    if !matches!(task.value, Value::Map(_)) {
        let reason = "attach mode needs pidMode \"task\", which a list of containers alone cannot say";
        return Err(Skip::new(SkipCode::NotUnderstood, reason));
    }
    let pid_mode = dialect.get(task, "pidMode");
    let pid_mode_known = pid_mode
        .is_none_or(|node| dialect.text_of(node).is_some_and(|mode| mode.is_empty() || mode == "task"));
    if !pid_mode_known {
        return Err(Skip::new(
            SkipCode::NotUnderstood,
            "attach mode needs pidMode \"task\", and another is written",
        ));
    }
    let needs_pid_1 =
        candidates.iter().find(|(wanted, _)| wanted.wrap.as_ref().is_ok_and(|wrap| wrap.needs_pid_1));
    if let Some((_, name)) = needs_pid_1 {
        let reason = format!(
            "attach mode makes no container's program PID 1, and that of container {name:?} (/init, as s6-overlay has it) \
             refuses to run then"
        );
        return Err(Skip::new(SkipCode::NotUnderstood, reason));
    }
    Ok(())
}
