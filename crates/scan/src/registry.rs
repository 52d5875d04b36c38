//! Every check there is, with its number and what to do when it fails.

mod image;
mod task;

use fargard_model::Priority;

pub use self::{
    image::{
        BUILD_CHECKS, CHECK_43, CHECK_47, CHECK_49, CHECK_406, CHECK_410, CHECK_411, CHECK_456, CHECK_7101,
        CHECK_7102, CHECK_7103, CHECK_7104, CHECK_7106, CHECK_7107, CHECK_7108, CHECK_7109, FILE_CHECKS,
    },
    task::{CHECK_56, CHECK_7003, TASK_CHECKS},
};

use crate::CheckInfo;

/// All checks, by number.
pub const CHECKS: [&CheckInfo; 6] = [&CHECK_41, &CHECK_48, &CHECK_424, &CHECK_425, &CHECK_426, &CHECK_448];

/// Every check there is, each once.
pub fn all_checks() -> impl Iterator<Item = &'static CheckInfo> {
    let more = BUILD_CHECKS.into_iter().chain(FILE_CHECKS).chain([&CHECK_456]);
    let tasks = TASK_CHECKS.into_iter().filter(|check| check.number != CHECK_424.number);
    CHECKS.into_iter().chain(more).chain(tasks)
}

/// Check 41: the image's user. CIS Docker benchmark 4.1.
pub const CHECK_41: CheckInfo = CheckInfo {
    number: 41,
    title: "Image should be created with a non-root user",
    severity: Priority::Error,
    description: "The user that the container runs as is root: unset, 0, `root`, or a name that the image's \
                  /etc/passwd maps to 0.",
    remedy: "Add a USER line with a user of its own to the Dockerfile, or set `user` in the container definition.",
    tags: &["PCI_DSS_2.2.6", "NIST_800-53_AC-6", "NIST_800-190_3.1.2", "SOC2_CC6.3", "HIPAA_164.312(a)(1)"],
    known_as: &["CIS Docker 4.1", "CIS-DI-0001", "DS-0002"],
};

/// Check 48: setuid and setgid programs. CIS Docker benchmark 4.8.
pub const CHECK_48: CheckInfo = CheckInfo {
    number: 48,
    title: "Image contains setuid or setgid programs that no package is known for",
    severity: Priority::Warning,
    description: "A program runs with its owner's identity although no distribution ships it that way.",
    remedy: "Take the bit away (chmod u-s,g-s) in the Dockerfile, or remove the program; run with \
             no-new-privileges where nothing needs the bit.",
    tags: &["PCI_DSS_2.2.6", "NIST_800-53_AC-6", "NIST_800-190_3.1.2", "SOC2_CC6.3", "T1548.001"],
    known_as: &["CIS Docker 4.8", "CIS-DI-0008"],
};

/// Check 424: secrets in environment variables.
pub const CHECK_424: CheckInfo = CheckInfo {
    number: 424,
    title: "Sensitive information provided in environment variables",
    severity: Priority::Error,
    description: "A variable of the image, the task definition or a process holds a credential in the clear.",
    remedy: "Take the value out of the image or task definition and give it as `secrets` (valueFrom Secrets Manager \
             or Parameter Store); rotate what was exposed.",
    tags: &[
        "PCI_DSS_8.3.2",
        "PCI_DSS_8.6.2",
        "NIST_800-53_IA-5",
        "NIST_800-190_3.1.4",
        "SOC2_CC6.1",
        "HIPAA_164.312(d)",
        "T1552.001",
    ],
    known_as: &[
        "ECS.8",
        "CIS-DI-0010",
        "DS-0031",
        "Prisma Cloud 597",
        "ecs_task_definitions_no_environment_secrets",
        "ecs-no-environment-secrets",
    ],
};

/// Check 425: private keys among the files.
pub const CHECK_425: CheckInfo = CheckInfo {
    number: 425,
    title: "Private keys stored in image",
    severity: Priority::Error,
    description: "A file of any name, also inside archives, holds a private key whose structure is whole.",
    remedy: "Remove the key from the image (also from the layer that brought it), give it at run time from Secrets \
             Manager, and replace it: whoever had the image has the key.",
    tags: &[
        "PCI_DSS_3.6.1",
        "PCI_DSS_8.6.2",
        "NIST_800-53_IA-5",
        "NIST_800-53_SC-12",
        "NIST_800-190_3.1.4",
        "SOC2_CC6.1",
        "HIPAA_164.312(d)",
        "T1552.004",
    ],
    known_as: &["Prisma Cloud 425"],
};

/// Check 426: cryptocurrency miners among the files of an image or a running task.
pub const CHECK_426: CheckInfo = CheckInfo {
    number: 426,
    title: "Image contains binaries used for crypto mining",
    severity: Priority::Critical,
    description: "A program named as a known cryptocurrency miner, or a program or script with the addresses, \
                  protocols or algorithms of one.",
    remedy: "Stop the task and keep its evidence. Find how the file came in: when it is in the image, rebuild \
             the image without it from a trusted base; when it was written at run time, treat the task and its \
             task role as compromised, rotate what they could reach, and run with a read-only root file system.",
    tags: &[
        "PCI_DSS_5.2",
        "PCI_DSS_5.3",
        "NIST_800-53_SI-3",
        "NIST_800-190_3.1.3",
        "NIST_800-190_3.4.2",
        "SOC2_CC6.8",
        "mitre_impact",
        "T1496",
    ],
    known_as: &["Prisma Cloud 426"],
};

/// Check 448: files of packages that are not as their package brought them.
pub const CHECK_448: CheckInfo = CheckInfo {
    number: 448,
    title: "Package binaries should not be altered",
    severity: Priority::Error,
    description: "A program, library or other file of an installed package differs from what the package database \
                  says, was replaced by a link, or hides behind a local diversion, or the database itself was \
                  changed.",
    remedy: "Rebuild the image from its base; on a running task keep the evidence and treat the task as \
             compromised. What a Dockerfile changes on purpose belongs into a package or a path of its own.",
    tags: &[
        "PCI_DSS_11.5.2",
        "NIST_800-53_SI-7",
        "NIST_800-190_3.1.5",
        "SOC2_CC7.1",
        "SOC2_CC6.8",
        "HIPAA_164.312(c)(1)",
        "T1554",
    ],
    known_as: &["Prisma Cloud 448"],
};
