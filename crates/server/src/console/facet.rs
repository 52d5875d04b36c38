//! Facets of the list of findings: the values there are, how many findings each has, and the link that turns it
//! on or off.

use std::collections::BTreeMap;

use fargard_model::{FindingKind, FindingState, Priority, standard};
use fargard_store::Facets;

use super::{badge::Badge, links::Links, text};

/// Values shown of a facet before the rest is folded away.
const SHOWN: usize = 7;
/// Most values of a facet that a page holds.
const MOST: usize = 60;

/// A facet.
#[derive(Debug)]
pub(super) struct Facet {
    /// Its title.
    pub(super) title: &'static str,
    /// Values in sight.
    pub(super) shown: Vec<Value>,
    /// Values folded away.
    pub(super) folded: Vec<Value>,
    /// More values than the page holds.
    pub(super) more: usize,
}

/// A value of a facet.
#[derive(Debug)]
pub(super) struct Value {
    /// Shape and word, for states, kinds and severities.
    pub(super) badge: Option<Badge>,
    /// The words otherwise.
    pub(super) label: String,
    /// The whole value.
    pub(super) full: String,
    /// Findings with it.
    pub(super) count: String,
    /// The page is restricted to it.
    pub(super) on: bool,
    /// Turns it on or off.
    pub(super) href: String,
}

/// A restriction in force that can be taken off.
#[derive(Debug)]
pub(super) struct Restriction {
    /// What is restricted.
    pub(super) name: &'static str,
    /// To which value.
    pub(super) value: String,
    /// Takes it off.
    pub(super) href: String,
}

/// The facets for a page asked with these parameters.
pub(super) fn facets(counts: &Facets, links: &Links) -> Vec<Facet> {
    let ordered = |name: &str, order: Vec<&'static str>| {
        let counts = counts.get(name);
        order
            .into_iter()
            .map(|value| (value.to_owned(), counts.and_then(|all| all.get(value)).copied().unwrap_or(0)))
            .collect::<Vec<_>>()
    };
    let (mapped, plain) = tags(counts.get("tag"), links);
    let groups = [
        ("State", "state", ordered("state", FindingState::ALL.iter().map(|state| state.name()).collect())),
        ("Severity", "priority", ordered("priority", Priority::ALL.map(Priority::name).into())),
        ("Kind", "kind", ordered("kind", FindingKind::ALL.iter().map(|kind| kind.name()).collect())),
        ("Rule or check", "title", most_first(counts.get("title"), "title", links)),
        ("Standard", "tag", mapped),
        ("Cluster", "cluster", most_first(counts.get("cluster"), "cluster", links)),
        ("Family", "family", most_first(counts.get("family"), "family", links)),
        ("Image", "image", most_first(counts.get("image"), "image", links)),
        ("Tag", "tag", plain),
    ];
    groups.into_iter().filter_map(|(title, name, values)| facet(title, name, values, links)).collect()
}

fn facet(
    title: &'static str,
    name: &'static str,
    values: Vec<(String, u64)>,
    links: &Links,
) -> Option<Facet> {
    let more = values.len().saturating_sub(MOST);
    let mut shown: Vec<Value> = values
        .into_iter()
        .filter(|(value, count)| !value.is_empty() && (*count > 0 || links.has(name, value)))
        .take(MOST)
        .map(|(value, count)| Value {
            badge: badge(name, &value),
            label: short_label(name, &value),
            full: text::line(&value, text::CELL),
            count: text::number(count),
            on: links.has(name, &value),
            href: links.toggled(name, &value).to("/findings"),
        })
        .collect();
    if shown.is_empty() {
        return None;
    }
    // What is on stays in sight.
    let on = shown.iter().rposition(|value| value.on).map_or(0, |last| last + 1);
    let folded = shown.split_off(shown.len().min(SHOWN.max(on.min(MOST))));
    Some(Facet { title, shown, folded, more })
}

/// Values by falling count; those the page is restricted to are there even when nothing has them.
fn most_first(counts: Option<&BTreeMap<String, u64>>, name: &str, links: &Links) -> Vec<(String, u64)> {
    let mut values = counts.cloned().unwrap_or_default();
    for (key, value) in links.pairs() {
        if key == name {
            values.entry(value.clone()).or_insert(0);
        }
    }
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(|(one, count), (other, other_count)| {
        links
            .has(name, other)
            .cmp(&links.has(name, one))
            .then(other_count.cmp(count))
            .then_with(|| one.cmp(other))
    });
    values
}

/// Tags that name a standard, and the others.
#[expect(clippy::type_complexity, reason = "two lists of the same kind")]
fn tags(counts: Option<&BTreeMap<String, u64>>, links: &Links) -> (Vec<(String, u64)>, Vec<(String, u64)>) {
    most_first(counts, "tag", links).into_iter().partition(|(tag, _)| standard::of_tag(tag).is_some())
}

fn badge(name: &str, value: &str) -> Option<Badge> {
    match name {
        "state" => value.parse().ok().map(Badge::of_state),
        "kind" => value.parse().ok().map(Badge::of_kind),
        "priority" => value.parse().ok().map(Badge::of_priority),
        _ => None,
    }
}

/// Images of one registry differ in their last part.
fn short_label(name: &str, value: &str) -> String {
    match value.rsplit_once('/') {
        Some((_, last)) if name == "image" && !last.is_empty() => text::line(last, text::CELL),
        _ => label(name, value),
    }
}

fn label(name: &str, value: &str) -> String {
    if name == "tag" {
        return tag_label(value);
    }
    text::line(value, text::CELL)
}

/// `PCI DSS 10.2.7` for `PCI_DSS_10.2.7`; tags of no standard as they are.
pub(super) fn tag_label(tag: &str) -> String {
    let label = match standard::of_tag(tag) {
        Some((standard, "")) => standard.title().to_owned(),
        Some((standard, control)) => format!("{} {control}", standard.title()),
        None => tag.to_owned(),
    };
    text::line(&label, text::CELL)
}

/// The restrictions of a page asked with these parameters.
pub(super) fn restrictions(links: &Links) -> Vec<Restriction> {
    const NAMES: [(&str, &str); 11] = [
        ("state", "State"),
        ("kind", "Kind"),
        ("priority", "Severity"),
        ("title", "Rule or check"),
        ("cluster", "Cluster"),
        ("family", "Family"),
        ("task", "Task"),
        ("image", "Image"),
        ("tag", "Tag"),
        ("text", "Text"),
        ("since", "Seen since"),
    ];
    let named = |key: &str| NAMES.iter().find(|(name, _)| *name == key).map(|(_, shown)| *shown);
    links
        .pairs()
        .iter()
        .filter_map(|(name, value)| {
            Some(Restriction {
                name: named(name)?,
                value: label(name, value),
                href: links.without(name, value).to("/findings"),
            })
        })
        .collect()
}
