//! Sending to a bus, against moto's EventBridge, whose rule puts it into a queue.

use std::time::Duration;

use fargard_aws::{Event, EventBus, Queue};
use fargard_model::Timestamp;
use serde_json::{Value, json};

use crate::moto::Moto;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn an_event_goes_through_a_rule_into_a_queue() {
    let Some(moto) = Moto::start() else { return };
    let url = moto.queue("changes", &json!({}));
    let pattern = json!({"source": ["fargard.guardduty"]}).to_string();
    moto.call("events", "AWSEvents.PutRule", &json!({"Name": "changes", "EventPattern": pattern}));
    let target = json!([{"Id": "1", "Arn": "arn:aws:sqs:eu-west-1:123456789012:changes"}]);
    moto.call("events", "AWSEvents.PutTargets", &json!({"Rule": "changes", "Targets": target}));
    let bus = EventBus::open("default", moto.options(), PATIENCE).unwrap();
    let resources = ["arn:aws:ecs:eu-west-1:123456789012:cluster/prod".to_owned()];
    let detail = json!({"currentStatus": "Unhealthy", "text": "ä \" \u{1f600}"}).to_string();
    let event = |source| Event {
        source,
        detail_type: "GuardDuty Runtime Protection Unhealthy",
        time: Timestamp(1_763_700_000_000_000_000),
        resources: &resources,
        detail: &detail,
    };
    bus.put(event("somebody.else")).unwrap();
    bus.put(event("fargard.guardduty")).unwrap();
    let queue = Queue::open(&url, moto.options()).unwrap();
    let messages = queue.receive(Duration::from_secs(20)).unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let got: Value = serde_json::from_str(&messages[0].body).unwrap();
    assert_eq!(got["detail-type"], "GuardDuty Runtime Protection Unhealthy");
    assert_eq!((&got["source"], &got["resources"]), (&json!("fargard.guardduty"), &json!(resources)));
    assert_eq!(got["detail"], serde_json::from_str::<Value>(&detail).unwrap());
    // An entry that EventBridge refuses is an error although the call succeeds.
    let broken = Event { detail: "no JSON", ..event("fargard.guardduty") };
    let error = bus.put(broken).unwrap_err().to_string();
    assert!(error.starts_with("EventBridge PutEvents in eu-west-1: MalformedDetail"), "{error}");
    for bad in ["", "a b", "bus\n"] {
        assert!(EventBus::open(bad, moto.options(), PATIENCE).is_err(), "{bad:?}");
    }
}
