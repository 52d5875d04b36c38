//! The keeper: answers the watched processes' calls and keeps an engine running. It allocates nothing once it has
//! started, parses nothing, and waits for nobody but the kernel.

mod attacher;
mod child;
mod engine;

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{CWD, Mode, OFlags, openat},
    process::{DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit, getrlimit, pidfd_open, setrlimit},
    thread::{CpuSet, sched_getaffinity},
};

use attacher::AttacherProcess;
use child::Child;

use super::{
    Backend, CaptureOptions, Engine,
    channel::{Channel, Message, Received},
    info::{self, Feature, Note},
    layout::{Shared, Word},
    listeners::{Listeners, Peers},
    notify::{Notify, Served},
    record::{Reader, Recorder},
    trace::{Trace, Traced},
};
use crate::sys::{process, ptrace, seccomp, signals};

/// How often the app is looked for where the kernel cannot tell of its end.
const APP_LOOK: Duration = Duration::from_secs(1);
/// Open files the keeper and the engine may have, where the app's hard limit allows it.
const DESCRIPTORS: u64 = 1024;
const CAP_SYS_PTRACE: u32 = 19;
/// The keeper works for some microseconds at a time, for which a call waits that signals can interrupt: the shortest
/// turn the kernel knows.
const TURN_NANOSECONDS: u64 = 100_000;

/// Read by the keeper in the app's memory to learn which way of reading works.
static PROBE: u64 = 0x6661_7267_6172_6421;

pub(super) struct Keeper<'a, E> {
    engine: &'a E,
    options: &'a CaptureOptions,
    shared: Shared,
    /// The process that becomes the app.
    app: u32,
    /// Held open by keeper and engine, so that somebody sees their end.
    end_notice: Option<u32>,
    cpus: Option<CpuSet>,
    running: Option<Child>,
    attacher: Option<AttacherProcess>,
    attach_delay: Duration,
    /// Room for a message of the attacher.
    message: Box<[u8]>,
    /// Where the last engine that died was in the ring.
    died_at: u64,
    delay: Duration,
    /// Engines in a row that died soon.
    deaths: u32,
}

/// Runs the keeper until the watched processes and the engine are done.
pub(super) fn run<E: Engine>(
    engine: &E,
    options: &CaptureOptions,
    shared: Shared,
    shim: Channel,
    app: u32,
    end_notice: Option<BorrowedFd<'_>>,
) -> u8 {
    signals::Set::all().block();
    signals::default_action(libc::SIGCHLD);
    // Whoever runs as the same user could read and write this process's memory, take its descriptors and trace it;
    // what is forked from here is protected as well.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = rustix::process::setsid();
    allow_descriptors();
    let _ = rustix::thread::set_name(c"fargard-keeper");
    process::prefer_short_turns(TURN_NANOSECONDS);
    shared.word(Word::KeeperPid).store(std::process::id().into(), SeqCst);
    shared.word(Word::AppPid).store(app.into(), SeqCst);
    let mut keeper = Keeper {
        engine,
        options,
        shared,
        app,
        end_notice: end_notice.map(number),
        cpus: sched_getaffinity(None).ok(),
        running: None,
        attacher: None,
        attach_delay: Duration::ZERO,
        message: attacher::message_room(),
        died_at: 0,
        delay: Duration::ZERO,
        deaths: 0,
    };
    keeper.close_all_but(&shim);
    keeper.start(&shim);
    release_stdio(options.keep_stdio);
    keeper.set_up(shim)
}

/// Puts something harmless in the place of the standard descriptors, so that whoever reads from the app's output
/// sees its end.
pub(super) fn release_stdio(keep_output: bool) {
    let null = openat(CWD, c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        // An image may have no /dev: anything that swallows writes will do.
        .or_else(|_| rustix::fs::memfd_create(c"null", rustix::fs::MemfdFlags::CLOEXEC));
    if let Ok(null) = null {
        let _ = rustix::stdio::dup2_stdin(&null);
        if !keep_output {
            let _ = rustix::stdio::dup2_stdout(&null);
            let _ = rustix::stdio::dup2_stderr(&null);
        }
    }
}

/// The app's limit may leave no room for what this process and the engine open.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
    if limit.current.is_some_and(|current| current < most) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit });
    }
}

