//! Where a service is asked.

use crate::Environment;

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Elastic Container Service.
    Ecs,
    /// Security Token Service.
    Sts,
    /// Simple Queue Service.
    Sqs,
    /// EventBridge.
    Events,
    /// Elastic Container Registry.
    Ecr,
    /// Secrets Manager.
    SecretsManager,
}

impl Service {
    /// The name in signatures and policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Sts => "sts",
            Self::Sqs => "sqs",
            Self::Events => "events",
            Self::Ecr => "ecr",
            Self::SecretsManager => "secretsmanager",
        }
    }

    /// The name in host names.
    fn host(self) -> &'static str {
        match self {
            Self::Ecr => "api.ecr",
            _ => self.name(),
        }
    }

    /// The name that people use.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Ecs => "ECS",
            Self::Sts => "STS",
            Self::Sqs => "SQS",
            Self::Events => "EventBridge",
            Self::Ecr => "ECR",
            Self::SecretsManager => "Secrets Manager",
        }
    }

    /// The variable that names another endpoint.
    fn variable(self) -> &'static str {
        match self {
            Self::Ecs => "AWS_ENDPOINT_URL_ECS",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
            Self::Sqs => "AWS_ENDPOINT_URL_SQS",
            Self::Events => "AWS_ENDPOINT_URL_EVENTBRIDGE",
            Self::Ecr => "AWS_ENDPOINT_URL_ECR",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        }
    }
}

/// The base URL of a service: `AWS_ENDPOINT_URL_ECS` (and the like), `AWS_ENDPOINT_URL`, or the region's public
/// endpoint. `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` leaves out the first two.
#[must_use]
pub fn endpoint(environment: &Environment, service: Service, region: &str) -> String {
    let ignored = environment
        .get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let given = environment.get(service.variable()).or_else(|| environment.get("AWS_ENDPOINT_URL"));
    match given.filter(|_| !ignored) {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://{}.{region}.{suffix}", service.host())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Service, endpoint};
    use crate::Environment;

    #[test]
    fn the_narrower_override_wins() {
        let none = Environment::default();
        assert_eq!(endpoint(&none, Service::Ecs, "eu-west-1"), "https://ecs.eu-west-1.amazonaws.com");
        assert_eq!(endpoint(&none, Service::Sts, "cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn");
        assert_eq!(endpoint(&none, Service::Ecr, "eu-west-1"), "https://api.ecr.eu-west-1.amazonaws.com");
        let both: Environment =
            [("AWS_ENDPOINT_URL", "http://a/"), ("AWS_ENDPOINT_URL_ECS", "http://b")].into_iter().collect();
        assert_eq!(endpoint(&both, Service::Ecs, "x"), "http://b");
        assert_eq!(endpoint(&both, Service::Sts, "x"), "http://a");
        let ignored: Environment =
            [("AWS_ENDPOINT_URL", "http://a"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE")]
                .into_iter()
                .collect();
        assert_eq!(endpoint(&ignored, Service::Ecs, "x"), "https://ecs.x.amazonaws.com");
    }
}
