//! Keeping within the CPU budget.

use std::time::{Duration, Instant};

use fargard_model::Event;

use super::Engine;
use crate::{
    capture::calls,
    config::CpuBudget,
    engine::{
        announce::say,
        class::Class,
        cpu::{Governor, Step},
        observer, own,
    },
    raw::{ItemKind, RawEvent},
};

/// Time between two looks at what was used.
const LOOK: Duration = Duration::from_millis(100);
/// Of the calls that are given up one in so many is evaluated nevertheless: so it is known whether they matter.
const SAMPLE: u64 = 16;
/// Share of the task's CPUs the engine may use unless told otherwise.
const SHARE: f64 = 0.10;
/// Least share of one CPU, for tasks with a quarter of one.
const LEAST: f64 = 0.05;

/// The budget and what was given up for it.
#[derive(Debug)]
pub(super) struct Budget {
    governor: Option<Governor>,
    started: Instant,
    looked: Instant,
    shed: u64,
    /// Something that a rule could have matched was given up since everything was last done, and it was told of.
    told: bool,
}

impl Budget {
    /// A budget as configured; the share of the task's CPUs is known once the task is.
    pub(super) fn new(config: CpuBudget) -> Self {
        let governor = match config {
            CpuBudget::Percent(percent) => Some(Governor::new(f64::from(percent) / 100.0)),
            CpuBudget::ShareOfTask | CpuBudget::Off => None,
        };
        Self { governor, started: Instant::now(), looked: Instant::now(), shed: 0, told: false }
    }

    /// The task has so many CPUs.
    pub(super) fn set_cpus(&mut self, cpus: f64) {
        self.governor = Some(Governor::new((cpus * SHARE).max(LEAST)));
    }

    /// What the engine does without.
    pub(super) fn step(&self) -> Step {
        self.governor.as_ref().map_or(Step::Full, Governor::step)
    }

    /// What a heartbeat says of it.
    pub(super) fn note(&self) -> Option<String> {
        let governor = self.governor.as_ref().filter(|governor| governor.step() != Step::Full)?;
        Some(format!(
            "the CPU budget of {:.0} % is used up: {}",
            governor.budget() * 100.0,
            governor.step().text()
        ))
    }
}

impl Engine {
    /// Looks at what was used, now and then.
    pub(super) fn govern(&mut self) {
        let now = Instant::now();
        let Some(governor) = &mut self.budget.governor else { return };
        if now.duration_since(self.budget.looked) < LOOK {
            return;
        }
        self.budget.looked = now;
        // This thread's own: what it gives up saves nothing of what checks and baselines take at the start.
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let used =
            Duration::new(u64::try_from(used.tv_sec).unwrap_or(0), u32::try_from(used.tv_nsec).unwrap_or(0));
        let before = governor.step();
        if governor.update(now.duration_since(self.budget.started), used) {
            let step = governor.step();
            if before == Step::Full || step == Step::Full {
                say(&format!("CPU budget: {}", step.text()));
            }
            if step == Step::Full {
                self.budget.told = false;
            }
        }
    }

    /// Whether a call is given up before it is even decoded; then it is counted.
    pub(super) fn is_shed(&mut self, raw: &RawEvent<'_>) -> bool {
        let step = self.budget.step();
        if step < Step::Reads {
            return false;
        }
        let Some(kind) = calls::lookup(raw.head.arch, raw.head.nr).map(|call| call.kind) else {
            return false;
        };
        let is_read = kind.is_open() && !opens_for_writing(kind, raw);
        let given_up = Class::of_kind(kind) == Class::Files && (is_read || step == Step::Files);
        // A thread's first call says who its process is.
        if !given_up || raw.item(ItemKind::Stat, 0).is_some() {
            return false;
        }
        self.budget.shed += 1;
        if self.budget.shed.is_multiple_of(SAMPLE) {
            return false;
        }
        self.common.outbox.add_lost(if is_read { "cpu_reads" } else { "cpu_files" }, 1);
        true
    }

    /// Whether the outcome of calls like this is looked for.
    pub(super) fn looks_at(&self, event: &Event) -> bool {
        let step = self.budget.step();
        step == Step::Full || (step == Step::FileLooks && Class::of(event) != Class::Files)
    }

    /// A rule could match an event like this, and something of it is given up.
    pub(super) fn gives_up(&self, event: &Event) -> bool {
        let sheds = self.budget.step() >= Step::Reads && Class::of(event) == Class::Files;
        sheds || (!self.looks_at(event) && observer::missing(event.kind).is_some())
    }

    /// Something was given up that a rule could have matched, or calls like this one are.
    pub(super) fn tell_degraded(&mut self, event: &Event) {
        if self.budget.told {
            return;
        }
        self.budget.told = true;
        let said = self.budget.note().unwrap_or_default();
        let detection =
            own::DEGRADED.detection(event.clone(), &self.common.sensor, &self.hostname, &said, []);
        self.tell(detection);
    }
}

/// An open whose flags ask for writing, creating or truncating, as far as its registers say.
fn opens_for_writing(kind: fargard_model::EventType, raw: &RawEvent<'_>) -> bool {
    use fargard_model::EventType;
    /// `O_WRONLY`, `O_RDWR`, `O_CREAT`, `O_TRUNC`, `__O_TMPFILE`.
    const WRITES: u64 = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20_000_000;
    let flags = match kind {
        EventType::Open => raw.head.args.get(1),
        EventType::Openat => raw.head.args.get(2),
        _ => return true,
    };
    flags.is_none_or(|flags| flags & WRITES != 0)
}
