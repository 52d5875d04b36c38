use std::{
    collections::BTreeSet,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
    process::Command,
    time::Instant,
};

use proptest::prelude::*;

use super::{ANY_STATE, Diag, Entry, Family, Protocol, entry, split};
use crate::engine::sockets_in_proc;

fn inode(descriptor: &impl std::os::fd::AsRawFd) -> u32 {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd())).unwrap();
    let text = link.to_str().unwrap().to_owned();
    text.trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap()
}

fn all(diag: &mut Diag, family: Family, protocol: Protocol, port: Option<u16>) -> Vec<Entry> {
    let mut found = Vec::new();
    diag.list(family, protocol, ANY_STATE, port, |entry| found.push(entry)).unwrap();
    found
}

#[test]
fn sockets_are_found_by_their_ends_and_by_the_other_port() {
    let mut diag = Diag::open().unwrap();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        let expected = Entry { local: Some(local), remote: Some(remote), state: 1, inode: inode(&stream) };
        assert_eq!(diag.find(Protocol::Tcp, local, remote).unwrap().as_ref(), Some(&expected));
        let family = if local.is_ipv4() { Family::V4 } else { Family::V6 };
        assert_eq!(all(&mut diag, family, Protocol::Tcp, Some(remote.port())), [expected]);
        let gone = SocketAddr::new(local.ip(), 1);
        assert_eq!(diag.find(Protocol::Tcp, gone, remote).unwrap(), None, "the listener is not it");
        let listening = Entry { local: Some(remote), remote: None, state: 10, inode: inode(&listener) };
        let mut found = Vec::new();
        diag.list(family, Protocol::Tcp, 1 << 10, None, |entry| found.push(entry)).unwrap();
        assert!(found.contains(&listening) && found.iter().all(|entry| entry.state == 10));

        let (udp, server) = (UdpSocket::bind(address).unwrap(), UdpSocket::bind(address).unwrap());
        let to = server.local_addr().unwrap();
        let found = diag.find(Protocol::Udp, udp.local_addr().unwrap(), to).unwrap().unwrap();
        assert_eq!((found.inode, found.remote), (inode(&udp), None));
        udp.connect(to).unwrap();
        let found = diag.find(Protocol::Udp, udp.local_addr().unwrap(), to).unwrap().unwrap();
        assert_eq!((found.inode, found.remote), (inode(&udp), Some(to)));
    }
}

#[test]
fn a_socket_for_ipv6_with_ends_of_ipv4_has_these() {
    let mut diag = Diag::open().unwrap();
    let listener = TcpListener::bind("[::]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let (local, remote) = (stream.peer_addr().unwrap(), stream.local_addr().unwrap());
    let found = diag.find(Protocol::Tcp, local, remote).unwrap().unwrap();
    assert_eq!(found, Entry { local: Some(local), remote: Some(remote), state: 1, inode: inode(&accepted) });
}

/// `ss` asks in the same way, with code that is not ours.
#[test]
fn the_listing_is_that_of_ss() {
    let _kept: Vec<TcpListener> = (0..20).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let mut diag = Diag::open().unwrap();
    let own = |diag: &mut Diag| -> BTreeSet<u16> {
        let entries = all(diag, Family::V4, Protocol::Tcp, None).into_iter();
        entries.filter(|entry| entry.state == 10).filter_map(|entry| Some(entry.local?.port())).collect()
    };
    // Others may open and close sockets meanwhile: then both are asked again.
    for _ in 0..50 {
        let before = own(&mut diag);
        let Ok(output) = Command::new("ss").args(["-H", "-4", "-l", "-t", "-n"]).output() else {
            eprintln!("skipped: there is no ss");
            return;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        let port = |line: &str| line.split_whitespace().nth(3)?.rsplit(':').next()?.parse::<u16>().ok();
        let theirs: BTreeSet<u16> = text.lines().filter_map(port).collect();
        if before == own(&mut diag) {
            assert_eq!(theirs, before);
            return;
        }
    }
    panic!("sockets come and go all the time");
}

/// Prints what a lookup costs by either way while there are a thousand sockets.
#[test]
#[ignore = "a measurement: cargo xtask bench network"]
fn measure_the_cost_of_a_lookup() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut kept = Vec::new();
    for _ in 0..500 {
        kept.push(TcpStream::connect(address).unwrap());
        kept.push(listener.accept().unwrap().0);
    }
    let stream = kept.last().unwrap();
    let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    // It is in none of the tables, so all are searched whole.
    let (other, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let (pid, number) = (std::process::id(), other.as_raw_fd());
    let mut diag = Diag::open().unwrap();
    let mut times = [f64::MAX; 4];
    for _ in 0..20 {
        let mut time = |at: usize, work: &mut dyn FnMut()| {
            let start = Instant::now();
            work();
            times[at] = times[at].min(start.elapsed().as_secs_f64());
        };
        time(0, &mut || assert!(sockets_in_proc(pid, number.into()).is_some()));
        time(1, &mut || {
            for family in [Family::V4, Family::V6] {
                for protocol in [Protocol::Tcp, Protocol::Udp] {
                    let _ = all(&mut diag, family, protocol, None);
                }
            }
        });
        time(2, &mut || assert_eq!(all(&mut diag, Family::V4, Protocol::Tcp, Some(remote.port())).len(), 1));
        time(3, &mut || assert!(diag.find(Protocol::Tcp, local, remote).unwrap().is_some()));
    }
    let [tables, listings, by_port, by_ends] = times.map(|time| time * 1e6);
    println!(
        "a socket among 1,000: tables of /proc {tables:.0} us; all by netlink {listings:.0} us ({:.0} times less); by \
         port {by_port:.0} us ({:.0}); by ends {by_ends:.0} us ({:.0})",
        tables / listings,
        tables / by_port,
        tables / by_ends
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (split(&bytes).is_some(), entry(&bytes));
    }
}
