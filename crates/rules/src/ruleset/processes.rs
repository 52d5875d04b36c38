//! What rules' conditions come to for the processes seen lately. Most comparisons are of the process that makes a call,
//! and it makes many: which conditions none of its calls can satisfy is found once, and kept in a table of fixed size.

/// Processes that are kept, for each plan on its own.
const SLOTS: usize = 1_024;
/// So many calls of a process are evaluated without: finding out costs more than an evaluation, and many processes
/// make few calls.
const PATIENCE: u32 = 4;
/// Largest set of conditions that is kept, in words.
const MAX_WORDS: usize = 64;

/// The table.
#[derive(Default)]
pub(super) struct Processes {
    slots: Vec<Slot>,
    /// A set for each slot, `words` long.
    possible: Vec<u64>,
    words: usize,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// Numbers of process and plan; both are never used again, so that what is kept stays true.
    process: u64,
    plan: u64,
    /// Calls of the process so far, until the set is kept.
    calls: u32,
}

/// What is known of a process.
pub(super) enum Known<'t> {
    /// It has made few calls.
    Little,
    /// It makes many calls: the conditions that they can satisfy are to be kept in that slot.
    Enough(usize),
    /// The conditions that its calls can satisfy.
    Possible(&'t [u64]),
}

impl Processes {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), possible: Vec::new(), words: 0 }
    }

    /// Counts a call of a process, for a plan whose sets have that many words.
    pub(super) fn find(&mut self, process: u64, plan: u64, words: usize) -> Known<'_> {
        if words > self.words && !self.grow(words) {
            return Known::Little;
        }
        let place = (process ^ plan.wrapping_mul(31)) as usize % SLOTS;
        let Some(slot) = self.slots.get_mut(place) else { return Known::Little };
        if (slot.process, slot.plan) != (process, plan) {
            *slot = Slot { process, plan, calls: 0 };
        }
        if slot.calls > PATIENCE {
            let start = place * self.words;
            return self.possible.get(start..start + words).map_or(Known::Little, Known::Possible);
        }
        slot.calls += 1;
        if slot.calls > PATIENCE { Known::Enough(place) } else { Known::Little }
    }

    /// Keeps the set that [`Known::Enough`] asks for.
    pub(super) fn keep(&mut self, place: usize, possible: &[u64]) {
        let start = place * self.words;
        if let Some(kept) = self.possible.get_mut(start..start + possible.len()) {
            kept.copy_from_slice(possible);
        }
    }

    /// Makes room for larger sets, which forgets all.
    fn grow(&mut self, words: usize) -> bool {
        if words > MAX_WORDS {
            return false;
        }
        self.words = words;
        self.slots.clear();
        self.slots.resize(SLOTS, Slot::default());
        self.possible.clear();
        self.possible.resize(SLOTS * words, 0);
        true
    }
}
