//! Checks of how an image was made and what should not be in one.

use fargard_model::Priority::{Error, Warning};

use crate::CheckInfo;

const DEFECTS: &[&str] = &["PCI_DSS_2.2.4", "NIST_800-53_CM-7", "NIST_800-190_3.1.2", "SOC2_CC6.8"];
const SUPPLY: &[&str] = &["NIST_800-53_SI-7", "NIST_800-190_3.1.5", "SOC2_CC8.1", "T1195"];
const SECRETS: &[&str] = &[
    "PCI_DSS_8.3.2",
    "PCI_DSS_8.6.2",
    "NIST_800-53_IA-5",
    "NIST_800-190_3.1.4",
    "SOC2_CC6.1",
    "HIPAA_164.312(d)",
    "T1552.001",
];
const ACCESS: &[&str] = &["PCI_DSS_2.2.6", "NIST_800-53_AC-6", "NIST_800-190_3.1.2", "SOC2_CC6.3"];

/// Check 43: programs that no service needs. CIS Docker benchmark 4.3.
pub const CHECK_43: CheckInfo = CheckInfo {
    number: 43,
    title: "Image should hold no server for logins and no tools of others",
    severity: Warning,
    description: "A server for SSH, telnet or FTP is in the image; compilers and tools for looking around are noted.",
    remedy: "Take the package out, or copy only what runs into a last stage.",
    tags: DEFECTS,
    known_as: &["CIS Docker 4.3", "CIS Docker 5.6"],
};

/// Check 406: a health check. CIS Docker benchmark 4.6; the number is Prisma Cloud's.
pub const CHECK_406: CheckInfo = CheckInfo {
    number: 406,
    title: "Image should have a health check",
    severity: Warning,
    description: "The configuration has no HEALTHCHECK, or NONE, and says that it serves a port.",
    remedy: "Add HEALTHCHECK to the Dockerfile; for ECS add healthCheck to the container definition.",
    tags: &["NIST_800-53_SC-5", "NIST_800-190_3.1.2", "SOC2_A1.1"],
    known_as: &["CIS Docker 4.6", "CIS-DI-0006", "DS-0026", "Prisma Cloud 406"],
};

/// Check 47: lists of packages updated alone. CIS Docker benchmark 4.7.
pub const CHECK_47: CheckInfo = CheckInfo {
    number: 47,
    title: "Image should not be made with an update alone in a step",
    severity: Warning,
    description: "A step runs apt-get update (apk update, ...) and installs nothing: the step is cached, and later ones \
                  install old versions.",
    remedy: "Write update and install into one RUN.",
    tags: &["PCI_DSS_6.3.3", "NIST_800-53_SI-2", "NIST_800-190_3.1.1", "SOC2_CC7.1"],
    known_as: &["CIS Docker 4.7", "CIS-DI-0007", "DS-0017"],
};

/// Check 49: ADD where COPY would do. CIS Docker benchmark 4.9.
pub const CHECK_49: CheckInfo = CheckInfo {
    number: 49,
    title: "Image should be made with COPY, not ADD",
    severity: Warning,
    description: "ADD fetches a file from elsewhere, or brings files that COPY would bring.",
    remedy: "Use COPY; fetch with RUN and compare a digest, or ADD --checksum=sha256:...",
    tags: SUPPLY,
    known_as: &["CIS Docker 4.9", "CIS-DI-0009", "DS-0005"],
};

/// Check 410: secrets in the steps. CIS Docker benchmark 4.10.
pub const CHECK_410: CheckInfo = CheckInfo {
    number: 410,
    title: "Image's history should hold no secrets",
    severity: Error,
    description: "A step of the history has a credential: a build argument, a variable, an option of a command.",
    remedy: "Use RUN --mount=type=secret; rotate what was exposed: the history goes with the image.",
    tags: SECRETS,
    known_as: &["CIS Docker 4.10", "CIS-DI-0010", "DS-0031"],
};

/// Check 411: what is fetched without verification. CIS Docker benchmark 4.11.
pub const CHECK_411: CheckInfo = CheckInfo {
    number: 411,
    title: "Image should be made of verified packages",
    severity: Warning,
    description: "A step switches the verification of packages, repositories or TLS off.",
    remedy: "Take the option out; add the repository's key or the certificate instead.",
    tags: SUPPLY,
    known_as: &["CIS Docker 4.11", "CIS-DI-0011"],
};

/// Check 7101: volumes over the system's directories.
pub const CHECK_7101: CheckInfo = CheckInfo {
    number: 7101,
    title: "Image should want no volume over a directory of the system",
    severity: Warning,
    description: "VOLUME names a directory as /etc, /dev or /.",
    remedy: "Name a directory of the application's own.",
    tags: DEFECTS,
    known_as: &["DKL-DI-0002"],
};

