//! What GuardDuty's API keeps and reads beside coverage: filters, lists, members, samples; findings by region.

use async_trait::async_trait;
use fargard_coverage::{guardduty::Detector, inventory::Item};
use fargard_model::{Finding, FindingState, Priority, Timestamp};
use serde_json::Value;

use crate::StoreError;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A filter of findings, by its name in a detector.
    Filter,
    /// A list of trusted addresses, by id in a detector.
    IpSet,
    /// A list of bad addresses.
    ThreatIntelSet,
    /// A list of bad addresses and names.
    ThreatEntitySet,
    /// A list of trusted addresses and names.
    TrustedEntitySet,
    /// Where findings are to be written to, by id in a detector.
    Destination,
    /// A member account, by account in its administrator's detector.
    Member,
    /// What holds for new members, one in an administrator's detector.
    Organization,
    /// A sample finding, by id in a detector.
    Sample,
    /// What somebody thought of a finding, by its id in no scope.
    Feedback,
}

impl ObjectKind {
    /// Its name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::IpSet => "ipset",
            Self::ThreatIntelSet => "threatintelset",
            Self::ThreatEntitySet => "threatentityset",
            Self::TrustedEntitySet => "trustedentityset",
            Self::Destination => "publishingDestination",
            Self::Member => "member",
            Self::Organization => "organization",
            Self::Sample => "sample",
            Self::Feedback => "feedback",
        }
    }
}

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    /// What it is.
    pub kind: ObjectKind,
    /// Whose it is: a detector's id.
    pub scope: String,
    /// Its name there.
    pub name: String,
}

impl ObjectKey {
    /// The key of those parts.
    #[must_use]
    pub fn new(kind: ObjectKind, scope: &str, name: &str) -> Self {
        Self { kind, scope: scope.to_owned(), name: name.to_owned() }
    }
}

/// An object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Whose it is.
    pub scope: String,
    /// Its name there.
    pub name: String,
    /// What it says.
    pub body: Value,
}

/// Findings in the order of task and id. Empty lists do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingScan {
    /// What the task's ARN begins with; must not be empty.
    pub arn_prefix: String,
    /// States.
    pub states: Vec<FindingState>,
    /// Priorities.
    pub priorities: Vec<Priority>,
    /// Last seen at or after.
    pub since: Option<Timestamp>,
    /// Ids.
    pub ids: Vec<String>,
    /// Task and id of the last finding of the page before.
    pub after: Option<(String, String)>,
    /// Findings wanted, at most 1,000.
    pub limit: usize,
}

/// What is in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Services.
    pub services: u64,
    /// EC2 instances.
    pub instances: u64,
}

/// What GuardDuty's API needs of a store beside [`crate::StateStore`] and [`crate::CoverageStore`].
#[async_trait]
pub trait GuardDutyStore: Send + Sync {
    /// Objects of a scope by name, those after `after` ("" for all).
    async fn objects(
        &self,
        kind: ObjectKind,
        scope: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError>;
    /// Objects of that name in all scopes, or of all names, at most `limit`.
    async fn objects_named(
        &self,
        kind: ObjectKind,
        name: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError>;
    /// An object.
    async fn object(&self, key: &ObjectKey) -> Result<Option<Value>, StoreError>;
    /// Keeps a new object; `false` when there is one of its name.
    async fn add_object(&self, key: &ObjectKey, body: &Value) -> Result<bool, StoreError>;
    /// Keeps an object in place of one of its name.
    async fn put_object(&self, key: &ObjectKey, body: &Value) -> Result<(), StoreError>;
    /// Removes an object; whether there was one.
    async fn remove_object(&self, key: &ObjectKey) -> Result<bool, StoreError>;
    /// Removes everything of a scope.
    async fn forget_scope(&self, scope: &str) -> Result<(), StoreError>;
    /// Findings.
    async fn findings_of(&self, scan: &FindingScan) -> Result<Vec<Finding>, StoreError>;
    /// A resource of the inventory, by its ARN.
    async fn resource(&self, arn: &str) -> Result<Option<Item>, StoreError>;
    /// How much is in a cluster.
    async fn inside(&self, cluster: &str) -> Result<Inside, StoreError>;
    /// Accounts that have records of coverage in a region, those after `after`, in order.
    async fn accounts(&self, region: &str, after: &str, limit: usize) -> Result<Vec<String>, StoreError>;
    /// Detectors of a region by account, those after account `after`.
    async fn detectors(&self, region: &str, after: &str, limit: usize) -> Result<Vec<Detector>, StoreError>;
}
