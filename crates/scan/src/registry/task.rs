//! Checks of task definitions, services and clusters. What they look for is decided where task definitions are read (crate
//! `taskdef`), under the same numbers.

use fargard_model::Priority::{Error, Notice, Warning};

use super::CHECK_424;
use crate::CheckInfo;

const PRIVILEGE: &[&str] =
    &["PCI_DSS_2.2.6", "NIST_800-53_AC-6", "NIST_800-190_3.4.3", "SOC2_CC6.3", "HIPAA_164.312(a)(1)"];
const ISOLATION: &[&str] = &["NIST_800-53_CM-2", "NIST_800-190_3.4.3", "SOC2_CC6.1", "T1611"];
const HOST_FILES: &[&str] = &["NIST_800-53_AC-6", "NIST_800-190_3.5.5", "SOC2_CC6.1", "T1611"];
const AVAILABILITY: &[&str] = &["NIST_800-53_SC-5", "NIST_800-190_3.4.3", "SOC2_A1.1"];
const NETWORK: &[&str] = &["PCI_DSS_1.4.4", "NIST_800-53_SC-7", "NIST_800-190_3.4.2", "SOC2_CC6.6"];
const RECORD: &[&str] = &["PCI_DSS_10.2.1", "NIST_800-53_AU-12", "SOC2_CC7.2", "HIPAA_164.312(b)"];
const TRANSPORT: &[&str] = &["PCI_DSS_4.2.1", "NIST_800-53_SC-8", "SOC2_CC6.7", "HIPAA_164.312(e)(1)"];
const SUPPLY: &[&str] = &["NIST_800-53_SI-7", "NIST_800-190_3.1.5", "NIST_800-190_3.2.2", "SOC2_CC8.1"];
const UPDATES: &[&str] = &["PCI_DSS_6.3.3", "NIST_800-53_SI-2", "SOC2_CC7.1"];

/// Check 56: SSH served from a container. CIS Docker benchmark 5.6.
pub const CHECK_56: CheckInfo = CheckInfo {
    number: 56,
    title: "Containers should not serve SSH",
    severity: Warning,
    description: "A container's port 22 is mapped.",
    remedy: "Take the server out of the image; for a shell use ECS Exec, which records who had it.",
    tags: NETWORK,
    known_as: &["CIS Docker 5.6"],
};

/// Check 7003: images by names that can move.
pub const CHECK_7003: CheckInfo = CheckInfo {
    number: 7003,
    title: "Images should be named by what they are",
    severity: Warning,
    description: "An image is latest, or by tag from a public registry: what runs can change without a deployment.",
    remedy: "Name the image by digest (image@sha256:...), from a registry of your own with immutable tags.",
    tags: SUPPLY,
    known_as: &["DKL-DI-0006", "DS-0001"],
};

