//! Ways around the sensor that it can only tell of.

use std::collections::BTreeSet;

use fargard_model::{Event, EventType, Outcome};

use super::Engine;
use crate::engine::own;

/// Most programs that are told of.
const MAX_PROGRAMS: usize = 64;

/// Programs that were told of.
#[derive(Debug, Default)]
pub(super) struct Bypasses(BTreeSet<String>);

impl Bypasses {
    /// Whether to tell of the event: each program once.
    fn is_new(&mut self, event: &Event) -> bool {
        let failed = matches!(event.outcome, Outcome::Confirmed(result) if result < 0);
        event.kind == EventType::IoUringSetup
            && !failed
            && self.0.len() < MAX_PROGRAMS
            && self.0.insert(event.process.exepath.clone())
    }
}

impl Engine {
    /// What a program does through an io_uring are no system calls.
    pub(super) fn tell_of_bypass(&mut self, event: &Event) {
        if self.bypasses.is_new(event) {
            let said = "makes an io_uring: what it does through it is not seen";
            let detection =
                own::IO_URING.detection(event.clone(), &self.common.sensor, &self.hostname, said, []);
            self.tell(detection);
        }
    }
}

#[cfg(test)]
mod tests {
    use fargard_model::{EventType, Outcome};

    use super::Bypasses;
    use crate::engine::rate::tests::event;

    #[test]
    fn each_program_is_told_of_once() {
        let mut bypasses = Bypasses::default();
        let mut call = event(EventType::IoUringSetup, 0, Outcome::Attempt);
        assert!(!bypasses.is_new(&event(EventType::Openat, 0, Outcome::Attempt)));
        call.outcome = Outcome::Confirmed(-1);
        assert!(!bypasses.is_new(&call));
        call.outcome = Outcome::Attempt;
        assert_eq!([bypasses.is_new(&call), bypasses.is_new(&call)], [true, false]);
    }
}
