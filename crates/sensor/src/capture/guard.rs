//! The guard: a process that does nothing but answer, should the one that answers be killed.
//!
//! While the keeper lives, the engine is there to take its place. When the engine has taken it, it makes a guard, which
//! holds copies of the listeners and waits for the engine's end. Then it answers, unseen by anybody, since there is
//! nobody left to tell; a guard that answers makes another. So it takes two deaths in one moment to let calls fail.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    sync::atomic::Ordering::SeqCst,
    time::Duration,
};

use super::{
    channel::{Channel, Received},
    keeper::release_stdio,
    layout::{FLIGHT_BYTES, Shared, Word},
    listeners::{Listeners, MOST_LISTENERS, Peers, places},
    unwaiting::left_behind,
};
use crate::sys::{
    process::{self, Fork},
    seccomp,
};

/// A waiting guard, as the process that answers sees it.
#[derive(Debug)]
pub(super) struct Guard {
    pid: u32,
    channel: Channel,
}

enum Forked {
    Parent(Guard),
    Child(Channel),
}

fn fork() -> Option<Forked> {
    let (mine, theirs) = Channel::pair().ok()?;
    match process::fork().ok()? {
        Fork::Parent(pid) => Some(Forked::Parent(Guard { pid, channel: mine })),
        Fork::Child => Some(Forked::Child(theirs)),
    }
}

impl Guard {
    /// Makes a guard for those listeners; `None` when no process can be made. This process may have more threads: the
    /// guard takes no memory and no lock.
    pub(super) fn start(listeners: &mut Listeners, shared: &Shared) -> Option<Self> {
        match fork()? {
            Forked::Parent(guard) => Some(guard),
            Forked::Child(channel) => process::exit(run(listeners, shared, channel)),
        }
    }

    /// Readable when the guard has ended.
    pub(super) fn end(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    /// Takes note of its end.
    pub(super) fn reap(self) {
        let _ = process::reap(self.pid);
    }
}

/// The guard's process: waits behind others until it is its turn.
fn run(listeners: &mut Listeners, shared: &Shared, mut channel: Channel) -> u8 {
    let _ = rustix::thread::set_name(c"fargard-guard");
    release_stdio(false);
    loop {
        close_others(listeners, &channel);
        while !matches!(channel.receive(None), Received::Closed) {}
        match answer(listeners, shared) {
            // Its own guard begins here.
            Some(next) => channel = next,
            None => return 0,
        }
    }
}

fn close_others(listeners: &Listeners, channel: &Channel) {
    let mut kept = [0; MOST_LISTENERS + 1];
    let descriptors = listeners.iter().chain([channel.as_fd()]);
    let mut count = 0;
    for (slot, descriptor) in kept.iter_mut().zip(descriptors) {
        *slot = descriptor.as_raw_fd().unsigned_abs();
        count += 1;
    }
    kept[..count].sort_unstable();
    process::close_others(3, &kept[..count]);
}

/// Answers until the last process of every filter has ended. In the guard's own guard it returns the channel.
fn answer(listeners: &mut Listeners, shared: &Shared) -> Option<Channel> {
    let one_call = [shared.flight_id().swap(0, SeqCst), shared.word(Word::Held).swap(0, SeqCst)];
    for id in one_call.into_iter().chain(left_behind(shared)) {
        for listener in listeners.iter().filter(|_| id != 0) {
            // An error means that it is another listener's call, or that its thread is gone.
            let _ = seccomp::answer_continue(listener, id);
        }
    }
    let mut guard: Option<Guard> = None;
    let mut wait = Some(Duration::ZERO);
    loop {
        let peers = Peers { attacher: guard.as_ref().map(Guard::end), ..Peers::default() };
        let turn = listeners.wait(&peers, wait);
        for place in places(turn.calls) {
            let Some(listener) = listeners.at(place) else { continue };
            if let Ok(call) = seccomp::receive(listener, &shared.mapping, shared.flight(), FLIGHT_BYTES) {
                let _ = seccomp::answer_continue(listener, call.id);
                shared.flight_id().store(0, SeqCst);
            }
        }
        listeners.drop_ended(turn.ended);
        if listeners.is_empty() {
            return None;
        }
        if let Some(dead) = guard.take_if(|_| turn.attacher) {
            dead.reap();
        }
        wait = None;
        if guard.is_none() {
            match fork() {
                Some(Forked::Child(channel)) => return Some(channel),
                Some(Forked::Parent(made)) => guard = Some(made),
                None => wait = Some(RETRY),
            }
        }
    }
}

/// After this time it is tried again to make a process.
const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::{
        super::{filtered::Filtered, layout::Shared, listeners::Listeners},
        Guard,
    };
    use crate::sys::{process, signals};

    #[test]
    fn one_guard_follows_the_other_and_the_last_ends_with_the_processes() {
        let shared = Shared::new(0).unwrap();
        let watched = Filtered::start();
        let mut listeners = Listeners::new(Some(watched.listener()));
        let guard = Guard::start(&mut listeners, &shared).unwrap();
        let first = guard.pid;
        // This process has the listener no longer, and ends as far as the guard can tell.
        drop(listeners);
        drop(guard);
        watched.make_calls(50);
        // Its own guard was made before the second call was answered.
        signals::send(first, libc::SIGKILL);
        process::wait(Some(first)).unwrap();
        watched.make_calls(50);
        assert_eq!(watched.end(), 0);
    }
}
