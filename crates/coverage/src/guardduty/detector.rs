//! Detectors: what an account has switched on in a region.
//!
//! GuardDuty's features beside Runtime Monitoring of ECS are known by name and are always off here: saying that
//! something is on that nobody does would be worse than refusing it.

use std::collections::BTreeMap;

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AwsError, body, list_coverage::epoch, tags};
use crate::rules::{Policy, Switch};

/// Whether a feature is on, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureState {
    /// On.
    pub on: bool,
    /// When it was last switched.
    pub updated_at: Timestamp,
}

/// A feature that this server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// `RUNTIME_MONITORING`.
    RuntimeMonitoring,
    /// Its `ECS_FARGATE_AGENT_MANAGEMENT`.
    FargateAgentManagement,
}

/// A detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detector {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
    /// Enabled as a whole.
    pub enabled: bool,
    /// `FIFTEEN_MINUTES`, `ONE_HOUR`, `SIX_HOURS`.
    pub frequency: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Runtime Monitoring.
    pub monitoring: FeatureState,
    /// Automated agents on Fargate.
    pub automation: FeatureState,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    enable: Option<bool>,
    finding_publishing_frequency: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    features: Option<Vec<FeatureInput>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FeatureInput {
    name: String,
    status: String,
    additional_configuration: Option<Vec<FeatureInput>>,
}

const FREQUENCIES: [&str; 3] = ["FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"];
/// Features GuardDuty has and this server has not.
const OTHERS: [&str; 8] = [
    "S3_DATA_EVENTS",
    "EKS_AUDIT_LOGS",
    "EBS_MALWARE_PROTECTION",
    "RDS_LOGIN_EVENTS",
    "LAMBDA_NETWORK_LOGS",
    "EKS_RUNTIME_MONITORING",
    "AI_PROTECTION",
    "AI_ANALYST",
];
/// Additional configurations, likewise; the order of answers is EKS, ECS, EC2, as Terraform keeps it.
const OTHER_ADDITIONS: [&str; 3] = ["EKS_ADDON_MANAGEMENT", "EC2_AGENT_MANAGEMENT", "RDS_DATA_RISK"];

fn is_on(feature: &FeatureInput) -> Result<bool, AwsError> {
    match feature.status.as_str() {
        "ENABLED" => Ok(true),
        "DISABLED" => Ok(false),
        _ => Err(AwsError::invalid(&format!("status of {:.64} must be ENABLED or DISABLED.", feature.name))),
    }
}

fn must_be_off(feature: &FeatureInput) -> Result<(), AwsError> {
    if is_on(feature)? {
        return Err(AwsError::bad_request(format!(
            "The request is rejected because {} is not supported by this server.",
            feature.name
        )));
    }
    Ok(())
}

impl FeatureState {
    pub(super) fn switch(&mut self, on: bool, now: Timestamp) {
        if self.on != on {
            *self = Self { on, updated_at: now };
        }
    }
}

impl Detector {
    fn apply(&mut self, features: Vec<FeatureInput>, now: Timestamp) -> Result<(), AwsError> {
        let monitors = |name: &str| features.iter().any(|feature| feature.name == name);
        if monitors("RUNTIME_MONITORING") && monitors("EKS_RUNTIME_MONITORING") {
            return Err(AwsError::bad_request(
                "The request is rejected because EKS_RUNTIME_MONITORING and RUNTIME_MONITORING cannot be given together.",
            ));
        }
        for feature in features {
            match feature.name.as_str() {
                "RUNTIME_MONITORING" => {
                    self.monitoring.switch(is_on(&feature)?, now);
                    for addition in feature.additional_configuration.unwrap_or_default() {
                        match addition.name.as_str() {
                            "ECS_FARGATE_AGENT_MANAGEMENT" => self.automation.switch(is_on(&addition)?, now),
                            name if OTHER_ADDITIONS.contains(&name) => must_be_off(&addition)?,
                            name => {
                                return Err(AwsError::invalid(&format!(
                                    "There is no configuration {name:.64}."
                                )));
                            }
                        }
                    }
                }
                name if OTHERS.contains(&name) => must_be_off(&feature)?,
                name => return Err(AwsError::invalid(&format!("There is no feature {name:.64}."))),
            }
        }
        Ok(())
    }

