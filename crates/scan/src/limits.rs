//! How much work a scan may do.

use std::time::Duration;

/// Bounds on one scan. What a bound cut off is counted, never passed over in silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Deepest directory entered, counted from the root (the root is 0); one descriptor is held per level.
    pub depth: usize,
    /// Most directory entries looked at.
    pub entries: u64,
    /// Time for a whole walk.
    pub time: Duration,
    /// Most bytes read of one file; what follows is not judged.
    pub content_bytes: u64,
    /// Files read side by side, each with a window of 180 KiB.
    pub side_by_side: usize,
    /// Whether mounts below the root are entered. Kernel file systems (`proc`, `sysfs`, ...) and remote or
    /// user-space ones (NFS, so EFS; FUSE, 9p) never are.
    pub cross_mounts: bool,
}

impl Default for Limits {
    /// 128 levels, 5 million entries, 10 minutes, 64 MiB of each file, 32 files side by side, no mounts.
    fn default() -> Self {
        Self {
            depth: 128,
            entries: 5_000_000,
            time: Duration::from_secs(600),
            content_bytes: 64 << 20,
            side_by_side: 32,
            cross_mounts: false,
        }
    }
}
