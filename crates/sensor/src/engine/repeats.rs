//! Connections whose call was made again.
//!
//! A signal may interrupt `connect` after it was let through, also before it did anything; the kernel then makes the
//! same call again, and it is stopped again. Both calls are about one connection: the same socket of the same thread
//! with the same two ends. What the second says again is not told again.

use std::{collections::VecDeque, net::SocketAddr};

use fargard_model::{Event, EventType, Outcome};
use fargard_rules::RuleId;

/// Most connections that are remembered.
const MOST: usize = 64;
/// After this time, nanoseconds, the same ends are another connection's.
const SOON: u64 = 1_000_000_000;

#[derive(Debug)]
struct Made {
    time: u64,
    tid: u32,
    number: i64,
    ends: (SocketAddr, SocketAddr),
    outcome: Outcome,
    told: Vec<RuleId>,
}

/// The last connections.
#[derive(Debug, Default)]
pub(super) struct Repeats(VecDeque<Made>);

/// What is known of a connection's call from an earlier one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It is the first.
    No,
    /// It came to something else now; these rules were told of before.
    Further(Vec<RuleId>),
    /// Nothing is new.
    Same,
}

impl Repeats {
    /// Whether an event, after the look at its outcome, is of a connection that was handled before.
    pub(super) fn find(&mut self, event: &Event) -> Repeat {
        let Some((number, ends)) = connection(event) else { return Repeat::No };
        let made = self.0.iter_mut().rev().find(|made| {
            (made.tid, made.number, made.ends) == (event.tid, number, ends)
                && event.time.0.saturating_sub(made.time) < SOON
        });
        let Some(made) = made else { return Repeat::No };
        // Signals may come one after the other for as long as it takes.
        made.time = event.time.0;
        if made.outcome == event.outcome { Repeat::Same } else { Repeat::Further(made.told.clone()) }
    }

    /// Remembers an event that was handled, with the rules that were told of.
    pub(super) fn remember(&mut self, event: &Event, told: impl Iterator<Item = RuleId>) {
        let Some((number, ends)) = connection(event) else { return };
        let known = |made: &Made| (made.tid, made.number, made.ends) == (event.tid, number, ends);
        let before = self.0.iter().position(known).and_then(|at| self.0.remove(at));
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        let recent = before.filter(|made| event.time.0.saturating_sub(made.time) < SOON);
        let told = recent.map_or_else(Vec::new, |made| made.told).into_iter().chain(told).collect();
        let (time, tid, outcome) = (event.time.0, event.tid, event.outcome);
        self.0.push_back(Made { time, tid, number, ends, outcome, told });
    }
}

/// The descriptor and both ends, where all are known. Packets show each connection once.
fn connection(event: &Event) -> Option<(i64, (SocketAddr, SocketAddr))> {
    let fd = event.fd.as_ref().filter(|_| event.kind == EventType::Connect && event.num != 0)?;
    Some((fd.num, (fd.local?, fd.remote?)))
}

#[cfg(test)]
mod tests {
    use fargard_model::{Event, EventType, Fd, Outcome, Timestamp};

    use super::{MOST, Repeat, Repeats, SOON};
    use crate::engine::rate::tests::event;

    fn connect(time: u64, tid: u32, port: u16, outcome: Outcome) -> Event {
        let mut event = event(EventType::Connect, 0, outcome);
        (event.time, event.tid) = (Timestamp(time), tid);
        let local = (port != 0).then(|| ([10, 0, 0, 1], port).into());
        let remote = Some(([10, 0, 0, 2], 80).into());
        event.fd = Some(Fd { num: 3, local, remote, ..Fd::default() });
        event
    }

    #[test]
    fn a_call_made_again_is_the_same_connection_and_another_is_not() {
        let mut repeats = Repeats::default();
        let (open, done) = (Outcome::Attempt, Outcome::Confirmed(0));
        let first = connect(100, 7, 4000, open);
        assert_eq!(repeats.find(&first), Repeat::No);
        repeats.remember(&first, [].into_iter());
        // Each within a second of the one before.
        for time in 1..4 {
            assert_eq!(repeats.find(&connect(100 + time * (SOON - 1), 7, 4000, open)), Repeat::Same);
        }
        let end = connect(100 + 3 * SOON, 7, 4000, done);
        assert_eq!(repeats.find(&end), Repeat::Further(Vec::new()));
        repeats.remember(&end, [].into_iter());
        assert_eq!(repeats.find(&end), Repeat::Same);
        let time = end.time.0 + 1;
        for other in [
            connect(time, 8, 4000, done),
            connect(time, 7, 4001, done),
            connect(time, 7, 0, done),
            connect(time + SOON, 7, 4000, done),
        ] {
            assert_eq!(repeats.find(&other), Repeat::No, "{other:?}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut repeats = Repeats::default();
        for port in 1..1000 {
            repeats.remember(&connect(100, 7, port, Outcome::Attempt), [].into_iter());
        }
        assert_eq!(repeats.0.len(), MOST);
    }
}
