//! Namespaces and root file system of a new container.
//!
//! Everything is mounted in a mount namespace of the container's own, so that nothing remains when it ends. What
//! comes from the machine is opened before the root changes and attached after it: links in an image then lead
//! nowhere but into the image.

use std::{
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::Path,
};

use fargard_sensor::sys::namespace::{UnshareFlags, unshare};
use rustix::{
    fs::{CWD, Mode},
    io::Errno,
    mount::{
        MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind,
        mount_change, mount_remount, move_mount, open_tree, unmount,
    },
    process::{pivot_root, umask},
};

use super::{
    StageError, While, device,
    spec::{Container, Mount},
};

/// Hidden from containers, as container runtimes do.
const MASKED: &[&str] =
    &["/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug"];
/// Read-only in containers, as container runtimes do.
const READ_ONLY: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Gives the process its namespaces and its root.
pub(super) fn enter_new(container: &Container, working_directory: Option<&str>) -> Result<(), StageError> {
    unshare(UnshareFlags::NEWNS | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS).during("make namespaces")?;
    rustix::system::sethostname(container.hostname.as_bytes()).during("set the host name")?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).during("make mounts private")?;
    umask(Mode::empty());
    overlay(container)?;
    let mut attached = Vec::new();
    for wanted in &container.mounts {
        attached.push((wanted, clone_tree(&wanted.source)?));
    }
    pivot(&container.layers.join("root"))?;
    system_directories()?;
    for (wanted, tree) in attached {
        attach(wanted, &tree)?;
    }
    if let Some(path) = working_directory {
        // As container runtimes do: made if the image lacks it.
        mount_point(Path::new(path), true).during(&format!("make the working directory {path}"))?;
    }
    mask()?;
    if container.read_only {
        mount_remount("/", MountFlags::BIND | MountFlags::RDONLY, c"").during("make the root read-only")?;
    }
    Ok(())
}

/// Mounts lower and upper layer at `root`. The lower layer is first bound to a name of our own: the options of an
/// overlay cannot express every path, and other file systems mounted on the machine stay out.
fn overlay(container: &Container) -> Result<(), StageError> {
    let layers = &container.layers;
    mount_bind(&container.lower, layers.join("lower"))
        .during(&format!("bind the root file system {}", container.lower.display()))?;
    match mount_overlay(layers, layers) {
        Err(Errno::INVAL) => {}
        result => return result.during("mount the overlay of the root file system"),
    }
    // An overlay cannot write to every file system (not to another overlay): then it writes to memory.
    let memory = layers.join("memory");
    fs::create_dir(&memory).during("make a directory")?;
    mount("tmpfs", &memory, "tmpfs", MountFlags::empty(), Some(c"mode=755")).during("mount memory")?;
    for name in ["upper", "work"] {
        fs::create_dir(memory.join(name)).during("make a directory")?;
    }
    mount_overlay(layers, &memory).during("mount the overlay of the root file system in memory")
}

fn mount_overlay(layers: &Path, writable: &Path) -> Result<(), Errno> {
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        layers.join("lower").display(),
        writable.join("upper").display(),
        writable.join("work").display()
    );
    let options = std::ffi::CString::new(options).map_err(|_| Errno::NAMETOOLONG)?;
    mount("overlay", layers.join("root"), "overlay", MountFlags::empty(), Some(options.as_c_str()))
}

fn clone_tree(source: &Path) -> Result<OwnedFd, StageError> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    open_tree(CWD, source, flags).during(&format!("open {} for mounting", source.display()))
}

/// Makes the directory the root and lets go of the old one.
fn pivot(root: &Path) -> Result<(), StageError> {
    std::env::set_current_dir(root).during("change to the new root")?;
    pivot_root(".", ".").during("change the root")?;
    unmount(".", UnmountFlags::DETACH).during("let go of the old root")?;
    std::env::set_current_dir("/").during("change to /")
}

fn system_directories() -> Result<(), StageError> {
    for name in ["/proc", "/sys", "/dev"] {
        fs::create_dir_all(name).during(&format!("make {name}"))?;
    }
    let strict = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", strict, None).during("mount /proc")?;
    mount("sysfs", "/sys", "sysfs", strict | MountFlags::RDONLY, None).during("mount /sys")?;
    device::make()
}

fn attach(wanted: &Mount, tree: &OwnedFd) -> Result<(), StageError> {
    let target = &wanted.target;
    let what = format!("mount {}", target.display());
    let is_directory = rustix::fs::fstat(tree)
        .map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir())
        .during(&what)?;
    mount_point(target, is_directory).during(&what)?;
    move_mount(tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).during(&what)?;
    if wanted.read_only {
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
        mount_remount(target, flags, c"").during(&what)?;
    }
    Ok(())
}

/// Makes what something is mounted on, unless it is there.
fn mount_point(target: &Path, is_directory: bool) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.recursive(true);
    if is_directory {
        return builder.create(target);
    }
    if let Some(parent) = target.parent() {
        builder.create(parent)?;
    }
    // A link (as /etc/resolv.conf often is) may lead to a file that this root does not have.
    if fs::symlink_metadata(target).is_ok_and(|found| found.is_symlink()) {
        fs::remove_file(target)?;
    }
    File::options().append(true).create(true).open(target).map(drop)
}

fn mask() -> Result<(), StageError> {
    for path in MASKED.iter().filter(|path| Path::new(path).exists()) {
        mount_bind("/dev/null", *path).during(&format!("hide {path}"))?;
    }
    for path in READ_ONLY.iter().filter(|path| Path::new(path).exists()) {
        mount_bind(*path, *path).during(&format!("protect {path}"))?;
        let flags = MountFlags::BIND
            | MountFlags::RDONLY
            | MountFlags::NOSUID
            | MountFlags::NODEV
            | MountFlags::NOEXEC;
        mount_remount(*path, flags, c"").during(&format!("protect {path}"))?;
    }
    Ok(())
}
