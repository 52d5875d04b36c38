//! Which distribution a file system is of (`os-release(5)`).

use serde::{Deserialize, Serialize};

use crate::package::field;

/// A distribution and its release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// `ID`: `debian`, `alpine`, `rhel`.
    pub id: String,
    /// `VERSION_ID`; empty where releases have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `VERSION_CODENAME`: `bookworm`; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub codename: String,
    /// `PRETTY_NAME`, for people.
    pub name: String,
}

/// Debian's releases, for images whose `os-release` names one or the other.
const DEBIAN: [(&str, &str); 7] = [
    ("9", "stretch"),
    ("10", "buster"),
    ("11", "bullseye"),
    ("12", "bookworm"),
    ("13", "trixie"),
    ("14", "forky"),
    ("15", "duke"),
];

impl Distribution {
    /// From the text of `/etc/os-release`; `None` when it names no distribution.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        for line in text.split(|byte| *byte == b'\n').take(200) {
            let Some(equals) = line.iter().position(|byte| *byte == b'=') else { continue };
            let (key, value) = (line.get(..equals)?.trim_ascii(), line.get(equals + 1..)?.trim_ascii());
            let value = [b'"', b'\'']
                .iter()
                .find_map(|quote| value.strip_prefix(&[*quote])?.strip_suffix(&[*quote]))
                .unwrap_or(value);
            let place = match key {
                b"ID" => &mut found.id,
                b"VERSION_ID" => &mut found.version,
                b"VERSION_CODENAME" => &mut found.codename,
                b"PRETTY_NAME" => &mut found.name,
                _ => continue,
            };
            *place = field(value);
        }
        found.id = found.id.to_lowercase();
        if found.id == "debian" && found.codename.is_empty() {
            let named = DEBIAN.iter().find(|(version, _)| *version == found.version);
            found.codename = named.map_or_else(String::new, |(_, name)| (*name).to_owned());
        }
        if found.name.is_empty() {
            found.name = format!("{} {}", found.id, found.version).trim().to_owned();
        }
        (!found.id.is_empty()).then_some(found)
    }

    /// `debian-12`, as the `distro` of a package URL.
    #[must_use]
    pub fn tag(&self) -> Option<String> {
        match (self.id.as_str(), self.version.as_str()) {
            ("", _) => None,
            (id, "") => Some(id.to_owned()),
            (id, version) => Some(format!("{id}-{version}")),
        }
    }

    /// The namespace of its packages' URLs.
    #[must_use]
    pub fn purl_vendor(&self) -> String {
        match self.id.as_str() {
            "rhel" => "redhat",
            "amzn" => "amazon",
            "opensuse-leap" | "opensuse-tumbleweed" => "opensuse",
            "sles" | "sled" => "suse",
            other => other,
        }
        .to_owned()
    }

    /// The release as advisories are made for it: `debian:12`, `alpine:3.18`, `rhel:9`, `wolfi`. `None` for distributions
    /// whose advisories nothing here reads.
    #[must_use]
    pub fn release(&self) -> Option<String> {
        let numbers = |count: usize| self.version.split('.').take(count).collect::<Vec<_>>().join(".");
        let (id, version) = match self.id.as_str() {
            "debian" => {
                let by_name = DEBIAN.iter().find(|(_, name)| *name == self.codename);
                ("debian", by_name.map_or_else(|| numbers(1), |(version, _)| (*version).to_owned()))
            }
            "ubuntu" => ("ubuntu", numbers(2)),
            "alpine" => ("alpine", numbers(2)),
            "rhel" => ("rhel", numbers(1)),
            "almalinux" => ("almalinux", numbers(1)),
            "rocky" => ("rocky", numbers(1)),
            "opensuse-leap" => ("opensuse-leap", self.version.clone()),
            "sles" => ("sles", self.version.clone()),
            "azurelinux" | "mariner" => ("azurelinux", numbers(1)),
            "wolfi" => return Some("wolfi".to_owned()),
            "chainguard" => return Some("chainguard".to_owned()),
            _ => return None,
        };
        (!version.is_empty()).then(|| format!("{id}:{version}"))
    }

    /// The number of a Debian release by its name.
    pub(crate) fn debian_release(codename: &str) -> Option<String> {
        let found = DEBIAN.iter().find(|(_, name)| *name == codename)?;
        Some(format!("debian:{}", found.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    #[test]
    fn releases_are_those_of_advisories() {
        for (text, release, tag) in [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
                Some("debian:12"),
                "debian-12",
            ),
            ("ID=debian\nVERSION_CODENAME='trixie'", Some("debian:13"), "debian"),
            ("ID=ubuntu\nVERSION_ID=\"22.04\"", Some("ubuntu:22.04"), "ubuntu-22.04"),
            ("ID=alpine\nVERSION_ID=3.18.4", Some("alpine:3.18"), "alpine-3.18.4"),
            ("ID=\"rhel\"\nVERSION_ID=\"9.2\"", Some("rhel:9"), "rhel-9.2"),
            ("ID=wolfi\nVERSION_ID=20230201", Some("wolfi"), "wolfi-20230201"),
            ("ID=fedora\nVERSION_ID=41", None, "fedora-41"),
        ] {
            let found = Distribution::parse(text.as_bytes()).unwrap();
            assert_eq!((found.release().as_deref(), found.tag().as_deref()), (release, Some(tag)), "{text}");
        }
        for none in ["", "NAME=x", "ID=\"\"", "=\n=\n"] {
            assert_eq!(Distribution::parse(none.as_bytes()), None, "{none}");
        }
    }
}
