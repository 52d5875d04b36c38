//! What is wrong with a task definition, where, and how bad it is.

use std::fmt;

use crate::json::Position;

/// What kind of problem an [`Issue`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IssueCode {
    /// Larger than [`crate::json::MAX_BYTES`].
    TooLarge,
    /// Not UTF-8.
    NotText,
    /// Not JSON.
    NotJson,
    /// A member ECS does not know.
    UnknownMember,
    /// A member of the wrong type.
    WrongType,
    /// A required member is missing.
    Missing,
    /// Required and empty.
    Empty,
    /// A value outside the permitted ones.
    BadValue,
    /// Two containers or volumes of one name.
    DuplicateName,
    /// A reference to a container or volume that is not defined.
    UnknownReference,
    /// `dependsOn` or `volumesFrom` runs in a circle.
    Cycle,
    /// No container is essential.
    NoEssential,
    /// A condition that can never hold (`HEALTHY` of a container without health check, `SUCCESS` or `COMPLETE`
    /// of an essential one).
    ImpossibleDependency,
    /// A member only DescribeTaskDefinition prints; RegisterTaskDefinition refuses it.
    ReadOnlyMember,
    /// `requiresCompatibilities` does not name FARGATE.
    NotFargate,
    /// Fargate needs `awsvpc`.
    NetworkMode,
    /// Fargate knows only pid mode `task`.
    PidMode,
    /// Fargate has no such CPU and memory.
    TaskSize,
    /// Fargate lets only `SYS_PTRACE` be added.
    Capability,
    /// Fargate refuses `privileged`.
    Privileged,
    /// A member that Fargate refuses.
    NotOnFargate,
    /// Fargate has no such log driver.
    LogDriver,
    /// Not Linux.
    Platform,
}

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can be used, with a difference.
    Warning,
    /// ECS refuses it.
    Error,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Kind.
    pub code: IssueCode,
    /// Severity.
    pub severity: Severity,
    /// Where in the file.
    pub at: Position,
    /// The member, as `containerDefinitions[0].image`; empty for the document itself.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Issue {
    pub(crate) fn error(code: IssueCode, at: Position, path: &str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, at, path: path.to_owned(), message: message.into() }
    }

    pub(crate) fn warning(code: IssueCode, at: Position, path: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, at, path, message) }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// A definition that cannot be used; holds at least one issue of [`Severity::Error`], in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Everything found, warnings too.
    pub issues: Vec<Issue>,
}

impl ReadError {
    /// The issues that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter().filter(|issue| issue.severity == Severity::Error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, issue) in self.errors().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{issue}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ReadError {}
