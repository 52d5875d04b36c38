//! Reads what a sensor recorded: the lines of `fargard watch --record`, and unpacked batches.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    path::Path,
};

use fargard_model::{Heartbeat, Record, Timestamp};
use serde::de::IgnoredAny;

use super::{
    report::{Gathered, Reported, Watched},
    standard::StandardName,
};

/// Longest line, and most changes.
const MAX_LINE: u64 = 4 << 20;
const MAX_CHANGES: usize = 1_000_000;

/// Everything about file integrity in a file of JSON lines.
pub(super) fn gather(
    path: &Path,
    standard: Option<&StandardName>,
    since: Option<Timestamp>,
) -> io::Result<Gathered> {
    let mut gathered = Gathered::default();
    let mut tasks: BTreeMap<String, Watched> = BTreeMap::new();
    let mut unreadable = 0_u64;
    let mut input = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if read as u64 == MAX_LINE && !line.ends_with(b"\n") {
            return Err(io::Error::other(format!("a line of more than {MAX_LINE} bytes")));
        }
        match serde_json::from_slice::<Record>(&line) {
            Ok(Record::FileChange(change)) => {
                let wanted = standard.is_none_or(|standard| standard.is_of(&change.tags))
                    && since.is_none_or(|since| change.time >= since);
                if wanted && gathered.changes.len() < MAX_CHANGES {
                    gathered.changes.push(Reported { change: *change, state: None, decision: None });
                }
            }
            Ok(Record::Heartbeat(heartbeat)) => heard(&mut tasks, *heartbeat),
            Ok(_) => {}
            // Events are recorded as they are, without a name.
            Err(_) if serde_json::from_slice::<IgnoredAny>(&line).is_ok() => {}
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => unreadable += 1,
        }
    }
    if unreadable > 0 {
        gathered.left_out.push(format!("{unreadable} lines of {} are not JSON", path.display()));
    }
    gathered.changes.sort_by_key(|reported| std::cmp::Reverse(reported.change.time));
    gathered.tasks = tasks.into_values().collect();
    Ok(gathered)
}

/// Keeps the last heartbeat of each sensor.
fn heard(tasks: &mut BTreeMap<String, Watched>, heartbeat: Heartbeat) {
    let time = heartbeat.time;
    let watched = tasks.entry(heartbeat.task.arn.clone()).or_insert_with(|| Watched {
        task: heartbeat.task.clone(),
        first_seen: time,
        last_seen: time,
        ended: false,
        heartbeats: Vec::new(),
    });
    watched.first_seen = watched.first_seen.min(time);
    watched.last_seen = watched.last_seen.max(time);
    watched.ended |= heartbeat.last;
    let began = |one: &Heartbeat| one.fim.as_ref().map(|fim| fim.since);
    match watched.heartbeats.iter_mut().find(|known| began(known) == began(&heartbeat)) {
        Some(known) if known.time <= time => *known = heartbeat,
        Some(_) => {}
        None => watched.heartbeats.push(heartbeat),
    }
}
