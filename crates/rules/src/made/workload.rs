//! `container.*` and `ecs.*` of an event in the making.

use fargard_model::{Container, Task};

use super::{MadeError, START, Setting};
use crate::fields::FieldArg;

const HOUR: u64 = 3_600_000_000_000;

pub(super) fn task() -> Task {
    Task {
        arn: "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        cluster: "prod".into(),
        family: "web".into(),
        revision: "7".into(),
        service: "web".into(),
        launch_type: "FARGATE".into(),
        availability_zone: "eu-west-1a".into(),
    }
}

pub(super) fn container() -> Container {
    Container {
        id: "0123456789abcdef0123456789abcdef-1234567890".into(),
        name: "web".into(),
        image: "nginx:1.27".into(),
        image_digest: format!("sha256:{}", "0".repeat(64)),
        started_at: START - HOUR,
        ..Container::default()
    }
}

pub(super) fn set_container(
    container: &mut Container,
    field: &str,
    setting: &Setting<'_>,
) -> Result<(), MadeError> {
    let repository = container.image_repository().to_owned();
    let tag = container.image_tag().to_owned();
    match (field, setting.arg) {
        ("container.id" | "container.full_id", _) => container.id = setting.text(),
        ("container.name", _) => container.name = setting.text(),
        ("container.image", _) => container.image = setting.text(),
        ("container.image.repository", _) => container.image = format!("{}:{tag}", setting.value),
        ("container.image.tag", _) => container.image = format!("{repository}:{}", setting.value),
        ("container.image.digest", _) => container.image_digest = setting.text(),
        ("container.start_ts", _) => container.started_at = setting.number()?,
        ("container.label", FieldArg::Key(name)) => {
            container.labels.insert(name.clone(), setting.text());
        }
        _ => return Err(setting.not_settable("it follows from others, or is the same everywhere on Fargate")),
    }
    Ok(())
}

pub(super) fn set_task(
    task: &mut Task,
    container: &mut Container,
    field: &str,
    setting: &Setting<'_>,
) -> Result<(), MadeError> {
    let target = match field {
        "ecs.cluster" => &mut task.cluster,
        "ecs.task.arn" => &mut task.arn,
        "ecs.task.family" => &mut task.family,
        "ecs.task.revision" => &mut task.revision,
        "ecs.service" => &mut task.service,
        "ecs.launch_type" => &mut task.launch_type,
        "ecs.account" => &mut task.account,
        "ecs.region" => &mut task.region,
        "ecs.availability_zone" => &mut task.availability_zone,
        "ecs.container.name" => &mut container.name,
        "ecs.image.digest" => &mut container.image_digest,
        _ => return Err(setting.not_settable("it follows from others: set ecs.task.arn")),
    };
    *target = setting.text();
    Ok(())
}
