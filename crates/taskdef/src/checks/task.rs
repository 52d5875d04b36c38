//! Checks of a task definition as a whole, and what its containers' checks must know of it.

use super::{
    Knowledge,
    catalogue::Check,
    container, host,
    reader::{List, Place, Reader},
    report::{Report, Undecided, Violation, Weight},
};
use crate::embed::{
    Platform,
    document::Task,
    tree::{Node, Value},
};

/// Where a task definition is meant to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Launch {
    /// Only on Fargate.
    Fargate,
    /// Only on instances.
    Instances,
    /// On both, or it does not say.
    Either,
}

/// Why a check has nothing to look at.
const NOT_ON_FARGATE: &str = "Fargate gives no task this of its host";
const NOT_ON_WINDOWS: &str = "Windows containers have no such setting";

/// A task definition under examination.
pub(super) struct Subject<'s, 'd> {
    pub(super) reader: &'s Reader<'d>,
    pub(super) knowledge: &'s Knowledge<'s>,
    pub(super) report: &'s mut Report,
    pub(super) name: String,
    pub(super) container: Option<String>,
    pub(super) launch: Launch,
    pub(super) windows: bool,
    pub(super) platform: Platform,
    pub(super) task: Place<'d>,
    /// `awsvpc`, `bridge`, `host`, `none`; `None` where absent or unknown.
    pub(super) network: Option<String>,
}

pub(super) fn check<'d>(
    reader: &Reader<'d>,
    definition: &Task<'d>,
    knowledge: &Knowledge<'_>,
    report: &mut Report,
) {
    report.tasks += 1;
    let path = if reader.is_template() {
        format!("Resources.{}.Properties", definition.name)
    } else {
        String::new()
    };
    let task = Place { node: definition.node, path };
    let runtime = reader.present(&task, "runtimePlatform").into_iter().next();
    let of_runtime = |name: &str| runtime.as_ref().and_then(|runtime| reader.text_of(runtime, name));
    let windows = of_runtime("operatingSystemFamily")
        .is_some_and(|family| family.to_ascii_uppercase().starts_with("WINDOWS"));
    let mut subject = Subject {
        reader,
        knowledge,
        report,
        name: definition.name.clone(),
        container: None,
        launch: launch(reader, &task),
        windows,
        platform: Platform::linux(of_runtime("cpuArchitecture").as_deref()),
        network: reader.text_of(&task, "networkMode"),
        task,
    };
    subject.whole();
    subject.containers(definition.list);
}

fn launch<'d>(reader: &Reader<'d>, task: &Place<'d>) -> Launch {
    let types: Option<Vec<String>> =
        reader.list(task, "requiresCompatibilities").iter().map(|kind| reader.text(kind)).collect();
    let types = types.unwrap_or_default();
    let fargate = types.iter().any(|kind| kind == "FARGATE");
    let other = types.iter().any(|kind| kind != "FARGATE");
    match (fargate, other) {
        (true, false) => Launch::Fargate,
        (false, true) => Launch::Instances,
        _ => Launch::Either,
    }
}

