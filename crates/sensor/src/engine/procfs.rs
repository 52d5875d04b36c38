//! What `/proc` says of a process. Everything may vanish between two reads; nothing here fails for that.

mod parse;

use std::{
    fs, io,
    ops::Deref,
    os::fd::{AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use fargard_model::bounded;

pub(crate) use self::parse::{Stat, Status, parse_stat, parse_status, split_strings};

/// Ticks a second in `/proc/PID/stat`: `USER_HZ`, 100 on every Linux for x86-64 and aarch64.
const TICKS: u64 = 100;
const MAX_STATUS: usize = 16 << 10;
/// Most bytes of arguments (or environment) that are kept for a process, as Falco keeps.
pub(crate) const MAX_ARGS: usize = 4096;

/// Where `/proc` is.
#[derive(Clone, Debug)]
pub(crate) struct Procfs {
    root: PathBuf,
    /// Boot, nanoseconds since the epoch.
    boot: u64,
}

impl Procfs {
    /// The machine's `/proc`.
    pub(crate) fn system() -> Self {
        let now = fargard_model::Timestamp::now().0;
        let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let since = u64::try_from(since.tv_sec).unwrap_or(0) * 1_000_000_000
            + u64::try_from(since.tv_nsec).unwrap_or(0);
        Self { root: PathBuf::from("/proc"), boot: now.saturating_sub(since) }
    }

    /// A directory laid out as `/proc`.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), boot: 1_000_000_000_000_000_000 }
    }

    /// Ticks since boot as nanoseconds since the epoch.
    pub(crate) fn time_of(&self, ticks: u64) -> u64 {
        self.boot.saturating_add(ticks.saturating_mul(1_000_000_000 / TICKS))
    }

    fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(name)
    }

    /// `/proc/PID/stat`.
    pub(crate) fn stat(&self, pid: u32) -> Option<Stat> {
        parse_stat(&bounded::read(&self.path(pid, "stat"), 4096).ok()?)
    }

    /// `/proc/PID/status`; a thread's id works as well.
    pub(crate) fn status(&self, pid: u32) -> Option<Status> {
        let bytes = bounded::read(&self.path(pid, "status"), MAX_STATUS).ok()?;
        parse_status(&String::from_utf8_lossy(&bytes))
    }

    /// Whether a process of that id exists and is not another one than that which started at `start`.
    pub(crate) fn is_alive(&self, pid: u32, start: u64) -> bool {
        self.stat(pid).is_some_and(|stat| start == 0 || stat.start == start)
    }

    /// Where a link of the process's directory is, for what follows it (`exe`).
    pub(crate) fn link_path(&self, pid: u32, name: &str) -> PathBuf {
        self.path(pid, name)
    }

    /// Target of a link in the process's directory (`exe`, `cwd`, `fd/3`).
    pub(crate) fn link(&self, pid: u32, name: &str) -> Option<String> {
        let target = fs::read_link(self.path(pid, name)).ok()?;
        Some(target.to_string_lossy().into_owned())
    }

    /// Numbers of the process's descriptors, at most `limit` of them.
    pub(crate) fn descriptors(&self, pid: u32, limit: usize) -> Vec<u32> {
        let entries = fs::read_dir(self.path(pid, "fd")).into_iter().flatten().flatten();
        entries.take(limit).filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// Flags of an open descriptor, as `open` takes them.
    pub(crate) fn descriptor_flags(&self, pid: u32, number: i64) -> Option<u64> {
        let bytes = bounded::read(&self.path(pid, "fdinfo").join(number.to_string()), MAX_STATUS).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        u64::from_str_radix(flags.trim(), 8).ok()
    }

    /// Device and inode of the file a descriptor refers to.
    pub(crate) fn descriptor_file(&self, pid: u32, number: u32) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt as _;
        let data = fs::metadata(self.path(pid, "fd").join(number.to_string())).ok()?;
        data.is_file().then(|| (data.dev(), data.ino()))
    }

    /// Number of a process's mount namespace.
    pub(crate) fn mount_namespace(&self, pid: u32) -> Option<u64> {
        let link = self.link(pid, "ns/mnt")?;
        link.strip_prefix("mnt:[")?.strip_suffix(']')?.parse().ok()
    }

    /// `/proc/PID/cgroup`; empty when it cannot be read.
    pub(crate) fn control_groups(&self, pid: u32) -> String {
        let bytes = bounded::read(&self.path(pid, "cgroup"), MAX_STATUS).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The processes there are, at most `limit` of them.
    pub(crate) fn processes(&self, limit: usize) -> Vec<u32> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).take(limit).collect()
    }

    /// argv.
    pub(crate) fn cmdline(&self, pid: u32) -> Option<Vec<String>> {
        self.strings(pid, "cmdline")
    }

    /// Environment at the process's start.
    pub(crate) fn environ(&self, pid: u32) -> Option<Vec<String>> {
        self.strings(pid, "environ")
    }

    fn strings(&self, pid: u32, name: &str) -> Option<Vec<String>> {
        use std::io::Read as _;
        let file = fs::File::open(self.path(pid, name)).ok()?;
        let mut bytes = Vec::new();
        file.take(MAX_ARGS as u64).read_to_end(&mut bytes).ok()?;
        (!bytes.is_empty()).then(|| split_strings(&bytes))
    }

    /// A path in the process's root directory, or in our own when the process is gone.
    pub(crate) fn in_root(&self, pid: u32, path: &str) -> InRoot {
        let root = rustix::fs::openat(
            rustix::fs::CWD,
            self.path(pid, "root"),
            rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        );
        match root {
            Ok(root) => {
                let relative = Path::new(path).strip_prefix("/").unwrap_or(Path::new(path));
                let through = PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd())).join(relative);
                InRoot { path: through, _root: Some(root) }
            }
            Err(_) => InRoot::own(path),
        }
    }

    /// The first answer to a row of a table of `/proc/PID/net`, of which `limit` bytes are read at most.
    pub(crate) fn find_in_net<T>(
        &self,
        pid: u32,
        name: &str,
        limit: u64,
        mut row: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        use std::io::{BufRead as _, Read as _};
        let file = fs::File::open(self.path(pid, "net").join(name)).ok()?;
        // A large buffer makes for few reads, between which rows may move.
        let mut reader = io::BufReader::with_capacity(64 << 10, file.take(limit));
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).ok()? > 0 {
            if let Some(found) = std::str::from_utf8(&line).ok().and_then(&mut row) {
                return Some(found);
            }
            line.clear();
        }
        None
    }
}

