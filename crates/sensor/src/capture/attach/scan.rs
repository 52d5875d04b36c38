//! Finding new processes by looking, at little cost: the kernel's number of the newest process says whether there
//! can be any.

use std::{
    collections::HashSet,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, Dir, Mode, OFlags, openat},
    io::pread,
};

/// Between looks at the newest process's number, which is one read of a few bytes. A container runtime's process is in
/// the container for longer before it executes a health check.
const OFTEN: Duration = Duration::from_millis(10);
/// Longest time between looks at all processes, where these are many.
const SELDOM: Duration = Duration::from_millis(50);
/// A look at all processes is followed by a pause so many times as long.
const SHARE: u32 = 50;

/// Looks for processes that were not there at the last look.
#[derive(Debug)]
pub(super) struct Scanner {
    load: Option<OwnedFd>,
    newest: Option<u64>,
    known: HashSet<u32>,
    /// What the last look at all processes took, if the last look was one.
    cost: Duration,
}

impl Scanner {
    pub(super) fn new() -> Self {
        let load = openat(CWD, c"/proc/loadavg", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok();
        Self { load, newest: None, known: HashSet::new(), cost: Duration::ZERO }
    }

    /// Processes that are new, and those that are gone, since the last look.
    pub(super) fn look(&mut self) -> Changes {
        let newest = self.newest_process();
        self.cost = Duration::ZERO;
        if newest.is_some() && newest == self.newest {
            return Changes::default();
        }
        self.newest = newest;
        let start = Instant::now();
        let now = processes();
        self.cost = start.elapsed();
        let new = now.difference(&self.known).copied().collect();
        let gone = self.known.difference(&now).copied().collect();
        self.known = now;
        Changes { new, gone }
    }

    /// How long to wait for the next look.
    pub(super) fn pause(&self) -> Duration {
        (self.cost * SHARE).clamp(OFTEN, SELDOM)
    }

    /// The last number of `/proc/loadavg`: the process or thread made last in this pid namespace.
    fn newest_process(&self) -> Option<u64> {
        let mut text = [0; 128];
        let length = pread(self.load.as_ref()?, &mut text, 0).ok()?;
        last_number(&text[..length])
    }
}

/// What a look showed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) new: Vec<u32>,
    pub(super) gone: Vec<u32>,
}

fn last_number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.split_ascii_whitespace().nth(4)?.parse().ok()
}

fn processes() -> HashSet<u32> {
    let directory =
        openat(CWD, c"/proc", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let Ok(entries) = directory.and_then(Dir::new) else { return HashSet::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Scanner, last_number};

    #[test]
    fn the_newest_process_is_the_last_number() {
        assert_eq!(last_number(b"4.91 2.30 1.84 4/214 9441\n"), Some(9441));
        assert_eq!(last_number(b"4.91 2.30"), None);
    }

    #[test]
    fn a_new_process_is_seen_once() {
        let mut scanner = Scanner::new();
        assert!(scanner.look().new.contains(&std::process::id()));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = scanner.look();
        assert!(found.new.contains(&child.id()) && !found.new.contains(&std::process::id()));
        child.kill().unwrap();
        child.wait().unwrap();
        // A look is taken only when something new was made.
        std::process::Command::new("true").status().unwrap();
        assert!(scanner.look().gone.contains(&child.id()));
    }
}
