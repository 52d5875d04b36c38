//! The first bytes of programs, which tell how the kernel runs them.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fs::{File, Metadata},
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

/// What the kernel looks at to run a file.
const BYTES: usize = 256;
/// Most files whose first bytes are remembered.
const MOST: usize = 32;
/// A file that changed less than this ago may change again without showing another time.
const SETTLED: Duration = Duration::from_secs(2);

/// A file as it was when its first bytes were read.
type Identity = (u64, u64, u64, i64, i64);

thread_local! {
    /// The same programs are executed again and again.
    static KNOWN: RefCell<VecDeque<(Identity, Vec<u8>)>> = const { RefCell::new(VecDeque::new()) };
}

/// The first 256 bytes of a regular file.
pub(super) fn head_of(path: &Path) -> Option<Vec<u8>> {
    let data = path.metadata().ok().filter(Metadata::is_file)?;
    let identity = (data.dev(), data.ino(), data.len(), data.ctime(), data.ctime_nsec());
    let known = |known: &RefCell<VecDeque<(Identity, Vec<u8>)>>| {
        known.borrow().iter().find(|(other, _)| *other == identity).map(|(_, head)| head.clone())
    };
    if let Some(head) = KNOWN.with(known) {
        return Some(head);
    }
    let mut file = File::open(path).ok()?;
    let mut head = vec![0; BYTES];
    let length = file.read(&mut head).ok()?;
    head.truncate(length);
    // The file that was opened, and as it was: not one that took its place in between.
    let opened = file.metadata().ok()?;
    let is_same = (opened.dev(), opened.ino(), opened.len(), opened.ctime(), opened.ctime_nsec()) == identity;
    if is_same && is_settled(&data) {
        KNOWN.with_borrow_mut(|known| {
            if known.len() >= MOST {
                known.pop_front();
            }
            known.push_back((identity, head.clone()));
        });
    }
    Some(head)
}

fn is_settled(data: &Metadata) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let changed = Duration::from_secs(u64::try_from(data.ctime()).unwrap_or(u64::MAX));
    now.checked_sub(changed).is_some_and(|since| since > SETTLED)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{KNOWN, MOST, head_of};

    #[test]
    fn a_changed_file_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        for content in ["#!/bin/sh\n", "#!/bin/ash", &"x".repeat(300)] {
            fs::write(&script, content).unwrap();
            assert_eq!(head_of(&script).unwrap(), content.as_bytes()[..content.len().min(256)]);
        }
        assert_eq!(head_of(directory.path()), None);
        assert_eq!(head_of(&directory.path().join("none")), None);
    }

    #[test]
    fn what_has_not_changed_for_long_is_remembered_up_to_a_bound() {
        let settled = fs::read_dir("/usr/bin").unwrap().map(|entry| entry.unwrap().path());
        for path in settled.filter(|path| path.is_file()).take(2 * MOST) {
            let head = head_of(&path).unwrap();
            assert_eq!(head_of(&path), Some(head));
        }
        KNOWN.with_borrow(|known| assert!((1..=MOST).contains(&known.len()), "{}", known.len()));
    }
}
