//! What the sensor adds: bytes of the definition, containers, memory.

use super::{
    dialect::Dialect,
    edit::Editor,
    plan::{Plan, Way},
    reason::{Skip, SkipCode},
    run::compact,
    settings::Settings,
    tree::Node,
};

/// Most bytes of a task definition that ECS takes.
pub const MAX_DEFINITION: usize = 65_536;
/// Most containers of a task definition that ECS takes.
pub const MAX_CONTAINERS: usize = 10;

/// Whether ECS takes the result.
pub(crate) fn check(
    dialect: &Dialect<'_>,
    task: &Node,
    plan: &Plan<'_>,
    edits: &Editor<'_>,
) -> Result<(), Skip> {
    let containers = plan.list.elements().len() + 1;
    if containers > MAX_CONTAINERS {
        let reason =
            format!("with the sensor's it would have {containers} containers; ECS takes {MAX_CONTAINERS}");
        return Err(Skip::new(SkipCode::TooManyContainers, reason));
    }
    // In a template functions stand for values of unknown length.
    let bytes = compact(task) + edits.added();
    if !dialect.is_template() && bytes > MAX_DEFINITION {
        let reason = format!("with the sensor it would have {bytes} bytes; ECS takes {MAX_DEFINITION}");
        return Err(Skip::new(SkipCode::TooLarge, reason));
    }
    Ok(())
}

/// What the result costs and needs, for people.
pub(crate) fn cost(plan: &Plan<'_>, settings: &Settings) -> Vec<String> {
    let wrapped =
        plan.decisions.iter().filter(|decision| matches!(decision.verdict, Ok(Way::Wrap(_)))).count();
    let mut notes = Vec::new();
    notes.push(if wrapped == 0 {
        "cost: the sensor's container takes memory from the task, about 6 MiB when idle, at most 128 where it has a \
         limit"
            .to_owned()
    } else {
        format!(
            "cost: about 6 MiB when idle in each wrapped container ({wrapped}), within its own limit; the sensor's container \
             ends as soon as it was started"
        )
    });
    if wrapped == 0 {
        notes.push(
            "exception: the sensor's container runs as root (Security Hub ECS.20), as the files and environments of the task's \
             other users are closed to anybody else (wrap mode has no such need)"
                .to_owned(),
        );
    } else {
        notes.push(format!(
            "exception: a wrapped container does not start without the sensor's image {} and the program in it: keep it in a \
             registry of your own, by digest (attach mode has no such need)",
            settings.sensor_image
        ));
    }
    if let Some(token) = &settings.token {
        let action = if token.contains(":ssm:") || !token.contains(':') {
            "ssm:GetParameters"
        } else {
            "secretsmanager:GetSecretValue"
        };
        notes.push(format!(
            "the execution role needs {action} (and kms:Decrypt for a key of your own) on {token}"
        ));
    }
    notes
}
