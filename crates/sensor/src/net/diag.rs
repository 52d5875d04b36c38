//! The kernel's sockets by netlink (`sock_diag(7)`): what `/proc/net/tcp` shows, without making text of it and only
//! those that are asked for.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// `linux/netlink.h`, `linux/sock_diag.h`, `linux/inet_diag.h`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const BYTECODE: u16 = 1;
const REMOTE_AT_LEAST: u8 = 4;
const REMOTE_AT_MOST: u8 = 5;
const HEADER: usize = 16;
/// Bytes of `struct inet_diag_msg`.
const ANSWER: usize = 72;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// The kernel fills answers up to this.
const BUFFER: usize = 32 << 10;
/// Most sockets of one listing that are looked at.
const MAX_SOCKETS: usize = 65_536;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As in `fd.l4proto`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// The version of IP a socket was made for; one for IPv6 may have ends of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Every state a socket of a process can be in: without `TCP_TIME_WAIT` and `TCP_NEW_SYN_RECV`, of which there may be
/// tens of thousands.
pub(crate) const ANY_STATE: u32 = !(1 << 6 | 1 << 12);

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// This end; `None` when it is not bound.
    pub(crate) local: Option<SocketAddr>,
    /// The other end; `None` when it is not connected.
    pub(crate) remote: Option<SocketAddr>,
    /// The kernel's state number.
    pub(crate) state: u8,
    /// Its number; 0 when no process has it any more.
    pub(crate) inode: u32,
}

/// A connection to the kernel's tables.
#[derive(Debug)]
pub(crate) struct Diag {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Diag {
    /// Opens it and asks once.
    ///
    /// # Errors
    /// The kernel or the container's seccomp profile does not have it.
    pub(crate) fn open() -> io::Result<Self> {
        let protocol = Some(netlink::SOCK_DIAG);
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        let mut diag = Self { socket, sequence: 0, buffer: vec![0; BUFFER] };
        // State 0 is none: nothing is listed.
        diag.list(Family::V4, Protocol::Tcp, 1, None, |_| ())?;
        Ok(diag)
    }

    /// Gives every socket in one of the states (a bit each), or of those only what is connected to that port.
    pub(crate) fn list(
        &mut self,
        family: Family,
        protocol: Protocol,
        states: u32,
        port: Option<u16>,
        each: impl FnMut(Entry),
    ) -> io::Result<()> {
        let mut request = request(family, protocol, states, &[0; 48]);
        if let Some(port) = port {
            request.extend(20_u16.to_ne_bytes());
            request.extend(BYTECODE.to_ne_bytes());
            request.extend(connected_to(port));
        }
        self.ask(&mut request, NLM_F_DUMP, each)
    }

    /// The socket that has both ends, or gets what is sent to its own from the other.
    pub(crate) fn find(
        &mut self,
        protocol: Protocol,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> io::Result<Option<Entry>> {
        let family = if local.is_ipv4() { Family::V4 } else { Family::V6 };
        // For UDP the kernel takes them the other way round, for historical reasons.
        let (first, second) = match protocol {
            Protocol::Tcp => (local, remote),
            Protocol::Udp => (remote, local),
        };
        let mut id = [0xff; 48];
        let (ports, rest) = id.split_at_mut(4);
        ports.copy_from_slice(&[first.port().to_be_bytes(), second.port().to_be_bytes()].concat());
        let (addresses, interface) = rest.split_at_mut(32);
        addresses.copy_from_slice(&[wire(first.ip()), wire(second.ip())].concat());
        interface.get_mut(..4).unwrap_or_default().fill(0);
        let mut found = None;
        let result = self.ask(&mut request(family, protocol, ANY_STATE, &id), 0, |entry| found = Some(entry));
        match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(()) => Ok(found.filter(|entry: &Entry| match protocol {
                // A listener would take the connection, but it is not its.
                Protocol::Tcp => entry.remote == Some(remote),
                Protocol::Udp => entry.local.is_some_and(|end| end.port() == local.port()),
            })),
        }
    }

