//! What was done with a file, for people and programs.

use serde::Serialize;

use super::{reason::Skip, settings::Choice};

/// What became of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Outcome {
    /// The sensor starts its program.
    Wrap {
        /// Where the entry point was taken from.
        reason: String,
    },
    /// The sensor's own container watches it.
    Attach {
        /// Why it is not wrapped.
        reason: String,
    },
    /// Left as it is.
    Skip(Skip),
}

/// A container of a task definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContainerReport {
    /// Its name, or `#` and its place where the name is not known.
    pub name: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Whether the file, as it was given, already had the sensor for it.
    pub was_watched: bool,
}

/// A task definition, or something of a template that may run containers and is not to be seen in it (without
/// containers, and with the reason).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskReport {
    /// Family, or the logical name in a template.
    pub name: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// How it is watched; `None` where it is left as it is.
    pub mode: Option<Choice>,
    /// Why all of it is left as it is.
    pub skip: Option<Skip>,
    /// Its containers, without the sensor's.
    pub containers: Vec<ContainerReport>,
    /// What to know: choices made, what it costs, what the roles need.
    pub notes: Vec<String>,
    /// What Fargate would refuse or do differently, each as `line:column: member: message`.
    pub issues: Vec<String>,
}

impl TaskReport {
    /// Containers that should have the sensor and do not in the file as it was given.
    pub fn unprotected(&self) -> impl Iterator<Item = &ContainerReport> {
        self.containers.iter().filter(|container| {
            let intended = matches!(&container.outcome, Outcome::Skip(skip) if skip.code.is_intended());
            !container.was_watched && !intended
        })
    }

    /// Whether something that should have the sensor does not in the file as it was given; also what cannot be looked
    /// into.
    #[must_use]
    pub fn is_unprotected(&self) -> bool {
        let unknown =
            self.containers.is_empty() && self.skip.as_ref().is_some_and(|skip| !skip.code.is_intended());
        unknown || self.unprotected().next().is_some()
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedding {
    /// The new text; the old one where nothing changed.
    pub text: String,
    /// Its task definitions.
    pub tasks: Vec<TaskReport>,
}
