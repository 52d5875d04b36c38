//! Identities of a task and its containers, in ECS's forms.

use fargard_model::Task;
use fargard_taskdef::TaskDefinition;
use sha2::{Digest, Sha256};

/// Region of tasks in the lab.
pub(crate) const REGION: &str = "local";
/// Account of tasks in the lab.
pub(crate) const ACCOUNT: &str = "000000000000";
/// Revision of a definition that ECS has not numbered.
const REVISION: u64 = 1;

/// A task's names.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) cluster: String,
    pub(crate) family: String,
    pub(crate) revision: String,
}

impl Names {
    pub(crate) fn new(definition: &TaskDefinition, cluster: &str) -> Self {
        Self {
            id: uuid::Uuid::now_v7().simple().to_string(),
            cluster: cluster.to_owned(),
            family: definition.family.clone(),
            revision: definition.revision.unwrap_or(REVISION).to_string(),
        }
    }

    fn arn(kind: &str, rest: &str) -> String {
        format!("arn:aws:ecs:{REGION}:{ACCOUNT}:{kind}/{rest}")
    }

    pub(crate) fn task_arn(&self) -> String {
        Self::arn("task", &format!("{}/{}", self.cluster, self.id))
    }

    pub(crate) fn cluster_arn(&self) -> String {
        Self::arn("cluster", &self.cluster)
    }

    /// As Fargate's: the task's id and a number of ten digits.
    pub(crate) fn docker_id(&self, container: &str) -> String {
        let number =
            self.digest(container).iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        format!("{}-{:010}", self.id, number % 10_000_000_000)
    }

    pub(crate) fn container_arn(&self, container: &str) -> String {
        let hex: String =
            self.digest(container).iter().skip(8).take(16).map(|byte| format!("{byte:02x}")).collect();
        Self::arn("container", &format!("{}/{}/{hex}", self.cluster, self.id))
    }

    fn digest(&self, container: &str) -> Vec<u8> {
        Sha256::digest(format!("{}/{container}", self.id)).to_vec()
    }

    pub(crate) fn hostname(&self) -> String {
        format!("lab-{}", self.id.get(20..).unwrap_or(&self.id))
    }

    /// The task as records name it.
    pub(crate) fn task(&self) -> Task {
        Task {
            arn: self.task_arn(),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            cluster: self.cluster.clone(),
            family: self.family.clone(),
            revision: self.revision.clone(),
            service: String::new(),
            launch_type: "FARGATE".to_owned(),
            availability_zone: format!("{REGION}a"),
        }
    }
}

/// Clusters are named like families.
pub(crate) fn is_cluster_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