    fn set_frequency(&mut self, frequency: Option<String>) -> Result<(), AwsError> {
        if let Some(frequency) = frequency {
            if !FREQUENCIES.contains(&frequency.as_str()) {
                return Err(AwsError::invalid("findingPublishingFrequency is not one of GuardDuty's."));
            }
            self.frequency = frequency;
        }
        Ok(())
    }

    /// What holds for tasks of its account and region.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let switch = |state: FeatureState| Switch { on: state.on && self.enabled, since: state.updated_at };
        Policy {
            monitoring: switch(self.monitoring),
            automation: switch(self.automation),
            ..Policy::default()
        }
    }
}

/// The detector that a `CreateDetector` request makes.
///
/// # Errors
/// What cannot be, named.
pub fn create_detector(
    request: &[u8],
    id: String,
    account: &str,
    region: &str,
    now: Timestamp,
) -> Result<Detector, AwsError> {
    let input: Input = body::read(request)?;
    let enabled = input.enable.ok_or_else(|| AwsError::invalid("enable is needed."))?;
    let mut detector = Detector {
        id,
        account: account.to_owned(),
        region: region.to_owned(),
        enabled,
        frequency: "SIX_HOURS".to_owned(),
        created_at: now,
        updated_at: now,
        tags: input.tags.unwrap_or_default(),
        monitoring: FeatureState { on: false, updated_at: now },
        automation: FeatureState { on: false, updated_at: now },
    };
    tags::check(&detector.tags)?;
    detector.set_frequency(input.finding_publishing_frequency)?;
    detector.apply(input.features.unwrap_or_default(), now)?;
    Ok(detector)
}

/// The detector after an `UpdateDetector` request, which names only what changes.
///
/// # Errors
/// What cannot be, named.
pub fn update_detector(mut detector: Detector, request: &[u8], now: Timestamp) -> Result<Detector, AwsError> {
    let input: Input = body::read(request)?;
    detector.set_frequency(input.finding_publishing_frequency)?;
    detector.apply(input.features.unwrap_or_default(), now)?;
    detector.enabled = input.enable.unwrap_or(detector.enabled);
    detector.updated_at = now;
    Ok(detector)
}

/// The answer to `GetDetector`. Its times are texts, those of features numbers; so says the model.
#[must_use]
pub fn get_detector(detector: &Detector) -> Value {
    let status = |on: bool| if on { "ENABLED" } else { "DISABLED" };
    let whole = |on: bool| status(on && detector.enabled);
    let off =
        |name: &str| json!({"name": name, "status": "DISABLED", "updatedAt": epoch(detector.created_at)});
    let mut features: Vec<Value> =
        ["CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS"].iter().chain(&OTHERS).map(|name| off(name)).collect();
    features.push(json!({
        "name": "RUNTIME_MONITORING",
        "status": whole(detector.monitoring.on),
        "updatedAt": epoch(detector.monitoring.updated_at),
        "additionalConfiguration": [
            off("EKS_ADDON_MANAGEMENT"),
            {"name": "ECS_FARGATE_AGENT_MANAGEMENT", "status": whole(detector.automation.on),
             "updatedAt": epoch(detector.automation.updated_at)},
            off("EC2_AGENT_MANAGEMENT"),
        ],
    }));
    let disabled = json!({"status": "DISABLED"});
    json!({
        "createdAt": iso(detector.created_at),
        "updatedAt": iso(detector.updated_at),
        "findingPublishingFrequency": detector.frequency,
        "serviceRole": format!("arn:aws:iam::{}:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty", detector.account),
        "status": status(detector.enabled),
        "dataSources": {
            "cloudTrail": disabled, "dnsLogs": disabled, "flowLogs": disabled, "s3Logs": disabled,
            "kubernetes": {"auditLogs": disabled},
            "malwareProtection": {"scanEc2InstanceWithFindings": {"ebsVolumes": disabled}},
        },
        "tags": detector.tags,
        "features": features,
    })
}

pub(super) fn iso(time: Timestamp) -> String {
    i64::try_from(time.0 / 1_000_000)
        .ok()
        .and_then(|milliseconds| jiff::Timestamp::from_millisecond(milliseconds).ok())
        .map(|at| format!("{at:.3}"))
        .unwrap_or_default()
}
