//! Installed packages, and how they are named across tools.

use fargard_model::foreign::shown;
use serde::{Deserialize, Serialize};

use crate::{Distribution, Order};

/// Longest name, version or other field that is kept, in bytes.
const MAX_FIELD: usize = 512;

/// Who installed a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// dpkg.
    Deb,
    /// rpm.
    Rpm,
    /// apk of Alpine and its kin.
    Apk,
    /// pip and its kin.
    Python,
    /// npm and its kin.
    Npm,
    /// Built into a program by Go.
    Go,
    /// Maven coordinates in a jar.
    Java,
    /// `RubyGems`.
    Gem,
    /// Built into a program by Cargo, as `cargo auditable` notes it.
    Cargo,
}

impl Kind {
    /// The type in a package URL.
    #[must_use]
    pub fn purl_type(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Python => "pypi",
            Self::Npm => "npm",
            Self::Go => "golang",
            Self::Java => "maven",
            Self::Gem => "gem",
            Self::Cargo => "cargo",
        }
    }

    /// The name for people: `dpkg`, `npm`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deb => "dpkg",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Python => "python",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Java => "java",
            Self::Gem => "gem",
            Self::Cargo => "cargo",
        }
    }

    /// The order of its versions.
    #[must_use]
    pub fn order(self) -> Order {
        match self {
            Self::Deb => Order::Dpkg,
            Self::Rpm => Order::Rpm,
            Self::Apk => Order::Apk,
            Self::Python => Order::Pep440,
            Self::Npm | Self::Go | Self::Cargo => Order::Semver,
            Self::Java => Order::Maven,
            Self::Gem => Order::Gem,
        }
    }

    /// Whether a distribution's package manager installed it.
    #[must_use]
    pub fn is_of_distribution(self) -> bool {
        matches!(self, Self::Deb | Self::Rpm | Self::Apk)
    }
}

/// What a package was built of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// Name of the source package.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Who installed it.
    pub kind: Kind,
    /// Scope of npm, group of Maven; empty elsewhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name as its ecosystem writes it.
    pub name: String,
    /// Version, of rpm `epoch:version-release` with an epoch only where there is one.
    pub version: String,
    /// Architecture; empty where the ecosystem has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// What it was built of, where its database says so and it is not its own name and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Licence as the package writes it, which need not be an SPDX expression.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
    /// The file that says so, printable; of a jar in a jar with `!` between.
    pub place: String,
    /// Whether that file is part of a distribution's package, which then answers for its vulnerabilities.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owned: bool,
    /// Whether it was built for a module stream of a Red Hat kind of distribution.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub modular: bool,
    /// The layer of an image that brought that file, the lowest 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
}

/// Foreign text as it is kept: printable and bounded.
pub(crate) fn field(bytes: &[u8]) -> String {
    shown(bytes.trim_ascii(), MAX_FIELD)
}

impl Package {
    /// A package of that name and version.
    pub(crate) fn new(kind: Kind, name: &[u8], version: &[u8], place: &str) -> Self {
        Self {
            kind,
            namespace: String::new(),
            name: field(name),
            version: field(version),
            architecture: String::new(),
            source: None,
            license: String::new(),
            place: place.to_owned(),
            owned: false,
            modular: false,
            layer: None,
        }
    }

    /// Name and version of what it was built of, its own where nothing else is said.
    #[must_use]
    pub fn source(&self) -> (&str, &str) {
        self.source.as_ref().map_or((&self.name, &self.version), |source| (&source.name, &source.version))
    }

    /// The name as its ecosystem's people write it: `@scope/name`, `group:artifact`, `name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self.kind {
            _ if self.namespace.is_empty() => self.name.clone(),
            Kind::Java => format!("{}:{}", self.namespace, self.name),
            _ => format!("{}/{}", self.namespace, self.name),
        }
    }

    /// Its package URL (purl specification 1.0), exact for its type; `distribution` is that of the file system.
    #[must_use]
    pub fn purl(&self, distribution: Option<&Distribution>) -> String {
        let mut purl = format!("pkg:{}/", self.kind.purl_type());
        let (namespace, name) = self.purl_name(distribution);
        for part in namespace.split('/').filter(|part| !part.is_empty()) {
            escape(part, &mut purl);
            purl.push('/');
        }
        escape(&name, &mut purl);
        let (epoch, version) = match (self.kind, self.version.split_once(':')) {
            (Kind::Rpm, Some((epoch, version))) => (Some(epoch), version),
            _ => (None, self.version.as_str()),
        };
        if !version.is_empty() {
            purl.push('@');
            escape(version, &mut purl);
        }
        let release = distribution.filter(|_| self.kind.is_of_distribution()).and_then(Distribution::tag);
        let architecture = Some(self.architecture.as_str()).filter(|text| !text.is_empty());
        let architecture_key = if self.kind == Kind::Gem { "platform" } else { "arch" };
        // In the order of their keys.
        let qualifiers = [(architecture_key, architecture), ("distro", release.as_deref()), ("epoch", epoch)];
        let mut lead = '?';
        for (key, value) in qualifiers.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            purl.push(lead);
            purl.push_str(key);
            purl.push('=');
            escape(value, &mut purl);
            lead = '&';
        }
        purl
    }

    /// Namespace and name as the type's rules write them.
    fn purl_name(&self, distribution: Option<&Distribution>) -> (String, String) {
        match self.kind {
            Kind::Deb | Kind::Rpm | Kind::Apk => {
                let vendor = distribution.map_or_else(String::new, Distribution::purl_vendor);
                let name = if self.kind == Kind::Rpm { self.name.clone() } else { self.name.to_lowercase() };
                (vendor, name)
            }
            Kind::Python => (String::new(), self.name.to_lowercase().replace('_', "-")),
            Kind::Npm => (self.namespace.to_lowercase(), self.name.to_lowercase()),
            Kind::Go => {
                let path = self.name.to_lowercase();
                path.rsplit_once('/').map_or_else(
                    || (String::new(), path.clone()),
                    |(namespace, name)| (namespace.to_owned(), name.to_owned()),
                )
            }
            Kind::Java => (self.namespace.clone(), self.name.clone()),
            Kind::Gem | Kind::Cargo => (String::new(), self.name.clone()),
        }
    }
}

