//! The thread that waits on the tap.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::{capture::Waker, engine::threads::spawn, net::Tap};

/// Packets that come sooner after others than this wait for it: then many are handled at once. Whoever needs to know
/// at once what was answered reads the tap itself.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// Waits on the tap in a thread of its own, which wakes the engine when something was seen.
pub(super) fn listen(tap: Tap, news: &Arc<AtomicBool>, waker: &Waker) -> io::Result<Arc<Mutex<Tap>>> {
    let handles = tap.handles()?;
    let tap = Arc::new(Mutex::new(tap));
    let (shared, news, waker) = (Arc::clone(&tap), Arc::clone(news), waker.clone());
    let wait = move || {
        let mut last: Option<Instant> = None;
        while are_readable(&handles) {
            let pause = Duration::from_nanos(PAUSE.tv_nsec.unsigned_abs());
            if last.is_some_and(|last| last.elapsed() < pause) {
                // Nothing to wait for but the time; a signal only ends it early.
                let _ = poll(&mut [], Some(&PAUSE));
            }
            let seen = shared.lock().unwrap_or_else(PoisonError::into_inner).pump();
            if seen && !news.swap(true, Ordering::Relaxed) {
                waker.wake();
            }
            last = Some(Instant::now());
        }
    };
    let started = spawn("fargard-packets", wait);
    started.map(|_| tap).ok_or_else(|| io::Error::other("no thread can be started"))
}

/// Waits for packets; `false` when that is not possible any more.
fn are_readable(handles: &[OwnedFd]) -> bool {
    let mut ready: Vec<PollFd<'_>> =
        handles.iter().map(|handle| PollFd::new(handle, PollFlags::IN)).collect();
    loop {
        match poll(&mut ready, None) {
            Ok(_) => return true,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
