//! The notify backend: every stopped call is looked at and let through at once.
//!
//! Order of one call: receive into shared memory (whoever survives can answer it), read what the arguments point
//! to, answer, and only then hand the record to the engine. The kernel takes the answer only while the thread still
//! waits for it: so an answer that was taken shows that what was read before was this thread's.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::{
    calls::{EXIT_GROUP, NATIVE},
    denials::{Denials, ERROR as DENIAL_ERROR},
    follow::Follower,
    guard::Guard,
    lane::Class,
    layout::{FLIGHT_BYTES, Shared, Word},
    listeners::{Listeners, Peers, places},
    proc::ProcPath,
    producer::Producer,
    record::Recorder,
    unwaiting::{self, Asked, PutOffs},
};
use crate::{
    raw::{Head, RawEvent, set_seq},
    sys::seccomp::{self, Notification},
};

/// Id of a namespace's first process.
pub(super) const FIRST_PROCESS: u32 = 1;

/// An engine that was woken less than this ago is left asleep while calls come in: it then handles many at once
/// instead of competing with the watched processes for their CPU after every call.
const NAP: Duration = Duration::from_millis(2);
/// After this time without a record the engine is woken at once: few calls mean that it costs little, and the
/// sooner it looks, the more of a short-lived process is still there.
const QUIET: Duration = Duration::from_millis(10);

/// Why [`Notify::serve`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// The engine is gone.
    Engine,
    /// Something came from the attacher, or it is gone.
    Attacher,
    /// The time is over.
    Timeout,
    /// The app and all its descendants have ended; or the app has, where they have no filter.
    Finished,
    /// The last process of another filter has ended.
    Ended,
    /// The first process of the namespace is about to end, and everything in the namespace with it: it waits until
    /// [`Notify::release_last_exit`].
    LastExit,
}

/// Answers the listeners' calls.
#[derive(Debug)]
pub(super) struct Notify {
    listeners: Listeners,
    shared: Shared,
    producer: Producer,
    recorder: Recorder,
    /// Where the kernel does not wake on the caller's CPU itself.
    follower: Option<Follower>,
    denials: Denials,
    put_offs: PutOffs,
    /// Calls are let through, and that is all.
    unseen: bool,
    /// Time of the first record the sleeping engine was not told of, 0 for none.
    owed_since: u64,
    woken_at: u64,
}

/// Nanoseconds since the epoch.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    u64::try_from(time.tv_sec).unwrap_or_default() * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or_default()
}

/// As the kernel's calls take it.
pub(super) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// Answers a call: with an error, or by letting it through, now or when the lease that was asked for is given back. An
/// error means that it was interrupted or its thread is gone.
fn answer(
    put_offs: &mut PutOffs,
    listener: BorrowedFd<'_>,
    id: u64,
    asked: Option<Asked>,
    error: Option<i32>,
) -> io::Result<()> {
    if let Some(error) = error {
        return seccomp::answer_error(listener, id, error);
    }
    if asked.is_some_and(|asked| put_offs.add(id, asked)) {
        return Ok(());
    }
    seccomp::answer_continue(listener, id)
}

impl Notify {
    pub(super) fn new(listeners: Listeners, shared: Shared, recorder: Recorder) -> Self {
        let others = listeners.iter().filter(|listener| !seccomp::set_sync_wake_up(*listener)).count();
        let notify = Self {
            listeners,
            shared,
            producer: Producer::new(shared),
            recorder,
            follower: (others > 0).then(Follower::new),
            denials: Denials::decode(&shared.denials()),
            put_offs: PutOffs::new(shared),
            unseen: false,
            owed_since: 0,
            woken_at: 0,
        };
        notify.count_listeners();
        notify
    }

    pub(super) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Makes a process that answers should this one be killed.
    pub(super) fn make_guard(&mut self) -> Option<Guard> {
        Guard::start(&mut self.listeners, &self.shared)
    }

    /// Another engine begins: what was said of threads once is said again.
    pub(super) fn say_all_again(&mut self) {
        self.recorder.forget_all();
    }

    fn count_listeners(&self) {
        self.shared.word(Word::Listeners).store(self.listeners.len() as u64, SeqCst);
    }

    /// Answers the calls of one more filter; `false` when the descriptor is no listener or there are too many.
    pub(super) fn add(&mut self, listener: OwnedFd) -> bool {
        if self.unseen || !seccomp::is_listener(listener.as_fd()) {
            return false;
        }
        if !seccomp::set_sync_wake_up(listener.as_fd()) {
            self.follower.get_or_insert_with(Follower::new);
        }
        if self.listeners.add(listener).is_err() {
            return false;
        }
        self.count_listeners();
        true
    }

