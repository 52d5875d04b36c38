//! Files: leases, inotify, what can be written, setuid programs.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::AsFd as _,
        unix::fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{Access, CWD, Mode, OFlags, accessat, inotify};

use super::{Facts, read};
use crate::sys::probing::{self, in_child};

/// File systems that hold no data of a container.
const NO_VOLUMES: [&str; 10] = [
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "devpts",
    "mqueue",
    "devtmpfs",
    "securityfs",
    "debugfs",
    "tracefs",
];
/// Most writable places that are named.
const MAX_PLACES: usize = 8;
/// Where setuid programs are looked for, and how many files at most.
const PROGRAMS: [&str; 8] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/lib",
];
const MAX_ENTRIES: usize = 50_000;

pub(super) fn ask(facts: &mut Facts) {
    let mounts = read("/proc/self/mountinfo").unwrap_or_default();
    let (read_only, places) = places(&mounts);
    facts.whether("read_only_root", "root file system is read-only", read_only, "");
    let writable: Vec<PathBuf> = places
        .into_iter()
        .filter(|place| accessat(CWD, place, Access::WRITE_OK, rustix::fs::AtFlags::empty()).is_ok())
        .collect();
    let shown: Vec<String> =
        writable.iter().take(MAX_PLACES).map(|place| place.display().to_string()).collect();
    let more = if writable.len() > MAX_PLACES { ", ..." } else { "" };
    let shown = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
    facts.is("writable", "writable mounts", format!("{shown}{more}"));
    facts.result("lease_own", "lease on an own file", lease_own(&writable));
    facts.result("lease_root", "lease on a file of root (/etc/passwd)", lease(File::open("/etc/passwd")));
    let inotify = inotify::init(inotify::CreateFlags::CLOEXEC);
    facts.result(
        "inotify",
        "inotify (changes of files)",
        Ok(inotify.err().map_or(0, rustix::io::Errno::raw_os_error)),
    );
    let count = setuid();
    let detail = match count {
        0 => "none".to_owned(),
        _ => format!("{count} (they gain no rights under the sensor without SYS_ADMIN)"),
    };
    facts.is("setuid", "setuid and setgid programs", detail);
}

/// Whether the root is mounted read-only, and the mounts that are not.
fn places(mountinfo: &str) -> (bool, Vec<PathBuf>) {
    let (mut read_only, mut found) = (false, Vec::new());
    for line in mountinfo.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let mut fields = left.split(' ').skip(4);
        let (Some(point), Some(options)) = (fields.next(), fields.next()) else { continue };
        let mut right = right.split(' ');
        let kind = right.next().unwrap_or_default();
        let of_system = right.nth(1).unwrap_or_default();
        let is_read_only = |options: &str| options.split(',').any(|option| option == "ro");
        let fixed = is_read_only(options) || is_read_only(of_system);
        if point == "/" {
            read_only = fixed;
        }
        let is_directory = !NO_VOLUMES.contains(&kind) && !point.starts_with("/proc");
        if !fixed && is_directory && Path::new(point).is_dir() {
            found.push(PathBuf::from(point));
        }
    }
    (read_only, found)
}

/// On a file that has no name, where one can be made.
fn lease_own(writable: &[PathBuf]) -> io::Result<i32> {
    let places = [Path::new("/tmp")].into_iter().chain(writable.iter().map(PathBuf::as_path));
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mut made = places.filter_map(|place| rustix::fs::open(place, flags, Mode::RUSR | Mode::WUSR).ok());
    match made.next() {
        Some(file) => in_child(|| probing::lease(file.as_fd())),
        None => Err(io::Error::other("no place to make a file")),
    }
}

fn lease(file: io::Result<File>) -> io::Result<i32> {
    let file = file?;
    in_child(|| probing::lease(file.as_fd()))
}

/// How many setuid and setgid programs the usual directories hold.
fn setuid() -> usize {
    let mut open: Vec<(PathBuf, usize)> = PROGRAMS.iter().map(|directory| (directory.into(), 0)).collect();
    let (mut seen, mut found) = (0, std::collections::BTreeSet::new());
    while let Some((directory, depth)) = open.pop() {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > MAX_ENTRIES {
                return found.len();
            }
            let Ok(data) = entry.metadata() else { continue };
            if data.is_dir() && depth < 2 {
                open.push((entry.path(), depth + 1));
            }
            let mode = data.permissions().mode();
            // Setgid without the group's execute bit is no program.
            let gains = mode & 0o4000 != 0 || mode & 0o2010 == 0o2010;
            if data.is_file() && gains {
                found.insert((data.dev(), data.ino()));
            }
        }
    }
    found.len()
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn mounts_say_what_is_writable() {
        let text = "22 1 0:20 / / ro,relatime - overlay overlay rw,lowerdir=/a\n\
                    23 22 0:21 / /proc rw - proc proc rw\n\
                    24 22 0:22 / /tmp rw,nosuid shared:1 - tmpfs tmpfs rw\n\
                    25 22 0:23 / /etc ro - ext4 /dev/vda ro\n\
                    broken\n";
        let (read_only, found) = places(text);
        assert!(read_only);
        assert_eq!(found, [std::path::PathBuf::from("/tmp")]);
    }
}
