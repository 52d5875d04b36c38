//! Which threads were met lately, in fixed memory.

const SLOTS: usize = 4096;
/// A thread counts as new again after this time: its id may belong to another by then. A machine that makes a few
/// thousand threads a second is through the 32,768 ids of a kernel's default in less than half a minute.
const FORGET_SECONDS: u32 = 5;

/// The threads met last: one for each value of the id's low bits.
#[derive(Debug)]
pub(super) struct Seen {
    slots: Box<[(u32, u32)]>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { slots: vec![(0, 0); SLOTS].into_boxed_slice() }
    }
}

impl Seen {
    /// Notes a thread; whether it was met less than a moment ago.
    pub(super) fn meet(&mut self, tid: u32, second: u32) -> bool {
        let slot = &mut self.slots[tid as usize % SLOTS];
        let known = slot.0 == tid && second.wrapping_sub(slot.1) < FORGET_SECONDS;
        if !known {
            *slot = (tid, second);
        }
        known
    }

    /// The next call of this thread is its first again.
    pub(super) fn forget(&mut self, tid: u32) {
        if self.slots[tid as usize % SLOTS].0 == tid {
            self.slots[tid as usize % SLOTS] = (0, 0);
        }
    }

    /// Every thread's next call is its first again.
    pub(super) fn forget_all(&mut self) {
        self.slots.fill((0, 0));
    }
}

#[cfg(test)]
mod tests {
    use super::{SLOTS, Seen};

    #[test]
    fn a_thread_is_new_at_first_after_exec_after_eviction_and_after_a_while() {
        let mut seen = Seen::default();
        assert!(!seen.meet(7, 100));
        assert!(seen.meet(7, 104));
        assert!(!seen.meet(7, 105));
        seen.forget(7);
        assert!(!seen.meet(7, 106));
        assert!(!seen.meet(7 + SLOTS as u32, 106));
        seen.forget(7);
        assert!(seen.meet(7 + SLOTS as u32, 106), "that is another thread");
        assert!(!seen.meet(7, 106));
        seen.forget_all();
        assert!(!seen.meet(7, 106));
    }
}
