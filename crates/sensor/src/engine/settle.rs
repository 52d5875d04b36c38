//! How long the outcome of a call is looked for. The keeper lets a call go before the engine reads of it, but the
//! thread goes on only when it gets a CPU: a look before that finds nothing.

use std::{
    thread,
    time::{Duration, Instant},
};

use fargard_model::{Event, Timestamp};

use super::observer::Observer;

/// A call's outcome is looked for until it is this old.
const SETTLE: Duration = Duration::from_millis(3);
/// It is looked for that often at least: the kernel's tables change while they are read, so one look may miss what
/// is there.
const LOOKS: u32 = 3;
/// The thread may not have had a CPU since: it is waited for until its call is this old while other calls wait to be
/// handled. Older ones are not waited for, so the engine cannot fall behind by more than this.
const BUSY: Duration = Duration::from_millis(50);
/// While no other call waits, for this time from the first look: the engine may have had to wait for a CPU as well.
const IDLE: Duration = Duration::from_millis(500);
/// Time between the first two looks; each later one takes twice as long.
const LOOK_AGAIN: Duration = Duration::from_micros(300);
/// Longest time between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Looks what became of the call, again until it is clear, the thread has done something else, or the call is old
/// enough. `others_wait` tells whether other calls wait to be handled.
pub(super) fn settle(observer: &mut Observer, event: &mut Event, others_wait: impl Fn() -> bool) {
    let first = Instant::now();
    let mut pause = LOOK_AGAIN;
    let mut looks = 1;
    while observer.confirm(event) {
        let age = age(event);
        let expected = looks < LOOKS || age < SETTLE;
        let in_time = || if others_wait() { age < BUSY } else { first.elapsed() < IDLE };
        if !(expected || in_time() && observer.may_be_in_call(event)) {
            return observer.give_up(event);
        }
        thread::park_timeout(pause);
        looks += 1;
        if looks > LOOKS {
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Time since the call's entry.
pub(super) fn age(event: &Event) -> Duration {
    Duration::from_nanos(Timestamp::now().0.saturating_sub(event.time.0))
}
