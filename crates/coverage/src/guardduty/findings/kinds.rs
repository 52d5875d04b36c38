//! Which type a finding has for GuardDuty's clients: the nearest of GuardDuty's runtime finding types, and where none is
//! near one of our own in the same grammar, `Purpose:Runtime/Name`.
//!
//! GuardDuty's types are those that AWS lists for ECS
//! (<https://docs.aws.amazon.com/guardduty/latest/ug/findings-runtime-monitoring.html>); types listed as retired are not
//! used.

use fargard_model::{Finding, FindingKind, Priority};

/// Rules that tell what one of GuardDuty's types tells: ours, then Falco's own.
const NEAREST: &[(&str, &str)] = &[
    ("Crypto miner executed", "Impact:Runtime/CryptoMinerExecuted"),
    ("Execute file that was not in the image", "Execution:Runtime/NewBinaryExecuted"),
    ("Fileless execution from memory", "DefenseEvasion:Runtime/FilelessExecution"),
    ("Execution from shared memory", "DefenseEvasion:Runtime/FilelessExecution"),
    ("Reverse shell", "Execution:Runtime/ReverseShell"),
    ("Log removed or cleared", "DefenseEvasion:Runtime/SuspiciousCommand"),
    ("Set setuid or setgid bit", "PrivilegeEscalation:Runtime/SuspiciousCommand"),
    ("Trace or change another process", "DefenseEvasion:Runtime/ProcessInjection.Ptrace"),
    ("Write below etc", "Persistence:Runtime/SensitiveFileModified"),
    ("Write below binary dir", "Persistence:Runtime/SensitiveFileModified"),
    ("Modify binary dirs", "DefenseEvasion:Runtime/SensitiveFileModified"),
    ("Link to sensitive file made", "PrivilegeEscalation:Runtime/SensitiveFileModified"),
    ("SSH key or authorized keys written", "Persistence:Runtime/SensitiveFileModified"),
    ("Netcat-like tool run", "Execution:Runtime/SuspiciousTool"),
    ("Shell spawned by a server", "Execution:Runtime/SuspiciousShellCreated"),
    ("Search for secrets", "Discovery:Runtime/SuspiciousCommand"),
    ("Terminal shell in container", "Execution:Runtime/SuspiciousShellCreated"),
    ("Mining pool looked up", "CryptoCurrency:Runtime/BitcoinTool.B!DNS"),
    ("Name leads to credentials endpoint", "UnauthorizedAccess:Runtime/MetadataDNSRebind"),
    ("Drop and execute new binary in container", "Execution:Runtime/NewBinaryExecuted"),
    ("Fileless execution via memfd_create", "DefenseEvasion:Runtime/FilelessExecution"),
    ("Execution from /dev/shm", "DefenseEvasion:Runtime/FilelessExecution"),
    ("Redirect STDOUT/STDIN to Network Connection in Container", "Execution:Runtime/ReverseShell"),
    ("Run shell untrusted", "Execution:Runtime/SuspiciousShellCreated"),
    ("Netcat Remote Code Execution in Container", "Execution:Runtime/SuspiciousTool"),
    ("Launch Suspicious Network Tool in Container", "Execution:Runtime/SuspiciousTool"),
    ("Search Private Keys or Passwords", "Discovery:Runtime/SuspiciousCommand"),
    ("Find AWS Credentials", "Discovery:Runtime/SuspiciousCommand"),
    ("Clear Log Activities", "DefenseEvasion:Runtime/SuspiciousCommand"),
    ("Create Symlink Over Sensitive Files", "PrivilegeEscalation:Runtime/SensitiveFileModified"),
    ("Create Hardlink Over Sensitive Files", "PrivilegeEscalation:Runtime/SensitiveFileModified"),
    ("Adding ssh keys to authorized_keys", "Persistence:Runtime/SensitiveFileModified"),
    ("PTRACE attached to process", "DefenseEvasion:Runtime/ProcessInjection.Ptrace"),
    ("PTRACE anti-debug attempt", "DefenseEvasion:Runtime/PtraceAntiDebugging"),
    ("Linux Kernel Module Injection Detected", "DefenseEvasion:Runtime/KernelModuleLoaded"),
    ("Detect crypto miners using the Stratum protocol", "CryptoCurrency:Runtime/BitcoinTool.B"),
    ("Detect outbound connections to common miner pool ports", "CryptoCurrency:Runtime/BitcoinTool.B"),
];