/// Percent-encodes all but letters, digits, `.`, `-`, `_`, `~` and the colon.
fn escape(text: &str, out: &mut String) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Distribution, Kind, Package, Source};

    fn purl(
        kind: Kind,
        namespace: &str,
        name: &str,
        version: &str,
        architecture: &str,
        release: &str,
    ) -> String {
        let mut package = Package::new(kind, name.as_bytes(), version.as_bytes(), "/x");
        package.namespace = namespace.to_owned();
        package.architecture = architecture.to_owned();
        let distribution = Distribution::parse(release.as_bytes());
        package.purl(distribution.as_ref())
    }

    #[test]
    fn purls_are_canonical() {
        let debian = "ID=debian\nVERSION_ID=\"12\"\n";
        for (made, expected) in [
            (
                purl(Kind::Deb, "", "libc++1", "1:14.0-16+b1", "amd64", debian),
                "pkg:deb/debian/libc%2B%2B1@1:14.0-16%2Bb1?arch=amd64&distro=debian-12",
            ),
            (
                purl(
                    Kind::Rpm,
                    "",
                    "openssl-libs",
                    "1:3.0.7-6.el9_2",
                    "x86_64",
                    "ID=\"rhel\"\nVERSION_ID=9.2",
                ),
                "pkg:rpm/redhat/openssl-libs@3.0.7-6.el9_2?arch=x86_64&distro=rhel-9.2&epoch=1",
            ),
            (
                purl(Kind::Apk, "", "busybox", "1.36.1-r5", "x86_64", "ID=alpine\nVERSION_ID=3.18.4"),
                "pkg:apk/alpine/busybox@1.36.1-r5?arch=x86_64&distro=alpine-3.18.4",
            ),
            (
                purl(Kind::Python, "", "Typing_Extensions", "4.7.1", "", debian),
                "pkg:pypi/typing-extensions@4.7.1",
            ),
            (
                purl(Kind::Npm, "@angular", "animation", "12.3.1", "", ""),
                "pkg:npm/%40angular/animation@12.3.1",
            ),
            (
                purl(Kind::Go, "", "github.com/Masterminds/semver/v3", "v3.2.0+incompatible", "", ""),
                "pkg:golang/github.com/masterminds/semver/v3@v3.2.0%2Bincompatible",
            ),
            (
                purl(Kind::Java, "org.apache.xmlgraphics", "batik-anim", "1.9.1", "", ""),
                "pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1",
            ),
            (
                purl(Kind::Gem, "", "nokogiri", "1.15.3", "x86_64-linux", ""),
                "pkg:gem/nokogiri@1.15.3?platform=x86_64-linux",
            ),
            (purl(Kind::Cargo, "", "rand", "0.7.2", "", ""), "pkg:cargo/rand@0.7.2"),
            (purl(Kind::Deb, "", "a", "1", "", ""), "pkg:deb/a@1"),
        ] {
            assert_eq!(made, expected);
        }
    }

    #[test]
    fn sources_stand_for_packages() {
        let mut package = Package::new(Kind::Deb, b"libssl3", b"3.0.9-1", "/x");
        assert_eq!(package.source(), ("libssl3", "3.0.9-1"));
        package.source = Some(Source { name: "openssl".to_owned(), version: "3.0.9-1".to_owned() });
        assert_eq!(package.source(), ("openssl", "3.0.9-1"));
        package.namespace = "@x".to_owned();
        assert_eq!(package.full_name(), "@x/libssl3");
    }

    #[test]
    fn foreign_text_is_bounded_and_printable() {
        let package = Package::new(Kind::Npm, &[b'a'; 9000], b"\x1b[2J", "/x");
        assert!(package.name.len() < 600 && package.version == "\\u{1b}[2J");
    }
}
