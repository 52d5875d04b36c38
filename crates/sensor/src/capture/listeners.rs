//! The listeners whose calls are answered: the app's own, and those of filters put on other processes later.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use crate::sys::poll::PollSet;

/// Most listeners at a time.
pub(crate) const MOST_LISTENERS: usize = 64;

#[derive(Debug)]
struct Listener {
    descriptor: OwnedFd,
    /// Of the filter the app and its descendants have.
    own: bool,
}

/// Up to [`MOST_LISTENERS`] listeners; memory is taken once.
#[derive(Debug)]
pub(super) struct Listeners {
    all: Vec<Listener>,
    set: PollSet,
}

/// Others that are waited for together with calls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peers<'a> {
    /// Readable when the engine has ended.
    pub(super) engine: Option<BorrowedFd<'a>>,
    /// Readable when the attacher has something to say, or has ended.
    pub(super) attacher: Option<BorrowedFd<'a>>,
    /// The app's process, where it has no filter whose end shows the app's.
    pub(super) app: Option<BorrowedFd<'a>>,
}

/// What a wait came to; listeners are bits by place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// A call waits there.
    pub(super) calls: u64,
    /// No process is left there, nor a call.
    pub(super) ended: u64,
    pub(super) engine: bool,
    pub(super) attacher: bool,
    pub(super) app: bool,
}

/// The numbers of the bits that are set.
pub(super) fn places(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (place < u64::BITS as usize).then_some(place)
    })
}

impl Listeners {
    /// With the app's own, if its calls are captured.
    pub(super) fn new(own: Option<OwnedFd>) -> Self {
        let mut all = Vec::with_capacity(MOST_LISTENERS);
        all.extend(own.map(|descriptor| Listener { descriptor, own: true }));
        Self { all, set: PollSet::new() }
    }

    /// Adds one of other processes; gives it back when there are too many.
    pub(super) fn add(&mut self, descriptor: OwnedFd) -> Result<(), OwnedFd> {
        if self.all.len() >= MOST_LISTENERS {
            return Err(descriptor);
        }
        self.all.push(Listener { descriptor, own: false });
        Ok(())
    }

    /// The same listeners under new numbers, as far as there are descriptors.
    pub(super) fn copies(&self) -> Self {
        let mut copies = Self::new(None);
        copies.all.extend(self.all.iter().filter_map(|listener| {
            let descriptor = listener.descriptor.try_clone().ok()?;
            Some(Listener { descriptor, own: listener.own })
        }));
        copies
    }

    /// The listener at a place.
    pub(super) fn at(&self, place: usize) -> Option<BorrowedFd<'_>> {
        self.all.get(place).map(|listener| listener.descriptor.as_fd())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.all.iter().map(|listener| listener.descriptor.as_fd())
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether the app's own is among them.
    pub(super) fn has_own(&self) -> bool {
        self.all.iter().any(|listener| listener.own)
    }

    /// Drops those that ended; whether the app's own was one of them.
    pub(super) fn drop_ended(&mut self, ended: u64) -> bool {
        let mut own = false;
        let mut place = 0;
        self.all.retain(|listener| {
            let keep = ended & (1 << place) == 0;
            own |= !keep && listener.own;
            place += 1;
            keep
        });
        own
    }

    /// Waits for calls, ends, peers or the time.
    pub(super) fn wait(&mut self, peers: &Peers<'_>, timeout: Option<Duration>) -> Turn {
        let Self { all, set } = self;
        set.clear();
        for listener in all.iter() {
            set.add(listener.descriptor.as_fd());
        }
        let engine = peers.engine.map(|engine| set.add(engine));
        let attacher = peers.attacher.map(|attacher| set.add(attacher));
        let app = peers.app.map(|app| set.add(app));
        set.wait(timeout);
        let mut turn = Turn { calls: 0, ended: 0, engine: false, attacher: false, app: false };
        for place in 0..all.len() {
            if set.readable(place) {
                turn.calls |= 1 << place;
            } else if set.gone(place) {
                turn.ended |= 1 << place;
            }
        }
        let any = |place: Option<usize>| place.is_some_and(|place| set.any(place));
        (turn.engine, turn.attacher, turn.app) = (any(engine), any(attacher), any(app));
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::fd::OwnedFd, time::Duration};

    use super::{Listeners, MOST_LISTENERS, Peers, places};

    #[test]
    fn each_ends_for_itself() {
        let pipes = || {
            let (reader, writer) = std::io::pipe().unwrap();
            (OwnedFd::from(reader), writer)
        };
        let ((own, own_end), (one, mut one_end), (two, two_end)) = (pipes(), pipes(), pipes());
        let mut listeners = Listeners::new(Some(own));
        listeners.add(one).unwrap();
        listeners.add(two).unwrap();
        one_end.write_all(b"call").unwrap();
        drop(one_end);
        drop(two_end);
        let turn = listeners.wait(&Peers::default(), Some(Duration::from_secs(60)));
        assert_eq!((turn.calls, turn.ended), (0b10, 0b100), "with a call waiting it has not ended");
        assert!(!listeners.drop_ended(turn.ended));
        assert_eq!((listeners.len(), listeners.has_own()), (2, true));
        drop(own_end);
        let turn = listeners.wait(&Peers::default(), Some(Duration::from_secs(60)));
        assert!(listeners.drop_ended(turn.ended));
        assert_eq!((listeners.len(), listeners.has_own()), (1, false));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut listeners = Listeners::new(None);
        let (reader, _writer) = std::io::pipe().unwrap();
        for _ in 0..MOST_LISTENERS {
            listeners.add(reader.try_clone().unwrap().into()).unwrap();
        }
        assert!(listeners.add(reader.into()).is_err());
        assert_eq!(listeners.copies().len(), MOST_LISTENERS);
        assert_eq!(places(u64::MAX).count(), 64);
        assert_eq!(places(0b1010).collect::<Vec<_>>(), [1, 3]);
    }
}
