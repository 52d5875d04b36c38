//! The trace backend, where notification is refused: the keeper is the tracer of the watched processes, and a
//! seccomp filter stops them at the selected calls only.
//!
//! Its hazard: when the tracer is killed, a selected call of a process that still lives fails with `ENOSYS`,
//! because the kernel finds nobody to ask. That is why notification comes first.

use super::{
    calls::{EXIT_GROUP, NATIVE},
    layout::Shared,
    notify::now,
    producer::Producer,
    record::Recorder,
};
use crate::{
    raw::Head,
    sys::{
        process::{self, Status},
        ptrace,
    },
};

/// Why [`Trace::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traced {
    /// A process that is not traced changed: a child of the keeper.
    Child(u32),
    /// The last traced process has ended.
    Finished,
}

/// Follows the traced processes.
#[derive(Debug)]
pub(super) struct Trace {
    producer: Producer,
    recorder: Recorder,
    /// The keeper's own child, which is not traced.
    pub(super) engine: Option<u32>,
}

impl Trace {
    /// After the first process was seized.
    pub(super) fn new(shared: Shared, recorder: Recorder) -> Self {
        Self { producer: Producer::new(shared), recorder, engine: None }
    }

    /// Lets traced processes run until something happens that is not theirs, or the last has ended.
    pub(super) fn run(&mut self) -> Traced {
        loop {
            let Ok((tid, status)) = process::wait(None) else { return Traced::Finished };
            if Some(tid) == self.engine {
                self.engine = None;
                return Traced::Child(tid);
            }
            match status {
                Status::Exited(_) | Status::Signaled(_) if process::no_tracees() => return Traced::Finished,
                Status::Exited(_) | Status::Signaled(_) => {}
                Status::Stopped(signal, event) => self.stopped(tid, signal, event),
            }
        }
    }

    fn stopped(&mut self, tid: u32, signal: i32, event: i32) {
        // A failing request means that the thread was killed meanwhile: its end is reported next.
        let _ = match event {
            ptrace::EVENT_SECCOMP => {
                self.record(tid);
                ptrace::proceed(tid, 0)
            }
            ptrace::EVENT_FORK | ptrace::EVENT_VFORK | ptrace::EVENT_CLONE => ptrace::proceed(tid, 0),
            ptrace::EVENT_STOP
                if matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) =>
            {
                ptrace::listen(tid)
            }
            ptrace::EVENT_STOP => ptrace::proceed(tid, 0),
            _ => ptrace::proceed(tid, signal),
        };
    }

    fn record(&mut self, tid: u32) {
        let Some(call) = ptrace::stopped_call(tid) else { return };
        if call.arch == NATIVE && call.nr == EXIT_GROUP.cast_signed() {
            return;
        }
        let seq = self.producer.saw();
        let head = Head { seq, time: now(), tid, nr: call.nr, arch: call.arch, args: call.args };
        let (length, class) = self.recorder.record(head);
        if !self.producer.commit(class, seq, self.recorder.bytes(length)) {
            self.recorder.take_back(tid);
        }
        if self.producer.engine_sleeps() {
            self.producer.wake();
        }
    }
}
