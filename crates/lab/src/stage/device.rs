//! The container's `/dev`.

use std::{os::unix::fs::symlink, path::Path};

use rustix::{
    fs::{CWD, FileType, Mode, makedev, mknodat},
    mount::{MountFlags, mount},
};

use super::{StageError, While};

/// Character devices every container has: name, major, minor (Documentation/admin-guide/devices.txt).
const NODES: &[(&str, u32, u32)] =
    &[("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];
const LINKS: &[(&str, &str)] = &[
    ("ptmx", "pts/ptmx"),
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Fills `/dev` of the present root. Call with umask 0.
pub(super) fn make() -> Result<(), StageError> {
    let dev = Path::new("/dev");
    let strict = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("tmpfs", dev, "tmpfs", strict, Some(c"mode=755,size=64k")).during("mount /dev")?;
    for (name, major, minor) in NODES {
        let mode = Mode::from_raw_mode(0o666);
        mknodat(CWD, dev.join(name), FileType::CharacterDevice, mode, makedev(*major, *minor))
            .during(&format!("make /dev/{name}"))?;
    }
    for (name, target) in LINKS {
        symlink(target, dev.join(name)).during(&format!("make /dev/{name}"))?;
    }
    for name in ["pts", "shm", "mqueue"] {
        std::fs::create_dir(dev.join(name)).during(&format!("make /dev/{name}"))?;
    }
    let options = c"newinstance,ptmxmode=0666,mode=0620,gid=5";
    mount("devpts", dev.join("pts"), "devpts", strict, Some(options)).during("mount /dev/pts")?;
    let options = c"mode=1777,size=65536k";
    mount("shm", dev.join("shm"), "tmpfs", strict | MountFlags::NODEV, Some(options))
        .during("mount /dev/shm")?;
    // Kernels without POSIX message queues have no such file system, and nobody to miss it.
    let _ = mount("mqueue", dev.join("mqueue"), "mqueue", strict | MountFlags::NODEV, None);
    Ok(())
}
