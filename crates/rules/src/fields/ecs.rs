//! `ecs.*`: our own class, where the event happened in Amazon ECS.

use super::{ArgKind::None as NoArg, Field, FieldType::Text, Values, field};

pub(super) const FIELDS: &[Field] = &[
    field("ecs.cluster", Text, NoArg, "short name of the cluster", |event, _| {
        Values::known(&event.task.cluster)
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
    field("ecs.service", Text, NoArg, "service that started the task", |event, _| {
        Values::known(&event.task.service)
    }),
    field("ecs.container.name", Text, NoArg, "name in the task definition", |event, _| {
        Values::known(&event.container.name)
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
];
