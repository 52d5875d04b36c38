//! Files of advisories that the user gives: OSV (files, directories, zips), Debian's security tracker, Alpine's secdb, CSAF
//! as Red Hat and SUSE publish it. Their form is told by their content.
//!
//! What concerns no installed package is passed over while it is read, so memory grows with what is found and not with
//! the feed.

mod alpine;
mod csaf;
mod debian;
mod osv;
mod read;

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

pub use self::read::{FeedError, any, read};
use crate::{Inventory, Kind, Order, Severity, Status, source::python};

/// Most advisories that are kept.
const MAX_ADVISORIES: usize = 200_000;

/// Installed packages as advisories name them.
#[derive(Debug)]
pub struct Wanted {
    /// From ecosystem and name to the packages.
    packages: HashMap<(String, String), Vec<usize>>,
    ecosystems: BTreeSet<String>,
}

/// Versions that an advisory is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Affected {
    pub(crate) id: String,
    /// What the advisory is a fix of, or another name for.
    pub(crate) cves: Vec<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) summary: String,
    pub(crate) ranges: Vec<Range>,
    /// Single versions.
    pub(crate) versions: Vec<String>,
    /// Said when no version mends it.
    pub(crate) unfixed: Option<Status>,
    pub(crate) severity: Option<Severity>,
    pub(crate) vector: Option<String>,
    pub(crate) score: Option<f64>,
    /// Whether the fixes are builds for module streams only.
    pub(crate) modular: bool,
}

/// From one version on until another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// Changes in any order.
    pub(crate) events: Vec<Event>,
}

/// A version where something changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Vulnerable from here; the empty version is before all others.
    Introduced(String),
    /// Not from here on.
    Fixed(String),
    /// Not after this.
    LastAffected(String),
    /// Nothing is said from here on.
    Limit(String),
}

impl Range {
    /// Vulnerable in everything before a version.
    pub(crate) fn before(fixed: &str) -> Self {
        Self { events: vec![Event::Introduced(String::new()), Event::Fixed(fixed.to_owned())] }
    }

    /// Vulnerable in every version.
    pub(crate) fn always() -> Self {
        Self { events: vec![Event::Introduced(String::new())] }
    }
}

/// What feeds say of the installed packages.
#[derive(Debug, Default)]
pub struct Findings {
    /// Advisories, with the number of the package.
    pub(crate) found: Vec<(usize, Affected)>,
    /// What was read.
    pub feeds: Vec<Feed>,
    /// Ecosystems that have advisories in the feeds, whether or not for an installed package.
    covered: BTreeSet<String>,
    /// Whether there were more than are kept.
    pub overflowed: bool,
}

/// A feed that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Feed {
    /// The file or directory as given.
    pub source: String,
    /// Its form: `OSV`, `Debian security tracker`, `Alpine secdb`, `CSAF`; several with a comma.
    pub form: String,
    /// Advisories that were read.
    pub advisories: u64,
    /// The last change of any of them, or of the file where none says, in RFC 3339.
    pub modified: String,
    /// Documents that could not be read.
    pub unreadable: u64,
    /// The first of those, with the reason.
    pub troubles: Vec<String>,
}

impl Wanted {
    /// What advisories may be about.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        let mut wanted = Self { packages: HashMap::new(), ecosystems: BTreeSet::new() };
        let release = inventory.distribution.as_ref().and_then(crate::Distribution::release);
        for (number, package) in inventory.packages.iter().enumerate() {
            // A distribution answers for what it packages, with versions of its own.
            let Some(ecosystem) = ecosystem(package.kind, release.as_deref()).filter(|_| !package.owned)
            else {
                continue;
            };
            let name = match package.kind {
                // Advisories of these are about sources.
                Kind::Deb | Kind::Apk => package.source().0.to_owned(),
                Kind::Python => python::normalised(&package.name),
                _ => package.full_name(),
            };
            wanted.ecosystems.insert(ecosystem.clone());
            wanted.packages.entry((ecosystem, name)).or_default().push(number);
        }
        wanted
    }

    fn find(&self, ecosystem: &str, name: &str) -> &[usize] {
        let name = if ecosystem == "pypi" { python::normalised(name) } else { name.to_owned() };
        self.packages.get(&(ecosystem.to_owned(), name)).map_or(&[], Vec::as_slice)
    }

    fn has(&self, ecosystem: &str) -> bool {
        self.ecosystems.contains(ecosystem)
    }
}

