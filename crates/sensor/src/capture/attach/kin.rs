//! Who descends from the app, and who came from outside.

use std::collections::HashMap;

/// Longest chain of parents that is followed.
const MAX_DEPTH: usize = 256;

/// The first process of a pid namespace, to which orphans are given.
const FIRST: u32 = 1;

/// What a process is to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    /// It descends from what the app descends from.
    Own,
    /// It, or the process it descends from, came from outside.
    Foreign,
    /// It was given to the first process of the namespace, which is not the app's ancestor.
    Orphan,
}

/// Tells whose children processes are.
#[derive(Debug)]
pub(super) struct Family {
    /// The app's oldest ancestor in this namespace.
    root: u32,
    known: HashMap<u32, Kin>,
}

impl Family {
    /// The family of a process; `parent` gives a process's parent, 0 for none, `None` for a process that is gone.
    pub(super) fn of(app: u32, parent: impl Fn(u32) -> Option<u32>) -> Self {
        let mut root = app;
        for _ in 0..MAX_DEPTH {
            match parent(root) {
                Some(above) if above != 0 => root = above,
                _ => break,
            }
        }
        Self { root, known: HashMap::new() }
    }

    /// Whether the app's namespace has a first process that is no ancestor of the app: it is the task's.
    pub(super) fn is_shared(&self) -> bool {
        self.root != FIRST
    }

    /// What a process is; `None` when that cannot be found out any more.
    pub(super) fn kin(&mut self, pid: u32, parent: impl Fn(u32) -> Option<u32>) -> Option<Kin> {
        let mut chain = Vec::new();
        let mut at = pid;
        let kin = loop {
            if let Some(kin) = self.known.get(&at) {
                break *kin;
            }
            if at == self.root {
                break Kin::Own;
            }
            if at == FIRST {
                break Kin::Orphan;
            }
            chain.push(at);
            match parent(at)? {
                0 => break Kin::Foreign,
                above if chain.len() < MAX_DEPTH => at = above,
                _ => return None,
            }
        };
        for one in chain {
            self.known.insert(one, kin);
        }
        Some(kin)
    }

    /// A process has ended, so that its number may be another's.
    pub(super) fn forget(&mut self, pid: u32) {
        self.known.remove(&pid);
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, Kin};

    /// Parents by process.
    fn parent_in(table: &[(u32, u32)]) -> impl Fn(u32) -> Option<u32> {
        move |pid| table.iter().find(|(one, _)| *one == pid).map(|(_, parent)| *parent)
    }

    #[test]
    fn in_a_namespace_of_its_own_the_app_is_the_root() {
        let table = [(1, 0), (2, 1), (3, 2), (40, 0), (41, 40), (42, 41)];
        let mut family = Family::of(1, parent_in(&table));
        assert!(!family.is_shared());
        let kin: Vec<_> = [1, 2, 3, 40, 41, 42].map(|pid| family.kin(pid, parent_in(&table)).unwrap()).into();
        assert_eq!(kin, [Kin::Own, Kin::Own, Kin::Own, Kin::Foreign, Kin::Foreign, Kin::Foreign]);
        assert_eq!(family.kin(99, parent_in(&table)), None);
        // What was found out holds after the parents' end, and until the number is another's.
        assert_eq!(family.kin(42, parent_in(&[])), Some(Kin::Foreign));
        family.forget(42);
        assert_eq!(family.kin(42, parent_in(&[(42, 1), (1, 0)])), Some(Kin::Own));
    }

    #[test]
    fn below_an_init_the_app_is_not_the_root() {
        let table = [(1, 0), (7, 1), (8, 7), (9, 0)];
        let mut family = Family::of(7, parent_in(&table));
        assert!(!family.is_shared());
        assert_eq!(family.kin(8, parent_in(&table)), Some(Kin::Own));
        assert_eq!(family.kin(9, parent_in(&table)), Some(Kin::Foreign));
    }

    #[test]
    fn in_a_tasks_namespace_others_are_foreign_and_orphans_are_nobodys() {
        let table = [(1, 0), (7, 0), (8, 7), (20, 0), (21, 20), (30, 1)];
        let mut family = Family::of(7, parent_in(&table));
        assert!(family.is_shared());
        let kin: Vec<_> = [1, 7, 8, 20, 21, 30].map(|pid| family.kin(pid, parent_in(&table)).unwrap()).into();
        assert_eq!(kin, [Kin::Orphan, Kin::Own, Kin::Own, Kin::Foreign, Kin::Foreign, Kin::Orphan]);
    }

    #[test]
    fn a_chain_without_an_end_is_given_up() {
        let mut family = Family::of(1, |_| Some(0));
        assert_eq!(family.kin(5, |pid| Some(pid + 1)), None);
    }
}
