//! What `/proc` says of a process that may be taken hold of. Everything may vanish between two reads.

use std::{os::unix::fs::MetadataExt, path::Path};

use fargard_model::bounded;

const MAX_STATUS: usize = 16 << 10;
const CAP_SYS_ADMIN: u32 = 21;

/// The lines of `/proc/PID/status` that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// The process the thread belongs to.
    pub(super) process: u32,
    pub(super) parent: u32,
    /// Waits for something that no signal ends, as the parent of a `vfork` does.
    pub(super) uninterruptible: bool,
    pub(super) no_new_privs: bool,
    /// Seccomp filters.
    pub(super) filters: u64,
    pub(super) effective: u64,
}

impl Status {
    /// Of a process or thread; `None` when it is gone.
    pub(super) fn of(pid: u32) -> Option<Self> {
        Self::read(Path::new(&format!("/proc/{pid}/status")))
    }

    /// Of this process.
    pub(super) fn own() -> Self {
        Self::read(Path::new("/proc/self/status")).unwrap_or_default()
    }

    fn read(path: &Path) -> Option<Self> {
        Some(Self::parse(&String::from_utf8_lossy(&bounded::read(path, MAX_STATUS).ok()?)))
    }

    fn parse(text: &str) -> Self {
        let mut status = Self::default();
        let mut mode = 0;
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            let number = || value.parse::<u64>().unwrap_or(0);
            match key {
                "Tgid" => status.process = number() as u32,
                "PPid" => status.parent = number() as u32,
                "State" => status.uninterruptible = value.starts_with('D'),
                "NoNewPrivs" => status.no_new_privs = number() != 0,
                "Seccomp" => mode = number(),
                "Seccomp_filters" => status.filters = number(),
                "CapEff" => status.effective = u64::from_str_radix(value, 16).unwrap_or(0),
                _ => {}
            }
        }
        // Before the count there was only the mode; strict mode has no filters, and allows nothing.
        status.filters = status.filters.max(mode);
        status
    }

    /// A filter may be installed only after giving up rights by setuid programs.
    pub(super) fn needs_no_new_privs(&self) -> bool {
        !self.no_new_privs && self.effective & 1 << CAP_SYS_ADMIN == 0
    }
}

/// A process's parent, 0 where that is outside of the namespace.
pub(super) fn parent(pid: u32) -> Option<u32> {
    Status::of(pid).map(|status| status.parent)
}

/// Start of a process in ticks since boot.
pub(super) fn start(pid: u32) -> Option<u64> {
    let stat = bounded::read(Path::new(&format!("/proc/{pid}/stat")), 4096).ok()?;
    super::super::proc::stat_field(&stat, 22)
}

/// Number of a process's mount namespace.
pub(super) fn mount_namespace(pid: u32) -> Option<u64> {
    std::fs::metadata(format!("/proc/{pid}/ns/mnt")).ok().map(|data| data.ino())
}

/// Device and inode of the program a process runs.
pub(super) fn program(pid: u32) -> Option<(u64, u64)> {
    identity(&format!("/proc/{pid}/exe"))
}

/// Whether the program a process runs lies in the root it sees: not so for a container runtime's process on its way
/// into the container.
pub(super) fn is_at_home(pid: u32) -> bool {
    let Ok(path) = std::fs::read_link(format!("/proc/{pid}/exe")) else { return false };
    let inside = format!("/proc/{pid}/root{}", path.display());
    program(pid).is_some_and(|program| identity(&inside) == Some(program))
}

/// A process's threads.
pub(super) fn threads(pid: u32) -> Vec<u32> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn identity(path: &str) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

#[cfg(test)]
mod tests {
    use super::{Status, is_at_home, mount_namespace, parent, start, threads};

    #[test]
    fn status_lines_are_read() {
        let text = "Name:\tx\nState:\tD (disk sleep)\nTgid:\t40\nPPid:\t0\nCapEff:\t0000000000200000\n\
                    NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";
        let expected = Status {
            process: 40,
            parent: 0,
            uninterruptible: true,
            no_new_privs: true,
            filters: 3,
            effective: 1 << 21,
        };
        assert_eq!(Status::parse(text), expected);
        assert_eq!(Status::parse("Seccomp:\t2\n").filters, 2);
        assert!(Status::parse("CapEff:\t00000000a80425fb\n").needs_no_new_privs());
        assert!(!Status::parse(text).needs_no_new_privs());
    }

    #[test]
    fn this_process_is_found() {
        let pid = std::process::id();
        assert_eq!(Status::own().process, pid);
        assert_eq!(parent(pid), Some(std::os::unix::process::parent_id()));
        assert!(start(pid).unwrap() > 0 && mount_namespace(pid).is_some() && is_at_home(pid));
        assert!(threads(pid).contains(&pid));
    }
}
