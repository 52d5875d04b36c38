//! What an administrator's region holds for accounts that come.

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AwsError, Detector, body};

/// For whom something is switched on by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AutoEnable {
    /// All accounts.
    All,
    /// Accounts that come from now on.
    New,
    /// None.
    #[default]
    None,
}

impl AutoEnable {
    fn name(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::New => "NEW",
            Self::None => "NONE",
        }
    }
}

/// An administrator's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// The administrator's account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Which accounts become members by being known.
    pub auto_enable: AutoEnable,
    /// Whose new detectors begin with Runtime Monitoring.
    pub monitoring: AutoEnable,
    /// Whose new detectors begin with automated agents on Fargate.
    pub automation: AutoEnable,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    auto_enable: Option<bool>,
    auto_enable_organization_members: Option<AutoEnable>,
    features: Option<Vec<Feature>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feature {
    name: String,
    auto_enable: AutoEnable,
    additional_configuration: Option<Vec<Feature>>,
}

/// Features of organizations that this server has not.
const OTHERS: [&str; 7] = [
    "S3_DATA_EVENTS",
    "EKS_AUDIT_LOGS",
    "EBS_MALWARE_PROTECTION",
    "RDS_LOGIN_EVENTS",
    "LAMBDA_NETWORK_LOGS",
    "EKS_RUNTIME_MONITORING",
    "AI_PROTECTION",
];
const OTHER_ADDITIONS: [&str; 2] = ["EKS_ADDON_MANAGEMENT", "EC2_AGENT_MANAGEMENT"];

fn must_be_none(feature: &Feature, known: &[&str]) -> Result<(), AwsError> {
    if !known.contains(&feature.name.as_str()) {
        return Err(AwsError::invalid(&format!("There is no feature {:.64}.", feature.name)));
    }
    if feature.auto_enable != AutoEnable::None {
        return Err(AwsError::bad_request(format!(
            "The request is rejected because {} is not supported by this server.",
            feature.name
        )));
    }
    Ok(())
}

impl Organization {
    /// What holds before anybody has said anything: every account the server knows is a member, and detectors begin as
    /// they are made.
    #[must_use]
    pub fn new(account: &str, region: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            auto_enable: AutoEnable::All,
            monitoring: AutoEnable::None,
            automation: AutoEnable::None,
        }
    }

    /// The configuration after an `UpdateOrganizationConfiguration` request.
    ///
    /// # Errors
    /// What cannot be, named.
    pub fn update(mut self, request: &[u8]) -> Result<Self, AwsError> {
        let input: Input = body::read(request)?;
        let old_form = input.auto_enable.map(|yes| if yes { AutoEnable::New } else { AutoEnable::None });
        self.auto_enable = input.auto_enable_organization_members.or(old_form).unwrap_or(self.auto_enable);
        for feature in input.features.unwrap_or_default() {
            if feature.name != "RUNTIME_MONITORING" {
                must_be_none(&feature, &OTHERS)?;
                continue;
            }
            self.monitoring = feature.auto_enable;
            for addition in feature.additional_configuration.unwrap_or_default() {
                if addition.name == "ECS_FARGATE_AGENT_MANAGEMENT" {
                    self.automation = addition.auto_enable;
                } else {
                    must_be_none(&addition, &OTHER_ADDITIONS)?;
                }
            }
        }
        Ok(self)
    }

    /// Switches on what members' detectors are to begin with.
    pub fn begin(&self, detector: &mut Detector, now: Timestamp) {
        self.switch(detector, now, |auto| auto != AutoEnable::None);
    }

    /// Switches on what all members' detectors are to have; whether that changed anything.
    pub fn spread(&self, detector: &mut Detector, now: Timestamp) -> bool {
        let before = detector.clone();
        self.switch(detector, now, |auto| auto == AutoEnable::All);
        *detector != before
    }

    fn switch(&self, detector: &mut Detector, now: Timestamp, applies: fn(AutoEnable) -> bool) {
        if applies(self.monitoring) {
            detector.monitoring.switch(true, now);
        }
        if applies(self.automation) {
            detector.automation.switch(true, now);
        }
    }

    /// The answer to `DescribeOrganizationConfiguration`.
    #[must_use]
    pub fn render(&self) -> Value {
        let none = |name: &&str| json!({"name": name, "autoEnable": "NONE"});
        let mut features: Vec<Value> = OTHERS.iter().map(none).collect();
        features.push(json!({
            "name": "RUNTIME_MONITORING",
            "autoEnable": self.monitoring.name(),
            "additionalConfiguration": [
                none(&"EKS_ADDON_MANAGEMENT"),
                {"name": "ECS_FARGATE_AGENT_MANAGEMENT", "autoEnable": self.automation.name()},
                none(&"EC2_AGENT_MANAGEMENT"),
            ],
        }));
        let off = json!({"autoEnable": false});
        json!({
            "autoEnable": self.auto_enable != AutoEnable::None,
            "autoEnableOrganizationMembers": self.auto_enable.name(),
            "memberAccountLimitReached": false,
            "dataSources": {
                "s3Logs": off,
                "kubernetes": {"auditLogs": off},
                "malwareProtection": {"scanEc2InstanceWithFindings": {"ebsVolumes": off}},
            },
            "features": features,
        })
    }
}
