//! An account with services, and an agent for it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fargard_agent::{Agent, AgentOptions, Round, Status};
use fargard_aws::{Account, AccountOptions, Clock, Ecs, Environment};
use fargard_lab::control_plane::{ControlPlane, ControlPlaneOptions};
use fargard_model::Timestamp;
use fargard_taskdef::embed::{ImageConfig, ImageTable, Settings};
use serde_json::{Value, json};

/// Image of the sensor.
pub(crate) const SENSOR: &str = "registry.example/fargard-sensor:1";

/// Waiting lets the control plane's time pass.
#[derive(Debug)]
struct Simulated(Arc<ControlPlane>);

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn wait(&self, time: Duration) {
        self.0.advance(time);
    }
}

pub(crate) struct Stage {
    pub(crate) plane: Arc<ControlPlane>,
    images: ImageTable,
}

impl Stage {
    /// An account with a cluster `main`.
    pub(crate) fn new() -> Self {
        let options = ControlPlaneOptions { throttle: true, ..ControlPlaneOptions::default() };
        let stage = Self { plane: Arc::new(ControlPlane::start(options).unwrap()), images: images() };
        stage.call("CreateCluster", &json!({"clusterName": "main"}));
        stage
    }

    pub(crate) fn call(&self, operation: &str, input: &Value) -> Value {
        self.plane.call(operation, input).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
    }

    /// A settled service of a family of its own.
    pub(crate) fn service(&self, name: &str, tags: &Value, more: &Value) {
        self.register(name, "app:1");
        self.create(name, name, tags, more);
    }

    pub(crate) fn create(&self, name: &str, definition: &str, tags: &Value, more: &Value) {
        let mut input = json!({
            "cluster": "main", "serviceName": name, "taskDefinition": definition, "desiredCount": 2,
            "launchType": "FARGATE", "tags": tags,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call("CreateService", &input);
    }

    pub(crate) fn register(&self, family: &str, image: &str) -> String {
        let registered = self.call(
            "RegisterTaskDefinition",
            &json!({
                "family": family, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
                "memory": "1024", "tags": [{"key": "team", "value": "blue"}],
                "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
                "containerDefinitions": [
                    {"name": "app", "image": image, "portMappings": [{"containerPort": 80}]},
                    {"name": "job", "image": "job", "entryPoint": ["/job"], "essential": false},
                ],
            }),
        );
        registered["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
    }

    pub(crate) fn ecs(&self) -> Ecs {
        let url = self.plane.url();
        let environment: Environment = [
            ("AWS_ENDPOINT_URL_ECS", url.as_str()),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
        ]
        .into_iter()
        .collect();
        let clock: Arc<dyn Clock> = Arc::new(Simulated(Arc::clone(&self.plane)));
        let region = Some("eu-west-1".to_owned());
        let options = AccountOptions { region, environment, clock, role: None };
        Ecs::new(Arc::new(Account::open(options).unwrap()))
    }

    pub(crate) fn agent(&self, options: AgentOptions) -> Agent<'_> {
        Agent::new(self.ecs(), options, &self.images).unwrap()
    }

    /// What a service runs.
    pub(crate) fn described(&self, name: &str) -> Value {
        let described = self.call("DescribeServices", &json!({"cluster": "main", "services": [name]}));
        described["services"][0].clone()
    }

    /// `family:revision` of what a service runs.
    pub(crate) fn runs(&self, name: &str) -> String {
        let arn = self.described(name)["taskDefinition"].as_str().unwrap().to_owned();
        arn.rsplit('/').next().unwrap().to_owned()
    }

    /// Calls that change something.
    pub(crate) fn changes(&self) -> (u64, u64) {
        let calls = self.plane.calls();
        let of = |name: &str| calls.get(name).copied().unwrap_or_default();
        (of("RegisterTaskDefinition"), of("UpdateService"))
    }
}

fn images() -> ImageTable {
    let config = ImageConfig {
        entrypoint: vec!["/app".to_owned()],
        cmd: vec!["serve".to_owned()],
        ..ImageConfig::default()
    };
    let names = ["app:1", "app:2", "app:3"].map(|name| (name.to_owned(), config.clone()));
    ImageTable(names.into_iter().collect())
}

pub(crate) fn applying() -> AgentOptions {
    AgentOptions { apply: true, ..reporting() }
}

pub(crate) fn reporting() -> AgentOptions {
    let settings = Settings { sensor_image: SENSOR.to_owned(), ..Settings::default() };
    AgentOptions { settings, ..AgentOptions::default() }
}

/// How services stand.
pub(crate) fn statuses(round: &Round) -> BTreeMap<String, Status> {
    round.standings.iter().map(|standing| (standing.service.clone(), standing.status)).collect()
}

/// How one service stands, and why.
pub(crate) fn standing<'a>(round: &'a Round, name: &str) -> (Status, &'a str) {
    let found = round.standings.iter().find(|standing| standing.service == name);
    found.map(|standing| (standing.status, standing.reason.as_str())).unwrap()
}
