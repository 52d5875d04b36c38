//! The keeper's side of the engine's process.

use std::{os::fd::AsFd, sync::atomic::Ordering::SeqCst, time::Duration};

use rustix::thread::sched_setaffinity;

use super::{
    super::{
        BackendChoice, Engine,
        channel::{Channel, Message},
        engine_process,
        info::{self, Note},
        layout::Word,
        listeners::Listeners,
        notify::FIRST_PROCESS,
    },
    Keeper,
    child::Child,
    number,
};
use crate::sys::process::{self, Fork};

/// An engine that worked for less than this is followed by another only after a delay, which doubles each time.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(10);
/// Short enough that whoever kills engines gains little time, long enough that starting them costs little.
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// So many short lives in a row are no accident.
const OFTEN: u32 = 5;

impl<E: Engine> Keeper<'_, E> {
    /// Forks the first engine, which reads its rules while the shim waits.
    pub(super) fn start(&mut self, shim: &Channel) {
        let Ok((mine, theirs)) = Channel::pair() else { return };
        match process::fork() {
            Ok(Fork::Child) => {
                drop(mine);
                self.close_all_but(&theirs);
                self.reset_cpus();
                let is_first = self.app == FIRST_PROCESS && self.options.backend != BackendChoice::Trace;
                process::exit(engine_process::first(self.engine, self.options, self.shared, theirs, is_first))
            }
            Ok(Fork::Parent(pid)) => self.note_engine(pid, mine),
            Err(error) => {
                self.shared.set_text(&format!("no engine process: {error}"));
                let _ = shim.send(Message::Failed, None);
            }
        }
    }

    fn note_engine(&mut self, pid: u32, channel: Channel) {
        self.shared.word(Word::EnginePid).store(pid.into(), SeqCst);
        self.running = Some(Child::new(pid, channel));
    }

    pub(super) fn reset_cpus(&self) {
        if let Some(cpus) = &self.cpus {
            let _ = sched_setaffinity(None, cpus);
        }
    }

    /// Forks an engine that goes on where the last one stopped.
    pub(super) fn restart(&mut self, listeners: &Listeners) {
        let Ok((mine, theirs)) = Channel::pair() else { return };
        self.shared.word(Word::EngineRestarts).fetch_add(1, SeqCst);
        match process::fork() {
            Ok(Fork::Child) => {
                drop(mine);
                self.reset_cpus();
                let copies = listeners.copies();
                let others = copies.iter().map(number).chain([number(theirs.as_fd())]).chain(self.end_notice);
                let mut kept: Vec<u32> = others.collect();
                kept.sort_unstable();
                process::close_others(3, &kept);
                let delay = self.delay;
                let shared = self.shared;
                process::exit(engine_process::again(self.engine, shared, theirs, copies, delay))
            }
            Ok(Fork::Parent(pid)) => self.note_engine(pid, mine),
            // No process can be made now: records wait in the ring until one can.
            Err(_) => {
                self.shared.word(Word::EngineRestarts).fetch_sub(1, SeqCst);
            }
        }
    }

    /// The engine died: makes its counts exact and starts another.
    pub(super) fn replace(&mut self, listeners: &Listeners) {
        let Some(dead) = self.running.take() else { return self.restart(listeners) };
        let lived = dead.lived();
        dead.reap();
        self.replace_dead(lived, listeners);
    }

    pub(super) fn replace_dead(&mut self, lived: Duration, listeners: &Listeners) {
        let at = self.shared.repair_consumed();
        if at != 0 && at == self.died_at {
            self.shared.drop_poison(at);
        }
        self.died_at = at;
        if lived.saturating_sub(self.delay) >= SHORT_LIFE {
            (self.delay, self.deaths) = (FIRST_DELAY, 0);
        } else {
            (self.delay, self.deaths) = ((self.delay * 2).clamp(FIRST_DELAY, LONGEST_DELAY), self.deaths + 1);
        }
        if self.deaths >= OFTEN {
            info::add_note(&self.shared, Note::EngineDies);
        }
        self.restart(listeners);
    }

    /// The engine has ended after the app. If it was killed before it was done, another brings out the rest.
    pub(super) fn reap_engine(&mut self, listeners: &Listeners) {
        let Some(engine) = self.running.take() else { return };
        if engine.reap() && self.shared.counters().pending > 0 {
            self.replace_dead(Duration::ZERO, listeners);
        }
    }

    /// Its time is over.
    pub(super) fn kill_engine(&mut self) {
        if let Some(engine) = self.running.take() {
            engine.kill();
            engine.reap();
        }
    }
}
