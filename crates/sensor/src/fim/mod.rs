//! File integrity monitoring: what changed in the files a policy names, who changed it, what it was before.
//!
//! *What* comes from the kernel's notices of watched directories ([`watches`]) and from comparisons; *who* from the
//! stopped calls on the same paths ([`writers`]). All looks at files happen in one thread of its own ([`monitor`]),
//! which keeps to a share of a CPU; it changes nothing it looks at.

mod baseline;
mod examine;
mod held;
mod monitor;
mod pace;
mod pattern;
pub mod policy;
mod rate;
mod scan;
mod state;
pub(crate) mod stored;
mod watches;
mod writers;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
};

use fargard_model::{Event, EventType, FimStatus, Trap, TrapSet};

pub(crate) use self::{baseline::Baseline, monitor::Host};
use self::{
    monitor::{Message, Monitor, Setup, Shared},
    policy::{Declared, Policy},
    watches::Watches,
};

/// Who needs the calls.
const WHO: &str = "file integrity";
/// Messages that wait for the monitor.
const WAITING: usize = 8192;
/// It works a fifth of the time.
const REST: u32 = 4;
const STACK: usize = 512 << 10;

/// The calls that tell who changes files.
pub(crate) fn traps() -> TrapSet {
    let mut traps = TrapSet::default();
    for trap in [
        Trap::OpenWrite,
        Trap::Rename,
        Trap::Unlink,
        Trap::Mkdir,
        Trap::Chmod,
        Trap::Chown,
        Trap::Link,
        Trap::Symlink,
    ] {
        traps.add(trap, WHO);
    }
    traps
}

/// Running file integrity monitoring.
#[derive(Debug)]
pub(crate) struct Fim {
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
    watches: Arc<Watches>,
    threads: Vec<JoinHandle<()>>,
    declared: bool,
}

/// What monitoring begins with.
pub(crate) struct Start {
    /// The container's root.
    pub(crate) root: PathBuf,
    /// What is monitored.
    pub(crate) policy: Policy,
    /// Start of the container, nanoseconds since the epoch.
    pub(crate) started: u64,
}

/// Keeps baselines from one sensor to the next.
pub(crate) trait Keeper {
    /// What an earlier sensor stored.
    fn load(&mut self, host: &mut dyn Host) -> Option<Baseline>;
    /// Stores for the next sensor.
    fn store(&mut self, host: &mut dyn Host, baseline: &Baseline);
}

impl Fim {
    /// Starts the threads. `keeper` gives what an earlier sensor stored, and stores for later ones.
    pub(crate) fn start(
        start: Start,
        mut host: impl Host + Send + 'static,
        mut keeper: impl Keeper + Send + 'static,
    ) -> io::Result<Self> {
        let watches = Arc::new(Watches::open()?);
        let shared = Arc::new(Shared::new(&start.policy));
        let (sender, messages) = mpsc::sync_channel(WAITING);
        let Start { root, policy, started } = start;
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.into()).stack_size(STACK).spawn(work)
        };
        let reader = {
            let (watches, shared, sender) = (Arc::clone(&watches), Arc::clone(&shared), sender.clone());
            spawn("fargard-watches", Box::new(move || read(&watches, &shared, &sender)))?
        };
        let (to_watch, to_share) = (Arc::clone(&watches), Arc::clone(&shared));
        let worker = spawn(
            "fargard-fim",
            Box::new(move || {
                // Only this thread becomes slow: Linux keeps the value per thread.
                let _ = rustix::process::nice(19);
                let stored = keeper.load(&mut host);
                let setup = Setup {
                    root,
                    policy,
                    stored,
                    watches: to_watch,
                    shared: to_share,
                    messages,
                    started,
                    rest: REST,
                    host,
                };
                if let Ok(monitor) = Monitor::new(setup) {
                    monitor.run(|host, baseline| keeper.store(host, baseline));
                }
            }),
        )?;
        Ok(Self { sender, shared, watches, threads: vec![reader, worker], declared: false })
    }

    /// Whether the path of such a call has to be looked up before [`Fim::consider`].
    pub(crate) fn needs_look(kind: EventType) -> bool {
        writers::needs_look(kind)
    }

    /// Takes an event. Returns how many calls could not be handed over.
    pub(crate) fn consider(&mut self, event: &Event) -> u64 {
        if event.kind.is_exec() {
            if !self.declared && !event.process.exepath.is_empty() {
                let program = event.process.exepath.clone();
                let declared = Declared { program, workdir: event.process.cwd.clone() };
                self.declared = self.sender.try_send(Message::Declared(declared)).is_ok();
            }
            return 0;
        }
        let refused =
            |call| matches!(self.sender.try_send(Message::Call(Box::new(call))), Err(TrySendError::Full(_)));
        writers::calls(event).into_iter().map(|call| u64::from(refused(call))).sum()
    }

    /// What is covered.
    pub(crate) fn status(&self) -> FimStatus {
        self.shared.status()
    }

    /// Has what waits dealt with. The threads that end then, and what they share.
    pub(crate) fn finish(self) -> (Vec<JoinHandle<()>>, Arc<Shared>) {
        self.shared.hurry.store(true, Ordering::Relaxed);
        self.watches.stop();
        for thread in &self.threads {
            thread.thread().unpark();
        }
        (self.threads, self.shared)
    }
}

/// Hands the kernel's notices to the monitor. Those it has no room for are made up for by a comparison.
fn read(watches: &Watches, shared: &Shared, sender: &SyncSender<Message>) {
    watches.run(|notices| {
        let missed = match notices {
            None => true,
            Some(notices) => sender.try_send(Message::Notices(notices)).is_err(),
        };
        if missed {
            shared.missed.fetch_add(1, Ordering::Relaxed);
        }
    });
}

#[cfg(test)]
mod tests;