fn number(descriptor: BorrowedFd<'_>) -> u32 {
    descriptor.as_raw_fd().unsigned_abs()
}

impl<E: Engine> Keeper<'_, E> {
    fn close_all_but(&self, channel: &Channel) {
        let mut kept = [number(channel.as_fd()), self.end_notice.unwrap_or_default()];
        kept.sort_unstable();
        process::close_others(3, &kept);
    }

    /// Speaks with the shim until it is known how calls are captured, then captures.
    fn set_up(&mut self, shim: Channel) -> u8 {
        loop {
            let (from_shim, from_engine) = self.wait_for_either(&shim);
            if from_engine {
                self.first_word(&shim);
            }
            if !from_shim {
                continue;
            }
            return match shim.receive(None) {
                Received::Message(Message::Listener, own @ Some(_)) => self.notify(own, shim),
                Received::Message(Message::Trace, _) if ptrace::seize(self.app).is_ok() => self.trace(shim),
                Received::Message(Message::Trace, _) => {
                    let _ = shim.send(Message::Failed, None);
                    continue;
                }
                Received::Message(Message::None, _) => self.notify(None, shim),
                _ => {
                    // The shim is gone before there was a command.
                    self.tell_engine(Message::None, None);
                    self.without_calls()
                }
            };
        }
    }

    fn wait_for_either(&self, shim: &Channel) -> (bool, bool) {
        let first = PollFd::new(shim, PollFlags::IN);
        let Some(engine) = &self.running else {
            let mut one = [first];
            let _ = poll(&mut one, None);
            return (true, false);
        };
        let mut both = [first, PollFd::new(&engine.channel, PollFlags::IN)];
        let _ = poll(&mut both, None);
        (!both[0].revents().is_empty(), !both[1].revents().is_empty())
    }

    /// The first engine is ready, or could not get so far.
    fn first_word(&mut self, shim: &Channel) {
        let Some(engine) = &self.running else { return };
        let word = match engine.channel.receive(None) {
            Received::Message(Message::Ready, _) => Message::Ready,
            _ => {
                self.kill_engine();
                Message::Failed
            }
        };
        let _ = shim.send(word, None);
    }

    /// Tells the first engine how calls are captured.
    fn tell_engine(&self, message: Message, listener: Option<&OwnedFd>) {
        if let Some(engine) = &self.running {
            // An error is the engine's death, seen next.
            let _ = engine.channel.send(message, listener.map(AsFd::as_fd));
        }
    }

    fn recorder(&self) -> Recorder {
        let address = (&raw const PROBE).expose_provenance() as u64;
        let reader = Reader::probe(self.app, address, PROBE);
        match reader {
            Some(Reader::Vm) => info::add_feature(&self.shared, Feature::VmReadv),
            Some(Reader::ProcMem) => info::add_feature(&self.shared, Feature::ProcMem),
            None => {}
        }
        if reader.is_none() || (crate::probe::yama_scope() > 0 && !process::has_capability(CAP_SYS_PTRACE)) {
            info::add_note(&self.shared, Note::Unreadable);
        } else if !process::has_capability(CAP_SYS_PTRACE) {
            info::add_note(&self.shared, Note::OtherUsers);
        }
        Recorder::new(reader.unwrap_or(Reader::Vm), self.shared.word(Word::Environment).load(SeqCst) != 0)
    }

    /// Calls are captured by notification, or (without a listener) not at all: answers, and keeps the engine, which
    /// may have checks to make and something to tell, until the app ends.
    fn notify(&mut self, own: Option<OwnedFd>, shim: Channel) -> u8 {
        let recorder = match own.is_some() || self.options.attach {
            true => self.recorder(),
            false => Recorder::new(Reader::Vm, false),
        };
        let message = match &own {
            Some(own) => {
                let feature = match seccomp::set_sync_wake_up(own.as_fd()) {
                    true => Feature::SyncWakeUp,
                    false => Feature::AffinityFollowing,
                };
                info::add_feature(&self.shared, feature);
                Message::Listener
            }
            None => Message::None,
        };
        self.tell_engine(message, own.as_ref());
        let _ = shim.send(Message::Go, None);
        drop(shim);
        if own.is_none() && self.running.is_none() {
            return 0;
        }
        let mut notify = Notify::new(Listeners::new(own), self.shared, recorder);
        self.start_attacher();
        self.serve(&mut notify);
        notify.finish();
        self.dismiss_attacher();
        self.finish(&mut notify);
        if !notify.listeners().is_empty() {
            self.close_end_notice();
            release_stdio(false);
            notify.serve_others();
        }
        0
    }

    /// Answers until the app has ended.
    fn serve(&mut self, notify: &mut Notify) {
        let parent = Pid::from_raw(self.app.cast_signed());
        let app = parent.and_then(|app| pidfd_open(app, PidfdFlags::empty()).ok());
        let blind = app.is_none() && !notify.listeners().has_own();
        loop {
            // What could not be made is tried for from time to time.
            let lacking = self.running.is_none() || (self.options.attach && self.attacher.is_none());
            let timeout = (lacking || blind).then_some(APP_LOOK);
            let peers = Peers {
                engine: self.running.as_ref().map(Child::end),
                attacher: self.attacher.as_ref().map(AttacherProcess::watched),
                app: app.as_ref().map(AsFd::as_fd),
            };
            match notify.serve(peers, timeout) {
                Served::Finished => return,
                Served::LastExit => self.last_words(notify),
                Served::Attacher => self.hear_attacher(notify),
                Served::Ended => {}
                Served::Timeout if blind && rustix::process::getppid() != parent => return,
                Served::Timeout if self.running.is_some() => self.start_attacher(),
                // The command is ending: another engine would have nothing to do.
                Served::Engine | Served::Timeout if self.shared.word(Word::Finished).load(SeqCst) != 0 => {
                    self.kill_engine();
                }
                Served::Engine | Served::Timeout => {
                    notify.say_all_again();
                    self.replace(notify.listeners());
                }
            }
        }
    }

    /// The first process of the namespace is about to end: gives the engine the time it may have, and goes on
    /// answering meanwhile.
    fn last_words(&mut self, notify: &mut Notify) {
        notify.finish();
        self.wait_for_engine(notify);
        notify.release_last_exit();
    }

    /// Until the engine has ended or its time is over, whichever comes first.
    fn wait_for_engine(&mut self, notify: &mut Notify) {
        let until = Instant::now() + self.options.drain;
        while let Some(engine) = &self.running {
            let left = until.saturating_duration_since(Instant::now());
            let peers = Peers { engine: Some(engine.end()), ..Peers::default() };
            match notify.serve(peers, Some(left)) {
                Served::Engine => self.reap_engine(notify.listeners()),
                Served::Timeout => break,
                Served::Finished | Served::LastExit | Served::Attacher | Served::Ended => {}
            }
        }
    }

    fn trace(&mut self, shim: Channel) -> u8 {
        let recorder = self.recorder();
        info::add_note(&self.shared, Note::TraceEnosys);
        info::add_note(&self.shared, Note::TraceTracer);
        info::choose(&self.shared, Backend::Trace, &self.shared.text());
        self.tell_engine(Message::Trace, None);
        let _ = shim.send(Message::Go, None);
        drop(shim);
        let mut trace = Trace::new(self.shared, recorder);
        loop {
            trace.engine = self.running.as_ref().map(Child::pid);
            match trace.run() {
                Traced::Finished => break,
                Traced::Child(_) => {
                    let lived = self.running.take().map_or(Duration::ZERO, |dead| dead.lived());
                    self.replace_dead(lived, &Listeners::new(None));
                }
            }
        }
        self.without_calls()
    }

    /// No call is captured any more, and none waits for an answer.
    fn without_calls(&mut self) -> u8 {
        let recorder = Recorder::new(Reader::Vm, false);
        let mut notify = Notify::new(Listeners::new(None), self.shared, recorder);
        notify.finish();
        self.finish(&mut notify);
        0
    }

    /// Gives the engine the time it may have to bring out the rest.
    fn finish(&mut self, notify: &mut Notify) {
        notify.stop_looking();
        if self.running.is_none() && self.shared.counters().pending > 0 {
            self.restart(notify.listeners());
        }
        self.wait_for_engine(notify);
        self.kill_engine();
    }

    /// Whoever waits for the sensor's end need not wait for other processes'.
    fn close_end_notice(&mut self) {
        if let Some(number) = self.end_notice.take() {
            process::close_range(number, number);
        }
    }
}
