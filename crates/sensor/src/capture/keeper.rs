//! The keeper: answers the watched processes' calls and keeps an engine running. It allocates nothing once it has
//! started, parses nothing, and waits for nobody but the kernel.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{CWD, Mode, OFlags, openat},
    process::{Pid, PidfdFlags, pidfd_open},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

use super::{
    Backend, BackendChoice, CaptureOptions, Engine,
    channel::{Channel, Message, Received},
    engine_process,
    info::{self, Feature, Note},
    layout::{Shared, Word},
    notify::{FIRST_PROCESS, Notify, Served, timespec},
    producer::Producer,
    record::{Reader, Recorder},
    trace::{Trace, Traced},
};
use crate::sys::{
    process::{self, Fork},
    ptrace, seccomp, signals,
};

/// An engine that lived for less than this is started again only after a delay.
const SHORT_LIFE: Duration = Duration::from_secs(2);
/// The longest such delay.
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// How often the app is looked for where the kernel cannot tell of its end.
const APP_LOOK: Duration = Duration::from_secs(1);
const CAP_SYS_PTRACE: u32 = 19;

/// Read by the keeper in the app's memory to learn which way of reading works.
static PROBE: u64 = 0x6661_7267_6172_6421;

struct EngineProcess {
    pid: u32,
    channel: Channel,
    started: Instant,
}

