//! Advisories in the Common Security Advisory Framework 2.0 as Red Hat publishes them (CSAF and VEX): products are packages as
//! parts of a release, and for each vulnerability lists of products that are fixed or affected.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Affected, Range, read::Reader};
use crate::{Severity, Status, cvss, json, package::field};

/// Branches within branches that are followed.
const MAX_DEPTH: u32 = 32;

#[derive(Deserialize)]
struct Document {
    document: About,
    #[serde(default)]
    product_tree: Tree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct About {
    tracking: Option<Tracking>,
    aggregate_severity: Option<Word>,
}

#[derive(Deserialize)]
struct Word {
    text: String,
}

#[derive(Deserialize)]
struct Tracking {
    #[serde(default)]
    id: String,
    #[serde(default)]
    current_release_date: String,
}

#[derive(Default, Deserialize)]
struct Tree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    branches: Vec<Branch>,
    product: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    product_id: String,
    #[serde(default)]
    product_identification_helper: Helper,
}

#[derive(Default, Deserialize)]
struct Helper {
    cpe: Option<String>,
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Relationship {
    full_product_name: Named,
    product_reference: String,
    relates_to_product_reference: String,
}

#[derive(Deserialize)]
struct Named {
    product_id: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    cve: Option<String>,
    title: Option<String>,
    #[serde(default)]
    product_status: ProductStatus,
    #[serde(default)]
    scores: Vec<Score>,
    #[serde(default)]
    threats: Vec<Threat>,
    #[serde(default)]
    remediations: Vec<Remediation>,
}

#[derive(Default, Deserialize)]
struct ProductStatus {
    #[serde(default)]
    fixed: Vec<String>,
    #[serde(default)]
    known_affected: Vec<String>,
}

#[derive(Deserialize)]
struct Score {
    cvss_v3: Option<Cvss>,
}

#[derive(Deserialize)]
struct Cvss {
    #[serde(rename = "vectorString")]
    vector: String,
}

#[derive(Deserialize)]
struct Threat {
    category: String,
    #[serde(default)]
    details: String,
}

#[derive(Deserialize)]
struct Remediation {
    category: String,
    #[serde(default)]
    product_ids: Vec<String>,
}

/// Takes a document; whether it is one.
pub(super) fn read(text: &[u8], reader: &mut Reader<'_>) -> bool {
    let Some(document) = json::read::<Document>(text) else { return false };
    let id = document.document.tracking.as_ref().map(|tracking| tracking.id.as_str()).unwrap_or_default();
    if let Some(tracking) = &document.document.tracking {
        reader.modified(&tracking.current_release_date);
    }
    let products = Products::of(&document.product_tree);
    for vulnerability in &document.vulnerabilities {
        reader.feed.advisories += 1;
        let base = vulnerability.base(id, &document.document);
        for product in &vulnerability.product_status.fixed {
            let Some((release, name, version)) = products.find(product) else { continue };
            if version.is_empty() {
                continue;
            }
            reader.findings.add(reader.wanted, &release, &name, || Affected {
                ranges: vec![Range::before(&version)],
                modular: version.contains(".module"),
                ..base.clone()
            });
        }
        for product in &vulnerability.product_status.known_affected {
            // Versions that an advisory fixes are listed as affected too, with the fixed one; without a version all are.
            let Some((release, name, version)) = products.find(product) else { continue };
            if !version.is_empty() {
                continue;
            }
            let has = |category: &str| {
                vulnerability
                    .remediations
                    .iter()
                    .any(|it| it.category == category && it.product_ids.contains(product))
            };
            let status = if has("no_fix_planned") { Status::WontFix } else { Status::Unfixed };
            reader.findings.add(reader.wanted, &release, &name, || Affected {
                ranges: vec![Range::always()],
                unfixed: Some(status),
                ..base.clone()
            });
        }
    }
    true
}

impl Vulnerability {
    fn base(&self, id: &str, about: &About) -> Affected {
        let vector = self
            .scores
            .iter()
            .find_map(|score| score.cvss_v3.as_ref())
            .map(|cvss| field(cvss.vector.as_bytes()));
        let score = vector.as_deref().and_then(cvss::base_score);
        let impact = self
            .threats
            .iter()
            .filter(|threat| threat.category == "impact")
            .find_map(|threat| Severity::of_word(&threat.details));
        let overall = about.aggregate_severity.as_ref().and_then(|word| Severity::of_word(&word.text));
        Affected {
            id: field(id.as_bytes()),
            cves: self.cve.iter().map(|cve| field(cve.as_bytes())).collect(),
            summary: field(self.title.as_deref().unwrap_or_default().as_bytes()),
            severity: impact.or_else(|| score.map(Severity::of_score)).or(overall),
            vector,
            score,
            ..Affected::default()
        }
    }
}

/// What the product tree says.
struct Products<'a> {
    /// Name and version by the package's id.
    packages: HashMap<&'a str, (String, String)>,
    /// Release by the platform's id.
    platforms: HashMap<&'a str, String>,
    /// Package and platform by the id of both together.
    parts: HashMap<&'a str, (&'a str, &'a str)>,
}

