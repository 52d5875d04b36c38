//! The network besides stopped calls: names of addresses, name resolution, connections and listeners of processes
//! whose calls are not stopped.

mod budget;
mod calls;
mod listen;
mod made;
mod owners;
mod wanted;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fargard_model::{Event, Timestamp, process::MAX_LINEAGE};

pub(super) use self::wanted::wants_connections;
use self::{
    budget::Budgets,
    calls::Calls,
    listen::listen,
    owners::{Owner, Owners},
    wanted::{host_of, tells_of_everybody},
};
use super::{decode::Decoded, observer::Observer, sockets::Socket};
use crate::{
    capture::Waker,
    config::{Config, NetworkChoice},
    net::{
        Exchange, Seen, Tap, Timed,
        diag::{Diag, Family, Protocol},
    },
};

/// When the first look for listeners is taken: what starts with the sensor has opened its own by then.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// Time between two looks for listeners.
const LOOK: Duration = Duration::from_secs(30);
/// Most things seen that wait for the calls made before them.
const WAITING: usize = 1024;
/// Most queries whose process is remembered for the answer.
const QUERIES: usize = 256;
/// Most listeners that are remembered, and are reported of one look.
const MAX_LISTENERS: usize = 1024;

/// What a lookup of a socket's owner is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Who asks for a name.
    Query,
    /// Who connects to another machine.
    Away,
    /// Who connects to this one.
    Here,
}

/// What is seen of the network besides calls.
#[derive(Debug)]
pub(super) struct Network {
    tap: Option<Arc<Mutex<Tap>>>,
    news: Arc<AtomicBool>,
    waker: Waker,
    /// The host batches go to, which the sensor looks up itself.
    own_host: Option<String>,
    /// The watched command's first process.
    app: u32,
    diag: Option<Diag>,
    /// Processes whose calls are not stopped matter as well: this is a task's network, not a whole machine's.
    everybody: bool,
    waiting: VecDeque<Timed>,
    overflow: u64,
    calls: Calls,
    queries: VecDeque<(u64, u32)>,
    owners: Owners,
    budgets: Budgets,
    /// Not looked up for want of time.
    unattributed: u64,
    listeners: HashSet<u32>,
    next_look: Option<Instant>,
    /// The first look after a restart of the engine reports nothing: it was reported before.
    silent: bool,
    note: Option<String>,
}

impl Network {
    /// Starts what the settings and the kernel allow, for the command whose first process is `app`. `again` after a
    /// restart of the engine.
    pub(super) fn start(
        config: &Config,
        tap: Option<io::Result<Tap>>,
        waker: Waker,
        app: u32,
        again: bool,
    ) -> Self {
        let off = config.network == NetworkChoice::Off;
        let mut network = Self {
            tap: None,
            news: Arc::new(AtomicBool::new(false)),
            waker,
            own_host: config.server.as_ref().and_then(|server| host_of(&server.url)),
            app,
            diag: if off { None } else { Diag::open().ok() },
            everybody: tells_of_everybody(config),
            waiting: VecDeque::new(),
            overflow: 0,
            calls: Calls::default(),
            queries: VecDeque::new(),
            owners: Owners::default(),
            budgets: Budgets::new(Instant::now()),
            unattributed: 0,
            listeners: HashSet::new(),
            next_look: None,
            silent: again,
            note: None,
        };
        if off {
            return network;
        }
        network.next_look = network.diag.is_some().then(|| Instant::now() + FIRST_LOOK);
        let Some(tap) = tap else { return network };
        match tap.and_then(|tap| listen(tap, &network.news, &network.waker)) {
            Ok(tap) => network.tap = Some(tap),
            Err(error) => {
                network.note = Some(format!(
                    "packets cannot be seen ({error}; it takes CAP_NET_RAW): addresses have no names, and name \
                     resolution and connections of unwatched processes are not seen"
                ));
            }
        }
        network
    }

    /// Rules changed: sees connections of processes whose calls are not stopped, or does not.
    pub(super) fn see_connections(&self, wanted: bool) {
        if let Some(tap) = &self.tap {
            // The filter of before stays where the kernel has no memory for another.
            let _ = tap.lock().unwrap_or_else(PoisonError::into_inner).see_connections(wanted);
        }
    }

