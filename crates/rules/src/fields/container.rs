//! `container.*`, as Falco's container plugin names it, and `k8s.*`, which has no value on ECS.

use std::borrow::Cow;

use fargard_model::Event;

use super::{
    ArgKind::{Key, None as NoArg, OptionalKey},
    Field, FieldArg,
    FieldType::{Bool, Int, Text},
    Value, Values, field, null,
};

const KUBERNETES: &str = "no Kubernetes on ECS";
const MOUNTS: &str = "mounts are not part of a snapshot";
const UNKNOWN: &str = "the task metadata does not say";

pub(super) const FIELDS: &[Field] = &[
    field(
        "container.id",
        Text,
        NoArg,
        "id of the container, 'host' outside one; Docker's are cut to 12",
        |event, _| Values::text(short(id(event))),
    ),
    field("container.full_id", Text, NoArg, "whole id of the container", |event, _| Values::text(id(event))),
    field("container.name", Text, NoArg, "name in the task definition", |event, _| {
        Values::known(&event.container.name)
    }),
    field("container.image", Text, NoArg, "image as in the task definition", |event, _| {
        Values::known(&event.container.image)
    }),
    field("container.image.repository", Text, NoArg, "image without tag and digest", |event, _| {
        Values::known(event.container.image_repository())
    }),
    field("container.image.tag", Text, NoArg, "tag of the image", |event, _| {
        Values::known(event.container.image_tag())
    }),
    field("container.image.digest", Text, NoArg, "digest of the image", |event, _| {
        Values::known(&event.container.image_digest)
    }),
    field("container.type", Text, NoArg, "'fargate', 'host' outside a container", |event, _| {
        Values::text(if id(event) == "host" { "host" } else { "fargate" })
    }),
    field(
        "container.privileged",
        Bool,
        NoArg,
        "always false: Fargate has no privileged containers",
        |_, _| Values::bool(false),
    ),
    field("container.start_ts", Int, NoArg, "start, nanoseconds since the epoch", |event, _| {
        if event.container.started_at == 0 {
            Values::Missing
        } else {
            Values::int(event.container.started_at)
        }
    }),
    field("container.duration", Int, NoArg, "nanoseconds since the start", |event, _| {
        match event.container.started_at {
            0 => Values::Missing,
            at => Values::int(event.time.0.saturating_sub(at)),
        }
    }),
    field("container.label", Text, Key, "a label by name", |event, arg| match arg {
        FieldArg::Key(name) => {
            Values::optional(event.container.labels.get(name).map(|label| Value::Text(label.as_str().into())))
        }
        _ => Values::Missing,
    }),
    field("container.labels", Text, NoArg, "all labels as name:value", |event, _| {
        let labels: Vec<_> =
            event.container.labels.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        if labels.is_empty() { Values::Missing } else { Values::text(labels.join(", ")) }
    }),
    field("container.host_pid", Bool, NoArg, "always false on Fargate", |_, _| Values::bool(false)),
    field("container.host_network", Bool, NoArg, "always false on Fargate", |_, _| Values::bool(false)),
    field("container.host_ipc", Bool, NoArg, "always false on Fargate", |_, _| Values::bool(false)),
    null("container.image.id", Text, NoArg, UNKNOWN),
    null("container.mounts", Text, NoArg, MOUNTS),
    null("container.mount", Text, Key, MOUNTS),
    null("container.mount.source", Text, Key, MOUNTS),
    null("container.mount.dest", Text, Key, MOUNTS),
    null("container.mount.mode", Text, Key, MOUNTS),
    null("container.mount.rdwr", Text, Key, MOUNTS),
    null("container.mount.propagation", Text, Key, MOUNTS),
    null("container.healthcheck", Text, NoArg, UNKNOWN),
    null("container.liveness_probe", Text, NoArg, KUBERNETES),
    null("container.readiness_probe", Text, NoArg, KUBERNETES),
    null("container.ip", Text, NoArg, UNKNOWN),
    null("container.cni.json", Text, NoArg, KUBERNETES),
    null("k8s.pod.name", Text, NoArg, KUBERNETES),
    null("k8s.pod.id", Text, NoArg, KUBERNETES),
    null("k8s.pod.uid", Text, NoArg, KUBERNETES),
    null("k8s.pod.sandbox_id", Text, NoArg, KUBERNETES),
    null("k8s.pod.full_sandbox_id", Text, NoArg, KUBERNETES),
    null("k8s.pod.label", Text, OptionalKey, KUBERNETES),
    null("k8s.pod.labels", Text, NoArg, KUBERNETES),
    null("k8s.pod.ip", Text, NoArg, KUBERNETES),
    null("k8s.pod.cni.json", Text, NoArg, KUBERNETES),
    null("k8s.ns.name", Text, NoArg, KUBERNETES),
    null("k8s.ns.id", Text, NoArg, KUBERNETES),
    null("k8s.ns.label", Text, OptionalKey, KUBERNETES),
    null("k8s.ns.labels", Text, NoArg, KUBERNETES),
    null("k8s.rc.name", Text, NoArg, KUBERNETES),
    null("k8s.rc.id", Text, NoArg, KUBERNETES),
    null("k8s.rc.label", Text, OptionalKey, KUBERNETES),
    null("k8s.rc.labels", Text, NoArg, KUBERNETES),
    null("k8s.svc.name", Text, NoArg, KUBERNETES),
    null("k8s.svc.id", Text, NoArg, KUBERNETES),
    null("k8s.svc.label", Text, OptionalKey, KUBERNETES),
    null("k8s.svc.labels", Text, NoArg, KUBERNETES),
    null("k8s.rs.name", Text, NoArg, KUBERNETES),
    null("k8s.rs.id", Text, NoArg, KUBERNETES),
    null("k8s.rs.label", Text, OptionalKey, KUBERNETES),
    null("k8s.rs.labels", Text, NoArg, KUBERNETES),
    null("k8s.deployment.name", Text, NoArg, KUBERNETES),
    null("k8s.deployment.id", Text, NoArg, KUBERNETES),
    null("k8s.deployment.label", Text, OptionalKey, KUBERNETES),
    null("k8s.deployment.labels", Text, NoArg, KUBERNETES),
];

fn id(event: &Event) -> &str {
    let own = event.process.container_id.as_str();
    match (event.container.id.as_str(), own) {
        ("", "") => "host",
        ("", own) => own,
        (id, _) => id,
    }
}

/// The short form of a Docker id. Fargate's ids begin with the task's id, so that cutting them would give all
/// containers of a task the same one.
fn short(id: &str) -> Cow<'_, str> {
    let docker = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.get(..12).filter(|_| docker).unwrap_or(id).into()
}