impl<'d> Subject<'_, 'd> {
    /// Adds a violation at a place.
    pub(super) fn found(
        &mut self,
        check: Check,
        weight: Weight,
        class: &'static str,
        place: &Place<'d>,
        reason: impl Into<String>,
    ) {
        let mut reason = reason.into();
        if place.path.contains(".Fn::If[") {
            reason.push_str(" (in a branch of a condition)");
        }
        self.report.add(Violation {
            check,
            weight,
            class,
            task: self.name.clone(),
            container: self.container.clone(),
            path: place.path.clone(),
            at: self.reader.position(place),
            reason,
        });
    }

    /// A value that is not known before deployment.
    pub(super) fn open(&mut self, check: Check, place: &Place<'d>) {
        let reason = "not known before deployment; give --parameter NAME=VALUE if it is a parameter's";
        let at = self.reader.position(place);
        self.report.leave_open(Undecided { check, path: place.path.clone(), at, reason: reason.to_owned() });
    }

    /// Notes that a check was made, or why not.
    pub(super) fn makes(&mut self, check: Check) {
        self.report.made.insert(check);
    }

    pub(super) fn skips(&mut self, check: Check, reason: &'static str) {
        self.report.not_applicable.insert(check, reason);
    }

    /// Notes a check about the host: on Fargate it has nothing to look at unless somebody writes what Fargate refuses.
    pub(super) fn makes_of_host(&mut self, check: Check) {
        if self.launch == Launch::Fargate {
            self.skips(check, NOT_ON_FARGATE);
        } else {
            self.makes(check);
        }
    }

    /// Notes a check about Linux.
    pub(super) fn makes_of_linux(&mut self, check: Check) -> bool {
        if self.windows {
            self.skips(check, NOT_ON_WINDOWS);
        } else {
            self.makes(check);
        }
        !self.windows
    }

    /// What Fargate says to a setting of the host.
    pub(super) fn refused(&self) -> &'static str {
        if self.launch == Launch::Fargate { "; Fargate refuses it" } else { "" }
    }

    fn whole(&mut self) {
        self.mode("networkMode", Check::HostNetwork, Weight::Warning);
        self.mode("pidMode", Check::HostPid, Weight::Error);
        self.mode("ipcMode", Check::HostIpc, Weight::Error);
        self.roles();
        self.makes(Check::FaultInjection);
        let task = self.task.clone();
        for place in self.reader.present(&task, "enableFaultInjection") {
            match self.reader.flag(&place) {
                Some(true) => self.found(
                    Check::FaultInjection,
                    Weight::Warning,
                    "enabled",
                    &place,
                    "the task's metadata endpoint lets containers break its network",
                ),
                Some(false) => {}
                None => self.open(Check::FaultInjection, &place),
            }
        }
        host::volumes(self);
    }

    /// A mode that can be `host`.
    fn mode(&mut self, name: &str, check: Check, weight: Weight) {
        self.makes_of_host(check);
        let task = self.task.clone();
        for place in self.reader.present(&task, name) {
            match self.reader.text(&place).as_deref() {
                Some("host") => {
                    let reason = format!("{name} is host{}", self.refused());
                    self.found(check, weight, "host", &place, reason);
                }
                Some("task") if check == Check::HostPid => self.found(
                    check,
                    Weight::Informational,
                    "task",
                    &place,
                    "the task's containers see each other's processes",
                ),
                Some(_) => {}
                None => self.open(check, &place),
            }
        }
    }

    /// Whether application and agent share a role.
    fn roles(&mut self) {
        self.makes(Check::SharedRole);
        let task = self.task.clone();
        let execution = self.reader.present(&task, "executionRoleArn");
        for role in self.reader.present(&task, "taskRoleArn") {
            let same = |other: &&Place<'d>| match (self.reader.text(&role), self.reader.text(other)) {
                (Some(left), Some(right)) => left == right,
                _ => alike(role.node, other.node),
            };
            if let Some(other) = execution.iter().find(same) {
                let reason = format!(
                    "the application has the role with which ECS pulls images and fetches secrets ({})",
                    other.path
                );
                self.found(Check::SharedRole, Weight::Warning, "same", &role, reason);
            }
        }
    }

    fn containers(&mut self, list: Option<&'d Node>) {
        let Some(node) = list else { return };
        let path = if std::ptr::eq(node, self.task.node) {
            String::new()
        } else {
            let name =
                if self.reader.is_template() { "ContainerDefinitions" } else { "containerDefinitions" };
            super::reader::join(&self.task.path, name)
        };
        let list = Place { node, path };
        let List::Of(containers) = self.reader.elements(&list) else {
            for check in container::CHECKS {
                self.open(*check, &list);
            }
            return;
        };
        for place in containers {
            // Neither a function's result nor what a YAML merge key brings is known here.
            let is_written = matches!(place.node.value, Value::Map(_))
                && place.node.intrinsic().is_none()
                && place.node.member("<<").is_none();
            if !is_written {
                for check in container::CHECKS {
                    self.open(*check, &place);
                }
                continue;
            }
            self.report.containers += 1;
            let name = self.reader.text_of(&place, "name");
            self.container = Some(name.unwrap_or_else(|| place.path.clone()));
            container::check(self, &place);
        }
        self.container = None;
    }
}

/// Whether two values are written alike.
fn alike(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| alike(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| left.name == right.name && alike(&left.node, &right.node))
        }
        (left, right) => left == right,
    }
}
