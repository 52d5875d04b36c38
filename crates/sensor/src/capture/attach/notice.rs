//! What the attacher tells the engine about a process it found.

use super::refused::Refused;
use crate::raw::{Head, MAX_RECORD, RawEvent, Writer};

/// Number of a record that is no call.
const NO_CALL: i32 = -1;

/// How a process is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The programs it executes are seen.
    Lifecycle,
    /// It has the app's filter.
    Injected,
    /// It was seen in the list of processes, and nothing of it will be.
    Seen,
}

/// A decision about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) pid: u32,
    pub(crate) hold: Hold,
    /// Why it is not held better, where that was tried.
    pub(crate) refused: Option<Refused>,
}

impl Notice {
    /// As a record.
    pub(super) fn record(self, time: u64) -> Vec<u8> {
        let hold = match self.hold {
            Hold::Lifecycle => 1,
            Hold::Injected => 2,
            Hold::Seen => 3,
        };
        let reason = self.refused.map_or(0, |refused| 1 + refused as u64);
        let args = [hold, reason, 0, 0, 0, 0];
        let head = Head { seq: 0, time, tid: self.pid, nr: NO_CALL, arch: 0, args };
        let mut buffer = vec![0; MAX_RECORD];
        let length = Writer::new(&mut buffer, &head).finish();
        buffer.truncate(length);
        buffer
    }

    /// Reads a record; `None` for that of a call.
    pub(crate) fn read(raw: &RawEvent<'_>) -> Option<Self> {
        if raw.head.nr != NO_CALL || raw.head.arch != 0 {
            return None;
        }
        let [hold, reason, ..] = raw.head.args;
        let hold = match hold {
            1 => Hold::Lifecycle,
            2 => Hold::Injected,
            3 => Hold::Seen,
            _ => return None,
        };
        Some(Self { pid: raw.head.tid, hold, refused: reason.checked_sub(1).and_then(Refused::of) })
    }
}

#[cfg(test)]
mod tests {
    use super::{Hold, Notice, Refused};
    use crate::raw::RawEvent;

    #[test]
    fn a_notice_survives_the_ring() {
        for (hold, refused) in [
            (Hold::Lifecycle, None),
            (Hold::Lifecycle, Some(Refused::Gone)),
            (Hold::Injected, None),
            (Hold::Seen, Some(Refused::Lent)),
        ] {
            let notice = Notice { pid: 17, hold, refused };
            let record = notice.record(5);
            let raw = RawEvent::parse(&record).unwrap();
            assert_eq!(Notice::read(&raw), Some(notice));
            assert_eq!(raw.head.time, 5);
        }
    }
}
