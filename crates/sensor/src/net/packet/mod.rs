//! IP packets as a packet socket of type `SOCK_DGRAM` gives them: from the IP header on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Headers of IPv6 that may stand before the transport's: hop-by-hop, routing, fragment, destination options.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
/// Most of them that are followed.
const MAX_EXTENSIONS: usize = 8;
const IPV6_HEADER: usize = 40;
const UDP_HEADER: usize = 8;
const TCP_HEADER: usize = 20;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A packet, as far as it is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'p> {
    /// Who sent it.
    pub source: SocketAddr,
    /// Who gets it.
    pub destination: SocketAddr,
    /// What it carries.
    pub body: Body<'p>,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'p> {
    /// A datagram.
    Udp(&'p [u8]),
    /// A request for a connection, with its sequence number.
    Syn(u32),
    /// Part of a stream.
    Tcp(&'p [u8]),
}

/// Reads a packet; `None` for what is neither UDP nor TCP over IP, is no first fragment, or is cut off before its
/// content.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Packet<'_>> {
    let (source, destination, protocol, rest) = match bytes.first()? >> 4 {
        4 => ipv4(bytes)?,
        6 => ipv6(bytes)?,
        _ => return None,
    };
    let port = |at: usize| rest.get(at..at + 2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let (from, to) = (port(0)?, port(2)?);
    let body = match protocol {
        UDP => Body::Udp(datagram(rest)?),
        _ => stream(rest)?,
    };
    Some(Packet {
        source: SocketAddr::new(source, from),
        destination: SocketAddr::new(destination, to),
        body,
    })
}

type Split<'p> = (IpAddr, IpAddr, u8, &'p [u8]);

fn ipv4(bytes: &[u8]) -> Option<Split<'_>> {
    let header = usize::from(bytes.first()? & 0xf) * 4;
    let word = |at: usize| bytes.get(at..at + 2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let address = |at: usize| bytes.get(at..at + 4)?.first_chunk().map(|bytes| Ipv4Addr::from(*bytes));
    let total = usize::from(word(2)?);
    if header < 20 || total < header || word(6)? & 0x1fff != 0 {
        return None;
    }
    let protocol = *bytes.get(9)?;
    let rest = bytes.get(header..total.min(bytes.len()))?;
    matches!(protocol, TCP | UDP).then_some((address(12)?.into(), address(16)?.into(), protocol, rest))
}

fn ipv6(bytes: &[u8]) -> Option<Split<'_>> {
    let address = |at: usize| bytes.get(at..at + 16)?.first_chunk().map(|bytes| Ipv6Addr::from(*bytes));
    let length = usize::from(u16::from_be_bytes(*bytes.get(4..6)?.first_chunk()?));
    let mut next = *bytes.get(6)?;
    let mut rest = bytes.get(IPV6_HEADER..bytes.len().min(IPV6_HEADER + length))?;
    for _ in 0..MAX_EXTENSIONS {
        let header = match next {
            TCP | UDP => return Some((address(8)?.into(), address(24)?.into(), next, rest)),
            HOP_BY_HOP | ROUTING | DESTINATION => (usize::from(*rest.get(1)?) + 1) * 8,
            FRAGMENT if u16::from_be_bytes(*rest.get(2..4)?.first_chunk()?) & 0xfff8 == 0 => 8,
            _ => return None,
        };
        next = *rest.first()?;
        rest = rest.get(header..)?;
    }
    None
}

fn datagram(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes(*bytes.get(4..6)?.first_chunk()?));
    // What was cut off on the way to us is missing at the end.
    bytes.get(UDP_HEADER..length.min(bytes.len()))
}

fn stream(bytes: &[u8]) -> Option<Body<'_>> {
    let flags = *bytes.get(13)?;
    if flags & (SYN | ACK) == SYN {
        return Some(Body::Syn(u32::from_be_bytes(*bytes.get(4..8)?.first_chunk()?)));
    }
    let header = usize::from(*bytes.get(12)? >> 4) * 4;
    if header < TCP_HEADER {
        return None;
    }
    Some(Body::Tcp(bytes.get(header..)?))
}

#[cfg(test)]
mod tests;
