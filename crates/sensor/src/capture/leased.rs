//! The files on which the engine holds leases, in memory that whoever answers calls can see.
//!
//! An open that does not wait is refused while a lease is held, so it is let through only when there is none, and none
//! is taken until it is over. Both ends write before they read: who answers notes the time of the open and then looks
//! for the lease, the engine notes that it takes the lease and then looks for the time.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::{
    layout::{MOST_LEASED, Shared, Word},
    proc::ProcPath,
};

/// For so long after an open that does not wait was let through, its file is not leased.
pub(crate) const GRACE: Duration = Duration::from_millis(100);
/// Nor while its thread has not had a CPU since, which is looked at again after this time,
const AGAIN: Duration = Duration::from_millis(20);
/// but not for longer than this.
const LONGEST: Duration = Duration::from_secs(10);
/// So many threads of a file are looked after.
const THREADS: usize = 8;

/// A word of a file's entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum LeasedWord {
    /// Device number and one, 0 for an entry that is free.
    Device,
    Inode,
    /// 1: there is a lease, or will be in a moment.
    Lease,
    /// When an open that does not wait was let through last, by [`ticks`].
    Passed,
    /// The first of the threads whose opens were let through: its number and, in the lower half, [`turns`].
    Thread,
}

/// Nanoseconds of the clock that nobody sets.
fn ticks() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or_default() * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or_default()
}

fn word(shared: &Shared, entry: usize, word: LeasedWord) -> &AtomicU64 {
    shared.leased_word(entry, word as usize)
}

/// How often a thread was given a CPU: the third number of `/proc/TID/schedstat`. `None` when it is gone, or the kernel does
/// not count.
fn turns(tid: u32) -> Option<u32> {
    let mut text = [0; 128];
    let (length, _) = ProcPath::of(tid, "schedstat").read(&mut text)?;
    let number = std::str::from_utf8(text.get(..length)?).ok()?.split_ascii_whitespace().nth(2)?;
    number.parse::<u64>().ok().map(|turns| turns as u32)
}

fn thread_words(shared: &Shared, entry: usize) -> impl Iterator<Item = &AtomicU64> {
    (0..THREADS).map(move |thread| shared.leased_word(entry, LeasedWord::Thread as usize + thread))
}

/// Notes a thread that waits, in the place of one that does not matter.
fn note_thread(shared: &Shared, entry: usize, tid: u32) {
    let Some(turns) = turns(tid) else { return };
    let is_free = |word: &&AtomicU64| [0, tid].contains(&((word.load(SeqCst) >> 32) as u32));
    let other = || thread_words(shared, entry).nth(tid as usize % THREADS);
    let place = thread_words(shared, entry).find(is_free).or_else(other);
    if let Some(place) = place {
        place.store(u64::from(tid) << 32 | u64::from(turns), SeqCst);
    }
}

/// Whether a thread that was noted has not had a CPU since. Those that had one, or are gone, are forgotten.
fn somebody_waits(shared: &Shared, entry: usize) -> bool {
    let waits = |word: &AtomicU64| {
        let noted = word.load(SeqCst);
        let waits = noted != 0 && turns((noted >> 32) as u32) == Some(noted as u32);
        if noted != 0 && !waits {
            // Another was noted meanwhile where this fails.
            let _ = word.compare_exchange(noted, 0, SeqCst, SeqCst);
        }
        waits
    };
    thread_words(shared, entry).filter(|word| waits(word)).count() > 0
}

/// The entry of a file.
pub(super) fn find(shared: &Shared, device: u64, inode: u64) -> Option<usize> {
    (0..MOST_LEASED).find(|entry| {
        word(shared, *entry, LeasedWord::Inode).load(SeqCst) == inode
            && word(shared, *entry, LeasedWord::Device).load(SeqCst) == device.wrapping_add(1)
    })
}

/// Notes that a waiting thread's open of the file, one that does not wait for leases, is about to be let through. Whether
/// there is a lease in its way.
pub(super) fn pass(shared: &Shared, entry: usize, tid: u32) -> bool {
    note_thread(shared, entry, tid);
    word(shared, entry, LeasedWord::Passed).store(ticks(), SeqCst);
    word(shared, entry, LeasedWord::Lease).load(SeqCst) != 0
}

/// The engine's end of the table. There is one that counts: the last that was made.
#[derive(Debug)]
pub(crate) struct LeasedFiles {
    shared: Shared,
    turn: u64,
}

/// A file in the table.
#[derive(Debug)]
pub(crate) struct Entry(Option<usize>);

impl LeasedFiles {
    /// An empty table in the place of the one before.
    pub(super) fn new(shared: Shared) -> Self {
        let turn = shared.word(Word::LeasedTurn).fetch_add(1, SeqCst) + 1;
        let files = Self { shared, turn };
        (0..MOST_LEASED).for_each(|entry| files.clear(entry));
        files
    }

    fn counts(&self) -> bool {
        self.shared.word(Word::LeasedTurn).load(SeqCst) == self.turn
    }

    fn word(&self, entry: usize, which: LeasedWord) -> &AtomicU64 {
        word(&self.shared, entry, which)
    }

