//! The kernel's notices of changes in watched directories (inotify).

use std::{
    collections::{HashMap, VecDeque},
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd as _, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fargard_model::Timestamp;
use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags},
    io::Errno,
};

use super::baseline::join;

/// Most directories that are watched; the kernel holds about 1 KiB for each.
const MAX_WATCHES: usize = 16_384;
/// The kernel merges equal notices that wait: they are left to wait this long.
const MERGE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// Renames whose second half may still come.
const MAX_HALVES: usize = 256;
const BUFFER: usize = 64 << 10;

/// Something was done to a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) path: Vec<u8>,
    pub(crate) at: Timestamp,
    /// It came into being there, or under that name.
    pub(crate) appeared: bool,
    /// It went away.
    pub(crate) vanished: bool,
    /// It is a directory.
    pub(crate) directory: bool,
    /// The name it had before, where that was watched as well.
    pub(crate) from: Option<Vec<u8>>,
}

/// Whether a directory could be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Watched,
    /// The limit is met, the kernel's or ours.
    Full,
    Failed,
}

/// Watched directories.
#[derive(Debug)]
pub(crate) struct Watches {
    inotify: OwnedFd,
    stop: OwnedFd,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    paths: HashMap<i32, Arc<[u8]>>,
    watches: HashMap<Arc<[u8]>, i32>,
}

impl Watches {
    /// Watches nothing yet.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            stop: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            names: Mutex::default(),
        })
    }

    /// Watches the directory of a handle, known by that path from now on.
    pub(crate) fn add(&self, handle: &OwnedFd, path: &[u8]) -> Added {
        let mask = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::ONLYDIR
            | WatchFlags::EXCL_UNLINK;
        let mut names = self.lock();
        if names.paths.len() >= MAX_WATCHES && !names.watches.contains_key(path) {
            return Added::Full;
        }
        // Through the handle: the path may lead elsewhere by now.
        match inotify::add_watch(&self.inotify, format!("/proc/self/fd/{}", handle.as_raw_fd()), mask) {
            Ok(watch) => {
                names.set(watch, path.into());
                Added::Watched
            }
            Err(Errno::NOSPC | Errno::NOMEM) => Added::Full,
            Err(_) => Added::Failed,
        }
    }

    /// Stops watching a directory and all below it.
    pub(crate) fn remove(&self, directory: &[u8]) {
        let below = join(directory, b"");
        let mut names = self.lock();
        let gone = names.watches.iter().filter(|(path, _)| ***path == *directory || path.starts_with(&below));
        for watch in gone.map(|(_, watch)| *watch).collect::<Vec<_>>() {
            // It fails for one that the kernel removed with its directory.
            let _ = inotify::remove_watch(&self.inotify, watch);
            names.forget(watch);
        }
    }

    /// Directories that are watched.
    pub(crate) fn len(&self) -> usize {
        self.lock().paths.len()
    }

    /// Ends [`Watches::run`].
    pub(crate) fn stop(&self) {
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
    }

    /// Hands notices to `sink` until stopped. `None` stands for notices the kernel had no room for.
    pub(crate) fn run(&self, mut sink: impl FnMut(Option<Vec<Notice>>)) {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let mut halves = VecDeque::new();
        let mut stopping = false;
        while !stopping {
            let mut both =
                [PollFd::new(&self.stop, PollFlags::IN), PollFd::new(&self.inotify, PollFlags::IN)];
            match poll(&mut both, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            let mut one = [PollFd::new(&self.stop, PollFlags::IN)];
            stopping = matches!(poll(&mut one, Some(&MERGE)), Ok(ready) if ready > 0);
            self.read(&mut buffer, &mut halves, &mut sink);
        }
    }

    /// Reads what there is.
    fn read(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        halves: &mut VecDeque<(u32, Vec<u8>)>,
        sink: &mut impl FnMut(Option<Vec<Notice>>),
    ) {
        let mut reader = inotify::Reader::new(&self.inotify, buffer);
        let mut notices = Vec::new();
        let at = Timestamp::now();
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                sink(None);
                continue;
            }
            let mut names = self.lock();
            let directory = names.paths.get(&event.wd()).cloned();
            if flags.contains(ReadFlags::IGNORED) {
                names.forget(event.wd());
                continue;
            }
            drop(names);
            let Some(directory) = directory else { continue };
            let path = match event.file_name() {
                Some(name) => join(&directory, name.to_bytes()),
                None => directory.to_vec(),
            };
            let mut notice = Notice {
                at,
                appeared: flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO),
                vanished: flags
                    .intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM | ReadFlags::DELETE_SELF),
                directory: flags.contains(ReadFlags::ISDIR) || event.file_name().is_none(),
                from: None,
                path,
            };
            if flags.contains(ReadFlags::MOVED_FROM) {
                if halves.len() == MAX_HALVES {
                    halves.pop_front();
                }
                halves.push_back((event.cookie(), notice.path.clone()));
            } else if flags.contains(ReadFlags::MOVED_TO)
                && let Some(half) = halves.iter().position(|(cookie, _)| *cookie == event.cookie())
            {
                notice.from = halves.remove(half).map(|(_, path)| path);
            }
            notices.push(notice);
            if notices.len() == 1024 {
                sink(Some(std::mem::take(&mut notices)));
            }
        }
        if !notices.is_empty() {
            sink(Some(notices));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Names {
    fn set(&mut self, watch: i32, path: Arc<[u8]>) {
        self.forget(watch);
        if let Some(old) = self.watches.insert(Arc::clone(&path), watch) {
            self.paths.remove(&old);
        }
        self.paths.insert(watch, path);
    }

    fn forget(&mut self, watch: i32) {
        if let Some(path) = self.paths.remove(&watch)
            && self.watches.get(&path) == Some(&watch)
        {
            self.watches.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::mpsc, thread, time::Duration};

    use super::{Added, Watches};
    use crate::fim::state::Root;

    #[test]
    fn notices_name_paths_and_join_the_halves_of_a_rename() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("d")).unwrap();
        let watches = Watches::open().unwrap();
        let handle = Root::open(root.path()).unwrap().handle(b"/d").unwrap();
        assert_eq!(watches.add(&handle, b"/d"), Added::Watched);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| watches.run(|notices| sender.send(notices).unwrap()));
            fs::write(root.path().join("d/a\nb"), "x").unwrap();
            fs::rename(root.path().join("d/a\nb"), root.path().join("d/c")).unwrap();
            let mut all = Vec::new();
            while !all.iter().any(|notice: &super::Notice| notice.from.is_some()) {
                all.extend(receiver.recv_timeout(Duration::from_secs(10)).unwrap().unwrap());
            }
            assert!(all.iter().any(|notice| notice.path == b"/d/a\nb" && notice.appeared));
            let moved = all.iter().find(|notice| notice.from.is_some()).unwrap();
            assert_eq!((moved.path.as_slice(), moved.from.as_deref()), (&b"/d/c"[..], Some(&b"/d/a\nb"[..])));
            watches.remove(b"/");
            assert_eq!(watches.len(), 0);
            watches.stop();
        });
    }
}
