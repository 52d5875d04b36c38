//! An account to test with.

use std::time::Duration;

use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions};
use serde_json::{Value, json};

pub(crate) fn account() -> ControlPlane {
    ControlPlane::start(ControlPlaneOptions::default()).unwrap()
}

pub(crate) fn call(plane: &ControlPlane, operation: &str, input: &Value) -> Value {
    plane.call(operation, input).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
}

pub(crate) fn definition(image: &str) -> Value {
    json!({
        "family": "web",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": ".25 vCPU",
        "memory": "0.5GB",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [
            {"name": "app", "image": image, "portMappings": [{"containerPort": 80}]},
            {"name": "sidecar", "image": "proxy:1", "essential": false},
        ],
        "tags": [{"key": "team", "value": "blue"}],
    })
}

pub(crate) fn service(desired: u64) -> Value {
    json!({
        "serviceName": "web",
        "taskDefinition": "web",
        "desiredCount": desired,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        "tags": [{"key": "team", "value": "blue"}],
    })
}

/// A cluster `default` with a settled service `web` of `web:1`.
pub(crate) fn with_service(desired: u64) -> ControlPlane {
    let plane = account();
    call(&plane, "CreateCluster", &json!({}));
    call(&plane, "RegisterTaskDefinition", &definition("app:1"));
    call(&plane, "CreateService", &service(desired));
    plane.advance(Duration::from_secs(60));
    plane
}

pub(crate) fn described(plane: &ControlPlane) -> Value {
    call(plane, "DescribeServices", &json!({"services": ["web"]}))["services"][0].clone()
}
