//! A process with a filter of its own, for tests.

use std::{
    os::fd::OwnedFd,
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use fargard_model::{Trap, TrapSet};
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use super::filter;
use crate::sys::{
    process::{self, Fork, Status},
    seccomp::{self, SockFilter},
    shared::Mapping,
};

/// Word 0: number of the listener + 1; word 1: calls to be made, `END` to end; word 2: calls made.
const END: u64 = u64::MAX;

/// A child process that makes calls when told so.
pub(super) struct Filtered {
    pid: u32,
    shared: Mapping,
}

impl Filtered {
    /// Starts it. Its writing opens are stopped.
    pub(super) fn start() -> Self {
        let mut traps = TrapSet::default();
        traps.add(Trap::OpenWrite, "test");
        let program = filter::build(&traps, filter::Besides::default()).unwrap();
        let filter: Vec<SockFilter> = program
            .0
            .iter()
            .map(|one| SockFilter { code: one.code, jt: one.if_true, jf: one.if_false, k: one.k })
            .collect();
        let shared = Mapping::new(4096).unwrap();
        match process::fork().unwrap() {
            // Other threads may have held locks at the fork: nothing here allocates.
            Fork::Child => process::exit(Self::run(&shared, &filter)),
            Fork::Parent(pid) => Self { pid, shared },
        }
    }

    fn run(shared: &Mapping, filter: &[SockFilter]) -> u8 {
        use std::os::fd::AsRawFd;
        if seccomp::set_no_new_privs().is_err() {
            return 2;
        }
        let Ok(listener) = seccomp::install_with_listener(filter, seccomp::knows_wait_killable()) else {
            return 3;
        };
        shared.word(0).store(u64::from(listener.as_raw_fd().unsigned_abs()) + 1, SeqCst);
        let mut made = 0;
        let parent = std::os::unix::process::parent_id();
        // A test that fails leaves nobody behind.
        while std::os::unix::process::parent_id() == parent {
            match shared.word(8).load(SeqCst) {
                END => return 0,
                wanted if made < wanted => {
                    if openat(CWD, c"/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).is_err() {
                        return 4;
                    }
                    made += 1;
                    shared.word(16).store(made, SeqCst);
                }
                _ => std::thread::yield_now(),
            }
        }
        5
    }

    /// Its filter's listener.
    pub(super) fn listener(&self) -> OwnedFd {
        wait_for("the filter", || self.shared.word(0).load(SeqCst) != 0);
        let process =
            pidfd_open(Pid::from_raw(self.pid.cast_signed()).unwrap(), PidfdFlags::empty()).unwrap();
        let number = self.shared.word(0).load(SeqCst) as i32 - 1;
        pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).unwrap()
    }

    /// Lets it make so many calls more.
    pub(super) fn make_calls(&self, count: u64) {
        self.shared.word(8).fetch_add(count, SeqCst);
        wait_for("its calls", || self.shared.word(16).load(SeqCst) == self.shared.word(8).load(SeqCst));
    }

    /// Ends it: its exit code, 0 when every call succeeded.
    pub(super) fn end(self) -> i32 {
        self.shared.word(8).store(END, SeqCst);
        match process::wait(Some(self.pid)) {
            Ok((_, Status::Exited(code))) => code,
            other => panic!("{other:?}"),
        }
    }
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}
