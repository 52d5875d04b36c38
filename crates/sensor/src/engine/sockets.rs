//! What a socket's number of a process is: protocol, both ends and state. Its inode is in `/proc/PID/fd`, the rest the
//! kernel tells by netlink; where that is refused, or the process is in another network, it is in `/proc/PID/net`.

mod tables;

use std::{
    cell::RefCell,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use fargard_model::Timestamp;

use self::tables::Tables;
use super::procfs::Procfs;

/// Most bytes of a table that are searched: a busy server leaves some ten thousand closed connections in it, 150
/// bytes each.
const MAX_TABLE: u64 = 4 << 20;
const TABLES: [(&str, &str); 4] = [("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp")];

thread_local! {
    /// The way to the kernel's tables, if there is one.
    static BY_NETLINK: RefCell<Option<Tables>> = RefCell::new(Tables::open().ok());
}

/// A socket as the kernel's tables show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    /// `tcp` or `udp`.
    pub(crate) protocol: &'static str,
    /// This end; `None` when it is not bound.
    pub(crate) local: Option<SocketAddr>,
    /// The other end; `None` when it is not connected.
    pub(crate) remote: Option<SocketAddr>,
    /// The kernel's state number.
    pub(crate) state: u8,
}

impl Socket {
    /// `TCP_ESTABLISHED`, also the state of connected UDP sockets.
    pub(crate) const ESTABLISHED: u8 = 1;
    /// `TCP_SYN_SENT`.
    pub(crate) const SYN_SENT: u8 = 2;
    /// `TCP_LISTEN`.
    pub(crate) const LISTEN: u8 = 10;
}

/// What a descriptor of a living process refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// An IP socket.
    Socket(Socket),
    /// Another socket (unix, netlink, or an IP socket that this reading of the tables did not show).
    OtherSocket,
    /// A file, pipe or anonymous inode: the link's text.
    Link(String),
}

/// What a call about a socket says of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// When it was entered: what the tables showed later than that answers for it.
    pub(crate) entered: Timestamp,
    /// Where it leads, if it leads anywhere.
    pub(crate) remote: Option<SocketAddr>,
}

/// Looks a descriptor up as it is now; `None` when the process or the descriptor is gone.
pub(crate) fn lookup(procfs: &Procfs, pid: u32, number: i64) -> Option<Target> {
    find(procfs, pid, number, None)
}

/// Looks up the descriptor of a call: as it was at some time after the call was entered.
pub(crate) fn lookup_asked(procfs: &Procfs, pid: u32, number: i64, asked: Asked) -> Option<Target> {
    find(procfs, pid, number, Some(asked))
}

fn find(procfs: &Procfs, pid: u32, number: i64, asked: Option<Asked>) -> Option<Target> {
    let link = procfs.link(pid, &format!("fd/{}", u32::try_from(number).ok()?))?;
    let Some(inode) = inode_of(&link) else { return Some(Target::Link(link)) };
    let by_netlink = || {
        BY_NETLINK.with_borrow_mut(|tables| tables.as_mut().and_then(|tables| tables.find(inode, asked).ok()))
    };
    let found = match in_our_network(procfs, pid).then(by_netlink).flatten() {
        Some(found) => found,
        None => in_tables(procfs, pid, inode),
    };
    Some(found.map_or(Target::OtherSocket, Target::Socket))
}

