//! Calls of which the kernel may have taken other arguments than those that were read (argument races).
//!
//! A look at `/proc` that shows something else than was asked for proves nothing by itself: the process may have
//! made another such call since. So what was found waits until every call that was stopped before the look has been
//! handled. Only where none of them explains it, it is told of.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use fargard_model::{Event, EventType};
use fargard_rules::RuleId;

use super::observer::{Asked, Observer};

/// Most calls that wait.
const MAX_WAITING: usize = 64;
/// A call that is not over after this time is not waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between the first two looks; each later one takes twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// Most addresses of earlier connections that are remembered: a call that fails leaves the socket where it was.
const MAX_ADDRESSES: usize = 256;

/// A call that came to something else than it asked for.
#[derive(Debug)]
pub(crate) struct Otherwise {
    /// With what the kernel shows in its fields.
    pub(crate) event: Event,
    /// Nothing but a change of the arguments from another thread explains it.
    pub(crate) is_race: bool,
    /// Rules that were told of already, as the call was asked for.
    pub(crate) told: Vec<RuleId>,
}

/// How far the handling of calls has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Calls stopped so far.
    pub(crate) seen: u64,
    /// Those of them that are handled or lost.
    pub(crate) done: u64,
    /// Those that are lost.
    pub(crate) lost: u64,
}

#[derive(Debug)]
struct Suspect {
    event: Event,
    /// What an execution asked for.
    asked: Option<Asked>,
    told: Vec<RuleId>,
    lost: u64,
    since: Instant,
    next_look: Instant,
    pause: Duration,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    event: Event,
    is_race: bool,
    /// Calls that were stopped before the look.
    seen: u64,
}

/// The calls in doubt.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    waiting: VecDeque<Suspect>,
    addresses: VecDeque<SocketAddr>,
}

/// What a look at a call in doubt gave.
#[derive(Debug)]
pub(crate) enum Look {
    /// It is not over yet.
    NotYet,
    /// It is as asked for, or nobody can tell any more.
    Nothing,
    /// It came to this; the flag says whether only a race explains it.
    Other(Box<Event>, bool),
}

impl Suspects {
    /// Takes note of an event before it is handled: it may explain what an earlier one is suspected of.
    pub(crate) fn note(&mut self, event: &Event) {
        let pid = event.process.pid;
        let number = event.fd.as_ref().map(|fd| fd.num);
        let replaces = matches!(event.kind, EventType::Connect | EventType::Dup2 | EventType::Dup3);
        self.waiting.retain(|suspect| {
            let of_process = suspect.event.process.pid == pid && suspect.event.num < event.num;
            let of_socket = replaces && suspect.asked.is_none();
            !(of_process
                && (event.kind.is_exec()
                    || of_socket && number == suspect.event.fd.as_ref().map(|fd| fd.num)))
        });
    }

    /// Nothing is certain any more: a call was made of which nothing is known.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// An event was handled: is there doubt that the kernel took what was read?
    pub(crate) fn consider(
        &mut self,
        event: &Event,
        observer: &Observer,
        told: impl Iterator<Item = RuleId>,
        lost: u64,
    ) {
        let asked = observer.doubted_execution(event);
        if asked.is_some() || (event.kind == EventType::Connect && observer.is_doubted_connection(event)) {
            if self.waiting.len() >= MAX_WAITING {
                self.waiting.pop_front();
            }
            let now = Instant::now();
            self.waiting.push_back(Suspect {
                event: event.clone(),
                asked,
                told: told.collect(),
                lost,
                since: now,
                next_look: now,
                pause: FIRST_PAUSE,
                found: None,
            });
        }
        self.remember(event);
    }

    fn remember(&mut self, event: &Event) {
        let remote = event.fd.as_ref().and_then(|fd| fd.remote);
        if let (EventType::Connect, Some(remote)) = (event.kind, remote) {
            if self.addresses.len() >= MAX_ADDRESSES {
                self.addresses.pop_front();
            }
            self.addresses.push_back(remote);
        }
    }

    /// When the next call in doubt should be looked at again; `None` when there is none.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let now = Instant::now();
        let next = |suspect: &Suspect| match suspect.found {
            Some(_) => FIRST_PAUSE,
            None => suspect.next_look.saturating_duration_since(now).max(FIRST_PAUSE),
        };
        self.waiting.iter().map(next).min()
    }

    /// Looks at calls in doubt and gives one that certainly came to something else.
    pub(crate) fn judge(
        &mut self,
        observer: &Observer,
        progress: impl Fn() -> Progress,
    ) -> Option<Otherwise> {
        let mut at = 0;
        while let Some(suspect) = self.waiting.get_mut(at) {
            match suspect.advance(observer, &self.addresses, &progress) {
                Step::Wait => at += 1,
                Step::Drop => {
                    self.waiting.remove(at);
                }
                Step::Tell => {
                    let suspect = self.waiting.remove(at)?;
                    let found = suspect.found?;
                    return Some(Otherwise {
                        event: found.event,
                        is_race: found.is_race,
                        told: suspect.told,
                    });
                }
            }
        }
        None
    }
}

enum Step {
    Wait,
    Drop,
    Tell,
}

impl Suspect {
    fn advance(
        &mut self,
        observer: &Observer,
        addresses: &VecDeque<SocketAddr>,
        progress: &impl Fn() -> Progress,
    ) -> Step {
        if let Some(found) = &self.found {
            let now = progress();
            return match (now.lost == self.lost, now.done >= found.seen) {
                (false, _) => Step::Drop,
                (true, true) => Step::Tell,
                (true, false) => Step::Wait,
            };
        }
        let now = Instant::now();
        if now < self.next_look {
            return Step::Wait;
        }
        let look = match &self.asked {
            Some(asked) => observer.look_at_execution(&self.event, asked),
            None => observer.look_at_connection(&self.event, addresses),
        };
        match look {
            Look::Nothing => Step::Drop,
            Look::NotYet if self.since.elapsed() > PATIENCE => Step::Drop,
            Look::NotYet => {
                self.next_look = now + self.pause;
                self.pause *= 2;
                Step::Wait
            }
            Look::Other(event, is_race) => {
                // The counter is read after the look: what it does not count came later.
                self.found = Some(Found { event: *event, is_race, seen: progress().seen });
                Step::Wait
            }
        }
    }
}
