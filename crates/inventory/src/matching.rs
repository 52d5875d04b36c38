//! From what feeds say to vulnerabilities of installed packages.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
};

use crate::{
    Inventory, Kind, Package, Severity, Status, Vulnerability,
    feed::{Affected, Findings},
};

/// The vulnerabilities of the inventory, the worst first. Of several advisories about one vulnerability of a package the one
/// that says most is taken.
#[must_use]
pub fn judge(inventory: &Inventory, findings: &Findings) -> Vec<Vulnerability> {
    let mut found: BTreeMap<(usize, String), Vulnerability> = BTreeMap::new();
    for (number, affected) in &findings.found {
        let Some(package) = inventory.packages.get(*number) else { continue };
        for vulnerability in of_package(inventory, *number, package, affected) {
            match found.entry((*number, vulnerability.id.clone())) {
                Entry::Vacant(place) => {
                    place.insert(vulnerability);
                }
                Entry::Occupied(mut place) => place.get_mut().merge(vulnerability),
            }
        }
    }
    let mut all: Vec<_> = found.into_values().collect();
    all.sort_by(|left, right| {
        let key =
            |it: &Vulnerability| (it.severity, Reverse(it.score.map(|score| (score * 10.0).round() as i64)));
        key(left)
            .cmp(&key(right))
            .then_with(|| (&left.name, &left.id, &left.place).cmp(&(&right.name, &right.id, &right.place)))
    });
    all
}

fn of_package(
    inventory: &Inventory,
    number: usize,
    package: &Package,
    affected: &Affected,
) -> Vec<Vulnerability> {
    // Versions for one module stream say nothing of other streams or of packages outside of modules.
    if package.kind == Kind::Rpm
        && affected.modular != package.modular
        && !affected.ranges.is_empty()
        && affected.unfixed.is_none()
    {
        return Vec::new();
    }
    let version = match package.kind {
        Kind::Deb | Kind::Apk => package.source().1,
        _ => package.version.as_str(),
    };
    let Some(fixed) = affected.judge(package.kind.order(), version) else { return Vec::new() };
    let status = match &fixed {
        Some(_) => Status::Fixed,
        None => affected.unfixed.unwrap_or(Status::Unfixed),
    };
    let ids = if affected.cves.is_empty() { vec![affected.id.clone()] } else { affected.cves.clone() };
    let one = |id: String| {
        let others = affected.aliases.iter().filter(|name| **name != id);
        Vulnerability {
            advisory: if id == affected.id { String::new() } else { affected.id.clone() },
            aliases: others.cloned().collect(),
            id,
            package: number,
            name: package.full_name(),
            installed: package.version.clone(),
            status,
            fixed: fixed.clone(),
            severity: affected.severity.unwrap_or(Severity::Unknown),
            score: affected.score,
            vector: affected.vector.clone(),
            summary: affected.summary.clone(),
            purl: package.purl(inventory.distribution.as_ref()),
            place: package.place.clone(),
            layer: package.layer,
        }
    };
    ids.into_iter().map(one).collect()
}

impl Vulnerability {
    /// Adds what another advisory knows of the same vulnerability in the same package.
    fn merge(&mut self, other: Self) {
        if self.status != Status::Fixed && other.status == Status::Fixed {
            (self.status, self.fixed) = (other.status, other.fixed);
        }
        self.severity = match (self.severity, other.severity) {
            (Severity::Unknown, known) | (known, Severity::Unknown) => known,
            (one, other) => one.min(other),
        };
        if self.vector.is_none() {
            (self.vector, self.score) = (other.vector, other.score);
        }
        if self.advisory.is_empty() {
            self.advisory = other.advisory;
        }
        if self.summary.is_empty() {
            self.summary = other.summary;
        }
        for name in other.aliases {
            if name != self.id && !self.aliases.contains(&name) {
                self.aliases.push(name);
            }
        }
    }
}