    /// Puts a record of another process of the sensor into the ring, under a number of its own.
    pub(super) fn add_record(&mut self, record: &mut [u8]) {
        let seq = self.producer.saw();
        self.producer.landed();
        if !RawEvent::parse(record).is_some_and(|event| event.is_whole()) {
            return self.producer.refused();
        }
        set_seq(record, seq);
        let class = RawEvent::parse(record).map_or(Class::Privilege, |event| Class::of(&event.head));
        self.producer.commit(class, seq, record);
        self.owe_wake_up(now());
    }

    /// Answers the calls a killed keeper left behind, and makes its counts exact.
    pub(super) fn answer_left_behind(&self) {
        unwaiting::left_behind(&self.shared).for_each(|id| self.answer_anywhere(id));
        let id = self.shared.flight_id().load(SeqCst);
        if id != 0 {
            self.answer_anywhere(id);
            self.producer.count_flight();
        }
        self.producer.landed();
        self.shared.repair_committed();
        self.release_last_exit();
    }

    /// Ids are random where a listener begins, so that others do not know the same.
    fn answer_anywhere(&self, id: u64) {
        for listener in self.listeners.iter() {
            // An error means that it is another listener's, the thread is gone, or that it was answered already.
            let _ = seccomp::answer_continue(listener, id);
        }
    }

    /// Lets the first process of the namespace end.
    pub(super) fn release_last_exit(&self) {
        let id = self.shared.word(Word::Held).swap(0, SeqCst);
        if id != 0 {
            self.answer_anywhere(id);
        }
    }

    /// The app has ended, and nobody is left to whom a record could be told: lets calls of other filters through
    /// until the last of their processes has ended.
    pub(super) fn serve_others(&mut self) {
        self.stop_looking();
        while !self.listeners.is_empty() {
            self.serve(Peers::default(), None);
        }
    }

    /// From now on calls are let through and not looked at.
    pub(super) fn stop_looking(&mut self) {
        self.unseen = true;
    }

