//! What becomes of RegisterTaskDefinition's input.

use fargard_taskdef::embed::{self, ContainerReport, ImageLookup, Outcome, Settings, TaskReport};

/// A body, and what to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// The new body; `None` to send the old one.
    pub(super) body: Option<String>,
    /// What was done.
    pub(super) notes: Vec<String>,
    /// Why something that should be protected is not; empty if all is.
    pub(super) unprotected: Vec<String>,
}

/// Embeds. A body that embedding cannot read goes as it is: ECS will say what is wrong with it.
pub(super) fn rewrite(body: &str, settings: &Settings, lookup: &dyn ImageLookup) -> Rewritten {
    let untouched = |reason: String| Rewritten { body: None, notes: Vec::new(), unprotected: vec![reason] };
    let embedding = match embed::embed(body, settings, lookup) {
        Ok(embedding) => embedding,
        Err(error) => return untouched(format!("it cannot be read: {error}")),
    };
    let Some(task) = embedding.tasks.first() else {
        return untouched("there is no task definition in it".to_owned());
    };
    Rewritten {
        notes: notes(task),
        unprotected: unprotected(task),
        body: (embedding.text != body).then_some(embedding.text),
    }
}

fn notes(task: &TaskReport) -> Vec<String> {
    let of_container = |container: &ContainerReport| {
        let what = match &container.outcome {
            Outcome::Wrap { reason } => format!("wrap: {reason}"),
            Outcome::Attach { reason } => format!("attach: {reason}"),
            Outcome::Skip(skip) => format!("left alone: {}: {}", skip.code, skip.reason),
        };
        format!("{} {}: {what}", task.name, container.name)
    };
    task.containers.iter().map(of_container).collect()
}

fn unprotected(task: &TaskReport) -> Vec<String> {
    let containers = task.containers.iter().filter_map(|container| match &container.outcome {
        Outcome::Skip(skip) if !skip.code.is_intended() => {
            Some(format!("{}: {}: {}", container.name, skip.code, skip.reason))
        }
        _ => None,
    });
    containers.collect()
}
