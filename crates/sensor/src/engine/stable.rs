//! Has a path led to the same file since before a call?
//!
//! A file that is renamed, replaced or linked anew changes the time of its inode or of the directory its name is
//! in. So where the times are old, what the path leads to now it led to then.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Kernels stamp files with the time of the last tick: up to 10 ms before the call.
const TICK: u64 = 10_000_000;
/// Most links that are followed, as in the kernel.
const MAX_LINKS: usize = 40;
/// Most parts of a path that are looked at.
const MAX_PARTS: usize = 256;

/// What a path has led to since before a time.
#[derive(Debug)]
pub(super) enum Led {
    /// To this file.
    File(Box<Metadata>),
    /// To nothing.
    Nowhere,
    /// Something on the way changed since, or what it leads to depends on who asks.
    Unclear,
}

/// Follows an absolute path below `root` and says what it has led to since `time` (nanoseconds since the epoch).
pub(super) fn led_to(root: &Path, path: &str, time: u64) -> Led {
    let mut left: Vec<String> = parts(path);
    let mut at = PathBuf::new();
    let (mut links, mut steps) = (0, 0);
    let mut directory = fs::metadata(root).ok();
    while let Some(part) = left.pop() {
        steps += 1;
        if steps > MAX_PARTS {
            return Led::Unclear;
        }
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(&part);
        if at == Path::new("proc") || at == Path::new("dev/fd") {
            return Led::Unclear;
        }
        match fs::symlink_metadata(root.join(&at)) {
            Ok(data) if data.is_symlink() => {
                links += 1;
                let target = fs::read_link(root.join(&at)).ok();
                let Some(target) = target.as_deref().and_then(Path::to_str) else { return Led::Unclear };
                if changed(&data, time) || links > MAX_LINKS {
                    return Led::Unclear;
                }
                at.pop();
                if target.starts_with('/') {
                    at = PathBuf::new();
                }
                left.extend(parts(target));
            }
            Ok(data) if data.is_dir() => {
                // A rename changes the inode's time only, an entry that comes or goes both.
                if changed(&data, time)
                    && (data.ctime(), data.ctime_nsec()) != (data.mtime(), data.mtime_nsec())
                {
                    return Led::Unclear;
                }
                directory = Some(data);
            }
            Ok(data) if left.is_empty() => {
                return if changed(&data, time) { Led::Unclear } else { Led::File(Box::new(data)) };
            }
            Ok(_) => return Led::Nowhere,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let emptied = directory.is_none_or(|data| changed(&data, time));
                return if emptied { Led::Unclear } else { Led::Nowhere };
            }
            Err(_) => return Led::Unclear,
        }
    }
    Led::Nowhere
}

/// The parts of a path, the first one last.
fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").rev().map(str::to_owned).collect()
}

fn changed(data: &Metadata, time: u64) -> bool {
    let seconds = u64::try_from(data.ctime()).unwrap_or(0);
    let nanoseconds = u64::try_from(data.ctime_nsec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds).saturating_add(TICK) >= time
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use fargard_model::Timestamp;

    use super::{Led, led_to};

    #[test]
    fn what_changed_since_is_unclear_and_the_rest_is_not() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir(path("bin")).unwrap();
        fs::create_dir(path("dev")).unwrap();
        fs::write(path("bin/tool"), "x").unwrap();
        symlink("/bin/tool", path("link")).unwrap();
        symlink("loop", path("loop")).unwrap();
        let before = Timestamp::now().0 - 60_000_000_000;
        let after = Timestamp::now().0 + 60_000_000_000;
        let led = |name: &str, time| led_to(root.path(), name, time);
        for name in ["/bin/tool", "/link", "/bin/../link", "//bin/./tool"] {
            assert!(matches!(led(name, after), Led::File(data) if data.is_file()), "{name}");
            assert!(matches!(led(name, before), Led::Unclear), "{name}");
        }
        for name in ["/bin/none", "/none/at/all", "/bin/tool/below", "/bin"] {
            assert!(matches!(led(name, after), Led::Nowhere), "{name}");
        }
        assert!(matches!(led("/bin/none", before), Led::Unclear), "it may have been there");
        for name in ["/loop", "/proc/self/exe", "/dev/fd/3"] {
            assert!(matches!(led(name, after), Led::Unclear), "{name}");
        }
    }

    #[test]
    fn a_directory_that_others_write_to_is_no_reason_for_doubt_but_one_that_moved_is() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("d");
        fs::create_dir(&directory).unwrap();
        let file = directory.join("file");
        fs::write(&file, "x").unwrap();
        let now = || Timestamp::now().0;
        // Waits for a tick, so that the file is older than the call.
        let old = fs::metadata(&file).unwrap().modified().unwrap();
        while old.elapsed().unwrap_or_default().as_millis() < 30 {
            std::thread::yield_now();
        }
        let call = now();
        fs::write(directory.join("other"), "x").unwrap();
        assert!(matches!(led_to(root.path(), "/d/file", call), Led::File(_)));
        while fs::metadata(&file).unwrap().modified().unwrap().elapsed().unwrap_or_default().as_millis() < 60
        {
            std::thread::yield_now();
        }
        fs::rename(&directory, root.path().join("e")).unwrap();
        assert!(matches!(led_to(root.path(), "/e/file", call), Led::Unclear));
    }
}
