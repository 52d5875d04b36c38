//! What the process table may hold: so many processes, so many bytes with all their ancestors, so many generations.

use std::{collections::HashSet, sync::Arc};

use fargard_model::{Process, process::MAX_LINEAGE};

use super::Table;

/// Most processes that are remembered.
pub(super) const MAX_PROCESSES: usize = 4096;
/// Most threads whose process is remembered.
const MAX_THREADS: usize = 8192;
/// Most bytes that processes and their ancestors take, roughly.
const MAX_BYTES: usize = 12 << 20;
/// A chain of ancestors longer than this is cut to [`MAX_LINEAGE`]: not at every generation, since its parts are
/// copied for that.
const MAX_CHAIN: usize = 2 * MAX_LINEAGE;

/// What a process takes in memory, roughly, without its ancestors.
pub(crate) fn weight(process: &Process) -> usize {
    let list = |texts: &[String]| texts.iter().map(|text| text.len() + 40).sum::<usize>();
    let texts = [&process.name, &process.exe, &process.exepath, &process.cwd, &process.user, &process.home];
    size_of::<Process>()
        + texts.iter().map(|text| text.len() + 16).sum::<usize>()
        + list(&process.args)
        + list(&process.env)
}

/// The parent as its child keeps it: of a long chain only the nearest ancestors. A chain that grows by one with every
/// generation would never end, and neither would what it takes to forget it.
pub(super) fn nearest(parent: Arc<Process>) -> Arc<Process> {
    let chain: Vec<&Arc<Process>> =
        std::iter::successors(Some(&parent), |process| process.parent.as_ref()).take(MAX_CHAIN + 1).collect();
    if chain.len() <= MAX_CHAIN {
        return parent;
    }
    let mut older = None;
    for process in chain.iter().take(MAX_LINEAGE).rev() {
        older = Some(Arc::new(Process { parent: older, ..(***process).clone() }));
    }
    older.unwrap_or(parent)
}

impl Table {
    /// Keeps the table within its bounds: first forgets the dead, then those unused for longest.
    pub(super) fn make_room(&mut self) {
        if self.threads.len() >= MAX_THREADS {
            self.threads.clear();
        }
        if self.processes.len() < MAX_PROCESSES && self.added < MAX_BYTES / 2 {
            return;
        }
        self.added = 0;
        if self.processes.len() < MAX_PROCESSES && self.bytes() < MAX_BYTES / 2 {
            return;
        }
        let procfs = self.procfs.clone();
        let recent = self.clock.saturating_sub(256);
        self.processes.retain(|pid, entry| entry.used >= recent || procfs.is_alive(*pid, entry.start));
        while self.processes.len() >= MAX_PROCESSES / 4 * 3
            || (self.processes.len() > 16 && self.bytes() >= MAX_BYTES / 2)
        {
            let mut ages: Vec<u64> = self.processes.values().map(|entry| entry.used).collect();
            ages.sort_unstable();
            let edge = ages.get(ages.len() / 4).copied().unwrap_or(0);
            self.processes.retain(|_, entry| entry.used > edge);
        }
        let processes = &self.processes;
        self.threads.retain(|_, thread| processes.contains_key(&thread.process));
    }

    /// What the processes and all their ancestors take, each counted once.
    fn bytes(&self) -> usize {
        let mut counted = HashSet::new();
        let mut bytes = 0;
        for entry in self.processes.values() {
            for process in std::iter::successors(Some(&entry.process), |process| process.parent.as_ref()) {
                if !counted.insert(Arc::as_ptr(process)) {
                    break;
                }
                bytes += weight(process);
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fargard_model::Process;

    use super::{MAX_BYTES, MAX_CHAIN, nearest};
    use crate::engine::{
        accounts::Accounts,
        procfs::{Procfs, Stat},
        table::{Execution, Table},
    };

    #[test]
    fn a_chain_of_forks_has_an_end() {
        let mut process = Arc::new(Process::default());
        for pid in 1..500_000 {
            process = Arc::new(Process { pid, parent: Some(nearest(process)), ..Process::default() });
        }
        let generations = std::iter::successors(Some(&process), |process| process.parent.as_ref()).count();
        assert!(generations <= MAX_CHAIN + 1, "{generations}");
        let pids: Vec<u32> = process.lineage().take(5).map(|process| process.pid).collect();
        assert_eq!(pids, [499_999, 499_998, 499_997, 499_996, 499_995]);
    }

    #[test]
    fn long_arguments_of_many_processes_and_generations_are_bounded() {
        let empty = tempfile::tempdir().unwrap();
        let mut table = Table::new(Procfs::at(empty.path()), Accounts::of_root(empty.path()), 1, false);
        for pid in 1..=20_000_u32 {
            // Each is the child of the one before, which executed something long.
            let stat = Stat { comm: "p".into(), ppid: pid - 1, start: u64::from(pid), ..Stat::default() };
            let process = table.process_of(pid, Some(&stat));
            let argv = vec!["x".repeat(4000); 1];
            let after =
                table.executed(&process, &Execution { path: "/p".into(), argv, ..Execution::default() });
            table.replace(after);
        }
        table.added = MAX_BYTES;
        table.make_room();
        assert!(table.bytes() <= MAX_BYTES, "{}", table.bytes());
    }
}
