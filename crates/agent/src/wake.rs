//! Which services EventBridge's events are about: they only say where to look sooner.

use serde_json::Value;

/// A service worth looking at, or a whole account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A service of a cluster.
    Service {
        /// The cluster's name.
        cluster: String,
        /// The service's ARN.
        service: String,
    },
    /// Anything may have changed.
    All,
}

/// What an event is about; `None` for what needs no look. It may be of any form: it comes from a queue.
#[must_use]
pub fn wake(event: &Value) -> Option<Wake> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if text("/source") != "aws.ecs" {
        return None;
    }
    match text("/detail-type") {
        "ECS Deployment State Change" | "ECS Service Action" => of_arn(text("/resources/0")),
        "AWS API Call via CloudTrail" => match text("/detail/eventName") {
            "CreateService" | "UpdateService" => {
                of_arn(text("/detail/responseElements/service/serviceArn")).or(Some(Wake::All))
            }
            // A tag may bring anything into scope or take it out.
            "TagResource" | "UntagResource" => Some(Wake::All),
            _ => None,
        },
        _ => None,
    }
}

fn of_arn(arn: &str) -> Option<Wake> {
    let mut parts = arn.split(":service/").nth(1)?.split('/');
    let (cluster, name) = (parts.next()?, parts.next()?);
    (!name.is_empty()).then(|| Wake::Service { cluster: cluster.to_owned(), service: arn.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Wake, wake};

    #[test]
    fn events_name_services() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:service/blue/web";
        let service = Some(Wake::Service { cluster: "blue".to_owned(), service: arn.to_owned() });
        let event = |kind: &str, resource: &str| json!({"source": "aws.ecs", "detail-type": kind, "resources": [resource]});
        assert_eq!(wake(&event("ECS Deployment State Change", arn)), service);
        assert_eq!(wake(&event("ECS Service Action", arn)), service);
        assert_eq!(wake(&event("ECS Service Action", "arn:aws:ecs:eu-west-1:1:service/web")), None);
        assert_eq!(wake(&event("ECS Task State Change", arn)), None);
        assert_eq!(wake(&json!([1])), None);
        let call = json!({"source": "aws.ecs", "detail-type": "AWS API Call via CloudTrail",
            "detail": {"eventName": "UpdateService", "responseElements": {"service": {"serviceArn": arn}}}});
        assert_eq!(wake(&call), service);
    }
}
