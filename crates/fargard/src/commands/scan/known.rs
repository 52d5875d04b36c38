//! Installed packages and their known vulnerabilities, as a part of a scan.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use fargard_inventory::{
    Distribution, Inventory, Severity, Status, Vulnerability,
    feed::{self, Feed, Findings, Wanted},
    matching,
};
use serde::Serialize;

use super::report::Scan;
use crate::failure::BadInput;

/// Vulnerabilities that the table lists without `--all`.
const LISTED: usize = 50;

/// Which advisories are used, and how.
#[derive(Debug, clap::Args)]
pub(super) struct KnownArgs {
    /// Match installed packages with advisories: a file, zip or directory of OSV, Debian's security tracker, Alpine's secdb
    /// or CSAF
    #[arg(long = "vulnerabilities", value_name = "FEED")]
    feeds: Vec<PathBuf>,
    /// Leave out vulnerabilities that no version mends
    #[arg(long, requires = "feeds")]
    ignore_unfixed: bool,
}

/// What is installed and what of it is vulnerable.
#[derive(Debug, Serialize)]
pub(super) struct Known {
    #[serde(flatten)]
    pub(super) inventory: Inventory,
    pub(super) vulnerabilities: Vec<Vulnerability>,
    /// Those that no version mends, where they are left out.
    unfixed_left_out: usize,
    pub(super) feeds: Vec<Feed>,
    /// Ecosystems and releases with installed packages of which no feed says anything.
    without_data: Vec<String>,
}

impl KnownArgs {
    /// Whether advisories are given.
    pub(super) fn is_wanted(&self) -> bool {
        !self.feeds.is_empty()
    }

    /// Reads the feeds and judges by them.
    pub(super) fn judge(&self, inventory: Inventory) -> anyhow::Result<Known> {
        let wanted = Wanted::of(&inventory);
        let mut findings = Findings::default();
        for path in &self.feeds {
            feed::read(path, &wanted, &mut findings).map_err(|error| BadInput::because(error.to_string()))?;
        }
        let mut vulnerabilities = matching::judge(&inventory, &findings);
        let all = vulnerabilities.len();
        if self.ignore_unfixed {
            vulnerabilities.retain(|found| found.status == Status::Fixed);
        }
        let without_data = if self.is_wanted() { findings.uncovered(&inventory) } else { Vec::new() };
        let mut inventory = inventory;
        if findings.overflowed {
            inventory.troubles.push("more advisories than are kept".to_owned());
        }
        Ok(Known {
            inventory,
            unfixed_left_out: all - vulnerabilities.len(),
            vulnerabilities,
            feeds: findings.feeds,
            without_data,
        })
    }
}

#[cfg(test)]
impl Known {
    /// What is installed, of which nothing is known.
    pub(super) fn without_feeds(inventory: Inventory) -> Self {
        KnownArgs { feeds: Vec::new(), ignore_unfixed: false }.judge(inventory).unwrap()
    }
}

/// Prints what is installed and vulnerable.
pub(super) fn write_table(out: &mut impl Write, scan: &Scan, all: bool) -> io::Result<()> {
    let Some(known) = &scan.known else { return Ok(()) };
    if !known.feeds.is_empty() {
        write_found(out, known, all)?;
    }
    let of = known.inventory.distribution.as_ref().map(Distribution::tag);
    writeln!(
        out,
        "\n{} packages installed{}",
        known.inventory.packages.len(),
        of.flatten().map(|tag| format!(" ({tag})")).unwrap_or_default()
    )?;
    if known.inventory.anonymous_jars > 0 {
        writeln!(out, "{} jars do not say what they are", known.inventory.anonymous_jars)?;
    }
    for feed in &known.feeds {
        let unreadable =
            if feed.unreadable > 0 { format!(", {} not readable", feed.unreadable) } else { String::new() };
        writeln!(
            out,
            "Advisories: {} ({}), {} of them, the last of {}{unreadable}",
            feed.source, feed.form, feed.advisories, feed.modified
        )?;
    }
    for name in &known.without_data {
        writeln!(out, "Not assessed: no advisories for {name} are given")?;
    }
    for trouble in &known.inventory.troubles {
        writeln!(out, "Incomplete: {trouble}")?;
    }
    Ok(())
}

fn write_found(out: &mut impl Write, known: &Known, all: bool) -> io::Result<()> {
    let found = &known.vulnerabilities;
    let word = if found.is_empty() { "PASSED" } else { "FAILED" };
    let counts: Vec<String> = [
        Severity::Critical,
        Severity::High,
        Severity::Medium,
        Severity::Low,
        Severity::Negligible,
        Severity::Unknown,
    ]
    .into_iter()
    .map(|severity| (found.iter().filter(|it| it.severity == severity).count(), severity.name()))
    .filter(|(count, _)| *count > 0)
    .map(|(count, name)| format!("{count} {name}"))
    .collect();
    let counts = if counts.is_empty() { "none known".to_owned() } else { counts.join(", ") };
    writeln!(out, "{word:<7} {:<15} Known vulnerabilities: {counts}", "")?;
    let listed = if all { found.len() } else { LISTED.min(found.len()) };
    let shown = found.get(..listed).unwrap_or_default();
    let width = |of: &dyn Fn(&Vulnerability) -> usize| shown.iter().map(of).max().unwrap_or(0).min(44);
    let (ids, packages) = (
        width(&|it| it.id.chars().count()),
        width(&|it| it.name.chars().count() + it.installed.chars().count() + 1),
    );
    for it in shown {
        let package = format!("{} {}", it.name, it.installed);
        let remedy = match &it.fixed {
            Some(fixed) => format!("fixed in {fixed}"),
            None => it.status.name().to_owned(),
        };
        writeln!(out, "        {:<10} {:<ids$}  {package:<packages$}  {remedy}", it.severity.name(), it.id)?;
    }
    if found.len() > listed {
        writeln!(out, "        and {} more (--all lists them)", found.len() - listed)?;
    }
    if known.unfixed_left_out > 0 {
        writeln!(out, "        {} without a fix are left out", known.unfixed_left_out)?;
    }
    Ok(())
}
