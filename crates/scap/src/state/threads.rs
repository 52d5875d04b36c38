//! Threads and their processes' snapshots.

use std::{collections::HashMap, sync::Arc};

use fargard_model::{
    Container, Process,
    process::{Derived, MAX_LINEAGE},
};

use super::{Budget, Full, TableId, budget::MAX_THREADS};

/// Longest chain of snapshots that hold each other; a longer one is cut there.
const MAX_CHAIN: u16 = 256;
/// Bytes of a thread and of each of its strings beside their text.
const THREAD: usize = 900;
const STRING: usize = 40;

/// Place of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadId(u32);

/// One thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) tid: i64,
    /// The parent process's main thread.
    pub(crate) ptid: i64,
    pub(crate) files: TableId,
    /// Its process as it is now; who its parent is may be out of date, see [`Threads::snapshot`].
    process: Arc<Process>,
    /// Its container, and the change of containers up to which that is known.
    pub(crate) container: Option<(u64, Arc<Container>)>,
    weight: usize,
    /// Snapshots that hold this one, roughly: 0 is certain.
    children: u32,
    /// Length of the chain of parents.
    chain: u16,
    /// The change up to which the parent is known to be up to date.
    checked: u64,
}

impl Thread {
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }
}

/// What a thread starts as.
#[derive(Debug)]
pub(crate) struct NewThread {
    pub(crate) tid: i64,
    pub(crate) ptid: i64,
    pub(crate) files: TableId,
    pub(crate) process: Process,
}

/// All threads.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    places: Vec<Option<Thread>>,
    free: Vec<u32>,
    by_tid: HashMap<i64, ThreadId>,
    /// The thread that was asked for last: most events follow one of the same thread.
    last: Option<(i64, ThreadId)>,
    /// Counts changes that snapshots of other processes may have to follow.
    change: u64,
    /// Who took the children of processes that are gone.
    adopted: HashMap<i64, i64>,
}

impl Threads {
    pub(crate) fn find(&mut self, tid: i64) -> Option<ThreadId> {
        match self.last {
            Some((last, id)) if last == tid => Some(id),
            _ => {
                let id = *self.by_tid.get(&tid)?;
                self.last = Some((tid, id));
                Some(id)
            }
        }
    }

    pub(crate) fn get(&self, id: ThreadId) -> Option<&Thread> {
        self.places.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: ThreadId) -> Option<&mut Thread> {
        self.places.get_mut(id.0 as usize)?.as_mut()
    }