/// A path that stays good when the process whose root it leads through ends: a process that is gone must not look
/// like a file that is missing.
#[derive(Debug)]
pub(crate) struct InRoot {
    path: PathBuf,
    /// The root directory, which the path names by number.
    _root: Option<OwnedFd>,
}

impl InRoot {
    /// A path in our own root directory.
    pub(crate) fn own(path: &str) -> Self {
        Self { path: PathBuf::from(path), _root: None }
    }
}

impl Deref for InRoot {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::Procfs;

    #[test]
    fn a_path_stays_good_when_its_process_ends() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let procfs = Procfs::system();
        let alive = procfs.in_root(child.id(), "/etc/passwd");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(std::fs::metadata(&*alive).is_ok(), "a process that is gone looks like a missing file");
        assert!(std::fs::metadata(&*procfs.in_root(child.id(), "/etc/passwd")).is_ok());
    }

    #[test]
    fn a_descriptor_has_flags() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&socket).into();
        let flags = || Procfs::system().descriptor_flags(std::process::id(), number).unwrap();
        assert_eq!(flags() & 0o4_000, 0);
        socket.set_nonblocking(true).unwrap();
        assert_eq!(flags() & 0o4_000, 0o4_000);
        assert_eq!(Procfs::system().descriptor_flags(std::process::id(), -1), None);
    }

    #[test]
    fn this_process_is_found() {
        let procfs = Procfs::system();
        let pid = std::process::id();
        let stat = procfs.stat(pid).unwrap();
        assert!(procfs.is_alive(pid, stat.start) && !procfs.is_alive(pid, stat.start + 1));
        assert_eq!(procfs.status(pid).unwrap().tgid, pid);
        let age = fargard_model::Timestamp::now().0.abs_diff(procfs.time_of(stat.start));
        assert!(age < 3_600_000_000_000, "{age}");
    }
}
