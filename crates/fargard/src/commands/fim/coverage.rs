//! What was monitored in a task, for how long, and what was not.

use std::collections::BTreeMap;

use fargard_model::{Heartbeat, Timestamp};
use serde::Serialize;

use super::{report::Watched, standard::StandardName};

/// A gap between two sensors, or since a sign of life, that is told.
const GAP: u64 = 60 * 1_000_000_000;
/// A week: PCI DSS 11.5.2 asks for a comparison in it.
const WEEK: u64 = 7 * 24 * 3600 * 1_000_000_000;

/// What was monitored in a task.
#[derive(Debug, Serialize)]
pub(super) struct TaskCover {
    pub(super) task: String,
    pub(super) cluster: String,
    pub(super) family: String,
    pub(super) sensors: Vec<SensorCover>,
    /// What was not covered, for people.
    pub(super) gaps: Vec<String>,
}

/// What one sensor monitored.
#[derive(Debug, Serialize)]
pub(super) struct SensorCover {
    pub(super) container: String,
    pub(super) policy: String,
    pub(super) policy_sha256: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) ended: bool,
    pub(super) compared: Option<String>,
    pub(super) entries: Vec<EntryCover>,
    pub(super) lost: BTreeMap<String, u64>,
}

/// What an entry covered.
#[derive(Debug, Serialize)]
pub(super) struct EntryCover {
    pub(super) name: String,
    pub(super) paths: Vec<String>,
    pub(super) files: u64,
    pub(super) hashed: u64,
    pub(super) standards: Vec<String>,
}

/// What was monitored in a task, as of `now`.
pub(super) fn of(mut watched: Watched, standard: Option<&StandardName>, now: Timestamp) -> TaskCover {
    watched.heartbeats.sort_by_key(began);
    let mut gaps = Vec::new();
    if watched.heartbeats.is_empty() {
        gaps.push("no sensor was heard".to_owned());
    }
    for heartbeat in &watched.heartbeats {
        gaps.extend(sensor_gaps(heartbeat, now));
    }
    gaps.extend(between(&watched.heartbeats));
    if !watched.ended && now.0.saturating_sub(watched.last_seen.0) > GAP {
        gaps.push(format!("no sign of life since {}", watched.last_seen.rfc3339()));
    }
    TaskCover {
        sensors: watched.heartbeats.iter().filter_map(|heartbeat| sensor(heartbeat, standard)).collect(),
        task: watched.task.arn,
        cluster: watched.task.cluster,
        family: watched.task.family,
        gaps,
    }
}

fn began(heartbeat: &Heartbeat) -> Timestamp {
    heartbeat.fim.as_ref().map_or(heartbeat.time, |fim| fim.since)
}

fn sensor(heartbeat: &Heartbeat, standard: Option<&StandardName>) -> Option<SensorCover> {
    let fim = heartbeat.fim.as_ref()?;
    let wanted = fim.entries.iter().filter(|entry| standard.is_none_or(|wanted| wanted.is_of(&entry.tags)));
    let entries = wanted.map(|entry| EntryCover {
        name: entry.name.clone(),
        paths: entry.paths.clone(),
        files: entry.files,
        hashed: entry.hashed,
        standards: entry.tags.clone(),
    });
    Some(SensorCover {
        container: heartbeat.container.name.clone(),
        policy: fim.policy.clone(),
        policy_sha256: fim.policy_sha256.clone(),
        from: fim.since.rfc3339(),
        until: heartbeat.time.rfc3339(),
        ended: heartbeat.last,
        compared: fim.compared.map(Timestamp::rfc3339),
        entries: entries.collect(),
        lost: heartbeat.lost.0.clone(),
    })
}

fn sensor_gaps(heartbeat: &Heartbeat, now: Timestamp) -> Vec<String> {
    let name = &heartbeat.container.name;
    let Some(fim) = &heartbeat.fim else {
        return vec![format!("{name}: a sensor without file integrity monitoring (set FARGARD_FIM)")];
    };
    let mut gaps = Vec::new();
    if fim.baseline.is_none() {
        gaps.push(format!("{name}: the first comparison was not complete: not every file had a baseline"));
    }
    let end = if heartbeat.last { heartbeat.time } else { now };
    if fim.compared.is_some_and(|compared| end.0.saturating_sub(compared.0) > WEEK) {
        gaps.push(format!("{name}: the last whole comparison is more than a week old"));
    }
    gaps.extend(fim.gaps.iter().map(|gap| format!("{name}: {gap}")));
    let (ours, others): (Vec<_>, Vec<_>) = heartbeat
        .lost
        .0
        .iter()
        .filter(|(_, number)| **number > 0)
        .partition(|(class, _)| class.starts_with("fim_"));
    let list = |classes: &[(&String, &u64)]| {
        classes.iter().map(|(class, number)| format!("{class} {number}")).collect::<Vec<_>>().join(", ")
    };
    if !ours.is_empty() {
        gaps.push(format!("{name}: lost or not done: {}", list(&ours)));
    }
    if !others.is_empty() {
        gaps.push(format!("{name}: calls or events were lost ({}): writers may be unknown", list(&others)));
    }
    if heartbeat.engine_restarts > 0 {
        gaps.push(format!("{name}: the engine was restarted {} times", heartbeat.engine_restarts));
    }
    let started = heartbeat.container.started_at;
    if started > 0 && fim.since.0.saturating_sub(started) > GAP {
        gaps.push(format!(
            "{name}: monitoring began {} s after the container",
            (fim.since.0 - started) / 1_000_000_000
        ));
    }
    gaps
}

/// Time between sensors of one container.
fn between(heartbeats: &[Heartbeat]) -> Vec<String> {
    let mut gaps = Vec::new();
    for (at, later) in heartbeats.iter().enumerate() {
        let before = heartbeats.iter().take(at).filter(|one| one.container.name == later.container.name);
        let Some(end) = before.map(|one| one.time).max() else { continue };
        if began(later).0.saturating_sub(end.0) > GAP {
            gaps.push(format!(
                "{}: no sensor from {} to {}",
                later.container.name,
                end.rfc3339(),
                began(later).rfc3339()
            ));
        }
    }
    gaps
}