    fn clear(&self, entry: usize) {
        for word in [LeasedWord::Device, LeasedWord::Inode, LeasedWord::Lease, LeasedWord::Passed] {
            self.word(entry, word).store(0, SeqCst);
        }
        thread_words(&self.shared, entry).for_each(|word| word.store(0, SeqCst));
    }

    /// Enters a file without a lease.
    pub(crate) fn enter(&self, device: u64, inode: u64) -> Entry {
        if !self.counts() {
            return Entry(None);
        }
        let free = (0..MOST_LEASED).find(|entry| self.word(*entry, LeasedWord::Device).load(SeqCst) == 0);
        if let Some(entry) = free {
            self.word(entry, LeasedWord::Inode).store(inode, SeqCst);
            self.word(entry, LeasedWord::Device).store(device.wrapping_add(1), SeqCst);
        }
        Entry(free)
    }

    /// Removes a file.
    pub(crate) fn leave(&self, entry: &Entry) {
        if let Some(entry) = entry.0.filter(|_| self.counts()) {
            self.clear(entry);
        }
    }

    /// To be called before a lease is taken. Otherwise it has to wait for so long.
    pub(crate) fn take(&self, entry: &Entry) -> Result<(), Duration> {
        let Some(entry) = entry.0.filter(|_| self.counts()) else { return Ok(()) };
        self.word(entry, LeasedWord::Lease).store(1, SeqCst);
        let passed = self.word(entry, LeasedWord::Passed).load(SeqCst);
        let since = Duration::from_nanos(ticks().saturating_sub(passed));
        let wait = match passed {
            0 => None,
            _ if since < GRACE => Some(GRACE - since),
            _ => (since < LONGEST && somebody_waits(&self.shared, entry)).then_some(AGAIN),
        };
        if let Some(wait) = wait {
            self.word(entry, LeasedWord::Lease).store(0, SeqCst);
            return Err(wait);
        }
        Ok(())
    }

    /// Whether an open that does not wait was let through within this time, so that none was refused.
    pub(crate) fn was_passed(&self, entry: &Entry, within: Duration) -> bool {
        let Some(entry) = entry.0.filter(|_| self.counts()) else { return false };
        let passed = self.word(entry, LeasedWord::Passed).load(SeqCst);
        passed != 0 && Duration::from_nanos(ticks().saturating_sub(passed)) <= within
    }

    /// To be called when the lease is given back, or could not be had.
    pub(crate) fn gave_back(&self, entry: &Entry) {
        if let Some(entry) = entry.0.filter(|_| self.counts()) {
            self.word(entry, LeasedWord::Lease).store(0, SeqCst);
        }
    }

    /// A table of its own, for tests.
    #[cfg(test)]
    pub(crate) fn made() -> Self {
        Self::new(Shared::new(0).unwrap())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

    use super::{GRACE, LeasedFiles, find, pass};
    use crate::capture::layout::Shared;

    #[test]
    fn an_open_that_was_let_through_keeps_the_lease_away_and_a_lease_the_open() {
        let shared = Shared::new(0).unwrap();
        let files = LeasedFiles::new(shared);
        let entry = files.enter(0, 7);
        let place = find(&shared, 0, 7).unwrap();
        assert_eq!((find(&shared, 0, 0), find(&shared, 1, 7)), (None, None));
        assert_eq!(files.take(&entry), Ok(()));
        assert!(pass(&shared, place, 0), "a lease is in its way");
        files.gave_back(&entry);
        assert!(!pass(&shared, place, 0));
        assert!(files.take(&entry).is_err_and(|wait| wait <= GRACE));
        assert!(files.was_passed(&entry, GRACE * 100) && !files.was_passed(&entry, Duration::ZERO));
        assert!(!pass(&shared, place, 0), "the attempt left nothing");
        files.leave(&entry);
        assert_eq!(find(&shared, 0, 7), None);
    }

    #[test]
    fn a_thread_that_waits_for_a_cpu_is_waited_for() {
        let shared = Shared::new(0).unwrap();
        let files = LeasedFiles::new(shared);
        let entry = files.enter(0, 7);
        let place = find(&shared, 0, 7).unwrap();
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::STOP).unwrap();
        waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        assert!(!pass(&shared, place, child.id()));
        std::thread::park_timeout(GRACE * 2);
        assert!(files.take(&entry).is_err(), "it has not gone on");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(files.take(&entry), Ok(()));
    }

    #[test]
    fn an_earlier_end_of_the_table_changes_nothing() {
        let shared = Shared::new(0).unwrap();
        let earlier = LeasedFiles::new(shared);
        let gone = earlier.enter(1, 1);
        let files = LeasedFiles::new(shared);
        assert_eq!(find(&shared, 1, 1), None);
        let entry = files.enter(2, 2);
        earlier.leave(&gone);
        earlier.enter(3, 3);
        assert_eq!((find(&shared, 2, 2), find(&shared, 3, 3)), (entry.0, None));
    }

    #[test]
    fn more_files_than_there_is_room_for_are_not_in_the_table() {
        let shared = Shared::new(0).unwrap();
        let files = LeasedFiles::new(shared);
        let entries: Vec<_> = (0..600).map(|number| files.enter(0, number + 1)).collect();
        assert_eq!(entries.iter().filter(|entry| entry.0.is_some()).count(), 512);
        assert_eq!(files.take(&entries[599]), Ok(()));
    }
}
