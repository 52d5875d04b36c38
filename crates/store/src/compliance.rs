//! Compliance: the policy by revision, and the latest results of checks by image, task and container.

use async_trait::async_trait;
use fargard_model::{CheckResult, Task, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError, column,
    cursor::{List, Position},
};

/// Most revisions of the policy that are kept.
pub const MAX_REVISIONS: u64 = 200;
/// Most results kept of a target; the latest stay.
pub const MAX_RESULTS: usize = 500;
/// Most images kept of a task; the latest stay. ECS allows ten containers.
pub const MAX_IMAGES: usize = 50;

/// A state of the policy. What is in it is its owner's matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRevision {
    /// Counts from 1.
    pub revision: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Name of the token that was used.
    pub who: String,
    /// The policy, as text.
    pub body: String,
}

/// Which targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetQuery {
    /// Only images of tasks, or only images before deployment.
    pub deployed: Option<bool>,
    /// Task ids or ARNs; empty for all.
    pub hosts: Vec<String>,
    /// Clusters; empty for all.
    pub clusters: Vec<String>,
    /// Accounts; empty for all.
    pub accounts: Vec<String>,
    /// Families; empty for all.
    pub families: Vec<String>,
    /// Services; empty for all.
    pub services: Vec<String>,
    /// Launch types; empty for all.
    pub launch_types: Vec<String>,
    /// Image references as they are; empty for all.
    pub images: Vec<String>,
    /// Image digest.
    pub digest: Option<String>,
    /// Numbers of checks of which one failed; empty for all.
    pub failed: Vec<u32>,
    /// Text that image, ARN, family, service or cluster contain, any letter case (ASCII).
    pub text: String,
    /// Rows wanted, 1 to [`crate::query::MAX_PAGE`]; 0 means 50.
    pub limit: usize,
    /// Cursor of the row before.
    pub cursor: Option<String>,
}

/// An image of a task, or one before deployment, with its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplianceTarget {
    /// Identity: 32 hexadecimal digits of task, image and digest.
    pub id: String,
    /// The task; empty before deployment.
    pub task: Task,
    /// Image reference as written in the task definition.
    pub image: String,
    /// Image digest when known.
    pub image_digest: String,
    /// Latest result.
    pub last_seen: Timestamp,
    /// All of the task's sensors said goodbye.
    pub ended: bool,
    /// The latest result of each check on each container, by container and number.
    pub results: Vec<CheckResult>,
}

impl ComplianceTarget {
    /// The cursor of what comes after this row.
    #[must_use]
    pub fn cursor(&self) -> String {
        let position = Position { at: column::sortable(self.last_seen), number: 0, name: self.id.clone() };
        position.cursor(List::Targets)
    }
}

/// A page of targets, latest result first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetPage {
    /// The rows.
    pub targets: Vec<ComplianceTarget>,
    /// How many there are on all pages.
    pub total: u64,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// How a standard stood on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandardDay {
    /// Days since the epoch.
    pub day: u64,
    /// The standard's name.
    pub standard: String,
    /// Controls failed.
    pub failed: u64,
    /// Controls passed.
    pub passed: u64,
    /// Controls not assessed.
    pub not_assessed: u64,
}

/// Policy and results. Results of tasks come with batches ([`crate::StateStore::apply`]).
#[async_trait]
pub trait ComplianceStore: Send + Sync {
    /// The latest policy; `None` before the first.
    async fn policy(&self) -> Result<Option<PolicyRevision>, StoreError>;
    /// The latest revisions, newest first, at most [`MAX_REVISIONS`].
    async fn policy_history(&self, limit: usize) -> Result<Vec<PolicyRevision>, StoreError>;
    /// Keeps a policy as the next revision; `false`, and nothing changes, when its number is not the next one.
    async fn put_policy(&self, policy: &PolicyRevision) -> Result<bool, StoreError>;
    /// Keeps results of images before deployment: those without a task; ids of their targets. Others are left out.
    async fn put_scan(&self, results: &[CheckResult]) -> Result<Vec<String>, StoreError>;
    /// Targets, latest result first.
    async fn targets(&self, query: &TargetQuery) -> Result<TargetPage, StoreError>;
    /// One target.
    async fn target(&self, id: &str) -> Result<Option<ComplianceTarget>, StoreError>;
    /// Keeps how standards stand on a day; what was kept of the same day is replaced.
    async fn put_days(&self, days: &[StandardDay]) -> Result<(), StoreError>;
    /// How standards stood, from a day on, oldest first.
    async fn days(&self, from: u64) -> Result<Vec<StandardDay>, StoreError>;
}