    /// Adds a thread in the place of one of the same id, whose table of descriptors is returned.
    pub(crate) fn insert(
        &mut self,
        new: NewThread,
        budget: &mut Budget,
    ) -> Result<(ThreadId, Option<TableId>), Full> {
        let replaced = self.remove(new.tid, None, budget);
        if self.by_tid.len() >= MAX_THREADS {
            return Err(Full { what: "threads at a time", limit: MAX_THREADS });
        }
        let weight = weight(&new.process);
        budget.take(weight)?;
        if let Some(parent) = self.parent_of(new.ptid) {
            parent.children = parent.children.saturating_add(1);
        }
        let thread = Thread {
            tid: new.tid,
            ptid: new.ptid,
            files: new.files,
            process: Arc::new(new.process),
            container: None,
            weight,
            children: 0,
            chain: 0,
            checked: 0,
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let id = ThreadId(index);
        if let Some(place) = self.places.get_mut(index as usize) {
            self.by_tid.insert(thread.tid, id);
            *place = Some(thread);
        }
        Ok((id, replaced))
    }

    /// Takes a thread out; `reaper` gets its children. Returns its table of descriptors.
    pub(crate) fn remove(&mut self, tid: i64, reaper: Option<i64>, budget: &mut Budget) -> Option<TableId> {
        let id = self.by_tid.remove(&tid)?;
        self.last = None;
        let thread = self.places.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        budget.give_back(thread.weight);
        if let Some(parent) = self.parent_of(thread.ptid) {
            parent.children = parent.children.saturating_sub(1);
        }
        if thread.children > 0 {
            self.change += 1;
            if let Some(reaper) = reaper.filter(|reaper| *reaper != tid)
                && self.adopted.len() < MAX_THREADS
            {
                self.adopted.insert(tid, reaper);
            }
        }
        Some(thread.files)
    }

    fn parent_of(&mut self, ptid: i64) -> Option<&mut Thread> {
        let id = self.by_tid.get(&ptid)?;
        self.places.get_mut(id.0 as usize)?.as_mut()
    }

    /// After the lists of a capture, where children may come before their parents.
    pub(crate) fn count_children(&mut self) {
        let parents: Vec<i64> = self.places.iter().flatten().map(|thread| thread.ptid).collect();
        self.places.iter_mut().flatten().for_each(|thread| thread.children = 0);
        for ptid in parents {
            if let Some(parent) = self.parent_of(ptid) {
                parent.children = parent.children.saturating_add(1);
            }
        }
    }

    /// All threads.
    pub(crate) fn ids(&self) -> Vec<ThreadId> {
        self.by_tid.values().copied().collect()
    }

    /// Changes a thread's process.
    pub(crate) fn update(
        &mut self,
        id: ThreadId,
        budget: &mut Budget,
        change: impl FnOnce(&mut Process),
    ) -> Result<(), Full> {
        let Some(thread) = self.get_mut(id) else {
            return Ok(());
        };
        thread.container = None;
        let process = Arc::make_mut(&mut thread.process);
        change(process);
        process.derived = Derived::default();
        let weight = weight(&thread.process);
        budget.give_back(thread.weight);
        budget.take(weight)?;
        thread.weight = weight;
        if thread.children > 0 {
            self.change += 1;
        }
        Ok(())
    }

    /// Another process becomes the parent.
    pub(crate) fn set_parent(&mut self, id: ThreadId, ptid: i64) {
        let Some(old) = self.get(id).map(|thread| thread.ptid).filter(|old| *old != ptid) else { return };
        if let Some(parent) = self.parent_of(old) {
            parent.children = parent.children.saturating_sub(1);
        }
        if let Some(parent) = self.parent_of(ptid) {
            parent.children = parent.children.saturating_add(1);
        }
        if let Some(thread) = self.get_mut(id) {
            thread.ptid = ptid;
            thread.checked = 0;
            if thread.children > 0 {
                self.change += 1;
            }
        }
    }

    /// The thread's process with its parents as they are now. Nothing is copied unless something changed.
    pub(crate) fn snapshot(&mut self, id: ThreadId) -> Option<Arc<Process>> {
        // Checked snapshots carry the change's number plus one, so that 0 is never checked.
        let now = self.change + 1;
        let thread = self.get(id)?;
        if thread.checked == now {
            return Some(Arc::clone(&thread.process));
        }
        let mut line = Vec::with_capacity(8);
        let mut at = Some(id);
        while let Some(here) = at
            && line.len() <= MAX_LINEAGE
            && !line.contains(&here)
            && let Some(thread) = self.get(here)
        {
            line.push(here);
            at = if thread.checked == now { None } else { self.parent_id(thread.ptid) };
        }
        // Too long a line, or a circle: its last process is taken as it was seen last.
        let mut cut = at.is_some();
        let mut parent: Option<(Arc<Process>, u16)> = None;
        for here in line.into_iter().rev() {
            let Some(thread) = self.get_mut(here) else { break };
            if thread.checked != now && !std::mem::take(&mut cut) {
                thread.follow(parent.take());
                thread.checked = now;
            }
            parent = Some((Arc::clone(&thread.process), thread.chain));
        }
        parent.map(|(process, _)| process)
    }

    /// The parent, or whoever took its children.
    fn parent_id(&self, ptid: i64) -> Option<ThreadId> {
        if let Some(id) = self.by_tid.get(&ptid) {
            return Some(*id);
        }
        self.by_tid.get(self.adopted.get(&ptid)?).copied()
    }
}

impl Thread {
    fn follow(&mut self, parent: Option<(Arc<Process>, u16)>) {
        let (parent, chain) = match parent {
            Some((parent, chain)) if chain < MAX_CHAIN => (Some(parent), chain + 1),
            Some((parent, _)) => {
                let mut last = Process::clone(&parent);
                last.parent = None;
                (Some(Arc::new(last)), 1)
            }
            None => (None, 0),
        };
        self.chain = chain;
        let same = match (&self.process.parent, &parent) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !same {
            let process = Arc::make_mut(&mut self.process);
            process.ppid = parent.as_ref().map_or(0, |parent| parent.pid);
            process.parent = parent;
            process.derived = Derived::default();
        }
    }
}

fn weight(process: &Process) -> usize {
    let strings = process.args.iter().chain(&process.env);
    THREAD
        + strings.map(|text| STRING + text.len()).sum::<usize>()
        + process.exe.len()
        + process.exepath.len()
        + process.cwd.len()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fargard_model::Process;

    use super::{MAX_CHAIN, NewThread, Threads};
    use crate::state::{Budget, Files};

    fn insert(threads: &mut Threads, budget: &mut Budget, tid: i64, ptid: i64) {
        let process =
            Process { pid: u32::try_from(tid).unwrap(), name: format!("p{tid}"), ..Process::default() };
        let files = Files::default().create();
        threads.insert(NewThread { tid, ptid, files, process }, budget).unwrap();
    }

    fn lineage(threads: &mut Threads, tid: i64) -> Vec<String> {
        let id = threads.find(tid).unwrap();
        threads.snapshot(id).unwrap().lineage().map(|process| process.name.clone()).collect()
    }

    #[test]
    fn snapshots_are_shared_until_something_they_show_changes() {
        let (mut threads, mut budget) = (Threads::default(), Budget::default());
        for (tid, ptid) in [(1, 0), (2, 1), (3, 2)] {
            insert(&mut threads, &mut budget, tid, ptid);
        }
        assert_eq!(lineage(&mut threads, 3), ["p3", "p2", "p1"]);
        let id = threads.find(3).unwrap();
        let first = threads.snapshot(id).unwrap();
        assert!(Arc::ptr_eq(&first, &threads.snapshot(id).unwrap()));
        let parent = threads.find(2).unwrap();
        threads.update(parent, &mut budget, |process| process.name = "sh".into()).unwrap();
        assert_eq!(lineage(&mut threads, 3), ["p3", "sh", "p1"]);
        assert_eq!(first.parent.as_ref().unwrap().name, "p2", "what was given out stays");
        threads.remove(2, Some(1), &mut budget);
        assert_eq!(lineage(&mut threads, 3), ["p3", "p1"]);
    }

    #[test]
    fn circles_and_long_chains_end() {
        let (mut threads, mut budget) = (Threads::default(), Budget::default());
        for (tid, ptid) in [(7, 8), (8, 7), (9, 9)] {
            insert(&mut threads, &mut budget, tid, ptid);
            lineage(&mut threads, tid);
        }
        for tid in 100..100 + i64::from(MAX_CHAIN) * 3 {
            insert(&mut threads, &mut budget, tid, tid - 1);
            lineage(&mut threads, tid);
        }
    }

    #[test]
    fn what_threads_take_is_bounded_and_given_back() {
        let mut budget = Budget::of(1 << 20);
        let mut threads = Threads::default();
        let files = Files::default().create();
        let new = |tid| {
            let process = Process { env: vec!["A=b".into(); 500], ..Process::default() };
            NewThread { tid, ptid: tid - 1, files, process }
        };
        for round in 0..10 {
            for tid in 0..30 {
                threads.insert(new(tid), &mut budget).unwrap();
            }
            for tid in 0..30 {
                assert_eq!(threads.remove(tid, None, &mut budget), Some(files), "{round}");
            }
        }
        let full = (0..1000).find_map(|tid| threads.insert(new(tid), &mut budget).err());
        assert_eq!(full.map(|full| full.limit), Some(1 << 20));
    }
}
