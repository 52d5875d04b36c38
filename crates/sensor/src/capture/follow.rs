//! Staying on the CPU of the watched thread: an answer across CPUs costs several times as much. The engine is kept
//! away from there where there are others: woken on the keeper's CPU, it would push the watched thread aside.
//!
//! Only for kernels that do not wake keeper and caller on one CPU themselves (`SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`, 6.6):
//! there a keeper that is held on one CPU would draw every watched thread to it, and no two would run at a time.

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

use super::proc::{ProcPath, stat_field};

/// Calls between two looks.
const EVERY: u32 = 64;
/// Field of `/proc/TID/stat` with the CPU a thread last ran on.
const CPU_FIELD: usize = 39;

/// Moves the calling thread to where the watched threads run.
#[derive(Debug)]
pub(super) struct Follower {
    count: u32,
    cpu: Option<usize>,
    /// The CPUs there are.
    all: Option<CpuSet>,
    /// The engine's main thread and the CPU it was last kept away from.
    kept_away: Option<(u32, usize)>,
}

impl Follower {
    /// To be made before this thread is moved.
    pub(super) fn new() -> Self {
        Self { count: 0, cpu: None, all: sched_getaffinity(None).ok(), kept_away: None }
    }

    /// To be called for each stopped call, with the engine's process.
    pub(super) fn follow(&mut self, tid: u32, engine: u32) {
        self.count = self.count.wrapping_add(1);
        if !self.count.is_multiple_of(EVERY) {
            return;
        }
        let mut stat = [0; 1024];
        let Some((length, _)) = ProcPath::of(tid, "stat").read(&mut stat) else { return };
        let cpu = stat_field(&stat[..length], CPU_FIELD).and_then(|cpu| usize::try_from(cpu).ok());
        let Some(cpu) = cpu.filter(|cpu| *cpu < CpuSet::MAX_CPU) else { return };
        if Some(cpu) != self.cpu {
            let mut set = CpuSet::new();
            set.set(cpu);
            // Refused for a CPU that is not ours to use: then this thread stays where it is.
            if sched_setaffinity(None, &set).is_err() {
                return;
            }
            self.cpu = Some(cpu);
        }
        self.keep_away(engine, cpu);
    }

    fn keep_away(&mut self, engine: u32, cpu: usize) {
        if self.kept_away == Some((engine, cpu)) {
            return;
        }
        self.kept_away = Some((engine, cpu));
        let (Some(mut others), Some(engine)) = (self.all, Pid::from_raw(engine.cast_signed())) else {
            return;
        };
        others.unset(cpu);
        if others.count() > 0 {
            // An error means that it just ended.
            let _ = sched_setaffinity(Some(engine), &others);
        }
    }
}
