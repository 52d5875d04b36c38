//! Sample findings, as `CreateSampleFindings` makes them: one for each of GuardDuty's runtime types, marked as a sample.

use fargard_model::{
    Container, Detection, Event, EventType, Evidence, Fd, Finding, FindingKind, FindingState, Outcome,
    Process, Source, Task, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use super::{
    Detail,
    kinds::{SEVERITIES, TYPES},
    partition, render_finding,
};
use crate::guardduty::{AwsError, Detector, body};

/// Most types of a request.
const MAX: usize = 50;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    finding_types: Option<Vec<String>>,
}

/// A sample, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Its type.
    pub kind: String,
    /// When it was first made.
    pub created: Timestamp,
    /// When it was last made.
    pub updated: Timestamp,
    /// How often.
    pub count: u64,
    /// Somebody has done with it.
    pub archived: bool,
    /// What somebody thought of it.
    pub feedback: Option<String>,
}

/// The types a `CreateSampleFindings` request wants: without any, all.
///
/// # Errors
/// One is none of GuardDuty's runtime types.
pub fn sample_types(request: &[u8]) -> Result<Vec<&'static str>, AwsError> {
    let input: Input = body::read(request)?;
    let wanted = input.finding_types.unwrap_or_default();
    if wanted.len() > MAX {
        return Err(AwsError::invalid("findingTypes holds at most 50 types."));
    }
    let all = TYPES.iter().map(|(kind, _)| *kind);
    if wanted.is_empty() {
        return Ok(all.collect());
    }
    wanted
        .iter()
        .map(|wanted| {
            let known = TYPES.iter().find(|(kind, _)| kind == wanted).map(|(kind, _)| *kind);
            known.ok_or_else(|| {
                AwsError::invalid(&format!("{wanted:.100?} is not one of GuardDuty's runtime types for ECS."))
            })
        })
        .collect()
}

impl Sample {
    /// The id of the sample of a type: the same whenever it is made.
    #[must_use]
    pub fn id(detector: &str, kind: &str) -> String {
        let digest = Sha256::digest(format!("{detector} {kind}"));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// A new one.
    #[must_use]
    pub fn new(kind: &str, now: Timestamp) -> Self {
        Self { kind: kind.to_owned(), created: now, updated: now, count: 1, archived: false, feedback: None }
    }

    /// As it is shown.
    #[must_use]
    pub fn render(&self, detector: &Detector) -> Value {
        let severity =
            TYPES.iter().find(|(kind, _)| *kind == self.kind).map_or(5.0, |(_, severity)| *severity);
        let priority = SEVERITIES.iter().rev().find(|(_, each)| *each >= severity);
        let name = self.kind.rsplit('/').next().unwrap_or_default();
        let Detector { region, account, .. } = detector;
        let task = Task {
            arn: format!(
                "arn:{}:ecs:{region}:{account}:task/GeneratedFindingECSClusterName/{}",
                partition(region),
                Self::id(&detector.id, "task")
            ),
            cluster: "GeneratedFindingECSClusterName".to_owned(),
            family: "GeneratedFindingECSTaskDefinition".to_owned(),
            revision: "1".to_owned(),
            launch_type: "FARGATE".to_owned(),
            ..Task::default()
        };
        let container = Container {
            name: "GeneratedFindingECSContainerName".to_owned(),
            image: "GeneratedFindingECSContainerImage".to_owned(),
            ..Container::default()
        };
        let finding = Finding {
            id: Self::id(&detector.id, &self.kind),
            kind: FindingKind::Detection,
            title: format!("[SAMPLE] {name}"),
            check: None,
            priority: priority.map(|(priority, _)| *priority).unwrap_or(fargard_model::Priority::Warning),
            state: if self.archived { FindingState::Closed } else { FindingState::Open },
            first_seen: self.created,
            last_seen: self.updated,
            count: self.count,
            summary: format!("[SAMPLE] What a finding of the type {} looks like.", self.kind),
            tags: Vec::new(),
            task,
            container,
        };
        let detail = Detail {
            detection: Some(detection(&finding, self.updated)),
            cluster: Some(("ACTIVE".to_owned(), Vec::new())),
            counts: (1, 0, 1),
            feedback: self.feedback.clone(),
            ..Detail::default()
        };
        let mut shown = render_finding(&finding, &detector.id, Some(&detail)).unwrap_or_default();
        shown["type"] = self.kind.as_str().into();
        shown["service"]["additionalInfo"] =
            json!({"type": "default", "value": json!({"sample": true}).to_string()});
        shown
    }
}

/// What a sample is about.
fn detection(finding: &Finding, time: Timestamp) -> Detection {
    let process = |name: &str, pid: u32, parent| Process {
        name: name.to_owned(),
        exepath: format!("/usr/bin/{name}"),
        exe: name.to_owned(),
        cwd: "/".to_owned(),
        user: "root".to_owned(),
        pid,
        vpid: pid,
        parent,
        ..Process::default()
    };
    let parent = Arc::new(process("generatedfindingparent", 1, None));
    let remote = "198.51.100.0:443".parse().ok();
    Detection {
        id: finding.id.clone(),
        time,
        rule: finding.title.clone(),
        priority: finding.priority,
        source: Source::Syscall,
        hostname: String::new(),
        output: finding.summary.clone(),
        tags: Vec::new(),
        output_fields: serde_json::Map::new(),
        description: String::new(),
        condition: String::new(),
        folded: 0,
        action: None,
        event: Event {
            num: 1,
            time,
            source: Source::Syscall,
            kind: EventType::Connect,
            tid: 2,
            process: Arc::new(process("generatedfindingprocess", 2, Some(parent))),
            args: Vec::new(),
            paths: Vec::new(),
            fd: Some(Fd {
                num: 3,
                remote,
                l4proto: Some("tcp".to_owned()),
                client: Some(true),
                ..Fd::default()
            }),
            outcome: Outcome::Attempt,
            evidence: Evidence::default(),
            task: Arc::new(finding.task.clone()),
            container: Arc::new(finding.container.clone()),
        },
    }
}