/// The number of a socket from the text of a descriptor's link.
pub(crate) fn inode_of(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn in_our_network(procfs: &Procfs, pid: u32) -> bool {
    let theirs = procfs.link(pid, "ns/net");
    theirs.is_some() && theirs == procfs.link(std::process::id(), "ns/net")
}

fn in_tables(procfs: &Procfs, pid: u32, inode: u32) -> Option<Socket> {
    let inode = inode.to_string();
    TABLES.into_iter().find_map(|(table, protocol)| {
        procfs.find_in_net(pid, table, MAX_TABLE, |row| socket_in(row, &inode, protocol))
    })
}

/// Whether some TCP socket listens on that port, as far as the tables tell.
pub(crate) fn listens(procfs: &Procfs, pid: u32, port: u16) -> bool {
    ["tcp", "tcp6"].iter().any(|table| {
        let found = procfs.find_in_net(pid, table, MAX_TABLE, |row| {
            let mut fields = row.split_ascii_whitespace().skip(1);
            let local = fields.next().and_then(parse_end)?;
            (local.port() == port && fields.nth(1) == Some("0A")).then_some(())
        });
        found.is_some()
    })
}

/// The socket of a row of a table of `/proc/net`, if it has that inode.
fn socket_in(row: &str, inode: &str, protocol: &'static str) -> Option<Socket> {
    let field = |at: usize| row.split_ascii_whitespace().nth(at);
    if !row.contains(inode) || field(9) != Some(inode) {
        return None;
    }
    let end = |at: usize| field(at).and_then(parse_end).filter(|address| address.port() != 0);
    Some(Socket { protocol, local: end(1), remote: end(2), state: u8::from_str_radix(field(3)?, 16).ok()? })
}

/// `0100007F:1F90`: 32-bit words in the machine's byte order, the port as a number.
fn parse_end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| address.get(at..at + 8).and_then(|word| u32::from_str_radix(word, 16).ok());
    match address.len() {
        8 => Some(SocketAddr::from((Ipv4Addr::from(word(0)?.to_ne_bytes()), port))),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index * 8)?.to_ne_bytes());
            }
            let address = Ipv6Addr::from(bytes);
            Some(match address.to_ipv4_mapped() {
                Some(mapped) => SocketAddr::from((mapped, port)),
                None => SocketAddr::from((address, port)),
            })
        }
        _ => None,
    }
}

/// As [`lookup`], but never by netlink.
#[cfg(test)]
pub(crate) fn in_proc(pid: u32, number: i64) -> Option<Target> {
    let procfs = Procfs::system();
    let link = procfs.link(pid, &format!("fd/{number}"))?;
    let found = in_tables(&procfs, pid, inode_of(&link)?);
    Some(found.map_or(Target::OtherSocket, Target::Socket))
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, net::TcpStream, os::fd::AsRawFd as _};

    use fargard_model::Timestamp;

    use super::{Asked, Socket, Target, inode_of, lookup, lookup_asked, parse_end};
    use crate::engine::{procfs::Procfs, sockets::in_proc as sockets_in_proc};

    #[test]
    fn a_real_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let procfs = Procfs::system();
        let pid = std::process::id();
        let found = |number: i32| {
            let asked = || Asked { entered: Timestamp::now(), remote: stream.peer_addr().ok() };
            // Rows come and go while the kernel writes the table out, so one reading may miss one.
            let ways = |_| {
                let asked = lookup_asked(&procfs, pid, number.into(), asked());
                [lookup(&procfs, pid, number.into()), asked, sockets_in_proc(pid, number.into())]
            };
            (0..100).map(ways).find_map(|[one, other, third]| match (one == other, one == third, one) {
                (true, true, Some(Target::Socket(socket))) => Some(socket),
                _ => None,
            })
        };
        let socket = found(stream.as_raw_fd()).unwrap();
        let expected = Socket {
            protocol: "tcp",
            local: Some(stream.local_addr().unwrap()),
            remote: Some(stream.peer_addr().unwrap()),
            state: Socket::ESTABLISHED,
        };
        assert_eq!(socket, expected);
        assert_eq!(found(listener.as_raw_fd()).unwrap().state, Socket::LISTEN);
        assert_eq!(lookup(&procfs, pid, -1), None);
    }

    #[test]
    fn descriptors_name_inodes() {
        assert_eq!(inode_of("socket:[77]"), Some(77));
        assert!(
            ["socket:[]", "socket:[4294967296]", "pipe:[7]", "/x"]
                .iter()
                .all(|link| inode_of(link).is_none())
        );
    }

    #[test]
    fn addresses_of_tables() {
        assert_eq!(parse_end("0100007F:1F90"), "127.0.0.1:8080".parse().ok());
        assert_eq!(parse_end("00000000000000000000000001000000:0035"), "[::1]:53".parse().ok());
        assert_eq!(parse_end("junk"), None);
        assert_eq!(parse_end("\u{e9}\u{e9}\u{e9}\u{e9}:1"), None);
    }
}
