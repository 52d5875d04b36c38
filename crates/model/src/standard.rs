//! Compliance standards, as named by the tags of Falco rules (`PCI_DSS_11.5.2`, `NIST_800-53_SI-7`, ...).

use serde::{Deserialize, Serialize};

/// A standard a tag can map to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standard {
    /// Payment Card Industry Data Security Standard.
    PciDss,
    /// NIST SP 800-53.
    Nist80053,
    /// NIST SP 800-190, application container security.
    Nist800190,
    /// AICPA SOC 2 trust services criteria.
    Soc2,
    /// HIPAA security rule, 45 CFR part 164.
    Hipaa,
    /// MITRE ATT&CK tactics (`mitre_persistence`) and techniques (`T1059`).
    MitreAttack,
}

impl Standard {
    /// Every standard.
    pub const ALL: [Self; 6] =
        [Self::PciDss, Self::Nist80053, Self::Nist800190, Self::Soc2, Self::Hipaa, Self::MitreAttack];

    /// Name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::PciDss => "PCI DSS",
            Self::Nist80053 => "NIST 800-53",
            Self::Nist800190 => "NIST 800-190",
            Self::Soc2 => "SOC 2",
            Self::Hipaa => "HIPAA",
            Self::MitreAttack => "MITRE ATT&CK",
        }
    }
}

/// The standard and the control a tag names, if it names one: `PCI_DSS_10.2.7` is (`PciDss`, `10.2.7`). Tags
/// that only name the standard (`PCI`, `SOC2`, `NIST_800-53`) have an empty control.
#[must_use]
pub fn of_tag(tag: &str) -> Option<(Standard, &str)> {
    const PREFIXES: [(&str, Standard); 7] = [
        ("PCI_DSS", Standard::PciDss),
        ("PCI", Standard::PciDss),
        ("NIST_800-190", Standard::Nist800190),
        ("NIST_800-53", Standard::Nist80053),
        ("SOC2", Standard::Soc2),
        ("HIPAA", Standard::Hipaa),
        ("mitre", Standard::MitreAttack),
    ];
    for (prefix, standard) in PREFIXES {
        if let Some(rest) = tag.strip_prefix(prefix) {
            if rest.is_empty() {
                return Some((standard, ""));
            }
            if let Some(control) = rest.strip_prefix('_') {
                return Some((standard, control));
            }
        }
    }
    is_technique(tag).then_some((Standard::MitreAttack, tag))
}

/// `T` and four digits, with an optional sub-technique: `T1059`, `T1059.004`.
fn is_technique(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix('T') else { return false };
    let (main, sub) = rest.split_once('.').unwrap_or((rest, "000"));
    let digits =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(main, 4) && digits(sub, 3)
}

#[cfg(test)]
mod tests {
    use super::{Standard, of_tag};

    #[test]
    fn tags_of_published_rules_map() {
        for (tag, expected) in [
            ("PCI_DSS_10.2.7", Some((Standard::PciDss, "10.2.7"))),
            ("PCI", Some((Standard::PciDss, ""))),
            ("NIST_800-53_SI-7", Some((Standard::Nist80053, "SI-7"))),
            ("NIST_800-190_3.4.4", Some((Standard::Nist800190, "3.4.4"))),
            ("NIST_800-190", Some((Standard::Nist800190, ""))),
            ("HIPAA_164.312(c)", Some((Standard::Hipaa, "164.312(c)"))),
            ("SOC2_CC6.8", Some((Standard::Soc2, "CC6.8"))),
            ("mitre_persistence", Some((Standard::MitreAttack, "persistence"))),
            ("T1059.004", Some((Standard::MitreAttack, "T1059.004"))),
            ("TLS1234", None),
            ("filesystem", None),
            ("PCIx", None),
        ] {
            assert_eq!(of_tag(tag), expected, "{tag}");
        }
    }
}
