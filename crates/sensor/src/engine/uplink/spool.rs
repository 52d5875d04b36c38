//! Batches that the server does not have yet: in a directory, where they survive the engine and the container,
//! or in memory. Bounded; event batches give way first.
//!
//! Layout of the directory: one subdirectory per producer with `producer.json` (what the producer enrols with,
//! locked while it lives) and one file a batch, `<sequence>.<u|e>.<records>.zst`: exactly the bytes that are sent.

mod drain;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use fargard_model::{Container, Task, bounded};
use serde::{Deserialize, Serialize};

pub use self::drain::{DrainReport, drain};
use super::outbox::Lane;

/// Most bytes of batches kept in memory when there is no directory.
const MAX_MEMORY: u64 = 3 << 20;
/// Largest batch file that is read.
const MAX_FILE: usize = 2 << 20;
/// Most files of a directory that are looked at.
const MAX_ENTRIES: usize = 100_000;
const IDENTITY: &str = "producer.json";

/// What a producer enrols with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The task.
    pub task: Task,
    /// The container.
    pub container: Container,
    /// The producer's name.
    pub producer: String,
}

/// A batch in the spool. Urgent batches sort first, then by sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    lane: Lane,
    sequence: u64,
    records: u64,
}

/// The batches of one producer.
#[derive(Debug)]
pub(crate) struct Spool {
    entries: BTreeMap<Key, Entry>,
    bytes: u64,
    max_bytes: u64,
    directory: Option<Directory>,
}

#[derive(Debug)]
struct Entry {
    length: u64,
    /// The batch itself, where there is no directory.
    content: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Directory {
    path: PathBuf,
    /// Held as long as the producer lives.
    _lock: File,
}

impl Spool {
    /// A spool in memory.
    pub(crate) fn in_memory() -> Self {
        Self { entries: BTreeMap::new(), bytes: 0, max_bytes: MAX_MEMORY, directory: None }
    }

    /// A spool for a new producer below `root`.
    pub(crate) fn create(root: &Path, max_bytes: u64, enrolment: &Enrolment) -> io::Result<Self> {
        let path = root.join(&enrolment.producer);
        fs::create_dir_all(&path)?;
        let bytes = serde_json::to_vec(enrolment)?;
        write_atomically(&path, IDENTITY, &bytes)?;
        let lock = File::open(path.join(IDENTITY))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        let used = directory_bytes(root);
        Ok(Self {
            entries: BTreeMap::new(),
            bytes: 0,
            // What earlier producers left counts towards the same bound.
            max_bytes: max_bytes.saturating_sub(used).max(max_bytes / 4),
            directory: Some(Directory { path, _lock: lock }),
        })
    }

    /// The spool an ended producer left; `None` when the producer still lives or the directory is none of ours.
    fn adopt(path: &Path) -> Option<(Self, Enrolment)> {
        let lock = File::open(path.join(IDENTITY)).ok()?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).ok()?;
        let enrolment = serde_json::from_slice(&bounded::read(&path.join(IDENTITY), 64 << 10).ok()?).ok()?;
        let mut entries = BTreeMap::new();
        for file in fs::read_dir(path).ok()?.take(MAX_ENTRIES).flatten() {
            let key = file.file_name().to_str().and_then(Key::parse);
            if let (Some(key), Ok(data)) = (key, file.metadata()) {
                entries.insert(key, Entry { length: data.len(), content: None });
            }
        }
        let bytes = entries.values().map(|entry| entry.length).sum();
        let directory = Some(Directory { path: path.to_owned(), _lock: lock });
        Some((Self { entries, bytes, max_bytes: u64::MAX, directory }, enrolment))
    }

    /// Keeps a batch. Returns the number of records that had to go for it, by lane (urgent, events).
    pub(crate) fn put(&mut self, lane: Lane, sequence: u64, records: u64, content: Vec<u8>) -> (u64, u64) {
        let mut shed = (0, 0);
        let length = content.len() as u64;
        while self.bytes + length > self.max_bytes {
            let victim = self
                .entries
                .keys()
                .find(|key| key.lane == Lane::Events)
                .or_else(|| self.entries.keys().next().filter(|_| lane == Lane::Urgent))
                .copied();
            let Some(victim) = victim else { break };
            add(&mut shed, victim.lane, victim.records);
            self.remove(victim);
        }
        if self.bytes + length > self.max_bytes {
            add(&mut shed, lane, records);
            return shed;
        }
        let key = Key { lane, sequence, records };
        let kept = match &self.directory {
            None => Some(content),
            // A full disk: the batch stays in memory, under the same bound.
            Some(directory) => match write_atomically(&directory.path, &key.file_name(), &content) {
                Ok(()) => None,
                Err(_) => Some(content),
            },
        };
        self.bytes += length;
        self.entries.insert(key, Entry { length, content: kept });
        shed
    }

    /// The batch to send next.
    pub(crate) fn next(&self) -> Option<Key> {
        self.entries.keys().next().copied()
    }