/// Check 7102: sudo.
pub const CHECK_7102: CheckInfo = CheckInfo {
    number: 7102,
    title: "Image should not need sudo",
    severity: Error,
    description: "A step runs sudo, or sudo's configuration lets a user become another without a password.",
    remedy: "Take sudo out; do what needs root before USER.",
    tags: ACCESS,
    known_as: &["DKL-DI-0001", "DS-0010"],
};

/// Check 7103: upgrades of the base.
pub const CHECK_7103: CheckInfo = CheckInfo {
    number: 7103,
    title: "Image should not upgrade its base's release",
    severity: Warning,
    description: "A step runs dist-upgrade, full-upgrade or the like.",
    remedy: "Build on a newer base image; upgrade single packages by name.",
    tags: &["NIST_800-53_CM-2", "NIST_800-190_3.1.2", "SOC2_CC8.1"],
    known_as: &["DKL-DI-0003", "DS-0024"],
};

/// Check 7104: caches of package managers.
pub const CHECK_7104: CheckInfo = CheckInfo {
    number: 7104,
    title: "Image should hold no caches of package managers",
    severity: Warning,
    description: "Lists and downloads of apt, apk, yum, dnf, zypper, pip, npm and others are left, of 1 MB or more.",
    remedy: "Remove them in the step that makes them, or use --no-cache, --no-cache-dir or RUN --mount=type=cache.",
    tags: &["NIST_800-53_CM-7", "NIST_800-190_3.1.2"],
    known_as: &["DKL-DI-0004", "DKL-DI-0005", "DS-0015", "DS-0019", "DS-0020", "DS-0025"],
};

/// Check 7106: empty passwords.
pub const CHECK_7106: CheckInfo = CheckInfo {
    number: 7106,
    title: "Image should hold no passwords of users",
    severity: Error,
    description: "An account has an empty password, or the hash of one.",
    remedy: "Lock the account (usermod -L, passwd -l).",
    tags: &["PCI_DSS_8.3.1", "NIST_800-53_IA-5", "NIST_800-190_3.1.2", "SOC2_CC6.1", "T1078"],
    known_as: &["DKL-LI-0001"],
};

/// Check 7107: users and groups that are one.
pub const CHECK_7107: CheckInfo = CheckInfo {
    number: 7107,
    title: "Image's users and groups should be different ones",
    severity: Warning,
    description: "Two users or groups have the same number or name; a second user 0 is a second root.",
    remedy: "Give each a number of its own.",
    tags: ACCESS,
    known_as: &["DKL-LI-0002"],
};

/// Check 7108: files of whoever made the image.
pub const CHECK_7108: CheckInfo = CheckInfo {
    number: 7108,
    title: "Image should hold only what it needs",
    severity: Warning,
    description: "Credentials of tools, histories of shells, repositories, files of variables are in the image, or in a \
                  layer below.",
    remedy: "Name them in .dockerignore, and make the image anew: removing them in a later step does not.",
    tags: SECRETS,
    known_as: &["DKL-LI-0003", "CIS-DI-0010"],
};

/// Check 7109: modes that let everybody write.
pub const CHECK_7109: CheckInfo = CheckInfo {
    number: 7109,
    title: "Image's files should not be everybody's to change",
    severity: Error,
    description: "A file or directory is writable for everybody (directories: without the sticky bit), or the hashes of \
                  passwords are readable.",
    remedy: "chmod o-w; /tmp has mode 1777, /etc/shadow 0640.",
    tags: ACCESS,
    known_as: &[],
};

/// Check 456: secrets in files. The number is Prisma Cloud's.
pub const CHECK_456: CheckInfo = CheckInfo {
    number: 456,
    title: "Secrets stored in image",
    severity: Error,
    description: "A text file holds a credential: a token of a known form, an address with a password, or a value whose name \
                  and look say that it is one.",
    remedy: "Take it out of the image (also of the layer that brought it), give it at run time from Secrets Manager, and \
             rotate it.",
    tags: SECRETS,
    known_as: &["Prisma Cloud 456", "CIS-DI-0010"],
};

/// Checks of the steps and the configuration of an image.
pub const BUILD_CHECKS: [&CheckInfo; 7] =
    [&CHECK_47, &CHECK_49, &CHECK_406, &CHECK_410, &CHECK_411, &CHECK_7101, &CHECK_7103];

/// Checks of an image's files and accounts, which a root file system can be asked too.
pub const FILE_CHECKS: [&CheckInfo; 7] =
    [&CHECK_43, &CHECK_7102, &CHECK_7104, &CHECK_7106, &CHECK_7107, &CHECK_7108, &CHECK_7109];
