//! How long the outcome of a call is looked for. The keeper lets a call go before the engine reads of it, but the
//! thread goes on only when it gets a CPU: a look before that finds nothing.

use std::{thread, time::Duration};

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
/// The same while no other call waits: two periods of the kernel's CPU bandwidth control and some.
const IDLE: Duration = Duration::from_millis(250);
/// Time between the first two looks; each later one takes twice as long.
const LOOK_AGAIN: Duration = Duration::from_micros(300);
/// Longest time between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Looks what became of the call, again until it is clear, the thread has done something else, or the call is old
/// enough. `others_wait` tells whether other calls wait to be handled.
pub(super) fn settle(observer: &mut Observer, event: &mut Event, others_wait: impl Fn() -> bool) {
    let mut pause = LOOK_AGAIN;
    let mut looks = 1;
    while observer.confirm(event) {
        let age = age(event);
        let expected = looks < LOOKS || age < SETTLE;
        let delayed =
            || age < if others_wait() { BUSY } else { IDLE } && observer.may_not_have_run(event.tid);
        if !(expected || delayed()) {
            return;
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
