//! The packet sockets and what is learned from them.
//!
//! A packet is copied here before the program it is for gets it: who reads the tap after that program did something
//! knows what it knew. So the engine empties the tap before it asks for names, besides the thread that waits on it.

use std::{collections::VecDeque, io, net::IpAddr, os::fd::OwnedFd, time::Instant};

use fargard_model::Timestamp;

use super::{
    LOOPBACK,
    exchange::{Exchanges, Seen},
    filter::{self, Direction, SNAP},
    names::Names,
    packet,
};
use crate::sys::packet::{PacketSocket, Received, devices};

/// Most things seen that wait for the engine.
const WAITING: usize = 1024;
/// Most packets that are read at once.
const AT_ONCE: usize = 512;
/// Most devices whose packets are looked at as they leave.
const DEVICES: usize = 16;

/// What was seen, and when, nanoseconds since the epoch.
pub(crate) type Timed = (u64, Seen);

/// The open tap.
#[derive(Debug)]
pub(crate) struct Tap {
    /// What is sent, by device: it is read first, as questions come before answers.
    outgoing: Vec<PacketSocket>,
    /// What comes in on any device.
    incoming: PacketSocket,
    buffer: Box<[u8; SNAP]>,
    learned: Learned,
}

/// What packets told.
#[derive(Debug, Default)]
struct Learned {
    exchanges: Exchanges,
    names: Names,
    seen: VecDeque<Timed>,
    overflow: u64,
}

impl Learned {
    fn take(&mut self, bytes: &[u8], received: &Received) {
        let Some(packet) = packet::parse(bytes) else { return };
        let loopback = received.device == LOOPBACK;
        let taken = self.exchanges.take(&packet, received.outgoing || loopback, loopback);
        let Some((seen, answer)) = taken else { return };
        if let Some(answer) = answer {
            self.names.learn(&answer, Instant::now());
        }
        if self.seen.len() < WAITING {
            self.seen.push_back((Timestamp::now().0, seen));
        } else {
            self.overflow += 1;
        }
    }
}

impl Tap {
    /// Starts listening, for requests for connections too where they are wanted.
    ///
    /// # Errors
    /// The container has not `CAP_NET_RAW`, or its seccomp profile refuses packet sockets.
    pub(crate) fn open(connections: bool) -> io::Result<Self> {
        let incoming = PacketSocket::incoming(&filter::program(Direction::In, connections))?;
        let filter = filter::program(Direction::Out, connections);
        let others = devices(DEVICES).into_iter().filter(|device| *device != LOOPBACK);
        Ok(Self {
            // A device that went away since has nothing to show.
            outgoing: others.filter_map(|device| PacketSocket::of_device(&filter, device).ok()).collect(),
            incoming,
            buffer: Box::new([0; SNAP]),
            learned: Learned::default(),
        })
    }

    /// From now on requests for connections are seen, or not.
    pub(crate) fn see_connections(&self, wanted: bool) -> io::Result<()> {
        let filter = filter::program(Direction::Out, wanted);
        self.outgoing.iter().try_for_each(|socket| socket.set_filter(&filter))?;
        self.incoming.set_filter(&filter::program(Direction::In, wanted))
    }

    /// Handles to wait for packets on.
    pub(crate) fn handles(&self) -> io::Result<Vec<OwnedFd>> {
        self.sockets().map(PacketSocket::handle).collect()
    }

    fn sockets(&self) -> impl Iterator<Item = &PacketSocket> {
        self.outgoing.iter().chain([&self.incoming])
    }

    /// Reads what waits. Returns whether something was seen.
    pub(crate) fn pump(&mut self) -> bool {
        let Self { outgoing, incoming, buffer, learned } = self;
        let mut left = AT_ONCE;
        for socket in outgoing.iter().chain([&*incoming]) {
            // An error tells of a device that went down; the next read goes on.
            while left > 0
                && let Ok(Some(received)) = socket.receive(&mut **buffer)
            {
                learned.take(buffer.get(..received.length).unwrap_or_default(), &received);
                left -= 1;
            }
        }
        !learned.seen.is_empty()
    }

    /// What was seen and not taken yet.
    pub(crate) fn take(&mut self) -> VecDeque<Timed> {
        std::mem::take(&mut self.learned.seen)
    }

    /// Packets and things seen that did not fit since the last time this was asked.
    pub(crate) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.learned.overflow) + self.sockets().map(PacketSocket::dropped).sum::<u64>()
    }

    /// The names an address was given for, the latest first.
    pub(crate) fn names_of(&self, address: IpAddr) -> Vec<String> {
        self.learned.names.of(address, Instant::now())
    }
}

#[cfg(test)]
mod tests;
