//! Which events travel to the server, and how many.
//!
//! A timeline needs what changes or leaves a container: executions, connections, files opened for writing,
//! renamed, linked or removed, changes of rights. Opens for reading are never sent by themselves. Each class has a
//! budget a second with room for a burst; what exceeds it is counted as `rate_<class>`. A detection carries its
//! event in any case.

use std::time::Instant;

use fargard_model::{Event, EventType, Outcome};

use super::class::Class;

/// Events a second and burst by class.
const EXEC: (f64, f64) = (100.0, 1000.0);
const NETWORK: (f64, f64) = (50.0, 500.0);
const FILES: (f64, f64) = (50.0, 500.0);
const RIGHTS: (f64, f64) = (50.0, 200.0);

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is sent.
    Send,
    /// It is not part of a timeline.
    Skip,
    /// Its class has used up its budget.
    Shed(&'static str),
}

/// The budgets.
#[derive(Debug)]
pub(crate) struct Rates {
    classes: [Bucket; 4],
}

#[derive(Debug)]
struct Bucket {
    class: Class,
    name: &'static str,
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Rates {
    /// Full budgets.
    pub(crate) fn new() -> Self {
        let bucket = |class, name, (rate, burst)| Bucket {
            class,
            name,
            rate,
            burst,
            tokens: burst,
            filled: Instant::now(),
        };
        Self {
            classes: [
                bucket(Class::Exec, "rate_exec", EXEC),
                bucket(Class::Network, "rate_network", NETWORK),
                bucket(Class::Files, "rate_files", FILES),
                bucket(Class::Rights, "rate_rights", RIGHTS),
            ],
        }
    }

    /// Decides on an event and takes from its class's budget.
    pub(crate) fn decide(&mut self, event: &Event) -> Decision {
        match event.kind {
            // Shells try every directory of PATH: what was not found there says nothing.
            kind if kind.is_exec() && event.outcome == Outcome::Confirmed(-i64::from(libc::ENOENT)) => {
                return Decision::Skip;
            }
            kind if kind.is_open() && !event.is_open_write() => return Decision::Skip,
            EventType::Dup2
            | EventType::Dup3
            | EventType::Procexit
            | EventType::Clone
            | EventType::Socket
            | EventType::Mmap
            | EventType::Mmap2
            | EventType::Mprotect
            | EventType::PkeyMprotect
            | EventType::Prctl
            | EventType::Setsid
            | EventType::Setpgid => return Decision::Skip,
            _ => {}
        }
        let class = Class::of(event);
        let bucket = self.classes.iter_mut().find(|bucket| bucket.class == class);
        bucket.map_or(Decision::Skip, Bucket::take)
    }
}

impl Bucket {
    fn take(&mut self) -> Decision {
        let now = Instant::now();
        let elapsed = now.duration_since(self.filled).as_secs_f64();
        self.tokens = self.rate.mul_add(elapsed, self.tokens).min(self.burst);
        self.filled = now;
        if self.tokens < 1.0 {
            return Decision::Shed(self.name);
        }
        self.tokens -= 1.0;
        Decision::Send
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use fargard_model::{
        Arg, Container, Event, EventType, Outcome, Process, Source, Task, Timestamp, event::ArgValue,
    };

    use super::{Decision, FILES, Rates};

    pub(crate) fn event(kind: EventType, flags: u64, outcome: Outcome) -> Event {
        Event {
            num: 1,
            time: Timestamp(0),
            source: Source::Syscall,
            kind,
            tid: 1,
            process: Arc::new(Process::default()),
            args: vec![Arg { name: "flags".into(), value: ArgValue::Flags(flags, "".into()) }],
            paths: Vec::new(),
            fd: None,
            outcome,
            evidence: fargard_model::Evidence::default(),
            task: Arc::new(Task::default()),
            container: Arc::new(Container::default()),
        }
    }

    #[test]
    fn a_flood_of_writes_leaves_executions_alone() {
        let mut rates = Rates::new();
        let write = event(EventType::Openat, 1, Outcome::Attempt);
        let sent = (0..FILES.1 as usize * 2).filter(|_| rates.decide(&write) == Decision::Send).count();
        assert!(sent >= FILES.1 as usize && sent < FILES.1 as usize + 100, "{sent}");
        assert_eq!(rates.decide(&write), Decision::Shed("rate_files"));
        assert_eq!(rates.decide(&event(EventType::Execve, 0, Outcome::Confirmed(0))), Decision::Send);
    }

    #[test]
    fn what_no_timeline_needs_is_skipped() {
        let mut rates = Rates::new();
        for skipped in [
            event(EventType::Openat, 0, Outcome::Attempt),
            event(EventType::Execve, 0, Outcome::Confirmed(-i64::from(libc::ENOENT))),
            event(EventType::Dup2, 0, Outcome::Attempt),
        ] {
            assert_eq!(rates.decide(&skipped), Decision::Skip);
        }
    }
}
