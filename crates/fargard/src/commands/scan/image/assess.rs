//! What an image's files, configuration and history come to: a result for each check.

use std::collections::BTreeMap;

use fargard_image::{Image, LayerState, ScanReport, Scanned, Source};
use fargard_model::{Container, Task, Timestamp};
use fargard_scan::{
    CHECK_41, CHECK_424, CHECK_448, CHECK_7003, CheckInfo, Finding, ImageOutcome, Target, WalkReport,
    custom::CustomCheck,
    image::{Settings, history, settings},
    secrets, users,
};

use super::{
    super::{
        custom, hygiene,
        report::{Checked, OfImage, OfLayer, Scan},
    },
    is_of_configuration, of_image_all,
    pass::Harvested,
};

/// An image that was read.
pub(super) struct Seen<'s> {
    /// As it was asked for.
    pub(super) name: &'s str,
    pub(super) image: &'s Image,
    pub(super) report: &'s WalkReport,
    pub(super) scanned: &'s Scanned,
}

/// Why something may have been missed.
struct Gaps {
    /// Not all files were looked at.
    files: Option<String>,
    /// Not all of the package databases.
    packages: Option<String>,
}

/// Results out of what was found.
pub(super) fn assess(
    seen: &Seen<'_>,
    mut harvested: Harvested,
    checks: &[CustomCheck],
    is_wanted: impl Fn(&CheckInfo) -> bool,
) -> Scan {
    let tree = &seen.scanned.tree;
    let incomplete = seen.scanned.report.incomplete().or(harvested.overflow());
    let mut packages = if is_wanted(&CHECK_448) {
        harvested.compare(tree, incomplete.is_none())
    } else {
        ImageOutcome::default()
    };
    let mut findings = harvested.findings(tree);
    findings.insert(CHECK_448.number, std::mem::take(&mut packages.findings));
    let contents = harvested.contents();
    let passwd = tree.resolve(b"/etc/passwd").and_then(|entry| contents.get(&entry.content()).copied());
    for (check, finding) in of_configuration(seen, passwd) {
        findings.entry(check).or_default().push(finding);
    }
    let (of_files, left_out) = hygiene::of_image(tree, &contents, harvested.shipped());
    findings.extend(of_files);
    let mut not_assessed = not_made(seen, !packages.databases.is_empty());
    not_assessed.retain(|number, _| of_image_all().any(|check| check.number == *number && is_wanted(check)));
    let gaps = Gaps { files: incomplete.or(left_out), packages: packages.troubles.first().cloned() };
    let made = of_image_all().filter(|check| is_wanted(check) && !not_assessed.contains_key(&check.number));
    let results = made.map(|check| result(check, findings.remove(&check.number).unwrap_or_default(), &gaps));
    let mut scan = Scan {
        rootfs: seen.name.to_owned(),
        files: seen.report.files,
        bytes: seen.report.bytes,
        unreadable: 0,
        mounts_skipped: Vec::new(),
        databases: packages.databases,
        packages: packages.packages,
        compared: packages.compared,
        results: results.collect(),
        not_assessed,
        image: Some(of_image(seen.image, &seen.scanned.report)),
        known: None,
    };
    let env = &seen.image.config.config.env;
    custom::of_image(&mut scan, checks, tree, &contents, env, gaps.files.as_deref());
    scan
}

fn result(check: &CheckInfo, findings: Vec<Finding>, gaps: &Gaps) -> Checked {
    let target = Target {
        id: format!("scan-check-{}", check.number),
        time: Timestamp::now(),
        task: &Task::default(),
        container: &Container::default(),
    };
    // The configuration was read whole.
    let of_files = gaps.files.as_deref().filter(|_| !is_of_configuration(check.number));
    let of_packages = || gaps.packages.as_deref().filter(|_| check.number == CHECK_448.number);
    let incomplete = of_files.or_else(of_packages);
    Checked { result: check.result(&findings, incomplete, target), findings }
}

/// Whether an image was asked for by a reference, not as a file.
fn reference(name: &str) -> Option<&str> {
    name.parse::<Source>().is_err().then_some(name)
}

/// What the configuration and the history say; the user's number is in `passwd`.
fn of_configuration(seen: &Seen<'_>, passwd: Option<&[u8]>) -> Vec<(u32, Finding)> {
    let run = &seen.image.config.config;
    let health = run.healthcheck.as_ref().and_then(|health| health.test.as_deref());
    let mut found = settings(&Settings {
        reference: reference(seen.name),
        volumes: run.volumes.iter().map(String::as_str).collect(),
        ports: run.exposed_ports.iter().map(String::as_str).collect(),
        health: health.map(|words| words.iter().map(String::as_str).collect()),
    });
    let steps: Vec<&str> = seen.image.config.history.iter().map(|step| step.created_by.as_str()).collect();
    let env: Vec<&str> = run.env.iter().map(String::as_str).collect();
    found.extend(history(&steps, &env));
    found.extend(users::root(&run.user, passwd).map(|finding| (CHECK_41.number, finding)));
    found.extend(secrets::environment(env).into_iter().map(|finding| (CHECK_424.number, finding)));
    found
}

/// Checks for which the image says nothing, with the reason.
fn not_made(seen: &Seen<'_>, has_packages: bool) -> BTreeMap<u32, String> {
    let mut reasons = BTreeMap::new();
    if seen.image.config.history.iter().all(|step| step.created_by.trim().is_empty()) {
        for number in [47, 49, 410, 411, 7103] {
            reasons.insert(number, "the image does not say how it was made (no history)".to_owned());
        }
    }
    if reference(seen.name).is_none() {
        reasons.insert(CHECK_7003.number, "the image was given as a file, not by a name".to_owned());
    }
    if !has_packages {
        reasons.insert(CHECK_448.number, "there is no package database (dpkg, rpm, apk)".to_owned());
    }
    reasons
}

fn of_image(image: &Image, report: &ScanReport) -> OfImage {
    let layers = report.layers.iter().map(|layer| OfLayer {
        digest: layer.descriptor.digest.to_string(),
        entries: layer.entries,
        unpacked: layer.unpacked,
        read: layer.read,
        problem: match &layer.state {
            LayerState::Read => None,
            LayerState::Foreign => Some("kept elsewhere, not read".to_owned()),
            LayerState::Failed(reason) => Some(reason.clone()),
        },
    });
    OfImage {
        digest: image.digest.as_ref().or(image.config_digest.as_ref()).map(ToString::to_string),
        platform: image.config.platform.to_string(),
        layers: layers.collect(),
        anomalies: report.anomalies.iter().map(ToString::to_string).collect(),
        anomalies_left_out: report.anomalies_left_out,
    }
}