    /// What is not seen and why.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Puts the names of the event's addresses in.
    pub(super) fn name(&self, event: &mut Event) {
        let (Some(tap), Some(fd)) = (&self.tap, &mut event.fd) else { return };
        if fd.local.is_none() && fd.remote.is_none() {
            return;
        }
        let mut tap = tap.lock().unwrap_or_else(PoisonError::into_inner);
        // The answer came before the program could use it, but perhaps nobody read it yet.
        if tap.pump() && !self.news.swap(true, Ordering::Relaxed) {
            self.waker.wake();
        }
        let names = |end: Option<SocketAddr>| end.map_or_else(Vec::new, |end| tap.names_of(end.ip()));
        fd.remote_names = names(fd.remote);
        fd.local_names = names(fd.local);
    }

    /// Remembers a stopped call that packets may belong to.
    pub(super) fn remember(&mut self, event: &Event) {
        if self.tap.is_some() || self.diag.is_some() {
            self.calls.remember(event);
        }
    }

    /// Lets the next [`Network::collect`] read what nobody was woken for yet.
    pub(super) fn finish(&mut self) {
        self.news.store(true, Ordering::Relaxed);
    }

    /// Takes what was seen since the last time. Returns whether something waits: it is to be asked for with
    /// [`Network::events`] when the calls that were stopped until now have been handled.
    pub(super) fn collect(&mut self) -> bool {
        if self.news.swap(false, Ordering::Relaxed)
            && let Some(tap) = &self.tap
        {
            let mut tap = tap.lock().unwrap_or_else(PoisonError::into_inner);
            tap.pump();
            for timed in tap.take() {
                if self.waiting.len() < WAITING {
                    self.waiting.push_back(timed);
                } else {
                    self.overflow += 1;
                }
            }
        }
        !self.waiting.is_empty() || self.look_is_due()
    }

    fn look_is_due(&self) -> bool {
        self.next_look.is_some_and(|next| next <= Instant::now())
    }

    /// Time until there is something to do besides what is announced.
    pub(super) fn idle_time(&self) -> Duration {
        self.next_look.map_or(Duration::MAX, |next| next.saturating_duration_since(Instant::now()))
    }

    /// Things seen that were lost since the last time this was asked.
    pub(super) fn lost(&mut self) -> u64 {
        let tap = self.tap.as_ref().map(|tap| tap.lock().unwrap_or_else(PoisonError::into_inner).lost());
        std::mem::take(&mut self.overflow) + tap.unwrap_or(0)
    }

    /// Connections and queries whose process was not looked for, for want of time, since the last time this was asked.
    pub(super) fn unattributed(&mut self) -> u64 {
        std::mem::take(&mut self.unattributed)
    }

