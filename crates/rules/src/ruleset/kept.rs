//! Which of a plan's conditions the calls of a process can satisfy: found once for processes that make many calls, and
//! kept in a table of fixed size.

/// Processes that are kept, for each plan on its own.
const ROWS: usize = 1_024;
/// A process is kept when it made so many calls: finding out costs as much as some evaluations, and many processes
/// make few calls.
const PATIENCE: u64 = 16;
/// A process stays until it made so many calls less than others that would have its place.
const LOYALTY: u64 = 64;
/// Largest set that is kept, in words.
const MAX_WORDS: usize = 64;
/// Words of a row before its set: number of the process, number of the plan, worth.
const HEAD: usize = 3;

/// The table.
pub(super) struct Kept {
    /// Rows of head and set, in one array: what is asked of a process stands together.
    rows: Vec<u64>,
    /// Words of the largest set.
    words: usize,
}

/// Numbers of a process and a plan. They are never used again, so that what is kept stays true.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) process: u64,
    pub(super) plan: u64,
}

/// What is known of a process.
pub(super) enum Known<'t> {
    /// Nothing, and it makes few calls.
    Little,
    /// It makes many calls: its set is to be kept.
    Enough,
    /// The conditions that its calls can satisfy.
    Set(&'t [u64]),
}

impl Kept {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), words: 0 }
    }

    /// Counts a call of a process, for a plan whose sets have that many words.
    pub(super) fn find(&mut self, key: Key, words: usize) -> Known<'_> {
        if words > self.words && !self.grow(words) {
            return Known::Little;
        }
        let Some(([process, plan, worth], set)) = self.row(key) else { return Known::Little };
        if (*process, *plan) != (key.process, key.plan) {
            *worth = worth.saturating_sub(1);
            if *worth == 0 {
                (*process, *plan) = (key.process, key.plan);
            }
            return Known::Little;
        }
        let Some(set) = set.get(..words) else { return Known::Little };
        match *worth {
            0..PATIENCE => {
                *worth += 1;
                Known::Little
            }
            PATIENCE => Known::Enough,
            _ => {
                *worth = LOYALTY;
                Known::Set(set)
            }
        }
    }

    /// Keeps the set of a process.
    pub(super) fn keep(&mut self, key: Key, possible: &[u64]) {
        if let Some(([.., worth], set)) = self.row(key)
            && let Some(set) = set.get_mut(..possible.len())
        {
            set.copy_from_slice(possible);
            *worth = LOYALTY;
        }
    }

    /// Head and set of the row where a process has its place.
    fn row(&mut self, key: Key) -> Option<(&mut [u64; HEAD], &mut [u64])> {
        let length = HEAD + self.words;
        let place = (key.process ^ key.plan.wrapping_mul(31)) as usize % ROWS;
        self.rows.get_mut(place * length..(place + 1) * length)?.split_first_chunk_mut()
    }

    /// Makes room for larger sets, which forgets all.
    fn grow(&mut self, words: usize) -> bool {
        if words > MAX_WORDS {
            return false;
        }
        self.words = words;
        self.rows = vec![0; ROWS * (HEAD + words)];
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Key, Known, LOYALTY, MAX_WORDS, PATIENCE, ROWS};

    const KEY: Key = Key { process: 1, plan: 7 };
    /// Of the same place.
    const OTHER: Key = Key { process: 1 + ROWS as u64, plan: 7 };

    fn set(kept: &mut Kept, key: Key) -> Option<Vec<u64>> {
        match kept.find(key, 2) {
            Known::Set(set) => Some(set.to_vec()),
            Known::Little | Known::Enough => None,
        }
    }

    /// Counts calls until the set is to be kept, and keeps it.
    fn keep(kept: &mut Kept, key: Key, set: &[u64]) -> u64 {
        let calls = (0..1_000).find(|_| matches!(kept.find(key, set.len()), Known::Enough)).unwrap();
        kept.keep(key, set);
        calls
    }

    #[test]
    fn a_process_has_its_own_set_or_none() {
        let mut kept = Kept::new();
        assert_eq!(keep(&mut kept, KEY, &[3, 4]), PATIENCE + 1);
        assert_eq!(set(&mut kept, KEY), Some(vec![3, 4]));
        assert_eq!(set(&mut kept, OTHER), None);
        assert_eq!(set(&mut kept, Key { plan: 8, ..KEY }), None);
        assert_eq!(set(&mut kept, KEY), Some(vec![3, 4]));
        assert!(matches!(kept.find(KEY, MAX_WORDS + 1), Known::Little));
        assert!(matches!(kept.find(KEY, 3), Known::Little), "forgotten for larger sets");
    }

    #[test]
    fn a_process_that_calls_no_more_makes_room() {
        let mut kept = Kept::new();
        keep(&mut kept, KEY, &[1, 1]);
        for _ in 0..2 * LOYALTY {
            assert_eq!(set(&mut kept, OTHER), None);
            assert_eq!(set(&mut kept, KEY), Some(vec![1, 1]));
        }
        assert_eq!(keep(&mut kept, OTHER, &[2, 2]), LOYALTY + PATIENCE);
        assert_eq!(set(&mut kept, OTHER), Some(vec![2, 2]));
        assert_eq!(set(&mut kept, KEY), None);
    }
}
