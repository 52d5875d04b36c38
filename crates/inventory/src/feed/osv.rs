//! Advisories in the Open Source Vulnerability format (schema 1.7): one document each.

use serde::Deserialize;
use serde_json::Value;

use super::{Affected, Event, Range, read::Reader};
use crate::{Severity, cvss, json, package::field};

#[derive(Debug, Deserialize)]
struct Document {
    id: String,
    #[serde(default)]
    modified: String,
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    upstream: Vec<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    severity: Vec<Rating>,
    #[serde(default)]
    affected: Vec<About>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Debug, Deserialize)]
struct Rating {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Debug, Deserialize)]
struct About {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<Ranges>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    severity: Vec<Rating>,
    #[serde(default)]
    ecosystem_specific: Value,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Debug, Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Ranges {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

/// Takes a document; whether it is one.
pub(super) fn read(text: &[u8], reader: &mut Reader<'_>) -> bool {
    let Some(document) = json::read::<Document>(text) else { return false };
    reader.feed.advisories += 1;
    reader.modified(&document.modified);
    if document.withdrawn.is_some() {
        return true;
    }
    for about in &document.affected {
        let Some(package) = &about.package else { continue };
        let Some(ecosystem) = ecosystem(&package.ecosystem) else { continue };
        reader.findings.add(reader.wanted, &ecosystem, &package.name, || affected(&document, about));
    }
    true
}

fn affected(document: &Document, about: &About) -> Affected {
    let text = |text: &str| field(text.as_bytes());
    let is_cve = |name: &&String| name.starts_with("CVE-");
    // Distributions name what they fix `upstream`, others name it an alias.
    let mut cves: Vec<String> = document.upstream.iter().filter(is_cve).map(|name| text(name)).collect();
    if cves.is_empty() {
        cves = document.aliases.iter().filter(is_cve).take(1).map(|name| text(name)).collect();
    }
    let ratings = || about.severity.iter().chain(&document.severity);
    let vector = ratings()
        .filter(|rating| rating.kind.starts_with("CVSS_V"))
        .max_by_key(|rating| (cvss::base_score(&rating.score).is_some(), rating.kind.as_str()))
        .map(|rating| text(&rating.score));
    let score = vector.as_deref().and_then(cvss::base_score);
    let word = ratings()
        .filter(|rating| !rating.kind.starts_with("CVSS"))
        .find_map(|rating| Severity::of_word(&rating.score));
    let summary = if document.summary.is_empty() {
        document.details.lines().next().unwrap_or("")
    } else {
        &document.summary
    };
    let ranges = about.ranges.iter().filter(|ranges| ranges.kind != "GIT").map(range).collect();
    let mut affected = Affected {
        id: text(&document.id),
        cves,
        aliases: document.aliases.iter().take(16).map(|name| text(name)).collect(),
        summary: text(summary),
        ranges,
        versions: about.versions.clone(),
        severity: word.or_else(|| said(about, document)).or_else(|| score.map(Severity::of_score)),
        vector,
        score,
        ..Affected::default()
    };
    affected.modular = affected
        .ranges
        .iter()
        .flat_map(|range| &range.events)
        .any(|event| event.version().contains(".module"));
    if document.id.starts_with("MAL-") {
        affected.severity = Some(Severity::Critical);
    }
    affected
}

/// A severity in one of the places where databases put words of their own.
fn said(about: &About, document: &Document) -> Option<Severity> {
    [
        about.ecosystem_specific.get("severity"),
        about.ecosystem_specific.get("urgency"),
        about.database_specific.get("severity"),
        document.database_specific.get("severity"),
    ]
    .into_iter()
    .flatten()
    .find_map(|word| Severity::of_word(word.as_str()?))
}

fn range(ranges: &Ranges) -> Range {
    let events = ranges.events.iter().flat_map(|change| {
        [
            change.introduced.as_ref().map(|version| Event::Introduced(version.clone())),
            change.fixed.as_ref().map(|version| Event::Fixed(version.clone())),
            change.last_affected.as_ref().map(|version| Event::LastAffected(version.clone())),
            change.limit.as_ref().map(|version| Event::Limit(version.clone())),
        ]
        .into_iter()
        .flatten()
    });
    Range { events: events.collect() }
}

/// OSV's ecosystem as releases are named here; `None` for those that no package here is of. Fixes that only some
/// subscriptions get are none.
fn ecosystem(name: &str) -> Option<String> {
    let mut parts = name.split(':');
    let (first, second) = (parts.next()?, parts.next().unwrap_or(""));
    let release = |id: &str, version: &str| (!version.is_empty()).then(|| format!("{id}:{version}"));
    match first {
        "Debian" => release("debian", second),
        "Ubuntu" if second != "Pro" => release("ubuntu", second),
        "Alpine" => release("alpine", second.trim_start_matches('v')),
        "AlmaLinux" => release("almalinux", second),
        "Rocky Linux" => release("rocky", second),
        "Red Hat" if second == "enterprise_linux" => release("rhel", parts.next()?.split('.').next()?),
        "openSUSE" => release("opensuse-leap", second.strip_prefix("Leap ")?),
        "SUSE" => {
            let version = second.strip_prefix("Linux Enterprise Server ")?;
            release("sles", &version.replace(" SP", "."))
        }
        "Azure Linux" => release("azurelinux", second),
        "Wolfi" | "Chainguard" | "PyPI" | "npm" | "Go" | "Maven" | "RubyGems" | "crates.io" => {
            Some(first.to_lowercase())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::ecosystem;

    #[test]
    fn ecosystems_are_releases() {
        for (name, expected) in [
            ("Debian:12", Some("debian:12")),
            ("Debian", None),
            ("Ubuntu:22.04:LTS", Some("ubuntu:22.04")),
            ("Ubuntu:Pro:18.04:LTS", None),
            ("Alpine:v3.18", Some("alpine:3.18")),
            ("Red Hat:enterprise_linux:9::baseos", Some("rhel:9")),
            ("Red Hat:rhel_eus:9.2::appstream", None),
            ("openSUSE:Leap 15.5", Some("opensuse-leap:15.5")),
            ("SUSE:Linux Enterprise Server 15 SP5", Some("sles:15.5")),
            ("PyPI", Some("pypi")),
            ("Maven:https://repo.example", Some("maven")),
            ("Android", None),
        ] {
            assert_eq!(ecosystem(name).as_deref(), expected, "{name}");
        }
    }
}