    /// What was seen and is no stopped call, as events to be.
    pub(super) fn events(&mut self, observer: &Observer) -> Vec<Decoded> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut events: Vec<Decoded> =
            waiting.into_iter().filter_map(|(time, seen)| self.event(time, seen, observer)).collect();
        if self.look_is_due() {
            self.next_look = Some(Instant::now() + LOOK);
            self.look(observer, &mut events);
        }
        events
    }

    fn event(&mut self, time: u64, seen: Seen, observer: &Observer) -> Option<Decoded> {
        match seen {
            Seen::Connection { local, remote } => {
                if self.calls.is_told(local, remote, time) {
                    return None;
                }
                let is_here = remote.ip().is_loopback() || remote.ip() == local.ip();
                let asked = if is_here { Asked::Here } else { Asked::Away };
                if !self.budgets.allow(asked, Instant::now()) {
                    self.unattributed += 1;
                    return None;
                }
                let owner = self.kernels_owner(asked, Protocol::Tcp, local, remote, observer);
                let pid = self.matters(owner.map(|owner| owner.pid), observer)?;
                let number = owner.map_or(-1, |owner| owner.number.into());
                Some(made::connection(time, pid, number, local, remote))
            }
            Seen::Query(exchange) => {
                let pid = self.asker(&exchange, time, observer)?;
                if self.queries.len() >= QUERIES {
                    self.queries.pop_front();
                }
                self.queries.push_back((exchange.number, pid));
                Some(made::exchange(time, pid, &exchange))
            }
            Seen::Answer(exchange) => {
                let at = self.queries.iter().position(|(number, _)| *number == exchange.number)?;
                let (_, pid) = self.queries.remove(at)?;
                Some(made::exchange(time, pid, &exchange))
            }
        }
    }

    /// The process that asks: by a call with these ends, by the kernel's tables, or by the only call to that server.
    fn asker(&mut self, exchange: &Exchange, time: u64, observer: &Observer) -> Option<u32> {
        let Exchange { client, server, protocol, .. } = exchange;
        let protocol = if *protocol == "tcp" { Protocol::Tcp } else { Protocol::Udp };
        let caller = self.calls.maker(*client, *server, time);
        let owner = if self.budgets.allow(Asked::Query, Instant::now()) {
            self.kernels_owner(Asked::Query, protocol, *client, *server, observer).map(|owner| owner.pid)
        } else {
            self.unattributed += 1;
            None
        };
        if owner.is_none() && self.own_host.as_ref() == Some(&exchange.question.name) {
            return None;
        }
        self.matters(owner.or(caller), observer)
    }

    fn kernels_owner(
        &mut self,
        asked: Asked,
        protocol: Protocol,
        local: SocketAddr,
        remote: SocketAddr,
        observer: &Observer,
    ) -> Option<Owner> {
        let started = Instant::now();
        let socket = self.diag.as_mut()?.find(protocol, local, remote).ok().flatten();
        let inode = socket.map(|socket| socket.inode).filter(|inode| *inode != 0);
        let owner = inode.and_then(|inode| self.owners.of(inode, observer.procfs(), self.calls.makers()));
        self.budgets.spend(asked, started.elapsed());
        owner
    }

    /// The process as it is to be reported, 0 for one that is not known; `None` for what is not to be reported: the
    /// sensor's own doings and, outside of a task, those of others.
    fn matters(&self, pid: Option<u32>, observer: &Observer) -> Option<u32> {
        match pid {
            Some(pid) if pid == std::process::id() => None,
            Some(pid) => (self.everybody || self.is_watched(pid, observer)).then_some(pid),
            None => self.everybody.then_some(0),
        }
    }

    /// Calls of the process were stopped, or could be: it descends from the app.
    fn is_watched(&self, pid: u32, observer: &Observer) -> bool {
        let parent =
            |pid: &u32| observer.procfs().stat(*pid).map(|stat| stat.ppid).filter(|parent| *parent > 1);
        let mut line = std::iter::successors(Some(pid), parent).take(MAX_LINEAGE);
        observer.watches(pid) || line.any(|ancestor| ancestor == self.app)
    }

    /// Looks for listeners that were not there at the last look.
    fn look(&mut self, observer: &Observer, events: &mut Vec<Decoded>) {
        let Some(diag) = &mut self.diag else { return };
        let mut found: HashMap<u32, SocketAddr> = HashMap::new();
        for family in [Family::V4, Family::V6] {
            let each = |entry: crate::net::diag::Entry| {
                if let Some(local) = entry.local.filter(|_| found.len() < MAX_LISTENERS) {
                    found.insert(entry.inode, local);
                }
            };
            // What one look does not see the next one does.
            let _ = diag.list(family, Protocol::Tcp, 1 << Socket::LISTEN, None, each);
        }
        let before = std::mem::replace(&mut self.listeners, found.keys().copied().collect());
        let new: HashSet<u32> = self.listeners.difference(&before).copied().collect();
        if std::mem::take(&mut self.silent) || new.is_empty() {
            return;
        }
        let owners = self.owners.search(&new, observer.procfs());
        let now = Timestamp::now().0;
        for inode in new {
            let (Some(local), owner) = (found.get(&inode), owners.get(&inode)) else { continue };
            let pid = owner.map(|owner| owner.pid);
            if self.calls.listens(pid, *local) {
                continue;
            }
            let Some(pid) = self.matters(pid, observer) else { continue };
            let number = owner.map_or(-1, |owner| owner.number.into());
            events.push(made::listener(now, pid, number, *local));
        }
    }
}