impl<'a> Products<'a> {
    fn of(tree: &'a Tree) -> Self {
        let mut found = Self { packages: HashMap::new(), platforms: HashMap::new(), parts: HashMap::new() };
        tree.branches.iter().for_each(|branch| found.branch(branch, 0));
        for part in &tree.relationships {
            let pair = (part.product_reference.as_str(), part.relates_to_product_reference.as_str());
            found.parts.insert(&part.full_product_name.product_id, pair);
        }
        found
    }

    fn branch(&mut self, branch: &'a Branch, depth: u32) {
        if let Some(product) = &branch.product {
            let helper = &product.product_identification_helper;
            if let Some(package) = helper.purl.as_deref().and_then(rpm_of_purl) {
                self.packages.insert(&product.product_id, package);
            }
            if let Some(release) = helper.cpe.as_deref().and_then(release_of_cpe) {
                self.platforms.insert(&product.product_id, release);
            }
        }
        if depth < MAX_DEPTH {
            branch.branches.iter().for_each(|branch| self.branch(branch, depth + 1));
        }
    }

    /// Release, name and version of a package as a part of a platform.
    fn find(&self, product: &str) -> Option<(String, String, String)> {
        let (package, platform) = self.parts.get(product)?;
        let (name, version) = self.packages.get(package)?.clone();
        Some((self.platforms.get(platform)?.clone(), name, version))
    }
}

/// `cpe:/o:redhat:enterprise_linux:9::baseos`; streams with longer support have fixes that nobody else gets.
fn release_of_cpe(cpe: &str) -> Option<String> {
    let mut parts = cpe.strip_prefix("cpe:/")?.split(':').skip(1);
    let (vendor, product, version) = (parts.next()?, parts.next()?, parts.next()?);
    match (vendor, product) {
        ("redhat", "enterprise_linux") => Some(format!("rhel:{}", version.split('.').next()?)),
        ("suse", "sles") => Some(format!("sles:{}", version.replace(":sp", "."))),
        _ => None,
    }
}

/// `pkg:rpm/redhat/openssl-libs@3.0.7-6.el9_2?arch=x86_64&epoch=1`; without a version all are meant.
fn rpm_of_purl(purl: &str) -> Option<(String, String)> {
    let rest = purl.strip_prefix("pkg:rpm/")?;
    let (path, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
    let qualifier = |key: &str| {
        qualifiers
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key))
            .map(|(_, value)| value)
    };
    // A source package is what the packages are built of and installed nowhere.
    if qualifier("arch") == Some("src") {
        return None;
    }
    let path = path.split_once('/').map_or(path, |(_, name)| name);
    let (name, version) = path.split_once('@').unwrap_or((path, ""));
    let version = unescape(version);
    let version = match qualifier("epoch").filter(|epoch| *epoch != "0" && !version.is_empty()) {
        Some(epoch) => format!("{}:{version}", field(epoch.as_bytes())),
        None => version,
    };
    Some((unescape(name), version))
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => bytes.push(*first),
        }
    }
    field(&bytes)
}

#[cfg(test)]
mod tests {
    use super::{release_of_cpe, rpm_of_purl};

    #[test]
    fn products_are_packages_of_releases() {
        assert_eq!(release_of_cpe("cpe:/o:redhat:enterprise_linux:9::baseos").as_deref(), Some("rhel:9"));
        assert_eq!(
            release_of_cpe("cpe:/a:redhat:enterprise_linux:8.6::appstream").as_deref(),
            Some("rhel:8")
        );
        assert_eq!(release_of_cpe("cpe:/o:redhat:rhel_eus:9.4::baseos"), None);
        let of = |purl| rpm_of_purl(purl).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(
            of("pkg:rpm/redhat/openssl-libs@3.0.7-6.el9_2?arch=x86_64&epoch=1").as_deref(),
            Some("openssl-libs 1:3.0.7-6.el9_2")
        );
        assert_eq!(
            of("pkg:rpm/redhat/libstdc%2B%2B@11-2%2Bx?arch=i686&epoch=0").as_deref(),
            Some("libstdc++ 11-2+x")
        );
        assert_eq!(of("pkg:rpm/redhat/kernel").as_deref(), Some("kernel "));
        assert_eq!(of("pkg:rpm/redhat/kernel@5-1?arch=src"), None);
        assert_eq!(of("pkg:oci/x"), None);
    }
}