    /// Answers calls until something else is to be done.
    pub(super) fn serve(&mut self, peers: Peers<'_>, timeout: Option<Duration>) -> Served {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let watch_app = !self.listeners.has_own();
        let peers = Peers { app: peers.app.filter(|_| watch_app), ..peers };
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let nap = (self.owed_since != 0).then_some(NAP);
            let look = (!self.put_offs.is_empty()).then_some(unwaiting::LOOK);
            let wait = [left, nap, look].into_iter().flatten().min();
            let turn = self.listeners.wait(&peers, wait);
            while let Some(id) = self.put_offs.next_free() {
                self.answer_anywhere(id);
            }
            for place in places(turn.calls) {
                if self.handle_one(place) {
                    return Served::LastExit;
                }
            }
            if turn.engine {
                return Served::Engine;
            }
            if turn.ended != 0 {
                return self.end_listeners(turn.ended);
            }
            if turn.app {
                return Served::Finished;
            }
            if turn.attacher {
                return Served::Attacher;
            }
            self.wake_engine(turn.calls != 0);
            if turn.calls == 0 && left.is_some_and(|left| left.is_zero()) {
                return Served::Timeout;
            }
        }
    }

    fn end_listeners(&mut self, ended: u64) -> Served {
        let own = self.listeners.drop_ended(ended);
        self.count_listeners();
        if own { Served::Finished } else { Served::Ended }
    }

    /// Takes and answers a call. Whether it was held instead, being the end of the namespace's first process.
    fn handle_one(&mut self, place: usize) -> bool {
        let Some(listener) = self.listeners.at(place) else { return false };
        let flight = self.shared.flight();
        let received = seccomp::receive(listener, &self.shared.mapping, flight, FLIGHT_BYTES);
        // An error means that the caller was interrupted before we looked.
        let Ok(call) = received else { return false };
        if call.arch == NATIVE && call.nr == EXIT_GROUP.cast_signed() {
            return self.end(listener, &call);
        }
        if self.unseen {
            let _ = seccomp::answer_continue(listener, call.id);
            self.producer.landed();
            return false;
        }
        let unwaiting = unwaiting::of(&self.shared, &call);
        let asked = unwaiting.and_then(|open| open.ask(&self.shared, call.tid, self.recorder.reader()));
        if unwaiting.is_some_and(|open| open.only_for_leases) {
            // The engine learns of it from the lease.
            let _ = answer(&mut self.put_offs, listener, call.id, asked, None);
            self.producer.landed();
            self.follow(call.tid);
            return false;
        }
        let head = Head {
            seq: self.producer.saw(),
            time: now(),
            tid: call.tid,
            nr: call.nr,
            arch: call.arch,
            args: call.args,
        };
        let error = self.denials.hold(&call).then_some(DENIAL_ERROR);
        let (length, class) = self.recorder.record_answered(head, error.map(|error| -i64::from(error)));
        let told = if answer(&mut self.put_offs, listener, call.id, asked, error).is_ok() {
            self.producer.commit(class, head.seq, self.recorder.bytes(length))
        } else {
            // It was interrupted, and comes again if it is restarted; or it was killed.
            self.producer.cancelled();
            false
        };
        self.producer.landed();
        if !told {
            // What the engine was to learn of this thread once and for all is to come with its next call.
            self.recorder.take_back(call.tid);
        }
        self.owe_wake_up(head.time);
        self.follow(call.tid);
        false
    }

    fn follow(&mut self, tid: u32) {
        if let Some(follower) = &mut self.follower {
            let engine = self.shared.word(Word::EnginePid).load(SeqCst);
            follower.follow(tid, engine as u32);
        }
    }

    fn owe_wake_up(&mut self, since: u64) {
        if self.owed_since == 0 {
            self.owed_since = since;
        }
    }

    /// A process ends. That is nobody's event, but the end of the namespace's first process is held: with it goes
    /// the engine, whatever it has still to say.
    fn end(&self, listener: BorrowedFd<'_>, call: &Notification) -> bool {
        let last = self.shared.word(Word::Held).load(SeqCst) == 0
            && self.shared.word(Word::Finished).load(SeqCst) == 0
            && ProcPath::task(FIRST_PROCESS, call.tid).exists();
        if last {
            self.shared.word(Word::Held).store(call.id, SeqCst);
        } else {
            let _ = seccomp::answer_continue(listener, call.id);
        }
        self.producer.landed();
        last
    }

    /// Wakes the engine when there was no call for a moment, or it has slept for long enough.
    fn wake_engine(&mut self, busy: bool) {
        if self.owed_since == 0 {
            return;
        }
        let now = now();
        let since = |then: u64| Duration::from_nanos(now.saturating_sub(then));
        let due = since(self.owed_since) > NAP || since(self.woken_at) > QUIET;
        if busy && !due && !self.producer.is_filling() {
            return;
        }
        self.owed_since = 0;
        if self.producer.engine_sleeps() {
            self.woken_at = now;
            self.producer.wake();
        }
    }

    /// No record will follow.
    pub(super) fn finish(&self) {
        self.producer.finish();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::{
            Consumer,
            filtered::Filtered,
            layout::Shared,
            listeners::{Listeners, Peers},
            record::{Reader, Recorder},
        },
        Notify, Served,
    };

    #[test]
    fn each_filters_end_is_its_own_and_the_apps_ends_the_recording() {
        let shared = Shared::new(0).unwrap();
        let processes = [Filtered::start(), Filtered::start(), Filtered::start()];
        let own = Some(processes[0].listener());
        let mut notify = Notify::new(Listeners::new(own), shared, Recorder::new(Reader::Vm, false));
        assert!(notify.add(processes[1].listener()) && notify.add(processes[2].listener()));
        let [app, one, two] = processes;
        let calls = std::thread::spawn(move || {
            for process in [&app, &one, &two] {
                process.make_calls(20);
            }
            let codes = [one.end(), app.end()];
            (codes, two)
        });
        let mut serve = || notify.serve(Peers::default(), Some(Duration::from_secs(60)));
        assert_eq!((serve(), serve()), (Served::Ended, Served::Finished));
        let (codes, two) = calls.join().unwrap();
        assert_eq!(codes, [0, 0]);
        // The app is gone: nothing is recorded, and nobody is left waiting.
        let calls = std::thread::spawn(move || {
            two.make_calls(20);
            two.end()
        });
        notify.finish();
        notify.serve_others();
        assert_eq!(calls.join().unwrap(), 0);
        let mut consumer = Consumer::new(shared);
        while consumer.next().is_some() {
            consumer.advance();
        }
        let counters = consumer.counters();
        assert_eq!((counters.seen, counters.consumed, counters.lost.total()), (60, 60, 0));
    }
}
