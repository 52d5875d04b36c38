//! `ecs.*`: our own class, where the event happened in Amazon ECS.

use fargard_model::{Difference, Event, Part, Task};

use super::{
    ArgKind::{Key, None as NoArg},
    Field, FieldArg,
    FieldType::Text,
    Value, Values, field,
};

pub(super) const FIELDS: &[Field] = &[
    field("ecs.cluster", Text, NoArg, "short name of the cluster", |event, _| {
        Values::known(&event.task.cluster)
    }),
    field("ecs.cluster.arn", Text, NoArg, "ARN of the cluster", |event, _| {
        cluster_arn(&event.task).map_or(Values::Missing, Values::text)
    }),
    field("ecs.task.arn", Text, NoArg, "ARN of the task, or local:HOST:ID outside ECS", |event, _| {
        Values::known(&event.task.arn)
    }),
    field("ecs.task.id", Text, NoArg, "short id of the task", |event, _| Values::known(event.task.id())),
    field("ecs.task.family", Text, NoArg, "task definition family", |event, _| {
        Values::known(&event.task.family)
    }),
    field("ecs.task.revision", Text, NoArg, "task definition revision", |event, _| {
        Values::known(&event.task.revision)
    }),
    field("ecs.task.definition", Text, NoArg, "family:revision of the task definition", |event, _| {
        match (event.task.family.as_str(), event.task.revision.as_str()) {
            ("", _) | (_, "") => Values::Missing,
            (family, revision) => Values::text(format!("{family}:{revision}")),
        }
    }),
    field("ecs.service", Text, NoArg, "service that started the task", |event, _| {
        Values::known(&event.task.service)
    }),
    field("ecs.container.name", Text, NoArg, "name in the task definition", |event, _| {
        Values::known(&event.container.name)
    }),
    field("ecs.container.id", Text, NoArg, "runtime id of the container", |event, _| {
        Values::known(&event.container.id)
    }),
    field(
        "ecs.container.label",
        Text,
        Key,
        "a Docker label of the container by name",
        |event, arg| match arg {
            FieldArg::Key(name) => {
                Values::optional(event.container.labels.get(name).map(|label| Value::Text(label.into())))
            }
            _ => Values::Missing,
        },
    ),
    field("ecs.image", Text, NoArg, "image as in the task definition", |event, _| {
        Values::known(&event.container.image)
    }),
    field("ecs.image.digest", Text, NoArg, "digest of the image", |event, _| {
        Values::known(&event.container.image_digest)
    }),
    field("ecs.launch_type", Text, NoArg, "FARGATE, EC2 or LOCAL", |event, _| {
        Values::known(&event.task.launch_type)
    }),
    field("ecs.account", Text, NoArg, "AWS account id", |event, _| Values::known(&event.task.account)),
    field("ecs.region", Text, NoArg, "AWS region", |event, _| Values::known(&event.task.region)),
    field("ecs.availability_zone", Text, NoArg, "availability zone", |event, _| {
        Values::known(&event.task.availability_zone)
    }),
    field(
        "ecs.event.confirmed",
        Text,
        NoArg,
        "parts of the event that the kernel's tables showed after the call: program, arguments, name, path, \
         descriptor, address",
        |event, _| parts(event.evidence.confirmed.iter()),
    )
    .listed(),
    field(
        "ecs.event.asked",
        Text,
        NoArg,
        "parts of the event that are as the process asked and could not be confirmed",
        |event, _| {
            let confirmed = event.evidence.confirmed;
            parts(event.confirmable().iter().copied().filter(|part| !confirmed.contains(*part)))
        },
    )
    .listed(),
    field(
        "ecs.race.part",
        Text,
        NoArg,
        "part of which the kernel shows something else than was asked (argument race)",
        |event, _| differences(event, |difference| difference.part.name()),
    ),
    field(
        "ecs.race.asked",
        Text,
        NoArg,
        "what was asked where the kernel shows something else",
        |event, _| differences(event, |difference| &difference.asked),
    ),
    field(
        "ecs.race.confirmed",
        Text,
        NoArg,
        "what the kernel shows instead of what was asked",
        |event, _| differences(event, |difference| &difference.confirmed),
    ),
    field(
        "ecs.session",
        Text,
        NoArg,
        "how the process came into the container: entrypoint, exec or health_check",
        |event, _| event.process.session.map_or(Values::Missing, |session| Values::text(session.name())),
    ),
    field(
        "ecs.exec_session",
        Text,
        NoArg,
        "id of the ECS Exec session the process belongs to",
        |event, _| Values::known(&event.process.exec_session),
    ),
];

fn parts<'e>(parts: impl Iterator<Item = Part>) -> Values<'e> {
    Values::List(parts.map(|part| Value::Text(part.name().into())).collect())
}

fn differences<'e>(event: &'e Event, text: fn(&'e Difference) -> &'e str) -> Values<'e> {
    event.evidence.differences.iter().map(|difference| Value::Text(text(difference).into())).collect()
}

/// The cluster's ARN, made of the parts of the task's: `arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID`.
fn cluster_arn(task: &Task) -> Option<String> {
    let (before, resource) = task.arn.rsplit_once(':')?;
    if !before.starts_with("arn:") || !resource.starts_with("task/") || task.cluster.is_empty() {
        return None;
    }
    Some(format!("{before}:cluster/{}", task.cluster))
}
