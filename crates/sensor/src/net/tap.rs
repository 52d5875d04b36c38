//! The packet socket and what is learned from it.
//!
//! A packet is copied here before the program it is for gets it: who reads the tap after that program did something
//! knows what it knew. So the engine empties the tap before it asks for names, besides the thread that waits on it.

use std::{collections::VecDeque, io, net::IpAddr, os::fd::OwnedFd, time::Instant};

use fargard_model::Timestamp;

use super::{
    exchange::{Exchanges, Seen},
    filter::{self, SNAP},
    names::Names,
    packet,
};
use crate::sys::packet::PacketSocket;

/// Most things seen that wait for the engine.
const WAITING: usize = 1024;
/// Most packets that are read at once.
const AT_ONCE: usize = 512;
const LOOPBACK: i32 = 1;

/// What was seen, and when, nanoseconds since the epoch.
pub(crate) type Timed = (u64, Seen);

/// The open tap.
#[derive(Debug)]
pub(crate) struct Tap {
    socket: PacketSocket,
    exchanges: Exchanges,
    names: Names,
    seen: VecDeque<Timed>,
    overflow: u64,
    buffer: Box<[u8; SNAP]>,
}

impl Tap {
    /// Starts listening, for requests for connections too where they are wanted.
    ///
    /// # Errors
    /// The container has not `CAP_NET_RAW`, or its seccomp profile refuses packet sockets.
    pub(crate) fn open(connections: bool) -> io::Result<Self> {
        Ok(Self {
            socket: PacketSocket::open(&filter::program(connections))?,
            exchanges: Exchanges::default(),
            names: Names::default(),
            seen: VecDeque::new(),
            overflow: 0,
            buffer: Box::new([0; SNAP]),
        })
    }

    /// From now on requests for connections are seen, or not.
    pub(crate) fn see_connections(&self, wanted: bool) -> io::Result<()> {
        self.socket.set_filter(&filter::program(wanted))
    }

    /// A handle to wait for packets on.
    pub(crate) fn handle(&self) -> io::Result<OwnedFd> {
        self.socket.handle()
    }

    /// Reads what waits. Returns whether something was seen.
    pub(crate) fn pump(&mut self) -> bool {
        for _ in 0..AT_ONCE {
            // An error tells of a device that went down; the next read goes on.
            let Ok(Some(received)) = self.socket.receive(&mut *self.buffer) else { break };
            let bytes = self.buffer.get(..received.length).unwrap_or_default();
            let Some(packet) = packet::parse(bytes) else { continue };
            let taken = self.exchanges.take(&packet, received.outgoing, received.device == LOOPBACK);
            let Some((seen, answer)) = taken else { continue };
            if let Some(answer) = answer {
                self.names.learn(&answer, Instant::now());
            }
            if self.seen.len() < WAITING {
                self.seen.push_back((Timestamp::now().0, seen));
            } else {
                self.overflow += 1;
            }
        }
        !self.seen.is_empty()
    }

    /// What was seen and not taken yet.
    pub(crate) fn take(&mut self) -> VecDeque<Timed> {
        std::mem::take(&mut self.seen)
    }

    /// Packets and things seen that did not fit since the last time this was asked.
    pub(crate) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.overflow) + self.socket.dropped()
    }

    /// The names an address was given for, the latest first.
    pub(crate) fn names_of(&self, address: IpAddr) -> Vec<String> {
        self.names.of(address, Instant::now())
    }
}

#[cfg(test)]
mod tests;
