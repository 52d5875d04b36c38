//! SPDX 2.3 in JSON (ISO/IEC 5962 and its later minor versions).

use serde_json::{Value, json};

use super::{Subject, components, second, uuid};
use crate::Package;

/// The bill of materials.
#[must_use]
pub fn spdx(subject: &Subject<'_>) -> Value {
    let components = components(subject);
    let mut packages = vec![root(subject)];
    let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-root")];
    if let Some(distribution) = &subject.inventory.distribution {
        packages.push(package("SPDXRef-os", &distribution.id, &distribution.version, "OPERATING-SYSTEM"));
        relationships.push(relationship("SPDXRef-root", "CONTAINS", "SPDXRef-os"));
    }
    for (number, (purl, places)) in components.iter().enumerate() {
        let Some(first) = places.first() else { continue };
        let id = format!("SPDXRef-package-{}", number + 1);
        packages.push(component(&id, purl, first, places));
        relationships.push(relationship("SPDXRef-root", "CONTAINS", &id));
    }
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject.name,
        // A name, not a place: it only has to be unique.
        "documentNamespace": format!("https://fargard.invalid/spdx/{}", uuid(subject)),
        "creationInfo": {
            "created": second(subject.time),
            "creators": [format!("Tool: fargard-{}", subject.tool_version)],
        },
        "packages": packages,
        "relationships": relationships,
    })
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}

/// What every package says; a version that is not known is left out.
fn package(id: &str, name: &str, version: &str, purpose: &str) -> Value {
    let mut package = json!({
        "SPDXID": id,
        "name": name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": purpose,
    });
    if let Some(package) = package.as_object_mut().filter(|_| !version.is_empty()) {
        package.insert("versionInfo".to_owned(), json!(version));
    }
    package
}

fn root(subject: &Subject<'_>) -> Value {
    let digest = subject.digest.unwrap_or_default();
    let mut root =
        package("SPDXRef-root", subject.name, digest, if digest.is_empty() { "OTHER" } else { "CONTAINER" });
    if let (Some(root), Some(hex)) = (root.as_object_mut(), digest.strip_prefix("sha256:")) {
        root.insert("checksums".to_owned(), json!([{"algorithm": "SHA256", "checksumValue": hex}]));
    }
    root
}

fn component(id: &str, purl: &str, first: &Package, places: &[&Package]) -> Value {
    let mut component = package(id, &first.full_name(), &first.version, "LIBRARY");
    let Some(fields) = component.as_object_mut() else { return component };
    fields.insert(
        "externalRefs".to_owned(),
        json!([{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]),
    );
    let shown: Vec<&str> = places.iter().take(100).map(|package| package.place.as_str()).collect();
    let (source, version) = first.source();
    let built = if first.source.is_some() { format!("; built of {source} {version}") } else { String::new() };
    fields.insert("sourceInfo".to_owned(), json!(format!("named by {}{built}", shown.join(", "))));
    // What packages write here mostly is no SPDX expression, which this field must be.
    if !first.license.is_empty() {
        fields.insert("licenseComments".to_owned(), json!(format!("declared as: {}", first.license)));
    }
    component
}
