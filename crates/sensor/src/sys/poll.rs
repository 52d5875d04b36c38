//! Waiting for several descriptors without allocating.

use std::{
    os::fd::{AsRawFd, BorrowedFd},
    time::Duration,
};

/// Most descriptors of a set.
const MOST: usize = 80;

/// Descriptors to wait for; a place in it is named by its number.
pub(crate) struct PollSet {
    entries: [libc::pollfd; MOST],
    len: usize,
}

impl std::fmt::Debug for PollSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PollSet").field("len", &self.len).finish()
    }
}

impl PollSet {
    pub(crate) fn new() -> Self {
        Self { entries: [libc::pollfd { fd: -1, events: 0, revents: 0 }; MOST], len: 0 }
    }

    /// Nothing to wait for.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Waits for something to read, and for the end.
    pub(crate) fn add(&mut self, descriptor: BorrowedFd<'_>) -> usize {
        let place = self.len;
        assert!(place < MOST, "more descriptors than the set was made for");
        self.entries[place] = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        self.len += 1;
        place
    }

    /// Waits for one of them, or for the time; `None` waits for ever. May return early.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let limit = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the array has `len` entries, which the call writes; the limit is null or lives until after it.
        // A number whose descriptor was closed is reported as such.
        let result = unsafe {
            libc::ppoll(self.entries.as_mut_ptr(), self.len as libc::nfds_t, limit, std::ptr::null())
        };
        if result == -1 {
            for entry in &mut self.entries[..self.len] {
                entry.revents = 0;
            }
        }
    }

    fn events(&self, place: usize) -> libc::c_short {
        self.entries[..self.len].get(place).map_or(0, |entry| entry.revents)
    }

    /// There is something to read.
    pub(crate) fn readable(&self, place: usize) -> bool {
        self.events(place) & libc::POLLIN != 0
    }

    /// The other side is gone.
    pub(crate) fn gone(&self, place: usize) -> bool {
        self.events(place) & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
    }

    /// Anything at all.
    pub(crate) fn any(&self, place: usize) -> bool {
        self.events(place) != 0
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::fd::AsFd, time::Duration};

    use super::PollSet;

    #[test]
    fn data_ends_and_time_are_told_apart() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut set = PollSet::new();
        let place = set.add(reader.as_fd());
        set.wait(Some(Duration::from_millis(1)));
        assert!(!set.any(place));
        writer.write_all(b"x").unwrap();
        set.wait(None);
        assert!(set.readable(place) && !set.gone(place));
        drop(writer);
        set.wait(None);
        assert!(set.readable(place) && set.gone(place));
    }
}
