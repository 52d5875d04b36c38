//! How processes that came from outside are watched, as heartbeats and people are told.

use std::collections::BTreeMap;

use super::procfs::Procfs;
use crate::capture::{Hold, Notice, Refused};

/// So many processes are named on standard error.
const NAMED: u64 = 20;

/// Counts of processes by the way they are held and the reason that it is no better one.
#[derive(Debug, Default)]
pub(super) struct Attached {
    counts: BTreeMap<(&'static str, &'static str), u64>,
    named: u64,
}

impl Attached {
    /// Counts a process; what is to be said of it, where it is among the first.
    pub(super) fn note(&mut self, notice: Notice, procfs: &Procfs) -> Option<String> {
        let how = how(notice.hold);
        let why = notice.refused.map_or("", Refused::text);
        *self.counts.entry((how, why)).or_default() += 1;
        self.named += 1;
        if self.named > NAMED {
            return None;
        }
        let name = procfs.stat(notice.pid).map(|stat| stat.comm).unwrap_or_default();
        let because = if why.is_empty() { String::new() } else { format!(": {why}") };
        Some(format!("process {} ({name}) came from outside; {how}{because}", notice.pid))
    }

    /// For heartbeats.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.counts.iter().map(|((how, why), count)| {
            let because = if why.is_empty() { String::new() } else { format!(": {why}") };
            format!("processes from outside: {count}, {how}{because}")
        })
    }
}

fn how(hold: Hold) -> &'static str {
    match hold {
        Hold::Injected => "all its calls are watched",
        Hold::Lifecycle => "its executions are seen",
        Hold::Seen => "only what lives long enough is seen",
    }
}

#[cfg(test)]
mod tests {
    use super::Attached;
    use crate::{
        capture::{Hold, Notice, Refused},
        engine::procfs::Procfs,
    };

    #[test]
    fn processes_are_counted_by_reason_and_the_first_are_named() {
        let mut attached = Attached::default();
        let mut said = 0;
        for pid in 0..30 {
            let refused = (pid % 2 == 0).then_some(Refused::Descriptors);
            let notice = Notice { pid: u32::MAX - pid, hold: Hold::Lifecycle, refused };
            said += usize::from(attached.note(notice, &Procfs::system()).is_some());
        }
        assert_eq!(said, 20);
        let notes: Vec<String> = attached.notes().collect();
        assert_eq!(
            notes,
            [
                "processes from outside: 15, its executions are seen",
                "processes from outside: 15, its executions are seen: its descriptors may not be taken (the \
                 SYS_PTRACE capability is missing)"
            ]
        );
    }
}