/// All checks of task definitions, by number.
pub const TASK_CHECKS: [&CheckInfo; 32] = [
    &CheckInfo {
        number: 51,
        title: "AppArmor, SELinux and seccomp should not be switched off",
        severity: Error,
        description: "dockerSecurityOptions has apparmor:unconfined, seccomp:unconfined or label:disable.",
        remedy: "Take the option out of dockerSecurityOptions, or name a profile of your own.",
        tags: ISOLATION,
        known_as: &["CIS Docker 5.1", "CIS Docker 5.2", "CIS Docker 5.21"],
    },
    &CheckInfo {
        number: 53,
        title: "Containers should have no capabilities beyond the usual ones",
        severity: Error,
        description: "linuxParameters.capabilities.add gives a capability that reaches the host, or one that containers \
                      do not have.",
        remedy: "Take the capability out of add; drop ALL and add what is really needed. Fargate grants SYS_PTRACE only.",
        tags: PRIVILEGE,
        known_as: &["CIS Docker 5.3"],
    },
    &CheckInfo {
        number: 54,
        title: "Containers should not be privileged",
        severity: Error,
        description: "privileged is true: the container has every capability and every device of its host.",
        remedy: "Set privileged to false and add the one capability or device that is needed.",
        tags: PRIVILEGE,
        known_as: &[
            "CIS Docker 5.4",
            "ECS.4",
            "CKV_AWS_334",
            "ecs_task_definitions_no_privileged_containers",
            "ecs-containers-nonprivileged",
        ],
    },
    &CheckInfo {
        number: 55,
        title: "Directories of the host should not be mounted",
        severity: Error,
        description: "A volume's host.sourcePath is a directory of the host; of a sensitive one, or one that can be \
                      written, the container can take the host over.",
        remedy: "Use a volume of the task, EFS, or a Docker volume; mount what must come from the host read only and \
                 as narrow as possible.",
        tags: HOST_FILES,
        known_as: &["CIS Docker 5.5"],
    },
    &CHECK_56,
    &CheckInfo {
        number: 57,
        title: "Privileged ports of the host should not be mapped",
        severity: Warning,
        description: "On an instance a container is mapped to a port below 1024.",
        remedy: "Let a load balancer have the port, or use awsvpc.",
        tags: NETWORK,
        known_as: &["CIS Docker 5.7"],
    },
    &CheckInfo {
        number: 59,
        title: "Tasks should not share the host's network",
        severity: Warning,
        description: "networkMode is host: containers reach every service of the host, its metadata too.",
        remedy: "Set networkMode to awsvpc.",
        tags: NETWORK,
        known_as: &[
            "CIS Docker 5.9",
            "ECS.1",
            "ECS.17",
            "ecs_task_definitions_host_networking_mode_users",
            "ecs-task-definition-network-mode-not-host",
            "ecs-awsvpc-networking-enabled",
        ],
    },
    &CHECK_424,
    &CheckInfo {
        number: 510,
        title: "Containers should have a limit of memory",
        severity: Warning,
        description: "On an instance neither the container nor its task has memory: it can take all the host has.",
        remedy: "Set memory of the container or of the task.",
        tags: AVAILABILITY,
        known_as: &["CIS Docker 5.10", "ecs-task-definition-memory-hard-limit"],
    },
    &CheckInfo {
        number: 511,
        title: "Containers should have a share of the CPU",
        severity: Warning,
        description: "On an instance neither the container nor its task has cpu.",
        remedy: "Set cpu of the container or of the task.",
        tags: AVAILABILITY,
        known_as: &["CIS Docker 5.11"],
    },
    &CheckInfo {
        number: 512,
        title: "Root file systems should be read only",
        severity: Error,
        description: "readonlyRootFilesystem is not true: whoever gets into the container can leave programs there.",
        remedy: "Set readonlyRootFilesystem to true, and give a volume to each directory that must be written.",
        tags: &["PCI_DSS_2.2.6", "NIST_800-53_AC-6", "NIST_800-53_SI-7", "NIST_800-190_3.4.3", "SOC2_CC6.8"],
        known_as: &[
            "CIS Docker 5.12",
            "ECS.5",
            "CKV_AWS_336",
            "ecs_task_definitions_containers_readonly_access",
            "ecs-containers-readonly-access",
        ],
    },
    &CheckInfo {
        number: 515,
        title: "Tasks should not share the host's processes",
        severity: Error,
        description: "pidMode is host: containers see and signal every process of the host.",
        remedy: "Leave pidMode out, or set it to task.",
        tags: ISOLATION,
        known_as: &[
            "CIS Docker 5.15",
            "ECS.3",
            "CKV_AWS_335",
            "ecs_task_definitions_host_namespace_not_shared",
            "ecs-task-definition-pid-mode-check",
        ],
    },
    &CheckInfo {
        number: 516,
        title: "Tasks should not share the host's memory segments",
        severity: Error,
        description: "ipcMode is host: containers reach the shared memory of the host's processes.",
        remedy: "Leave ipcMode out, or set it to task.",
        tags: ISOLATION,
        known_as: &["CIS Docker 5.16"],
    },
    &CheckInfo {
        number: 517,
        title: "Devices of the host should not be given to containers",
        severity: Warning,
        description: "linuxParameters.devices names a device of the host.",
        remedy: "Take the device out; GPUs are asked for with resourceRequirements.",
        tags: ISOLATION,
        known_as: &["CIS Docker 5.17"],
    },
    &CheckInfo {
        number: 525,
        title: "Programs should not gain privileges",
        severity: Warning,
        description: "On an instance dockerSecurityOptions lacks no-new-privileges, so setuid programs work.",
        remedy: "Add no-new-privileges to dockerSecurityOptions.",
        tags: PRIVILEGE,
        known_as: &["CIS Docker 5.25"],
    },
    &CheckInfo {
        number: 526,
        title: "Containers that serve should have a health check",
        severity: Warning,
        description: "An essential container with ports has no healthCheck; ECS does not look at the image's own.",
        remedy: "Add healthCheck with a command that is in the image.",
        tags: AVAILABILITY,
        known_as: &["CIS Docker 5.26"],
    },
    &CheckInfo {
        number: 531,
        title: "The container engine's socket should not be mounted",
        severity: Error,
        description: "A volume brings the socket of Docker, containerd or another engine, or a directory that holds it: \
                      who has it starts privileged containers.",
        remedy: "Take the volume out; what must know of other containers can ask ECS's metadata endpoint.",
        tags: HOST_FILES,
        known_as: &["CIS Docker 5.31"],
    },
    &CheckInfo {
        number: 596,
        title: "Containers should not send raw packets",
        severity: Warning,
        description: "NET_RAW is not dropped. Where containers share a bridge it lets one take the other's traffic.",
        remedy: "Add NET_RAW, or ALL, to linuxParameters.capabilities.drop.",
        tags: &["NIST_800-53_SC-7", "NIST_800-190_3.4.2", "NIST_800-190_3.4.3", "T1557"],
        known_as: &["Prisma Cloud 596"],
    },
    &CheckInfo {
        number: 599,
        title: "Containers should not run as root",
        severity: Error,
        description: "user is root or an administrator, or is not set and the image's counts.",
        remedy: "Set user to a number of the image's own, as \"1000:1000\".",
        tags: PRIVILEGE,
        known_as: &["ECS.1", "ECS.20", "ECS.21", "Prisma Cloud 599", "ecs-task-definition-nonroot-user"],
    },
    &CheckInfo {
        number: 7001,
        title: "Containers should have a log",
        severity: Error,
        description: "A container has no logConfiguration, or its logDriver is none.",
        remedy: "Add logConfiguration with awslogs, or awsfirelens.",
        tags: RECORD,
        known_as: &["ECS.9", "ecs_task_definitions_logging_enabled", "ecs-task-definition-log-configuration"],
    },
    &CheckInfo {
        number: 7002,
        title: "Logs should not block the application",
        severity: Warning,
        description: "The mode of the awslogs driver is blocking, or left to the account's default.",
        remedy: "Set mode to non-blocking and max-buffer-size to what may be kept, as 25m.",
        tags: AVAILABILITY,
        known_as: &["ecs_task_definitions_logging_block_mode"],
    },
    &CHECK_7003,
    &CheckInfo {
        number: 7004,
        title: "EFS volumes should be encrypted on the way",
        severity: Warning,
        description: "efsVolumeConfiguration.transitEncryption is not ENABLED.",
        remedy: "Set transitEncryption to ENABLED.",
        tags: TRANSPORT,
        known_as: &["ECS.18", "CKV_AWS_97", "ecs-task-definition-efs-encryption-enabled"],
    },
    &CheckInfo {
        number: 7005,
        title: "EFS volumes should be mounted by role or access point",
        severity: Warning,
        description: "authorizationConfig has neither an access point nor iam ENABLED: whoever reaches the file system \
                      may mount all of it.",
        remedy: "Set authorizationConfig.iam to ENABLED, and accessPointId to one with the task's directory and user.",
        tags: &["PCI_DSS_7.2.5", "NIST_800-53_AC-3", "SOC2_CC6.1", "HIPAA_164.312(a)(1)"],
        known_as: &[],
    },
    &CheckInfo {
        number: 7006,
        title: "Application and ECS should have different roles",
        severity: Warning,
        description: "taskRoleArn is executionRoleArn: the application may pull images and fetch every secret of the task.",
        remedy: "Make a role for the application with only what it calls.",
        tags: PRIVILEGE,
        known_as: &["CKV_AWS_249"],
    },
    &CheckInfo {
        number: 7007,
        title: "Fault injection should be off",
        severity: Warning,
        description: "enableFaultInjection is true: containers can have the task's network broken.",
        remedy: "Leave enableFaultInjection out where no experiment runs.",
        tags: AVAILABILITY,
        known_as: &[],
    },
    &CheckInfo {
        number: 7010,
        title: "Services and task sets should have no public addresses",
        severity: Error,
        description: "assignPublicIp is ENABLED.",
        remedy: "Use private subnets with a NAT gateway or VPC endpoints, and set AssignPublicIp to DISABLED.",
        tags: NETWORK,
        known_as: &[
            "ECS.2",
            "ECS.16",
            "CKV_AWS_333",
            "ecs_service_no_assign_public_ip",
            "ecs_task_set_no_assign_public_ip",
        ],
    },
    &CheckInfo {
        number: 7011,
        title: "Services should run on Fargate's latest platform version",
        severity: Warning,
        description: "PlatformVersion names an old version.",
        remedy: "Leave PlatformVersion out, or set it to LATEST.",
        tags: UPDATES,
        known_as: &[
            "ECS.10",
            "CKV_AWS_332",
            "ecs_service_fargate_latest_platform_version",
            "ecs-fargate-latest-platform-version",
        ],
    },
    &CheckInfo {
        number: 7012,
        title: "Clusters should have Container Insights",
        severity: Warning,
        description: "ClusterSettings has no containerInsights that is enabled or enhanced.",
        remedy: "Set containerInsights to enhanced.",
        tags: RECORD,
        known_as: &[
            "ECS.12",
            "CKV_AWS_65",
            "ecs_cluster_container_insights_enabled",
            "ecs-container-insights-enabled",
        ],
    },
    &CheckInfo {
        number: 7013,
        title: "Sessions of ECS Exec should be recorded",
        severity: Warning,
        description: "Logging of ExecuteCommandConfiguration is NONE.",
        remedy: "Set Logging to DEFAULT or OVERRIDE.",
        tags: RECORD,
        known_as: &["CKV_AWS_223"],
    },
    &CheckInfo {
        number: 7014,
        title: "Sessions of ECS Exec should be encrypted with a key of one's own",
        severity: Notice,
        description: "ExecuteCommandConfiguration has no KmsKeyId, or keeps its record without encryption.",
        remedy: "Set KmsKeyId, and CloudWatchEncryptionEnabled or S3EncryptionEnabled of the record.",
        tags: TRANSPORT,
        known_as: &["CKV_AWS_224"],
    },
    &CheckInfo {
        number: 7015,
        title: "Instances should not be terminated under running tasks",
        severity: Warning,
        description: "ManagedTerminationProtection of a capacity provider is not ENABLED.",
        remedy: "Set ManagedTerminationProtection to ENABLED, with protection from scale-in on the group.",
        tags: AVAILABILITY,
        known_as: &["ECS.19"],
    },
];