/// GuardDuty's runtime finding types for ECS, which samples are made of, with their usual severity.
pub(super) const TYPES: &[(&str, f64)] = &[
    ("Backdoor:Runtime/C&CActivity.B", 8.0),
    ("Backdoor:Runtime/C&CActivity.B!DNS", 8.0),
    ("CryptoCurrency:Runtime/BitcoinTool.B", 8.0),
    ("CryptoCurrency:Runtime/BitcoinTool.B!DNS", 8.0),
    ("DefenseEvasion:Runtime/FilelessExecution", 5.0),
    ("DefenseEvasion:Runtime/KernelModuleLoaded", 8.0),
    ("DefenseEvasion:Runtime/ProcessInjection.Proc", 8.0),
    ("DefenseEvasion:Runtime/ProcessInjection.Ptrace", 5.0),
    ("DefenseEvasion:Runtime/ProcessInjection.VirtualMemoryWrite", 8.0),
    ("DefenseEvasion:Runtime/PtraceAntiDebugging", 2.0),
    ("DefenseEvasion:Runtime/SuspiciousCommand", 8.0),
    ("DefenseEvasion:Runtime/SensitiveFileModified", 5.0),
    ("Discovery:Runtime/SuspiciousCommand", 2.0),
    ("Execution:Runtime/MaliciousFileExecuted", 8.0),
    ("Execution:Runtime/NewBinaryExecuted", 5.0),
    ("Execution:Runtime/NewLibraryLoaded", 5.0),
    ("Execution:Runtime/ReverseShell", 8.0),
    ("Execution:Runtime/SuspiciousCommand", 5.0),
    ("Execution:Runtime/SuspiciousShellCreated", 2.0),
    ("Execution:Runtime/SuspiciousTool", 5.0),
    ("Impact:Runtime/AbusedDomainRequest.Reputation", 5.0),
    ("Impact:Runtime/BitcoinDomainRequest.Reputation", 8.0),
    ("Impact:Runtime/CryptoMinerExecuted", 8.0),
    ("Impact:Runtime/MaliciousDomainRequest.Reputation", 5.0),
    ("Impact:Runtime/SuspiciousDomainRequest.Reputation", 2.0),
    ("Persistence:Runtime/SuspiciousCommand", 5.0),
    ("Persistence:Runtime/SensitiveFileModified", 5.0),
    ("PrivilegeEscalation:Runtime/SuspiciousCommand", 5.0),
    ("PrivilegeEscalation:Runtime/SensitiveFileModified", 5.0),
    ("Trojan:Runtime/BlackholeTraffic", 5.0),
    ("Trojan:Runtime/BlackholeTraffic!DNS", 5.0),
    ("Trojan:Runtime/DGADomainRequest.C!DNS", 8.0),
    ("Trojan:Runtime/DriveBySourceTraffic!DNS", 8.0),
    ("Trojan:Runtime/DropPoint", 5.0),
    ("Trojan:Runtime/DropPoint!DNS", 5.0),
    ("Trojan:Runtime/PhishingDomainRequest!DNS", 8.0),
    ("UnauthorizedAccess:Runtime/MetadataDNSRebind", 8.0),
    ("UnauthorizedAccess:Runtime/TorClient", 8.0),
    ("UnauthorizedAccess:Runtime/TorRelay", 8.0),
];

/// What rules' tags say of the purpose, in ATT&CK's tactics, and GuardDuty's word for it.
const PURPOSES: &[(&str, &str)] = &[
    ("mitre_execution", "Execution"),
    ("mitre_persistence", "Persistence"),
    ("mitre_privilege_escalation", "PrivilegeEscalation"),
    ("mitre_defense_evasion", "DefenseEvasion"),
    ("mitre_credential_access", "CredentialAccess"),
    ("mitre_discovery", "Discovery"),
    ("mitre_lateral_movement", "UnauthorizedAccess"),
    ("mitre_initial_access", "InitialAccess"),
    ("mitre_command_and_control", "Backdoor"),
    ("mitre_exfiltration", "Exfiltration"),
    ("mitre_impact", "Impact"),
];

/// Longest name in a type: GuardDuty's types have at most 100 characters.
const MAX_NAME: usize = 60;

/// The finding's type.
#[must_use]
pub fn type_of(finding: &Finding) -> String {
    match finding.kind {
        FindingKind::FileIntegrity => return "Persistence:Runtime/SensitiveFileModified".to_owned(),
        FindingKind::Check => return own("Policy", &finding.title),
        FindingKind::Coverage | FindingKind::Detection => {}
    }
    if let Some((_, nearest)) = NEAREST.iter().find(|(rule, _)| *rule == finding.title) {
        return (*nearest).to_owned();
    }
    let purpose = finding
        .tags
        .iter()
        .find_map(|tag| PURPOSES.iter().find(|(tactic, _)| tag.eq_ignore_ascii_case(tactic)))
        .map_or("Behavior", |(_, purpose)| *purpose);
    own(purpose, &finding.title)
}

/// A type in GuardDuty's grammar, of a title's words.
fn own(purpose: &str, title: &str) -> String {
    let mut name = String::new();
    for word in title.split(|each: char| !each.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(letters);
    }
    name.truncate(MAX_NAME);
    if name.is_empty() {
        name.push_str("Rule");
    }
    format!("{purpose}:Runtime/{name}")
}

/// The priorities that one of GuardDuty's severities stands for, highest first: its own numbers for low, medium, high and
/// critical.
pub(super) const SEVERITIES: [(Priority, f64); 8] = [
    (Priority::Emergency, 9.0),
    (Priority::Alert, 9.0),
    (Priority::Critical, 8.0),
    (Priority::Error, 8.0),
    (Priority::Warning, 5.0),
    (Priority::Notice, 2.0),
    (Priority::Informational, 2.0),
    (Priority::Debug, 2.0),
];

/// The finding's severity.
#[must_use]
pub fn severity_of(priority: Priority) -> f64 {
    SEVERITIES.iter().find(|(each, _)| *each == priority).map_or(2.0, |(_, severity)| *severity)
}

#[cfg(test)]
mod tests {
    use super::{NEAREST, TYPES, own};

    #[test]
    fn nearest_types_are_guardduty_s() {
        for (rule, nearest) in NEAREST {
            assert!(TYPES.iter().any(|(kind, _)| kind == nearest), "{rule}: {nearest}");
        }
    }

    #[test]
    fn types_of_our_own_keep_the_grammar() {
        for (title, wanted) in [
            ("Contact credentials endpoint", "CredentialAccess:Runtime/ContactCredentialsEndpoint"),
            ("read /etc/shadow!", "CredentialAccess:Runtime/ReadEtcShadow"),
            ("ошибка", "CredentialAccess:Runtime/Rule"),
        ] {
            assert_eq!(own("CredentialAccess", title), wanted);
        }
        assert!(own("Behavior", &"word ".repeat(100)).len() < 100);
    }
}
