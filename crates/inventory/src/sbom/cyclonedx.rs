//! CycloneDX 1.6 in JSON (ECMA-424).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Subject, components, second, uuid};
use crate::{Package, Severity, Status, Vulnerability};

/// Places that are named of one component.
const MAX_PLACES: usize = 100;

/// The bill of materials, with the vulnerabilities where there are any.
#[must_use]
pub fn cyclonedx(subject: &Subject<'_>) -> Value {
    let components = components(subject);
    let system = subject.inventory.distribution.as_ref().map(|distribution| {
        json!({
            "type": "operating-system",
            "bom-ref": format!("os:{}", distribution.tag().unwrap_or_default()),
            "name": distribution.id,
            "version": distribution.version,
            "description": distribution.name,
        })
    });
    let parts = components.iter().map(|(purl, places)| component(purl, places));
    let all: Vec<Value> = system.into_iter().chain(parts).collect();
    let refs: Vec<&Value> = all.iter().filter_map(|component| component.get("bom-ref")).collect();
    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(subject)),
        "version": 1,
        "metadata": {
            "timestamp": second(subject.time),
            "tools": {"components": [{"type": "application", "name": "fargard", "version": subject.tool_version}]},
            "component": root(subject),
        },
        "dependencies": [{"ref": "root", "dependsOn": refs}],
        "components": all,
    });
    if !subject.vulnerabilities.is_empty()
        && let Some(bill) = bill.as_object_mut()
    {
        bill.insert("vulnerabilities".to_owned(), vulnerabilities(subject.vulnerabilities));
    }
    bill
}

fn root(subject: &Subject<'_>) -> Value {
    let mut root = Map::new();
    root.insert("type".to_owned(), json!(if subject.digest.is_some() { "container" } else { "file" }));
    root.insert("bom-ref".to_owned(), json!("root"));
    root.insert("name".to_owned(), json!(subject.name));
    if let Some(digest) = subject.digest {
        root.insert("version".to_owned(), json!(digest));
    }
    Value::Object(root)
}

fn component(purl: &str, places: &[&Package]) -> Value {
    let mut component = Map::new();
    let mut put = |key: &str, value: Value| {
        component.insert(key.to_owned(), value);
    };
    put("type", json!("library"));
    put("bom-ref", json!(purl));
    put("purl", json!(purl));
    let mut properties = Vec::new();
    let mut property = |name: &str, value: &str| {
        properties.push(json!({"name": format!("fargard:{name}"), "value": value}));
    };
    if let Some(package) = places.first() {
        put("name", json!(package.name));
        put("version", json!(package.version));
        if !package.namespace.is_empty() {
            put("group", json!(package.namespace));
        }
        if !package.license.is_empty() {
            put("licenses", json!([{"license": {"name": package.license}}]));
        }
        if package.kind.is_of_distribution() && package.source.is_some() {
            let (name, version) = package.source();
            property("source", &format!("{name} {version}"));
        }
        if package.owned {
            property("part-of-distribution-package", "true");
        }
    }
    for package in places.iter().take(MAX_PLACES) {
        property("location", &package.place);
        if let Some(layer) = package.layer {
            property("layer", &layer.to_string());
        }
    }
    // `evidence` would be the field for this, but most readers do not know it.
    put("properties", Value::Array(properties));
    Value::Object(component)
}

/// One entry a vulnerability, with all packages that have it.
fn vulnerabilities(found: &[Vulnerability]) -> Value {
    let mut by_id: BTreeMap<&str, Vec<&Vulnerability>> = BTreeMap::new();
    for vulnerability in found {
        by_id.entry(&vulnerability.id).or_default().push(vulnerability);
    }
    let entries = by_id.into_iter().filter_map(|(id, all)| {
        let first = all.first()?;
        let mut affects: BTreeMap<&str, Value> = BTreeMap::new();
        for one in &all {
            affects.insert(
                &one.purl,
                json!({
                    "ref": one.purl,
                    "versions": [{"version": one.installed, "status": "affected"}],
                }),
            );
        }
        let advice: Vec<String> = all
            .iter()
            .map(|one| advice(one))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut entry = json!({
            "bom-ref": format!("vulnerability:{id}"),
            "id": id,
            "ratings": [rating(first)],
            "recommendation": advice.join("\n"),
            "affects": affects.into_values().collect::<Vec<_>>(),
        });
        if let Some(entry) = entry.as_object_mut() {
            if !first.summary.is_empty() {
                entry.insert("description".to_owned(), json!(first.summary));
            }
            if !first.advisory.is_empty() {
                entry.insert(
                    "properties".to_owned(),
                    json!([{"name": "fargard:advisory", "value": first.advisory}]),
                );
            }
        }
        Some(entry)
    });
    Value::Array(entries.collect())
}

fn advice(found: &Vulnerability) -> String {
    match (&found.status, &found.fixed) {
        (Status::Fixed, Some(fixed)) => format!("Update {} to {fixed} or later.", found.name),
        (status, _) => format!("{}: {}.", found.name, status.name()),
    }
}

fn rating(found: &Vulnerability) -> Value {
    let severity = match found.severity {
        Severity::Negligible => "info",
        other => other.name(),
    };
    let mut rating = json!({"severity": severity});
    if let Some(rating) = rating.as_object_mut() {
        if let Some(score) = found.score {
            rating.insert("score".to_owned(), json!(score));
        }
        if let Some(vector) = &found.vector {
            let method = match vector.get(..8) {
                Some("CVSS:4.0") => "CVSSv4",
                Some("CVSS:3.1") => "CVSSv31",
                Some("CVSS:3.0") => "CVSSv3",
                _ => "CVSSv2",
            };
            rating.insert("method".to_owned(), json!(method));
            rating.insert("vector".to_owned(), json!(vector));
        }
    }
    rating
}