    /// A batch's bytes; `None` when its file is gone.
    pub(crate) fn content(&self, key: Key) -> Option<Vec<u8>> {
        let entry = self.entries.get(&key)?;
        match (&entry.content, &self.directory) {
            (Some(content), _) => Some(content.clone()),
            (None, Some(directory)) => bounded::read(&directory.path.join(key.file_name()), MAX_FILE).ok(),
            (None, None) => None,
        }
    }

    /// Forgets a batch: the server has it, or will never take it.
    pub(crate) fn remove(&mut self, key: Key) {
        if let Some(entry) = self.entries.remove(&key) {
            self.bytes = self.bytes.saturating_sub(entry.length);
            if let Some(directory) = &self.directory {
                let _ = fs::remove_file(directory.path.join(key.file_name()));
            }
        }
    }

    /// Number of batches.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Removes the producer's directory when nothing is left in it.
    pub(crate) fn finish(self) {
        if let Some(directory) = self.directory.as_ref().filter(|_| self.entries.is_empty()) {
            let _ = fs::remove_file(directory.path.join(IDENTITY));
            let _ = fs::remove_dir(&directory.path);
        }
    }
}

impl Key {
    /// Records of the batch.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    fn file_name(&self) -> String {
        let lane = if self.lane == Lane::Urgent { 'u' } else { 'e' };
        format!("{:012}.{lane}.{}.zst", self.sequence, self.records)
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let sequence = parts.next()?.parse().ok()?;
        let lane = match parts.next()? {
            "u" => Lane::Urgent,
            "e" => Lane::Events,
            _ => return None,
        };
        let records = parts.next()?.parse().ok()?;
        (parts.next() == Some("zst") && parts.next().is_none()).then_some(Self { lane, sequence, records })
    }
}

fn add(shed: &mut (u64, u64), lane: Lane, records: u64) {
    match lane {
        Lane::Urgent => shed.0 += records,
        Lane::Events => shed.1 += records,
    }
}

fn directory_bytes(root: &Path) -> u64 {
    let files = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    files(root.to_owned())
        .take(MAX_ENTRIES)
        .flat_map(|entry| files(entry.path()).take(MAX_ENTRIES))
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .sum()
}

/// Writes a file under another name first, so that a reader never finds half of it.
fn write_atomically(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = directory.join(format!("{name}.tmp"));
    let written = File::create(&unfinished)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&unfinished, directory.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fargard_model::{Container, Task};

    use super::{Enrolment, Key, Lane, MAX_MEMORY, Spool};

    fn enrolment(producer: &str) -> Enrolment {
        Enrolment { task: Task::default(), container: Container::default(), producer: producer.into() }
    }

    #[test]
    fn batches_survive_their_producer() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(root.path(), 1 << 20, &enrolment("p-1")).unwrap();
        assert_eq!(spool.put(Lane::Events, 1, 3, b"events".to_vec()), (0, 0));
        assert_eq!(spool.put(Lane::Urgent, 2, 1, b"urgent".to_vec()), (0, 0));
        assert!(Spool::adopt(&root.path().join("p-1")).is_none(), "its producer lives");
        drop(spool);
        let (mut spool, found) = Spool::adopt(&root.path().join("p-1")).unwrap();
        assert_eq!(found, enrolment("p-1"));
        let first = spool.next().unwrap();
        assert_eq!(spool.content(first).unwrap(), b"urgent");
        spool.remove(first);
        let second = spool.next().unwrap();
        assert_eq!((spool.content(second).unwrap(), second.records()), (b"events".to_vec(), 3));
        spool.remove(second);
        spool.finish();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn events_give_way_to_urgent_batches() {
        let mut spool = Spool::in_memory();
        let third = vec![0; MAX_MEMORY as usize / 3];
        assert_eq!(spool.put(Lane::Urgent, 1, 1, third.clone()), (0, 0));
        assert_eq!(spool.put(Lane::Events, 2, 10, third.clone()), (0, 0));
        assert_eq!(spool.put(Lane::Events, 3, 20, third.clone()), (0, 0));
        assert_eq!(spool.put(Lane::Urgent, 4, 1, third.clone()), (0, 10), "the older events go");
        assert_eq!(spool.put(Lane::Urgent, 5, 1, third.clone()), (0, 20));
        assert_eq!(
            spool.put(Lane::Events, 6, 7, third.clone()),
            (0, 7),
            "events never displace urgent batches"
        );
        assert_eq!(spool.put(Lane::Urgent, 7, 1, third), (1, 0), "at the bound the oldest goes");
        assert_eq!(spool.len(), 3);
    }

    #[test]
    fn foreign_files_are_left_alone() {
        for name in ["producer.json", "1.x.2.zst", "a.u.1.zst", "1.u.1.zst.tmp", "", "1.u.1"] {
            assert_eq!(Key::parse(name), None, "{name}");
        }
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("other")).unwrap();
        assert!(Spool::adopt(&root.path().join("other")).is_none());
    }
}
