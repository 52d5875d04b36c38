//! The engine's process: prepares the engine, learns how calls are captured, and lets it run. A second thread
//! stands by to answer calls should the keeper be killed.

use std::{
    io::Write,
    os::fd::OwnedFd,
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use super::{
    CaptureOptions, Consumer, Engine, PreparedEngine,
    channel::{Channel, Message, Received},
    filter,
    info::{self, Feature},
    keeper::release_stdio,
    layout::{Shared, Word},
    notify::{Notify, Served},
    record::{Reader, Recorder},
};
use crate::sys::shared::futex_wait;

/// Exit code: the engine cannot run as configured (`EX_CONFIG` of sysexits.h).
const UNUSABLE: u8 = 78;
/// Added to the engine's niceness: it gets about a third of what a watched process gets.
const NICE: i32 = 5;
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
    let Some(prepared) = prepare(engine, shared) else { return UNUSABLE };
    let environment = options.environment || prepared.needs_environment();
    shared.word(Word::Environment).store(environment.into(), SeqCst);
    let program = match is_first {
        true => filter::build_with_exits(prepared.traps()),
        false => filter::build(prepared.traps()),
    };
    let program = program.unwrap_or_default();
    if !shared.set_program(&program.encode()) {
        shared.set_text("the filter is too long");
        return UNUSABLE;
    }
    if keeper.send(Message::Ready, None).is_err() {
        return UNUSABLE;
    }
    release_stdio(options.keep_stdio);
    give_way();
    match keeper.receive(None) {
        Received::Message(Message::Listener, Some(listener)) => run(prepared, shared, keeper, Some(listener)),
        Received::Message(..) => run(prepared, shared, keeper, None),
        Received::Closed | Received::Timeout => UNUSABLE,
    }
}

/// An engine after one that died: it starts after a delay unless there is an end to be brought out at once.
pub(super) fn again<E: Engine>(
    engine: &E,
    shared: Shared,
    keeper: Channel,
    listener: Option<OwnedFd>,
    delay: Duration,
) -> u8 {
    let _ = rustix::thread::set_name(c"fargard-engine");
    give_way();
    let until = Instant::now() + delay;
    // The standby comes first: the keeper may be killed during the delay too.
    let standby = standby(shared, keeper, listener);
    loop {
        let word = shared.wake_word().load(SeqCst);
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || shared.word(Word::Finished).load(SeqCst) != 0 {
            break;
        }
        futex_wait(shared.wake_word(), word, left);
    }
    let Some(prepared) = prepare(engine, shared) else { return UNUSABLE };
    let code = prepared.run(Consumer::new(shared));
    drop(standby);
    flush();
    code
}

/// Lets the watched processes go first where they and the engine want the same CPU; the ring bridges the time.
/// The keeper keeps its place: a call waits for it.
fn give_way() {
    let _ = rustix::process::nice(NICE);
}

fn prepare<E: Engine>(engine: &E, shared: Shared) -> Option<E::Prepared> {
    match engine.prepare() {
        Ok(prepared) => Some(prepared),
        Err(reason) => {
            shared.set_text(&reason);
            let _ = writeln!(std::io::stderr(), "fargard: {reason}");
            None
        }
    }
}

fn run<P: PreparedEngine>(prepared: P, shared: Shared, keeper: Channel, listener: Option<OwnedFd>) -> u8 {
    let standby = standby(shared, keeper, listener);
    let code = prepared.run(Consumer::new(shared));
    drop(standby);
    flush();
    code
}

fn flush() {
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
}

/// Starts the standby, which owns the channel to the keeper. The keeper sees this process's death by its closing.
fn standby(
    shared: Shared,
    keeper: Channel,
    listener: Option<OwnedFd>,
) -> Option<std::thread::JoinHandle<()>> {
    let stand_by = move || {
        // The keeper never speaks again: a message or the closing both mean its end.
        while let Received::Timeout = keeper.receive(None) {}
        if let Some(listener) = listener
            && (shared.word(Word::Finished).load(SeqCst) == 0 || shared.word(Word::Held).load(SeqCst) != 0)
        {
            take_over(listener, shared);
        }
    };
    std::thread::Builder::new()
        .name("fargard-standby".to_owned())
        .stack_size(STANDBY_STACK)
        .spawn(stand_by)
        .ok()
}

/// The keeper was killed: answers in its place.
fn take_over(listener: OwnedFd, shared: Shared) {
    let reader = if info::uses(&shared, Feature::ProcMem) { Reader::ProcMem } else { Reader::Vm };
    let recorder = Recorder::new(reader, shared.word(Word::Environment).load(SeqCst) != 0);
    let mut notify = Notify::new(listener, shared, recorder);
    notify.answer_left_behind();
    shared.repair_committed();
    while notify.serve(None, None) != Served::Finished {
        // There is nobody but this process to wait for.
        notify.release_last_exit();
    }
    notify.finish();
}
