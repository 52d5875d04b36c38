//! `action`: the connection or lookup a finding is about.

use fargard_model::{ActionResult, Detection, EventType};
use serde_json::{Map, Value, json};

use super::put;

/// The action of a detection; none for what GuardDuty has no action for.
pub(super) fn of_detection(detection: &Detection) -> Value {
    let event = &detection.event;
    let blocked = detection.action.as_ref().is_some_and(|taken| taken.result == ActionResult::Prevented);
    if event.kind == EventType::Asyncevent {
        let name = event.arg("question").map(ToString::to_string).unwrap_or_default();
        let mut request = Map::new();
        put(&mut request, "domain", &name);
        request.insert("protocol".to_owned(), protocol(detection).into());
        request.insert("blocked".to_owned(), blocked.into());
        return json!({"actionType": "DNS_REQUEST", "dnsRequestAction": request});
    }
    let Some(fd) = event.fd.as_ref().filter(|fd| fd.remote.is_some()) else { return json!({}) };
    let port = |port: u16| json!({"port": port, "portName": port_name(port)});
    let mut connection = json!({
        "connectionDirection": if fd.client == Some(false) { "INBOUND" } else { "OUTBOUND" },
        "protocol": protocol(detection),
        "blocked": blocked,
    });
    if let Some(remote) = fd.remote {
        let member = if remote.is_ipv4() { "ipAddressV4" } else { "ipAddressV6" };
        connection["remoteIpDetails"] = json!({member: remote.ip().to_string()});
        connection["remotePortDetails"] = port(remote.port());
    }
    if let Some(local) = fd.local {
        let member = if local.is_ipv4() { "ipAddressV4" } else { "ipAddressV6" };
        connection["localIpDetails"] = json!({member: local.ip().to_string()});
        connection["localPortDetails"] = port(local.port());
    }
    json!({"actionType": "NETWORK_CONNECTION", "networkConnectionAction": connection})
}

fn protocol(detection: &Detection) -> String {
    let known = detection.event.fd.as_ref().and_then(|fd| fd.l4proto.as_deref());
    let usual = if detection.event.kind == EventType::Asyncevent { "UDP" } else { "TCP" };
    known.map_or_else(|| usual.to_owned(), str::to_ascii_uppercase)
}

/// GuardDuty's names of well-known ports.
fn port_name(port: u16) -> &'static str {
    match port {
        22 => "SSH",
        53 => "DNS",
        80 => "HTTP",
        443 => "HTTPS",
        _ => "Unknown",
    }
}
