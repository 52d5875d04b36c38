//! What EventBridge delivers: times in ISO 8601, the interface named `eni`, no tags.

use serde_json::{Value, json};

use super::{
    MAX_EVENTS,
    world::{Service, World},
};

/// Members of a task whose times the events write in their own way.
const TIMES: [&str; 9] = [
    "createdAt",
    "connectivityAt",
    "executionStoppedAt",
    "pullStartedAt",
    "pullStoppedAt",
    "startedAt",
    "stoppedAt",
    "stoppingAt",
    "updatedAt",
];

impl World {
    /// `ECS Task State Change`.
    pub(super) fn task_event(&mut self, arn: &str) {
        let Some(mut detail) = self.task_text(arn, false) else { return };
        let now = super::world::seconds(self.now);
        if let Some(members) = detail.as_object_mut() {
            members.remove("tags");
            members.insert("updatedAt".to_owned(), json!(now));
            for name in TIMES {
                if let Some(time) = members.get_mut(name) {
                    *time = iso(time.as_f64().unwrap_or_default());
                }
            }
        }
        if let Some(kind) = detail.pointer_mut("/attachments/0/type") {
            *kind = json!("eni");
        }
        self.event("ECS Task State Change", arn, &detail);
    }

    /// `ECS Deployment State Change`, of the primary roll-out.
    pub(super) fn deployment_event(&mut self, service: &Service, name: &str, reason: &str) {
        let id = service.deployments.first().map(|first| first.id.clone()).unwrap_or_default();
        let kind = if name == "SERVICE_DEPLOYMENT_FAILED" { "ERROR" } else { "INFO" };
        let detail = json!({
            "eventType": kind,
            "eventName": name,
            "deploymentId": id,
            "updatedAt": iso(super::world::seconds(self.now)),
            "reason": reason,
        });
        self.event("ECS Deployment State Change", &service.arn, &detail);
    }

    /// `ECS Service Action`.
    pub(super) fn service_event(&mut self, service: &Service, kind: &str, name: &str) {
        let detail = json!({
            "eventType": kind,
            "eventName": name,
            "clusterArn": self.arn(&format!("cluster/{}", service.cluster)),
            "createdAt": iso(super::world::seconds(self.now)),
        });
        self.event("ECS Service Action", &service.arn, &detail);
    }

    /// Puts an event where it waits to be taken.
    pub(super) fn event(&mut self, kind: &str, resource: &str, detail: &Value) {
        let id = self.id();
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        let time = iso(super::world::seconds(self.now).floor());
        self.events.push_back(json!({
            "version": "0",
            "id": dashed(&id),
            "detail-type": kind,
            "source": "aws.ecs",
            "account": self.account,
            "time": time,
            "region": self.region,
            "resources": [resource],
            "detail": detail,
        }));
    }
}

fn iso(seconds: f64) -> Value {
    let at = fargard_model::Timestamp((seconds * 1000.0).round() as u64 * 1_000_000);
    // Nanoseconds are more than ECS tells.
    let text = at.rfc3339();
    let text = text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    Value::String(format!("{text}Z"))
}

/// A UUID's form.
fn dashed(id: &str) -> String {
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