/// What advisories about a kind of packages are filed under.
fn ecosystem(kind: Kind, release: Option<&str>) -> Option<String> {
    let language = match kind {
        Kind::Deb | Kind::Rpm | Kind::Apk => return release.map(str::to_owned),
        Kind::Python => "pypi",
        Kind::Npm => "npm",
        Kind::Go => "go",
        Kind::Java => "maven",
        Kind::Gem => "rubygems",
        Kind::Cargo => "crates.io",
    };
    Some(language.to_owned())
}

impl Findings {
    /// Notes that a feed is about an ecosystem.
    fn cover(&mut self, wanted: &Wanted, ecosystem: &str) {
        if wanted.has(ecosystem) && !self.covered.contains(ecosystem) {
            self.covered.insert(ecosystem.to_owned());
        }
    }

    /// Keeps an advisory for the packages it is about.
    fn add(&mut self, wanted: &Wanted, ecosystem: &str, name: &str, make: impl Fn() -> Affected) {
        self.cover(wanted, ecosystem);
        for package in wanted.find(ecosystem, name) {
            if self.found.len() >= MAX_ADVISORIES {
                self.overflowed = true;
                return;
            }
            self.found.push((*package, make()));
        }
    }

    /// Ecosystems with installed packages of which the feeds say nothing: no vulnerability found there means nothing.
    #[must_use]
    pub fn uncovered(&self, inventory: &Inventory) -> Vec<String> {
        let release = inventory.distribution.as_ref().and_then(crate::Distribution::release);
        let mut missing = BTreeSet::new();
        for package in inventory.packages.iter().filter(|package| !package.owned) {
            match ecosystem(package.kind, release.as_deref()) {
                Some(ecosystem) if self.covered.contains(&ecosystem) => {}
                Some(ecosystem) => {
                    missing.insert(ecosystem);
                }
                None => {
                    let name = inventory
                        .distribution
                        .as_ref()
                        .map_or("an unknown distribution", |it| it.name.as_str());
                    missing.insert(name.to_owned());
                }
            }
        }
        missing.into_iter().collect()
    }
}

impl Affected {
    /// Whether a version is concerned; if so, the lowest version known to mend it.
    pub(crate) fn judge(&self, order: Order, version: &str) -> Option<Option<String>> {
        let mut fixed: Option<String> = None;
        let mut affected = self.versions.iter().any(|single| order.compare(single, version).is_eq());
        for range in &self.ranges {
            if let Some(mends) = range.judge(order, version) {
                affected = true;
                let is_lower =
                    |best: &String| mends.as_ref().is_some_and(|mends| order.compare(mends, best).is_lt());
                if fixed.as_ref().is_none_or(is_lower) {
                    fixed = mends.or(fixed);
                }
            }
        }
        affected.then_some(fixed)
    }
}

impl Range {
    /// OSV's evaluation: the events in the order of their versions, the last one not above the version decides.
    fn judge(&self, order: Order, version: &str) -> Option<Option<String>> {
        let not_above =
            |limit: &str| limit.is_empty() || limit == "0" || order.compare(limit, version).is_le();
        let limits: Vec<&str> = self
            .events
            .iter()
            .filter_map(|event| if let Event::Limit(limit) = event { Some(limit.as_str()) } else { None })
            .collect();
        if !limits.is_empty()
            && !limits.iter().any(|limit| *limit == "*" || order.compare(version, limit).is_lt())
        {
            return None;
        }
        let mut events: Vec<&Event> =
            self.events.iter().filter(|event| !matches!(event, Event::Limit(_))).collect();
        events.sort_by(|left, right| match (left.version(), right.version()) {
            ("" | "0", "" | "0") => std::cmp::Ordering::Equal,
            ("" | "0", _) => std::cmp::Ordering::Less,
            (_, "" | "0") => std::cmp::Ordering::Greater,
            (left, right) => order.compare(left, right),
        });
        let mut affected = false;
        for event in &events {
            match event {
                Event::Introduced(from) if not_above(from) => affected = true,
                Event::Fixed(from) if not_above(from) => affected = false,
                Event::LastAffected(last) if order.compare(version, last).is_gt() => affected = false,
                _ => {}
            }
        }
        let mends = events.iter().find_map(|event| match event {
            Event::Fixed(fixed) if order.compare(fixed, version).is_gt() => Some(fixed.clone()),
            _ => None,
        });
        affected.then_some(mends)
    }
}

impl Event {
    fn version(&self) -> &str {
        match self {
            Self::Introduced(version)
            | Self::Fixed(version)
            | Self::LastAffected(version)
            | Self::Limit(version) => version,
        }
    }
}

#[cfg(test)]
mod tests;
