//! Batches that the server does not have yet: in a directory, where they survive the engine and the container,
//! or in memory. Bounded; event batches give way first.
//!
//! Layout of the directory: one subdirectory per producer with `producer.json` (what the producer enrols with,
//! locked while it lives) and one file a batch, `<sequence>.<u|e>.<records>.zst`: exactly the bytes that are sent.

mod directory;
mod drain;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    hash::{BuildHasher as _, RandomState},
    io,
    path::Path,
};

use fargard_model::{Container, Task};
use serde::{Deserialize, Serialize};

use self::directory::Directory;
pub use self::drain::{DrainReport, drain};
use super::outbox::Lane;

/// Most bytes of batches kept in memory when there is no directory.
const MAX_MEMORY: u64 = 3 << 20;
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
    /// Of those, bytes that are in memory.
    memory: u64,
    home: Option<Home>,
    /// Makes marks that nobody else can make.
    mark: RandomState,
}

#[derive(Debug)]
struct Entry {
    length: u64,
    /// The batch itself, where there is no directory.
    content: Option<Vec<u8>>,
    /// What the file must hold; `None` for one of an earlier producer.
    mark: Option<u64>,
}

/// The directory of one producer.
#[derive(Debug)]
struct Home {
    root: Directory,
    name: String,
    own: Directory,
    /// Held as long as the producer lives.
    _lock: File,
}

impl Spool {
    /// A spool in memory.
    pub(crate) fn in_memory() -> Self {
        Self::of(MAX_MEMORY, None)
    }

    fn of(max_bytes: u64, home: Option<Home>) -> Self {
        let entries = BTreeMap::new();
        Self { entries, bytes: 0, max_bytes, memory: 0, home, mark: RandomState::new() }
    }

    /// A spool for a new producer below `root`.
    pub(crate) fn create(root: &Path, max_bytes: u64, enrolment: &Enrolment) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let name = enrolment.producer.clone();
        let root = Directory::at(root)?;
        let own = root.make(&name)?;
        own.write(IDENTITY, &serde_json::to_vec(enrolment)?)?;
        let lock = own.open(IDENTITY)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        // What earlier producers left counts towards the same bound.
        let max_bytes = max_bytes.saturating_sub(root.bytes()).max(max_bytes / 4);
        Ok(Self::of(max_bytes, Some(Home { root, name, own, _lock: lock })))
    }

    /// The spool an ended producer left; `None` when the producer still lives or the directory is none of ours.
    fn adopt(root: &Path, name: &str) -> Option<(Self, Enrolment)> {
        let root = Directory::at(root).ok()?;
        let own = root.below(name).ok()?;
        let lock = own.open(IDENTITY).ok()?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).ok()?;
        let enrolment = serde_json::from_slice(&own.read(IDENTITY).ok()?).ok()?;
        let mut spool = Self::of(u64::MAX, None);
        for (file, _) in own.entries() {
            if let (Some(key), Some(length)) = (Key::parse(&file), own.length(&file)) {
                spool.entries.insert(key, Entry { length, content: None, mark: None });
                spool.bytes = spool.bytes.saturating_add(length);
            }
        }
        spool.home = Some(Home { root, name: name.to_owned(), own, _lock: lock });
        Some((spool, enrolment))
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
        let mark = self.mark.hash_one(&content);
        let written =
            self.home.as_ref().is_some_and(|home| home.own.write(&key.file_name(), &content).is_ok());
        if !written {
            // Without a directory, or on a full disk, it stays in memory.
            if self.memory + length > MAX_MEMORY {
                add(&mut shed, lane, records);
                return shed;
            }
            self.memory += length;
        }
        let kept = (!written).then_some(content);
        self.bytes += length;
        self.entries.insert(key, Entry { length, content: kept, mark: Some(mark) });
        shed
    }

    /// The batch to send next.
    pub(crate) fn next(&self) -> Option<Key> {
        self.entries.keys().next().copied()
    }

    /// A batch's bytes; `None` when its file is gone, or is no longer what was written.
    pub(crate) fn content(&self, key: Key) -> Option<Vec<u8>> {
        let entry = self.entries.get(&key)?;
        if let Some(content) = &entry.content {
            return Some(content.clone());
        }
        let content = self.home.as_ref()?.own.read(&key.file_name()).ok()?;
        entry.mark.is_none_or(|mark| mark == self.mark.hash_one(&content)).then_some(content)
    }

    /// Forgets a batch: the server has it, or will never take it.
    pub(crate) fn remove(&mut self, key: Key) {
        let Some(entry) = self.entries.remove(&key) else { return };
        self.bytes = self.bytes.saturating_sub(entry.length);
        match (&entry.content, &self.home) {
            (Some(_), _) => self.memory = self.memory.saturating_sub(entry.length),
            (None, Some(home)) => home.own.remove(&key.file_name()),
            (None, None) => {}
        }
    }

    /// Number of batches.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Removes the producer's directory when nothing is left in it.
    pub(crate) fn finish(self) {
        if let Some(home) = self.home.as_ref().filter(|_| self.entries.is_empty()) {
            home.own.remove(IDENTITY);
            home.root.remove_directory(&home.name);
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
        assert!(Spool::adopt(root.path(), "p-1").is_none(), "its producer lives");
        drop(spool);
        let (mut spool, found) = Spool::adopt(root.path(), "p-1").unwrap();
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
        assert!(Spool::adopt(root.path(), "other").is_none());
    }

    #[test]
    fn what_others_do_to_the_files_is_no_trouble() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(root.path(), 8 << 20, &enrolment("p-1")).unwrap();
        let file = |number: u64| root.path().join(format!("p-1/{number:012}.u.1.zst"));
        for number in 1..=5 {
            assert_eq!(spool.put(Lane::Urgent, number, 1, format!("batch {number}").into_bytes()), (0, 0));
        }
        fs::write(file(1), "forged!").unwrap();
        fs::remove_file(file(2)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", file(2)).unwrap();
        fs::File::options().write(true).open(file(3)).unwrap().set_len(1 << 40).unwrap();
        fs::remove_file(file(4)).unwrap();
        let mut found = Vec::new();
        while let Some(key) = spool.next() {
            found.push(spool.content(key));
            spool.remove(key);
        }
        assert_eq!(found, [None, None, None, None, Some(b"batch 5".to_vec())]);
        assert!(fs::metadata("/etc/passwd").is_ok());
    }

    #[test]
    fn where_nothing_can_be_written_memory_is_bounded() {
        let root = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(root.path(), 64 << 20, &enrolment("p-1")).unwrap();
        // As on a full disk or a directory that somebody removed.
        fs::remove_dir_all(root.path().join("p-1")).unwrap();
        let batch = vec![0; 1 << 20];
        let lost: u64 = (1..=10).map(|number| spool.put(Lane::Urgent, number, 1, batch.clone()).0).sum();
        assert_eq!((spool.len(), lost), (3, 7));
    }
}
