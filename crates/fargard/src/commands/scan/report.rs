//! What a scan gave, and how it is printed for people.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use fargard_model::{CheckResult, CheckStatus};
use fargard_scan::{CheckInfo, Finding, all_checks};
use serde::Serialize;

pub(super) use fargard_outputs::compliance::{level, uri};

use super::known::{self, Known};

/// Anomalies of layers that the table lists.
const SHOWN_ANOMALIES: usize = 10;

/// A scanned directory and what the checks said of it.
#[derive(Debug, Serialize)]
pub(super) struct Scan {
    pub(super) rootfs: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) unreadable: u64,
    pub(super) mounts_skipped: Vec<String>,
    /// Package databases that were found.
    pub(super) databases: Vec<&'static str>,
    pub(super) packages: usize,
    /// Files compared with their package's digest.
    pub(super) compared: u64,
    pub(super) results: Vec<Checked>,
    /// Checks that could not be made for want of what they look at, with the reason.
    pub(super) not_assessed: BTreeMap<u32, String>,
    /// What is scanned, where it is an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<OfImage>,
    /// What is installed and vulnerable, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<Known>,
}

/// An image and how its layers were read.
#[derive(Debug, Serialize)]
pub(super) struct OfImage {
    /// What the reference names; an index where there is one.
    pub(super) digest: Option<String>,
    pub(super) platform: String,
    pub(super) layers: Vec<OfLayer>,
    /// What in the layers no honest tool writes, with how it was taken.
    pub(super) anomalies: Vec<String>,
    /// Anomalies that are not among them.
    pub(super) anomalies_left_out: u64,
}

/// One layer.
#[derive(Debug, Serialize)]
pub(super) struct OfLayer {
    pub(super) digest: String,
    pub(super) entries: u64,
    pub(super) unpacked: u64,
    /// Bytes read of it; none when what it gives was known from a scan before.
    pub(super) read: u64,
    /// Why it was not read, or not to its end.
    pub(super) problem: Option<String>,
}

/// A check's result with everything it found, also what does not fail it.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    #[serde(flatten)]
    pub(super) result: CheckResult,
    pub(super) findings: Vec<Finding>,
}

/// What a check is, by its number.
pub(super) fn info(number: u32) -> Option<&'static CheckInfo> {
    all_checks().find(|check| check.number == number)
}

/// Prints the table; `all` also lists what fails nothing.
pub(super) fn write_table(out: &mut impl Write, scan: &Scan, all: bool) -> io::Result<()> {
    for Checked { result, findings } in &scan.results {
        let word = match result.status {
            CheckStatus::Passed => "PASSED",
            CheckStatus::Failed => "FAILED",
            CheckStatus::Error => "ERROR",
        };
        writeln!(out, "{word:<7} {:<5} {:<9} {}", result.check, result.severity, result.title)?;
        let shown: Vec<&Finding> = findings.iter().filter(|found| all || found.fails()).collect();
        let width = shown.iter().map(|found| found.subject.chars().count()).max().unwrap_or(0).min(60);
        for found in shown {
            let severity = if found.severity == result.severity {
                String::new()
            } else {
                format!(" [{}]", found.severity)
            };
            writeln!(out, "        {:<width$}  {}{severity}", found.subject, found.reason)?;
        }
        if !all {
            write_listed(out, findings)?;
        }
        match (result.status, info(result.check)) {
            (CheckStatus::Failed, Some(info)) => writeln!(out, "        Remedy: {}", info.remedy)?,
            (CheckStatus::Error, _) => writeln!(
                out,
                "        {}\n        Nothing was found in what could be seen. Run as a user who may read all of it, \
                 or with a longer --timeout.",
                result.cause
            )?,
            _ => {}
        }
    }
    for (check, reason) in &scan.not_assessed {
        let title = info(*check).map_or("", |info| info.title);
        writeln!(out, "-       {check:<5} {:<9} {title}\n        Not assessed: {reason}", "")?;
    }
    known::write_table(out, scan, all)?;
    write_summary(out, scan)
}

/// How many findings fail nothing, by class.
fn write_listed(out: &mut impl Write, findings: &[Finding]) -> io::Result<()> {
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    for found in findings.iter().filter(|found| !found.fails()) {
        *classes.entry(found.class).or_default() += 1;
    }
    if classes.is_empty() {
        return Ok(());
    }
    let classes: Vec<String> = classes.iter().map(|(class, number)| format!("{number} {class}")).collect();
    writeln!(out, "        Noted: {} (--all lists them)", classes.join(", "))
}

fn write_summary(out: &mut impl Write, scan: &Scan) -> io::Result<()> {
    write!(out, "\n{} files, {} in {}", scan.files, megabytes(scan.bytes), scan.rootfs)?;
    if !scan.databases.is_empty() {
        let (packages, compared, kinds) = (scan.packages, scan.compared, scan.databases.join(", "));
        write!(out, "; {packages} packages ({kinds}), {compared} files compared with them")?;
    }
    writeln!(out)?;
    if let Some(image) = &scan.image {
        writeln!(
            out,
            "{} layers ({} known from before), {}, {}",
            image.layers.len(),
            image.layers.iter().filter(|layer| layer.read == 0 && layer.problem.is_none()).count(),
            image.platform,
            image.digest.as_deref().unwrap_or("no digest")
        )?;
        for anomaly in image.anomalies.iter().take(SHOWN_ANOMALIES) {
            writeln!(out, "Odd: {anomaly}")?;
        }
        let more = image.anomalies.len().saturating_sub(SHOWN_ANOMALIES) as u64 + image.anomalies_left_out;
        if more > 0 {
            writeln!(out, "Odd: {more} more (--format json lists them)")?;
        }
    }
    if !scan.mounts_skipped.is_empty() {
        writeln!(out, "Mounts not entered: {}", scan.mounts_skipped.join(", "))?;
    }
    Ok(())
}

/// Bytes as people read them; with a tenth where that matters.
fn megabytes(bytes: u64) -> String {
    if bytes < 10_000_000 {
        format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
    } else {
        format!("{} MB", bytes / 1_000_000)
    }
}
