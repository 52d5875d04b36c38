//! Names of ECS resources: `arn:PARTITION:ecs:REGION:ACCOUNT:KIND/REST`.

/// Longest ARN that is looked at; ECS's own stay far below.
const MAX_ARN: usize = 512;

/// The parts of an ECS ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcsArn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'a str,
    /// Region.
    pub region: &'a str,
    /// Twelve digits.
    pub account: &'a str,
    /// `cluster`, `service`, `task`, `task-definition`, `container-instance`.
    pub kind: &'a str,
    /// What follows the kind's slash: `CLUSTER/ID`, `NAME`, or the bare id of the old format.
    pub rest: &'a str,
}

impl<'a> EcsArn<'a> {
    /// The parts, `None` when the text is no ECS ARN.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_ARN || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return None;
        }
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let partition = parts.next().filter(|part| part.starts_with("aws"))?;
        if parts.next() != Some("ecs") {
            return None;
        }
        let region = parts.next().filter(|part| !part.is_empty())?;
        let account = parts.next().filter(|part| is_account(part))?;
        let (kind, rest) = parts.next()?.split_once('/')?;
        (!rest.is_empty()).then_some(Self { partition, region, account, kind, rest })
    }

    /// Last part of the name: a cluster's or service's name, a task's id.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.rest.rsplit('/').next().unwrap_or(self.rest)
    }

    /// Whether the cluster's name is missing from it, as before ECS's long ARN format.
    #[must_use]
    pub fn is_old_format(&self) -> bool {
        matches!(self.kind, "task" | "service" | "container-instance") && !self.rest.contains('/')
    }
}

/// Whether the text is an AWS account id: twelve digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::EcsArn;

    #[test]
    fn arns_have_parts_and_others_have_none() {
        let task = EcsArn::parse("arn:aws:ecs:eu-west-1:111122223333:task/prod/0f9de17a").unwrap();
        assert_eq!((task.kind, task.name(), task.account), ("task", "0f9de17a", "111122223333"));
        assert!(!task.is_old_format());
        let old = EcsArn::parse("arn:aws:ecs:eu-west-1:111122223333:task/0f9de17a").unwrap();
        assert!(old.is_old_format());
        for text in [
            "",
            "arn:aws:ecs:eu-west-1:1:task/a",
            "arn:aws:ec2:eu-west-1:111122223333:task/a",
            "arn:aws:ecs:eu-west-1:111122223333:task",
            "arn:aws:ecs:eu-west-1:111122223333:task/",
            "arn:aws:ecs:eu-west-1:111122223333:task/a b",
        ] {
            assert_eq!(EcsArn::parse(text), None, "{text}");
        }
    }
}
