//! Packet sockets (`packet(7)`): copies of what the network devices send and receive.

use std::{
    io, mem,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use super::check;

/// Room for copies that wait to be read; the kernel gives less where it allows less.
const WAITING: libc::c_int = 1 << 20;

/// An open packet socket with a filter.
#[derive(Debug)]
pub(crate) struct PacketSocket(OwnedFd);

/// Why a packet was copied to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Bytes that were copied.
    pub(crate) length: usize,
    /// This machine sent it.
    pub(crate) outgoing: bool,
    /// The device's number.
    pub(crate) device: i32,
}

impl PacketSocket {
    /// Copies of the packets that come in on any device and that the filter selects, from the IP header on. What this
    /// machine sends passes by at no cost; before Linux 4.20 the filter has to leave it out. Needs `CAP_NET_RAW`.
    pub(crate) fn incoming(filter: &[libc::sock_filter]) -> io::Result<Self> {
        let socket = Self::unbound(filter)?;
        let _ = socket.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32);
        socket.bind(0)?;
        Ok(socket)
    }

    /// The same of what passes one device, in both directions. Each packet sent there is copied before the filter sees
    /// it.
    pub(crate) fn of_device(filter: &[libc::sock_filter], device: i32) -> io::Result<Self> {
        let socket = Self::unbound(filter)?;
        socket.bind(device)?;
        Ok(socket)
    }

    fn unbound(filter: &[libc::sock_filter]) -> io::Result<Self> {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // Without a protocol it gets nothing until it is bound, so nothing passes by the filter.
        // SAFETY: no pointers.
        let number = check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }.into())?;
        // SAFETY: the descriptor is new and nobody else's.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(number as i32) });
        socket.set_filter(filter)?;
        // Less room means more losses, which are counted.
        let _ = socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, &WAITING);
        Ok(socket)
    }

    /// Lets packets of the device come, 0 for all devices.
    fn bind(&self, device: i32) -> io::Result<()> {
        // SAFETY: all zeros is a valid value of this plain structure.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = device;
        let size = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address lives and has that size.
        check(unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), size) }.into()).map(drop)
    }

    /// Selects packets by another filter; those that wait stay.
    pub(crate) fn set_filter(&self, filter: &[libc::sock_filter]) -> io::Result<()> {
        let program = libc::sock_fprog {
            len: u16::try_from(filter.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
            filter: filter.as_ptr().cast_mut(),
        };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    fn set<T>(&self, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
        let size = size_of::<T>() as libc::socklen_t;
        let value: *const T = value;
        // SAFETY: `value` is live and `size` bytes long; the kernel copies it.
        check(unsafe { libc::setsockopt(self.0.as_raw_fd(), level, name, value.cast(), size) }.into())
            .map(drop)
    }

    /// The next packet, if one waits.
    pub(crate) fn receive(&self, into: &mut [u8]) -> io::Result<Option<Received>> {
        // SAFETY: all zeros is a valid value of this plain structure.
        let mut from: libc::sockaddr_ll = unsafe { mem::zeroed() };
        let mut size = size_of_val(&from) as libc::socklen_t;
        // SAFETY: buffer and address are live and as long as is said.
        let length = unsafe {
            libc::recvfrom(
                self.0.as_raw_fd(),
                into.as_mut_ptr().cast(),
                into.len(),
                0,
                (&raw mut from).cast(),
                &raw mut size,
            )
        };
        match check(length as libc::c_long) {
            Ok(length) => Ok(Some(Received {
                length: usize::try_from(length).unwrap_or(0).min(into.len()),
                outgoing: from.sll_pkttype == libc::PACKET_OUTGOING,
                device: from.sll_ifindex,
            })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Packets that did not fit since the last time this was asked (`PACKET_STATISTICS`).
    pub(crate) fn dropped(&self) -> u64 {
        // SAFETY: all zeros is a valid value of this plain structure.
        let mut counts: libc::tpacket_stats = unsafe { mem::zeroed() };
        let mut size = size_of_val(&counts) as libc::socklen_t;
        // SAFETY: the structure is live and has that size.
        let result = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut counts).cast(),
                &raw mut size,
            )
        };
        if result == 0 { counts.tp_drops.into() } else { 0 }
    }

    /// Another handle of the same socket, to wait on.
    pub(crate) fn handle(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }
}

/// Numbers of the network devices there are now, at most `most`.
pub(crate) fn devices(most: usize) -> Vec<i32> {
    // SAFETY: no arguments; the list is freed below.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return Vec::new();
    }
    let mut found = Vec::new();
    while found.len() < most {
        // SAFETY: the list ends with an entry of number 0, which is not passed.
        let number = unsafe { (*list.add(found.len())).if_index };
        if number == 0 {
            break;
        }
        found.push(i32::try_from(number).unwrap_or_default());
    }
    // SAFETY: the list came from `if_nameindex` and is used no more.
    unsafe { libc::if_freenameindex(list) };
    found
}
