//! `container.*`, as Falco's container plugin names it.

use fargard_model::{Container, Event};

use super::{
    ArgKind::{Dotted, None as NoArg},
    Field, FieldArg,
    FieldType::{Bool, Int, Text},
    Value, Values, field, known, null, text_field,
};

const KUBERNETES: &str = "no Kubernetes on ECS";
const PROBE: &str = "a health check's processes are not told apart";

pub(super) const FIELDS: &[Field] = &[
    text_field("container.id", "id of the container, 'host' outside one; Docker's are cut to 12", |event| {
        Some(short(id(event)))
    })
    .suggested(),
    text_field("container.full_id", "whole id of the container", |event| Some(id(event))),
    text_field("container.name", "name in the task definition", |event| known(&event.container.name))
        .suggested(),
    text_field("container.image", "image as in the task definition", |event| known(&event.container.image)),
    field("container.image.id", Text, NoArg, "the engine's id of the image", |event, _| {
        Values::known(&event.container.image_id)
    })
    .absent("ECS tells the digest instead: container.image.digest"),
    text_field("container.image.repository", "image without tag and digest", |event| {
        known(event.container.image_repository())
    })
    .suggested(),
    field("container.image.tag", Text, NoArg, "tag of the image", |event, _| {
        Values::known(event.container.image_tag())
    })
    .suggested(),
    field("container.image.digest", Text, NoArg, "digest of the image", |event, _| {
        Values::known(&event.container.image_digest)
    }),
    field("container.type", Text, NoArg, "'fargate', 'host' outside a container", |event, _| {
        Values::text(if id(event) == "host" { "host" } else { "fargate" })
    }),
    field("container.privileged", Bool, NoArg, "always false: Fargate has no such containers", |_, _| {
        Values::bool(false)
    }),
    field("container.start_ts", Int, NoArg, "start, nanoseconds since the epoch", |event, _| {
        if event.container.started_at == 0 {
            Values::Missing
        } else {
            Values::int(event.container.started_at)
        }
    })
    .typed("ABSTIME"),
    field("container.duration", Int, NoArg, "nanoseconds since the start", |event, _| {
        match event.container.started_at {
            0 => Values::Missing,
            at => Values::int(event.time.0.saturating_sub(at)),
        }
    })
    .typed("RELTIME"),
    field("container.ip", Text, NoArg, "first IPv4 address", |event, _| Values::known(&event.container.ip)),
    field("container.label", Text, Dotted, "a label by name", |event, arg| match arg {
        FieldArg::Key(name) => {
            Values::optional(event.container.labels.get(name).map(|label| Value::Text(label.as_str().into())))
        }
        _ => Values::Missing,
    }),
    field("container.labels", Text, NoArg, "all labels as name:value", |event, _| {
        let text = labels(&event.container);
        if text.is_empty() { Values::Missing } else { Values::text(text) }
    }),
    field("container.host_pid", Bool, NoArg, "always false on Fargate", |_, _| Values::bool(false)),
    field("container.host_network", Bool, NoArg, "always false on Fargate", |_, _| Values::bool(false)),
    field("container.host_ipc", Bool, NoArg, "always false on Fargate", |_, _| Values::bool(false)),
    null("container.healthcheck", Text, NoArg, "health check", "Falco's plugin gives none either")
        .deprecated(),
    null("container.liveness_probe", Text, NoArg, "liveness probe", KUBERNETES).deprecated(),
    null("container.readiness_probe", Text, NoArg, "readiness probe", KUBERNETES).deprecated(),
    null("container.cni.json", Text, NoArg, "what the network plugin answered, as JSON", KUBERNETES),
    null("proc.is_container_healthcheck", Bool, NoArg, "is a health check", PROBE).deprecated(),
    null("proc.is_container_liveness_probe", Bool, NoArg, "is a liveness probe", KUBERNETES).deprecated(),
    null("proc.is_container_readiness_probe", Bool, NoArg, "is a readiness probe", KUBERNETES).deprecated(),
];

/// The container's id, `host` outside one.
pub(super) fn id(event: &Event) -> &str {
    let own = event.process.container_id.as_str();
    match (event.container.id.as_str(), own) {
        ("", "") => "host",
        ("", own) => own,
        (id, _) => id,
    }
}

/// The short form of a Docker id. Fargate's ids begin with the task's id, so that cutting them would give all
/// containers of a task the same one.
fn short(id: &str) -> &str {
    let docker = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.get(..12).filter(|_| docker).unwrap_or(id)
}

/// `name:value, name`, without what Kubernetes adds.
fn labels(container: &Container) -> String {
    let own = container
        .labels
        .iter()
        .filter(|(name, _)| !name.starts_with("annotation.") && !name.starts_with("io.kubernetes."));
    let texts: Vec<String> = own
        .map(|(name, value)| if value.is_empty() { name.clone() } else { format!("{name}:{value}") })
        .collect();
    texts.join(", ")
}
