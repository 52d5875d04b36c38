//! Containers that are not an app's own: routers, proxies, agents, and products that trace processes too.

/// Parts of image names of agents and proxies, without registry and tag.
const AGENTS: &[&str] = &[
    "aws-xray-daemon",
    "aws-otel-collector",
    "opentelemetry-collector",
    "cloudwatch-agent",
    "amazon-ssm-agent",
    "datadog/agent",
    "newrelic/nri-ecs",
    "amazon-ecs-service-connect-agent",
];
const PROXIES: &[&str] = &["aws-appmesh-envoy", "envoyproxy/envoy"];

/// Parts of image names of products that trace the task's processes.
const TRACERS: &[(&str, &str)] = &[
    ("falcosecurity/", "Falco"),
    ("/falco", "Falco"),
    ("pdig", "Falco"),
    ("sysdig/workload-agent", "Sysdig"),
    ("sysdig/orchestrator-agent", "Sysdig"),
    ("twistlock/defender", "Prisma Cloud"),
    ("cws-instrumentation", "Datadog Workload Security"),
    ("falcon-container", "CrowdStrike Falcon"),
    ("falcon-sensor", "CrowdStrike Falcon"),
    ("microenforcer", "Aqua MicroEnforcer"),
    ("lacework/datacollector", "Lacework"),
];

/// Beginnings and names of programs that such products put before a container's own.
const TRACER_PROGRAMS: &[(&str, &str)] = &[
    ("/opt/draios/", "Sysdig"),
    ("/var/lib/twistlock/", "Prisma Cloud"),
    ("/cws-instrumentation-volume/", "Datadog Workload Security"),
    ("/tmp/CrowdStrike/", "CrowdStrike Falcon"),
    ("/.aquasec/", "Aqua MicroEnforcer"),
    ("/vendor/falco/", "Falco"),
];

/// Names of containers that such products add.
const TRACER_CONTAINERS: &[(&str, &str)] = &[
    ("TwistlockDefender", "Prisma Cloud"),
    ("SysdigInstrumentation", "Sysdig"),
    ("KiltUtilities", "Falco"),
    ("crowdstrike-falcon-init-container", "CrowdStrike Falcon"),
    ("cws-instrumentation-init", "Datadog Workload Security"),
    ("datacollector-sidecar", "Lacework"),
    ("aqua-sidecar", "Aqua MicroEnforcer"),
];

/// The name in an image reference: no tag, no digest.
fn repository(image: &str) -> String {
    let image = image.split('@').next().unwrap_or_default();
    let after_slash = image.rfind('/').map_or(0, |at| at + 1);
    let tag = image.get(after_slash..).and_then(|last| last.find(':')).map(|at| after_slash + at);
    image.get(..tag.unwrap_or(image.len())).unwrap_or_default().to_ascii_lowercase()
}

pub(crate) fn is_agent(image: &str) -> bool {
    let name = repository(image);
    AGENTS.iter().any(|part| name.contains(part))
}

pub(crate) fn is_proxy(image: &str) -> bool {
    let name = repository(image);
    PROXIES.iter().any(|part| name.contains(part))
}

/// The product that an image, a container's name or the first words of its entry point belong to.
pub(crate) fn tracer(name: &str, image: Option<&str>, entry_point: &[String]) -> Option<&'static str> {
    let repository = image.map(repository).unwrap_or_default();
    let by_image = TRACERS.iter().find(|(part, _)| repository.contains(part));
    let by_name = TRACER_CONTAINERS.iter().find(|(known, _)| *known == name);
    let by_program = entry_point.iter().find_map(|word| {
        let is_name = |name: &str| word.rsplit('/').next() == Some(name);
        if is_name("pdig") {
            return Some(&("pdig", "Falco"));
        }
        TRACER_PROGRAMS.iter().find(|(start, _)| word.starts_with(start))
    });
    by_image.or(by_name).or(by_program).map(|(_, product)| *product)
}

#[cfg(test)]
mod tests {
    use super::{is_agent, is_proxy, tracer};

    #[test]
    fn images_are_known_by_name_whatever_registry_and_tag() {
        assert!(
            is_agent("public.ecr.aws/xray/aws-xray-daemon:latest")
                && is_agent("localhost:5000/datadog/agent")
        );
        assert!(is_proxy("840364872350.dkr.ecr.eu-west-1.amazonaws.com/aws-appmesh-envoy:v1.15.1.0-prod"));
        assert!(!is_agent("nginx:aws-xray-daemon") && !is_proxy("shop@sha256:envoyproxy"));
    }

    #[test]
    fn other_tracers_are_known_by_image_name_and_program() {
        let words = |text: &str| vec![text.to_owned()];
        assert_eq!(tracer("a", Some("falcosecurity/falco:0.40"), &[]), Some("Falco"));
        assert_eq!(tracer("TwistlockDefender", None, &[]), Some("Prisma Cloud"));
        assert_eq!(tracer("app", Some("nginx"), &words("/opt/draios/bin/instrument")), Some("Sysdig"));
        assert_eq!(tracer("app", Some("nginx"), &words("/vendor/falco/bin/pdig")), Some("Falco"));
        assert_eq!(tracer("app", Some("nginx"), &words("/docker-entrypoint.sh")), None);
    }
}