    fn ask(&mut self, request: &mut [u8], flags: u16, mut each: impl FnMut(Entry)) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = request.len() as u32;
        let header = [
            &length.to_ne_bytes()[..],
            &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
            &(NLM_F_REQUEST | flags).to_ne_bytes(),
            &self.sequence.to_ne_bytes(),
        ]
        .concat();
        request.get_mut(..header.len()).unwrap_or_default().copy_from_slice(&header);
        send(&self.socket, request, SendFlags::empty())?;
        let mut seen = 0;
        loop {
            // The kernel answers while it is asked: there is nothing to wait for.
            let (length, _) = recv(&self.socket, &mut self.buffer[..], RecvFlags::DONTWAIT)?;
            let mut rest = self.buffer.get(..length).unwrap_or_default();
            while let Some((message, following)) = split(rest) {
                rest = following;
                if message.sequence != self.sequence {
                    continue;
                }
                match message.kind {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => return result(message.body),
                    _ => {
                        seen += 1;
                        if let Some(entry) = entry(message.body).filter(|_| seen <= MAX_SOCKETS) {
                            each(entry);
                        }
                    }
                }
                if flags == 0 {
                    return Ok(());
                }
            }
        }
    }
}

/// `struct nlmsghdr`, filled in later, and `struct inet_diag_req_v2`.
fn request(family: Family, protocol: Protocol, states: u32, id: &[u8; 48]) -> Vec<u8> {
    let family = match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    };
    let mut bytes = vec![0; HEADER];
    bytes.extend([family, protocol.number(), 0, 0]);
    bytes.extend(states.to_ne_bytes());
    bytes.extend(id);
    bytes
}

/// A program for the kernel, of two instructions: the other end's port is at least, and at most, this. Each has the
/// distance to the next when that holds and to behind the end when not; the port follows.
fn connected_to(port: u16) -> [u8; 16] {
    let mut code = [0; 16];
    let [high, low] = port.to_ne_bytes();
    let mut put = |at: usize, operation: u8, no: u16| {
        let [n0, n1] = no.to_ne_bytes();
        let one = [operation, 8, n0, n1, 0, 0, high, low];
        code.get_mut(at..at + 8).unwrap_or_default().copy_from_slice(&one);
    };
    put(0, REMOTE_AT_LEAST, 20);
    put(8, REMOTE_AT_MOST, 12);
    code
}

struct Message<'m> {
    kind: u16,
    sequence: u32,
    body: &'m [u8],
}

/// The first message and those after it.
fn split(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = usize::try_from(double(bytes, 0)?).ok().filter(|length| *length >= HEADER)?;
    let message = Message {
        kind: u16::from_ne_bytes(*bytes.get(4..6)?.first_chunk()?),
        sequence: double(bytes, 8)?,
        body: bytes.get(HEADER..length)?,
    };
    Some((message, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn result(body: &[u8]) -> io::Result<()> {
    match double(body, 0).map(u32::cast_signed) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn double(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// Reads `struct inet_diag_msg`.
fn entry(body: &[u8]) -> Option<Entry> {
    let body = body.get(..ANSWER)?;
    let family = *body.first()?;
    let end = |port: usize, address: usize| {
        let port = u16::from_be_bytes(*body.get(port..port + 2)?.first_chunk()?);
        let address: IpAddr = match family {
            AF_INET => (*body.get(address..address + 4)?.first_chunk::<4>()?).into(),
            _ => Ipv6Addr::from(*body.get(address..address + 16)?.first_chunk::<16>()?).to_canonical(),
        };
        (port != 0).then(|| SocketAddr::new(address, port))
    };
    Some(Entry { local: end(4, 8), remote: end(6, 24), state: *body.get(1)?, inode: double(body, 68)? })
}

fn wire(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            for (byte, given) in bytes.iter_mut().zip(address.octets()) {
                *byte = given;
            }
            bytes
        }
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests;
