//! Names of standards as people write them: `pci-dss-11.5` is the tag `PCI_DSS_11.5`, or how it begins.

use std::str::FromStr;

use fargard_model::standard;

/// A standard or a part of one, as tags begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StandardName(pub(super) String);

/// How people begin a standard's name, and how tags do.
const NAMES: [(&str, &str); 6] = [
    ("pci-dss", "PCI_DSS"),
    ("nist-800-53", "NIST_800-53"),
    ("nist-800-190", "NIST_800-190"),
    ("soc2", "SOC2"),
    ("soc-2", "SOC2"),
    ("hipaa", "HIPAA"),
];

impl FromStr for StandardName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) && standard::of_tag(text).is_some() {
            return Ok(Self(text.to_owned()));
        }
        let lower = text.to_ascii_lowercase();
        for (name, tag) in NAMES {
            match lower.strip_prefix(name) {
                Some("") => return Ok(Self(tag.to_owned())),
                Some(rest) if rest.starts_with(['-', ' ', '_']) => {
                    let control = rest.get(1..).unwrap_or_default();
                    // Controls of PCI DSS and HIPAA have digits and letters in brackets, the others capitals.
                    let control =
                        if tag == "HIPAA" { control.to_owned() } else { control.to_ascii_uppercase() };
                    return Ok(Self(format!("{tag}_{control}")));
                }
                _ => {}
            }
        }
        Err("use pci-dss-11.5, nist-800-53-si-7, soc2-cc6.8, hipaa-164.312, or how a tag begins".to_owned())
    }
}

impl StandardName {
    /// Whether one of the tags is of this standard.
    pub(super) fn is_of(&self, tags: &[String]) -> bool {
        tags.iter().any(|tag| {
            tag.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '.', '(']))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::StandardName;

    #[test]
    fn names_of_people_become_tags() {
        for (text, tag) in [
            ("pci-dss-11.5", "PCI_DSS_11.5"),
            ("PCI-DSS", "PCI_DSS"),
            ("nist-800-53-si-7", "NIST_800-53_SI-7"),
            ("soc2-cc6.8", "SOC2_CC6.8"),
            ("hipaa-164.312(c)", "HIPAA_164.312(c)"),
            ("SOC2_CC7.1", "SOC2_CC7.1"),
        ] {
            assert_eq!(text.parse::<StandardName>().unwrap().0, tag);
        }
        assert!("iso27001".parse::<StandardName>().is_err());
        let standard: StandardName = "pci-dss-11.5".parse().unwrap();
        assert!(standard.is_of(&["x".into(), "PCI_DSS_11.5.2".into()]));
        assert!(!standard.is_of(&["PCI_DSS_11.50".into(), "PCI_DSS_1".into()]));
    }
}
