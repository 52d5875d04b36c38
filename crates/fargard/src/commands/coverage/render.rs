//! Coverage for people. Names come from AWS: what could move a terminal's cursor is left out.

use std::fmt::Write as _;

use fargard_coverage::{
    rules::TaskStatus,
    view::{ClusterView, IssueView, TaskView},
};
use fargard_store::Counts;

fn clean(text: &str) -> String {
    text.chars().filter(|each| !each.is_control()).collect()
}

/// A line a cluster, with its issues below.
pub(super) fn clusters(clusters: &[ClusterView]) -> String {
    let width =
        clusters.iter().map(|cluster| cluster.cluster.chars().count()).max().unwrap_or(0).clamp(7, 40);
    let mut text = format!(
        "{:<9}  {:<12}  {:<14}  {:<width$}  {:>9}  MANAGED\n",
        "STATUS", "ACCOUNT", "REGION", "CLUSTER", "TASKS"
    );
    for cluster in clusters {
        let tasks = format!("{}/{}", cluster.covered_tasks, cluster.covered_tasks + cluster.uncovered_tasks);
        let _ = writeln!(
            text,
            "{:<9}  {:<12}  {:<14}  {:<width$}  {tasks:>9}  {}",
            cluster.status.name(),
            cluster.account,
            clean(&cluster.region),
            clean(&cluster.cluster),
            cluster.management.name(),
        );
        for each in &cluster.issues {
            issue(&mut text, each);
        }
    }
    text
}

fn issue(text: &mut String, issue: &IssueView) {
    let _ = writeln!(text, "  {}\n    {}", clean(&issue.text), clean(&issue.remedy.text));
    if !issue.remedy.command.is_empty() {
        let _ = writeln!(text, "    $ {}", clean(&issue.remedy.command));
    }
}

/// Counts and their percentage.
pub(super) fn counts(counts: Counts) -> String {
    let percent = counts
        .percent()
        .map_or_else(|| "no cluster is known".to_owned(), |percent| format!("{percent} covered"));
    format!("{percent}\nHEALTHY    {}\nUNHEALTHY  {}\n", counts.healthy, counts.unhealthy)
}

/// A task and what is wrong with it.
pub(super) fn task(cluster: &ClusterView, task: &TaskView) -> String {
    let status = match task.status {
        TaskStatus::Covered => "covered",
        TaskStatus::Uncovered => "NOT COVERED",
        TaskStatus::Starting => "starting",
    };
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { clean(text) };
    let heard = task.heard.map_or_else(|| "never".to_owned(), |at| at.rfc3339());
    let mut text = format!(
        "{status}: {}\n  cluster     {} ({})\n  definition  {}\n  service     {}\n  ECS status  {}\n  sensor      {}\n  \
         last heard  {heard}\n  lost        {} events\n",
        clean(&task.arn),
        clean(&cluster.cluster),
        cluster.status.name(),
        clean(&task.definition),
        or_none(&task.service),
        clean(&task.last_status),
        or_none(&task.sensor),
        task.lost,
    );
    if let Some(each) = &task.issue {
        issue(&mut text, each);
    }
    text
}

#[cfg(test)]
mod tests {
    use fargard_coverage::{
        rules::{Management, Remedy, Status, TaskStatus},
        view::{ClusterView, IssueView, TaskView},
    };
    use fargard_model::Timestamp;
    use fargard_store::Counts;

    fn sample() -> (ClusterView, TaskView) {
        let issue = IssueView {
            kind: "Agent not reporting".into(),
            text: "Agent not reporting : Agent not reporting, for task(s) in TaskDefinition - 'web:7'. Refer documentation".into(),
            definition: "web:7".into(),
            tasks: vec!["0f9d".into()],
            services: vec!["web".into()],
            remedy: Remedy { text: "Look.".into(), command: "aws ecs describe-tasks".into() },
        };
        let cluster = ClusterView {
            arn: "arn:aws:ecs:eu-west-1:111122223333:cluster/prod".into(),
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            cluster: "prod\u{1b}[2J".into(),
            status: Status::Unhealthy,
            management: Management::AutoManaged,
            issues: vec![issue.clone()],
            covered_instances: 0,
            compatible_instances: 0,
            covered_tasks: 3,
            uncovered_tasks: 1,
            updated_at: Timestamp(0),
        };
        let task = TaskView {
            arn: "arn:aws:ecs:eu-west-1:111122223333:task/prod/0f9d".into(),
            definition: "web:7".into(),
            service: String::new(),
            last_status: "RUNNING".into(),
            status: TaskStatus::Uncovered,
            issue: Some(issue),
            started: Timestamp(0),
            sensor: "0.1.0".into(),
            heard: Some(Timestamp(1_763_697_600_000_000_000)),
            lost: 7,
        };
        (cluster, task)
    }

    #[test]
    fn people_read_what_is_wrong_and_what_to_do() {
        let (cluster, task) = sample();
        let counts = Counts { healthy: 2, unhealthy: 1 };
        insta::assert_snapshot!(
            [
                super::clusters(std::slice::from_ref(&cluster)),
                super::task(&cluster, &task),
                super::counts(counts),
                super::counts(Counts::default()),
            ]
            .join("----\n")
        );
    }
}