pub(super) struct Keeper<'a, E> {
    engine: &'a E,
    options: &'a CaptureOptions,
    shared: Shared,
    /// The process that becomes the app.
    app: u32,
    /// Held open by keeper and engine, so that somebody sees their end.
    end_notice: Option<u32>,
    cpus: Option<CpuSet>,
    running: Option<EngineProcess>,
    /// Where the last engine that died was in the ring.
    died_at: u64,
    delay: Duration,
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
    let _ = rustix::process::setsid();
    let _ = rustix::thread::set_name(c"fargard-keeper");
    shared.word(Word::KeeperPid).store(std::process::id().into(), SeqCst);
    let mut keeper = Keeper {
        engine,
        options,
        shared,
        app,
        end_notice: end_notice.map(number),
        cpus: sched_getaffinity(None).ok(),
        running: None,
        died_at: 0,
        delay: Duration::ZERO,
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

fn number(descriptor: BorrowedFd<'_>) -> u32 {
    descriptor.as_raw_fd().unsigned_abs()
}

impl<E: Engine> Keeper<'_, E> {
    fn close_all_but(&self, channel: &Channel) {
        let mut kept = [number(channel.as_fd()), self.end_notice.unwrap_or_default()];
        kept.sort_unstable();
        process::close_others(3, &kept);
    }

    /// Forks the first engine, which reads its rules while the shim waits.
    fn start(&mut self, shim: &Channel) {
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
        self.running = Some(EngineProcess { pid, channel, started: Instant::now() });
    }

    fn reset_cpus(&self) {
        if let Some(cpus) = &self.cpus {
            let _ = sched_setaffinity(None, cpus);
        }
    }

    /// Forks an engine that goes on where the last one stopped.
    fn restart(&mut self, listener: Option<BorrowedFd<'_>>) {
        self.shared.word(Word::EngineRestarts).fetch_add(1, SeqCst);
        let Ok((mine, theirs)) = Channel::pair() else { return };
        match process::fork() {
            Ok(Fork::Child) => {
                drop(mine);
                self.reset_cpus();
                let listener = listener.and_then(|listener| listener.try_clone_to_owned().ok());
                let delay = self.delay;
                let shared = self.shared;
                process::exit(engine_process::again(self.engine, shared, theirs, listener, delay))
            }
            Ok(Fork::Parent(pid)) => self.note_engine(pid, mine),
            // No process can be made now: records wait in the ring until one can.
            Err(_) => self.running = None,
        }
    }

    /// The engine died: makes its counts exact and starts another.
    fn replace(&mut self, listener: Option<BorrowedFd<'_>>) {
        let Some(dead) = self.running.take() else { return self.restart(listener) };
        let _ = process::wait(Some(dead.pid));
        self.replace_dead(dead.started.elapsed(), listener);
    }

    fn replace_dead(&mut self, lived: Duration, listener: Option<BorrowedFd<'_>>) {
        let at = self.shared.word(Word::InProgress).load(SeqCst);
        self.shared.repair_consumed();
        if at != 0 && at == self.died_at {
            self.shared.drop_poison();
        }
        self.died_at = at;
        self.delay = match lived {
            lived if lived >= SHORT_LIFE => Duration::ZERO,
            _ => (self.delay * 2).clamp(Duration::from_millis(10), LONGEST_DELAY),
        };
        self.restart(listener);
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
                Received::Message(Message::Listener, Some(listener)) => self.notify(listener, shim),
                Received::Message(Message::Trace, _) if ptrace::seize(self.app).is_ok() => self.trace(shim),
                Received::Message(Message::Trace, _) => {
                    let _ = shim.send(Message::Failed, None);
                    continue;
                }
                Received::Message(Message::None, _) => self.none(shim),
                _ => {
                    // The shim is gone before there was a command.
                    self.tell_engine(Message::None, None);
                    Producer::new(self.shared).finish();
                    self.finish(None)
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
                let _ = process::wait(Some(engine.pid));
                self.running = None;
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

    fn notify(&mut self, listener: OwnedFd, shim: Channel) -> u8 {
        let recorder = self.recorder();
        if seccomp::set_sync_wake_up(listener.as_fd()) {
            info::add_feature(&self.shared, Feature::SyncWakeUp);
        }
        info::add_feature(&self.shared, Feature::AffinityFollowing);
        self.tell_engine(Message::Listener, Some(&listener));
        let _ = shim.send(Message::Go, None);
        drop(shim);
        let mut notify = Notify::new(listener, self.shared, recorder);
        loop {
            // Without an engine process (none could be made), one is tried for from time to time.
            let timeout = self.running.is_none().then_some(APP_LOOK);
            let peer = self.running.as_ref().map(|engine| engine.channel.as_fd());
            match notify.serve(peer, timeout) {
                Served::Finished => break,
                Served::LastExit => self.last_words(&mut notify),
                // The command has ended: an engine would have nothing to do.
                Served::Peer | Served::Timeout if self.shared.word(Word::Finished).load(SeqCst) != 0 => {}
                Served::Peer | Served::Timeout => self.replace(Some(notify.listener())),
            }
        }
        notify.finish();
        self.finish(Some(notify.listener()))
    }

    /// The first process of the namespace is about to end: gives the engine the time it may have, and goes on
    /// answering meanwhile.
    fn last_words(&mut self, notify: &mut Notify) {
        let until = Instant::now() + self.options.drain;
        notify.finish();
        while let Some(engine) = &self.running {
            let left = until.saturating_duration_since(Instant::now());
            match notify.serve(Some(engine.channel.as_fd()), Some(left)) {
                Served::Peer => {
                    let _ = process::wait(Some(engine.pid));
                    self.running = None;
                }
                Served::Timeout | Served::Finished => break,
                Served::LastExit => {}
            }
        }
        notify.release_last_exit();
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
            trace.engine = self.running.as_ref().map(|engine| engine.pid);
            match trace.run() {
                Traced::Finished => break,
                Traced::Child(_) => {
                    let lived = self.running.take().map_or(Duration::ZERO, |dead| dead.started.elapsed());
                    self.replace_dead(lived, None);
                }
            }
        }
        trace.finish();
        self.finish(None)
    }

    /// Nothing is captured: keeps the engine, which may have checks to make and something to tell, until the app
    /// ends.
    fn none(&mut self, shim: Channel) -> u8 {
        self.tell_engine(Message::None, None);
        let _ = shim.send(Message::Go, None);
        drop(shim);
        if self.running.is_none() {
            return 0;
        }
        let app = Pid::from_raw(self.app.cast_signed());
        let handle = app.and_then(|app| pidfd_open(app, PidfdFlags::empty()).ok());
        loop {
            let (app_ended, engine_died) = self.wait_none(handle.as_ref());
            if app_ended || rustix::process::getppid() != app {
                break;
            }
            if engine_died {
                self.replace(None);
            }
        }
        Producer::new(self.shared).finish();
        self.finish(None)
    }

    fn wait_none(&self, app: Option<&OwnedFd>) -> (bool, bool) {
        let look = timespec(APP_LOOK);
        let channel = self.running.as_ref().map(|engine| &engine.channel);
        match (app, channel) {
            (Some(app), Some(channel)) => {
                let mut both = [PollFd::new(app, PollFlags::IN), PollFd::new(channel, PollFlags::empty())];
                let _ = poll(&mut both, None);
                (!both[0].revents().is_empty(), !both[1].revents().is_empty())
            }
            (_, Some(channel)) => {
                let mut one = [PollFd::new(channel, PollFlags::empty())];
                let _ = poll(&mut one, Some(&look));
                (false, !one[0].revents().is_empty())
            }
            (_, None) => {
                let _ = poll(&mut [], Some(&look));
                (false, true)
            }
        }
    }

    /// Gives the engine the time it may have to bring out the rest.
    fn finish(&mut self, listener: Option<BorrowedFd<'_>>) -> u8 {
        let until = Instant::now() + self.options.drain;
        let left = || until.saturating_duration_since(Instant::now());
        if self.running.is_none() && self.shared.counters().pending > 0 {
            self.restart(listener);
        }
        while let Some(engine) = &self.running {
            if left().is_zero() {
                signals::send(engine.pid, libc::SIGKILL);
                let _ = process::wait(Some(engine.pid));
                break;
            }
            if !matches!(engine.channel.receive(Some(left())), Received::Closed) {
                continue;
            }
            let ended = process::wait(Some(engine.pid));
            let by_itself = !matches!(ended, Ok((_, process::Status::Signaled(_))));
            self.running = None;
            if !by_itself && self.shared.counters().pending > 0 {
                self.replace_dead(Duration::ZERO, listener);
            }
        }
        0
    }
}
