//! ECS's request rates, by group of calls, an account and region.

use std::{collections::BTreeMap, time::Duration};

use fargard_model::Timestamp;

/// Calls left, by group.
#[derive(Debug, Default)]
pub(super) struct Throttle(BTreeMap<&'static str, (f64, Timestamp)>);

impl Throttle {
    /// Whether the call is let through.
    pub(super) fn take(&mut self, operation: &str, now: Timestamp) -> bool {
        let (group, most, rate) = budget(operation);
        let (level, at) = self.0.entry(group).or_insert((most, now));
        let passed = Duration::from_nanos(now.0.saturating_sub(at.0)).as_secs_f64();
        *level = passed.mul_add(rate, *level).min(most);
        *at = now;
        if *level < 1.0 {
            return false;
        }
        *level -= 1.0;
        true
    }
}

/// Group, calls at once, calls a second.
fn budget(operation: &str) -> (&'static str, f64, f64) {
    match operation {
        "ListTasks" | "DescribeTasks" | "ListContainerInstances" => ("tasks", 100.0, 20.0),
        "ListServices" | "DescribeServices" | "ListServiceDeployments" | "DescribeServiceDeployments" => {
            ("services", 100.0, 20.0)
        }
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            ("definitions", 50.0, 20.0)
        }
        "RunTask" | "StopTask" => ("run", 100.0, 40.0),
        "CreateService" | "UpdateService" | "DeleteService" => ("service changes", 50.0, 5.0),
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => ("definition changes", 20.0, 1.0),
        _ => ("clusters", 50.0, 20.0),
    }
}
