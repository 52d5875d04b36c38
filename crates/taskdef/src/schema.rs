//! The members ECS knows, as RegisterTaskDefinition takes them (API 2014-11-13).

/// The type of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Integer,
    Boolean,
    /// A list of one kind.
    List(&'static Kind),
    /// Names of the user's choice with text values.
    Map,
    Object(&'static [Known]),
    /// Known to ECS, not read here.
    Any,
}

/// A member, its type, and whether ECS requires it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

const fn may(name: &'static str, kind: Kind) -> Known {
    Known { name, kind, required: false }
}

const fn must(name: &'static str, kind: Kind) -> Known {
    Known { name, kind, required: true }
}

use Kind::{Any, Boolean, Integer, List, Map, Object, Text};

const TEXTS: Kind = List(&Text);
const PAIRS: Kind = List(&Object(&[may("name", Text), may("value", Text)]));
const SECRETS: Kind = List(&Object(&[must("name", Text), must("valueFrom", Text)]));

/// Members that DescribeTaskDefinition prints and RegisterTaskDefinition refuses.
pub(crate) const READ_ONLY: &[Known] = &[
    may("taskDefinitionArn", Text),
    may("revision", Integer),
    may("status", Text),
    may("requiresAttributes", Any),
    may("compatibilities", TEXTS),
    may("registeredAt", Any),
    may("registeredBy", Text),
    may("deregisteredAt", Any),
    may("deleteRequestedAt", Any),
];

/// Members of a task definition.
pub(crate) const TASK_DEFINITION: &[Known] = &[
    must("family", Text),
    must("containerDefinitions", List(&Object(CONTAINER))),
    may("taskRoleArn", Text),
    may("executionRoleArn", Text),
    may("networkMode", Text),
    may("volumes", List(&Object(VOLUME))),
    may("placementConstraints", List(&Object(&[may("type", Text), may("expression", Text)]))),
    may("requiresCompatibilities", TEXTS),
    may("cpu", Text),
    may("memory", Text),
    may("tags", List(&Object(&[may("key", Text), may("value", Text)]))),
    may("pidMode", Text),
    may("ipcMode", Text),
    may("proxyConfiguration", Object(PROXY)),
    may("inferenceAccelerators", List(&Object(&[must("deviceName", Text), must("deviceType", Text)]))),
    may("ephemeralStorage", Object(&[must("sizeInGiB", Integer)])),
    may("runtimePlatform", Object(&[may("cpuArchitecture", Text), may("operatingSystemFamily", Text)])),
    may("enableFaultInjection", Boolean),
    may("trustedExecutionConfiguration", Any),
];

const PROXY: &[Known] = &[may("type", Text), must("containerName", Text), may("properties", PAIRS)];

const CONTAINER: &[Known] = &[
    must("name", Text),
    must("image", Text),
    may("repositoryCredentials", Object(&[must("credentialsParameter", Text)])),
    may("cpu", Integer),
    may("memory", Integer),
    may("memoryReservation", Integer),
    may("links", TEXTS),
    may("portMappings", List(&Object(PORT))),
    may("essential", Boolean),
    may("restartPolicy", Object(RESTART)),
    may("entryPoint", TEXTS),
    may("command", TEXTS),
    may("environment", PAIRS),
    may("environmentFiles", List(&Object(&[must("value", Text), must("type", Text)]))),
    may("mountPoints", List(&Object(MOUNT_POINT))),
    may("volumesFrom", List(&Object(&[may("sourceContainer", Text), may("readOnly", Boolean)]))),
    may("linuxParameters", Object(LINUX)),
    may("secrets", SECRETS),
    may("dependsOn", List(&Object(&[must("containerName", Text), must("condition", Text)]))),
    may("startTimeout", Integer),
    may("stopTimeout", Integer),
    may("versionConsistency", Text),
    may("hostname", Text),
    may("user", Text),
    may("workingDirectory", Text),
    may("disableNetworking", Boolean),
    may("privileged", Boolean),
    may("readonlyRootFilesystem", Boolean),
    may("dnsServers", TEXTS),
    may("dnsSearchDomains", TEXTS),
    may("extraHosts", List(&Object(&[must("hostname", Text), must("ipAddress", Text)]))),
    may("dockerSecurityOptions", TEXTS),
    may("interactive", Boolean),
    may("pseudoTerminal", Boolean),
    may("dockerLabels", Map),
    may("ulimits", List(&Object(ULIMIT))),
    may("logConfiguration", Object(LOG)),
    may("healthCheck", Object(HEALTH)),
    may("systemControls", List(&Object(&[may("namespace", Text), may("value", Text)]))),
    may("resourceRequirements", List(&Object(&[must("value", Text), must("type", Text)]))),
    may("firelensConfiguration", Object(&[must("type", Text), may("options", Map)])),
    may("credentialSpecs", TEXTS),
];

const PORT: &[Known] = &[
    may("containerPort", Integer),
    may("hostPort", Integer),
    may("protocol", Text),
    may("name", Text),
    may("appProtocol", Text),
    may("containerPortRange", Text),
];

const RESTART: &[Known] = &[
    must("enabled", Boolean),
    may("ignoredExitCodes", List(&Integer)),
    may("restartAttemptPeriod", Integer),
];

const MOUNT_POINT: &[Known] =
    &[may("sourceVolume", Text), may("containerPath", Text), may("readOnly", Boolean)];

const LINUX: &[Known] = &[
    may("capabilities", Object(&[may("add", TEXTS), may("drop", TEXTS)])),
    may("devices", List(&Object(DEVICE))),
    may("initProcessEnabled", Boolean),
    may("sharedMemorySize", Integer),
    may("tmpfs", List(&Object(TMPFS))),
    may("maxSwap", Integer),
    may("swappiness", Integer),
];

const DEVICE: &[Known] = &[must("hostPath", Text), may("containerPath", Text), may("permissions", TEXTS)];
const TMPFS: &[Known] = &[must("containerPath", Text), must("size", Integer), may("mountOptions", TEXTS)];
const ULIMIT: &[Known] = &[must("name", Text), must("softLimit", Integer), must("hardLimit", Integer)];
const LOG: &[Known] = &[must("logDriver", Text), may("options", Map), may("secretOptions", SECRETS)];

const HEALTH: &[Known] = &[
    must("command", TEXTS),
    may("interval", Integer),
    may("timeout", Integer),
    may("retries", Integer),
    may("startPeriod", Integer),
];

const VOLUME: &[Known] = &[
    may("name", Text),
    may("host", Object(&[may("sourcePath", Text)])),
    may("dockerVolumeConfiguration", Object(DOCKER_VOLUME)),
    may("efsVolumeConfiguration", Object(EFS)),
    may("s3filesVolumeConfiguration", Any),
    may("fsxWindowsFileServerVolumeConfiguration", Object(FSX)),
    may("configuredAtLaunch", Boolean),
];

const DOCKER_VOLUME: &[Known] = &[
    may("scope", Text),
    may("autoprovision", Boolean),
    may("driver", Text),
    may("driverOpts", Map),
    may("labels", Map),
];

const EFS: &[Known] = &[
    must("fileSystemId", Text),
    may("rootDirectory", Text),
    may("transitEncryption", Text),
    may("transitEncryptionPort", Integer),
    may("authorizationConfig", Object(&[may("accessPointId", Text), may("iam", Text)])),
];

const FSX: &[Known] = &[
    must("fileSystemId", Text),
    must("rootDirectory", Text),
    must("authorizationConfig", Object(&[must("credentialsParameter", Text), must("domain", Text)])),
];
