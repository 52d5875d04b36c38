//! The engine's process: prepares the engine, learns how calls are captured, and lets it run. A second thread
//! stands by to answer calls should the keeper be killed.

use std::{
    io::Write,
    os::fd::{AsFd, OwnedFd},
    sync::atomic::Ordering::SeqCst,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{
    CaptureOptions, Consumer, Engine, PreparedEngine,
    channel::{Channel, Message, Received},
    denials::Denials,
    filter::{self, Besides},
    guard::Guard,
    info::{self, Feature},
    keeper::release_stdio,
    layout::{Shared, Word},
    listeners::{Listeners, Peers},
    notify::{Notify, Served},
    record::{Reader, Recorder},
};
use crate::sys::shared::futex_wait;

/// Exit code: the engine cannot run as configured (`EX_CONFIG` of sysexits.h).
const UNUSABLE: u8 = 78;
/// Added to the engine's niceness: it gets about a third of what a watched process gets.
const NICE: i32 = 5;
/// After this time it is tried again to make a guard.
const GUARD_LOOK: Duration = Duration::from_secs(1);
/// The standby thread does little: it needs no stack of the default size.
const STANDBY_STACK: usize = 256 << 10;

/// The first engine: it says which calls it needs while the shim waits. Returns the process's exit code.
/// `is_first`: the command is the first process of its namespace, so that its end ends this process too.
pub(super) fn first<E: Engine>(
    engine: &E,
    options: &CaptureOptions,
    shared: Shared,
    keeper: Channel,
    is_first: bool,
) -> u8 {
    let _ = rustix::thread::set_name(c"fargard-engine");
    let Some(prepared) = usable(engine.prepare(), shared) else { return UNUSABLE };
    let environment = options.environment || prepared.needs_environment();
    shared.word(Word::Environment).store(environment.into(), SeqCst);
    let unwaiting = prepared.takes_leases();
    shared.word(Word::TakesLeases).store(unwaiting.into(), SeqCst);
    let program = filter::build(prepared.traps(), Besides { exits: is_first, unwaiting });
    let program = program.unwrap_or_default();
    if !shared.set_program(&program.encode()) {
        shared.set_text("the filter is too long");
        return UNUSABLE;
    }
    if !shared.set_denials(&Denials::of(prepared.denials()).encode()) {
        shared.set_text("too many calls are to be denied: use fewer rules with 'action: prevent'");
        return UNUSABLE;
    }
    if keeper.send(Message::Ready, None).is_err() {
        return UNUSABLE;
    }
    release_stdio(options.keep_stdio);
    give_way();
    let own = match keeper.receive(None) {
        Received::Message(Message::Listener, own) => own,
        Received::Message(..) => None,
        Received::Closed | Received::Timeout => return UNUSABLE,
    };
    match Standby::start(shared, keeper, Listeners::new(own)) {
        Some(standby) => run(prepared, shared, standby),
        None => UNUSABLE,
    }
}

/// An engine after one that died: it starts after a delay unless there is an end to be brought out at once.
pub(super) fn again<E: Engine>(
    engine: &E,
    shared: Shared,
    keeper: Channel,
    listeners: Listeners,
    delay: Duration,
) -> u8 {
    let _ = rustix::thread::set_name(c"fargard-engine");
    give_way();
    let until = Instant::now() + delay;
    // The standby comes first: the keeper may be killed during the delay too.
    let Some(standby) = Standby::start(shared, keeper, listeners) else { return UNUSABLE };
    loop {
        let word = shared.wake_word().load(SeqCst);
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || shared.word(Word::Finished).load(SeqCst) != 0 {
            break;
        }
        futex_wait(shared.wake_word(), word, left);
    }
    let Some(prepared) = usable(engine.prepare_again(), shared) else { return UNUSABLE };
    run(prepared, shared, standby)
}

/// Lets the watched processes go first where they and the engine want the same CPU; the ring bridges the time.
/// The keeper keeps its place: a call waits for it.
fn give_way() {
    let _ = rustix::process::nice(NICE);
}

/// Says why where it is not.
fn usable<P>(prepared: Result<P, String>, shared: Shared) -> Option<P> {
    match prepared {
        Ok(prepared) => Some(prepared),
        Err(reason) => {
            shared.set_text(&reason);
            let _ = writeln!(std::io::stderr(), "fargard: {reason}");
            None
        }
    }
}

fn run<P: PreparedEngine>(prepared: P, shared: Shared, standby: Standby) -> u8 {
    let code = prepared.run(Consumer::new(shared));
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    standby.leave(&shared);
    code
}

/// The thread that stands by. It owns the channel to the keeper, which sees this process's death by its closing.
struct Standby(JoinHandle<()>);

impl Standby {
    /// `None` where no thread can be made now: then there is no engine either, and the keeper makes another later.
    fn start(shared: Shared, keeper: Channel, listeners: Listeners) -> Option<Self> {
        let app = Pid::from_raw(shared.word(Word::AppPid).load(SeqCst) as i32);
        let app = app.and_then(|app| pidfd_open(app, PidfdFlags::empty()).ok());
        std::thread::Builder::new()
            .name("fargard-standby".to_owned())
            .stack_size(STANDBY_STACK)
            .spawn(move || stand_by(shared, &keeper, listeners, app.as_ref()))
            .ok()
            .map(Self)
    }

    /// To be called at this process's end: where it has taken over, processes of other filters may need it still.
    fn leave(self, shared: &Shared) {
        if shared.word(Word::TookOver).load(SeqCst) != 0 {
            let _ = self.0.join();
        }
    }
}

/// Keeps copies of the keeper's listeners until the keeper ends.
fn stand_by(shared: Shared, keeper: &Channel, mut listeners: Listeners, app: Option<&OwnedFd>) {
    loop {
        match keeper.receive(None) {
            Received::Message(Message::Listener, Some(listener)) => {
                // Those that ended make room.
                let turn = listeners.wait(&Peers::default(), Some(Duration::ZERO));
                listeners.drop_ended(turn.ended);
                // There cannot be more than the keeper has.
                let _ = listeners.add(listener);
            }
            Received::Message(..) | Received::Timeout => {}
            Received::Closed => break,
        }
    }
    take_over(listeners, shared, app);
}

/// The keeper has ended: answers in its place what is left.
fn take_over(listeners: Listeners, shared: Shared, app: Option<&OwnedFd>) {
    let ended = shared.word(Word::Finished).load(SeqCst) != 0 && shared.word(Word::Held).load(SeqCst) == 0;
    if ended && listeners.is_empty() {
        return;
    }
    shared.word(Word::TookOver).store(1, SeqCst);
    let reader = if info::uses(&shared, Feature::ProcMem) { Reader::ProcMem } else { Reader::Vm };
    let recorder = Recorder::new(reader, shared.word(Word::Environment).load(SeqCst) != 0);
    let mut notify = Notify::new(listeners, shared, recorder);
    notify.answer_left_behind();
    if !ended {
        answer_all(&mut notify, app);
        notify.finish();
    }
    notify.serve_others();
}

/// Answers until the app has ended, with a guard in waiting.
fn answer_all(notify: &mut Notify, app: Option<&OwnedFd>) {
    let mut guard = None;
    loop {
        let lacking = guard.is_none() && !notify.listeners().is_empty();
        if lacking {
            guard = notify.make_guard();
        }
        let timeout = (lacking && guard.is_none()).then_some(GUARD_LOOK);
        let peers =
            Peers { app: app.map(AsFd::as_fd), attacher: guard.as_ref().map(Guard::end), ..Peers::default() };
        match notify.serve(peers, timeout) {
            Served::Finished => return,
            Served::Attacher => {
                if let Some(dead) = guard.take() {
                    dead.reap();
                }
            }
            // There is nobody but this process to wait for.
            Served::LastExit => notify.release_last_exit(),
            Served::Engine | Served::Timeout | Served::Ended => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::{
        super::{
            Consumer,
            channel::{Channel, Message},
            filtered::Filtered,
            layout::Shared,
            listeners::Listeners,
        },
        stand_by,
    };

    #[test]
    fn the_killed_keepers_listeners_are_all_answered() {
        let shared = Shared::new(0).unwrap();
        let (app, other) = (Filtered::start(), Filtered::start());
        let (keeper, theirs) = Channel::pair().unwrap();
        let own = Listeners::new(Some(app.listener()));
        let standby = std::thread::spawn(move || stand_by(shared, &theirs, own, None));
        keeper.send(Message::Listener, Some(other.listener().as_fd())).unwrap();
        drop(keeper);
        app.make_calls(20);
        other.make_calls(20);
        assert_eq!(app.end(), 0);
        // The app is gone; whatever of the others still comes is let through.
        other.make_calls(20);
        assert_eq!(other.end(), 0);
        standby.join().unwrap();
        let mut consumer = Consumer::new(shared);
        while consumer.next().is_some() {
            consumer.advance();
        }
        let counters = consumer.counters();
        assert!(counters.finished && (40..=60).contains(&counters.consumed), "{counters:?}");
        assert_eq!(counters.seen, counters.consumed);
    }
}
