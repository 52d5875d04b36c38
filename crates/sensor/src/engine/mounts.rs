//! What is mounted into the container, from `/proc/self/mountinfo`.

use std::path::Path;

use fargard_model::{Mount, bounded, workload::MAX_MOUNTS};

const MAX_FILE: usize = 1 << 20;
/// File systems that every container has of its own.
const OWN: [&str; 9] =
    ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay", "devtmpfs"];

/// The mounts of this container; `None` when they cannot be read.
pub(crate) fn own() -> Option<Vec<Mount>> {
    let text = bounded::read(Path::new("/proc/self/mountinfo"), MAX_FILE).ok()?;
    Some(parse(&String::from_utf8_lossy(&text)))
}

/// Volumes and files from outside; what every container has is left out.
fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(mount).take(MAX_MOUNTS).collect()
}

/// `ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG..] - TYPE SOURCE OPTIONS`, blanks written as `\040`.
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    let (kind, source) = (after.next()?, after.next()?);
    if OWN.contains(&kind) {
        return None;
    }
    let mut before = before.split(' ').skip(3);
    let (root, destination, options) = (before.next()?, before.next()?, before.next()?);
    if destination == "/" {
        return None;
    }
    let propagation = match before.next() {
        Some(tag) if tag.starts_with("shared:") => "shared",
        Some(tag) if tag.starts_with("master:") => "slave",
        _ => "private",
    };
    let writable = options.split(',').any(|option| option == "rw");
    Some(Mount {
        source: plain(if root == "/" { source } else { root }),
        destination: plain(destination),
        mode: if writable { "rw" } else { "ro" }.to_owned(),
        writable,
        propagation: propagation.to_owned(),
    })
}

/// Blanks and backslashes as they are.
fn plain(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::{own, parse};

    #[test]
    fn volumes_are_told_from_what_every_container_has() {
        let text = "\
            22 1 0:30 / / rw,relatime - overlay overlay rw,lowerdir=/l\n\
            23 22 0:5 / /proc rw,nosuid - proc proc rw\n\
            24 22 259:1 /var/lib/ecs/volumes/my\\040data /data rw,relatime shared:7 - ext4 /dev/nvme1n1 rw\n\
            25 22 259:1 /etc/hosts /etc/hosts ro,relatime master:1 - ext4 /dev/nvme1n1 rw\n\
            26 22 0:40 / /efs rw,relatime - nfs4 fs-1.efs:/ rw\n\
            junk\n";
        let found: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "/var/lib/ecs/volumes/my data:/data:rw:true:shared",
                "/etc/hosts:/etc/hosts:ro:false:slave",
                "fs-1.efs:/:/efs:rw:true:private",
            ]
        );
        assert!(own().is_some());
    }
}
