//! The private directory of one task; it goes with the task.

use std::{
    fs::{self, DirBuilder},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

/// What the names of the directories begin with.
const PREFIX: &str = "fargard-lab-";
/// A directory younger than this may be one that its maker has not locked yet.
const YOUNG: Duration = Duration::from_secs(5);

/// A directory that is removed with everything in it when dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    /// The directory, locked: the kernel lets go of it when the lab ends, however it ends.
    _lock: OwnedFd,
}

impl Scratch {
    /// Makes the directory of a task under the machine's directory for temporary files, for its owner only; removes
    /// those that killed labs left there.
    pub(crate) fn new(task_id: &str) -> io::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent, YOUNG);
        Self::within(&parent, task_id)
    }

    fn within(parent: &Path, task_id: &str) -> io::Result<Self> {
        let path = parent.join(format!("{PREFIX}{task_id}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { _lock: lock(&path)?, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory below with exactly these permissions.
    pub(crate) fn directory(&self, name: impl AsRef<Path>, mode: u32) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        directory(&path, mode)?;
        Ok(path)
    }

    /// Writes a file below, readable by all.
    pub(crate) fn file(&self, name: impl AsRef<Path>, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, content)?;
        Ok(path)
    }

    /// Removes everything now.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// Locks a directory, unless somebody else has.
fn lock(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = open(path, flags, Mode::empty())?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
    Ok(directory)
}

/// Removes directories of this user's labs that do not run any more. What cannot be removed stays: it hurts nobody.
fn sweep(parent: &Path, young: Duration) {
    let Ok(entries) = parent.read_dir() else { return };
    for entry in entries.flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
        let ours = metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw();
        let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
        if ours && age.is_some_and(|age| age >= young) && lock(&path).is_ok() {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Makes a directory and its parents; the last one gets exactly these permissions, whatever the umask.
pub(crate) fn directory(path: &Path, mode: u32) -> io::Result<()> {
    fs::create_dir_all(path)?;
    rustix::fs::chmod(path, Mode::from_raw_mode(mode)).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, time::Duration};

    use super::{Scratch, sweep};

    #[test]
    fn what_a_killed_lab_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let place = |name: &str| parent.path().join(name);
        let alive = Scratch::within(parent.path(), "alive").unwrap();
        fs::create_dir_all(place("fargard-lab-dead/below")).unwrap();
        fs::create_dir(place("other")).unwrap();
        symlink(place("other"), place("fargard-lab-link")).unwrap();

        sweep(parent.path(), Duration::from_secs(60));
        assert!(place("fargard-lab-dead").exists(), "it may be about to be locked");
        sweep(parent.path(), Duration::ZERO);
        assert!(!place("fargard-lab-dead").exists());
        assert!(alive.path().exists() && place("other").exists() && place("fargard-lab-link").exists());
        let path = alive.path().to_owned();
        drop(alive);
        assert!(!path.exists());
    }
}
