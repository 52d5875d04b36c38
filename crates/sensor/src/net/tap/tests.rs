use std::{
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use super::{Seen, Tap};
use crate::net::exchange::Exchange;

/// Port 53 on a loopback address of this test's own.
fn server(address: &str) -> UdpSocket {
    let server = UdpSocket::bind((address, 53)).unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    server
}

/// For the address of tap.test.
const QUERY: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03tap\x04test\x00\x00\x01\x00\x01";

/// 203.0.113.9.
fn answer_to(query: &[u8]) -> Vec<u8> {
    let mut answer = query.to_vec();
    (answer[2], answer[7]) = (0x81, 1);
    answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xcb\x00\x71\x09");
    answer
}

fn wait(tap: &mut Tap, mut wanted: impl FnMut(&Seen) -> bool) -> Vec<Seen> {
    let until = Instant::now() + Duration::from_secs(10);
    let mut found = Vec::new();
    while found.is_empty() {
        assert!(Instant::now() < until, "not seen");
        tap.pump();
        found = tap.take().into_iter().map(|(_, seen)| seen).filter(&mut wanted).collect();
    }
    found
}

#[test]
fn queries_answers_and_connections_on_loopback_are_seen_once() {
    let mut tap = Tap::open(true).unwrap();
    let server = server("127.53.7.1");
    let client = UdpSocket::bind("127.53.7.2:0").unwrap();
    client.send_to(QUERY, server.local_addr().unwrap()).unwrap();
    let mut buffer = [0; 512];
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    server.send_to(&answer_to(&buffer[..length]), from).unwrap();
    client.recv_from(&mut buffer).unwrap();
    // The program has its answer, so the tap has it too: no waiting here.
    tap.pump();
    assert_eq!(tap.names_of("203.0.113.9".parse().unwrap()), ["tap.test"]);
    let here = client.local_addr().unwrap();
    let own = |seen: &Seen| match seen {
        Seen::Query(Exchange { client, .. }) | Seen::Answer(Exchange { client, .. }) => *client == here,
        Seen::Connection { .. } => false,
    };
    let seen: Vec<Seen> = tap.take().into_iter().map(|(_, seen)| seen).filter(own).collect();
    assert!(matches!(seen[..], [Seen::Query(_), Seen::Answer(_)]), "{seen:?}");

    for address in ["127.53.7.3:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let ends: (SocketAddr, SocketAddr) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        let seen = wait(
            &mut tap,
            |seen| matches!(seen, Seen::Connection { local, remote } if (*local, *remote) == ends),
        );
        assert_eq!(seen.len(), 1);
    }
}

/// A network of two hosts: the tap's, and that of a server of names.
const TWO_HOSTS: &str = "set -e
ip link set lo up
ip link add v0 type veth peer name v1
unshare -n sleep 60 & other=$!
trap 'kill $other' EXIT
until [ \"$(readlink /proc/$other/ns/net)\" != \"$(readlink /proc/$$/ns/net)\" ]; do :; done
ip link set v1 netns $other
ip addr add 10.53.9.1/24 dev v0
ip link set v0 up
there() { nsenter -t $other -n \"$@\"; }
there ip addr add 10.53.9.2/24 dev v1
there ip link set v1 up
there \"$0\" --exact net::tap::tests::the_other_host --ignored & host=$!
\"$0\" --exact net::tap::tests::what_passes_a_device_is_seen_once --ignored --nocapture
wait $host";

#[test]
fn packets_of_other_devices_are_seen_once() {
    let may =
        std::process::Command::new("unshare").args(["-n", "ip", "link", "add", "type", "veth"]).output();
    if !may.as_ref().is_ok_and(|output| output.status.success()) {
        println!("skipped: no virtual devices here: {may:?}");
        return;
    }
    let itself = std::env::current_exe().unwrap();
    let output = std::process::Command::new("unshare")
        .args(["-n", "bash", "-c", TWO_HOSTS])
        .arg(itself)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
#[ignore = "runs in a network that packets_of_other_devices_are_seen_once makes"]
fn the_other_host() {
    let server = server("10.53.9.2");
    let listener = TcpListener::bind("10.53.9.2:80").unwrap();
    let mut buffer = [0; 512];
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    server.send_to(&answer_to(&buffer[..length]), from).unwrap();
    listener.accept().unwrap();
}

#[test]
#[ignore = "runs in a network that packets_of_other_devices_are_seen_once makes"]
fn what_passes_a_device_is_seen_once() {
    let mut tap = Tap::open(true).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    let stream = loop {
        assert!(Instant::now() < until, "nobody answers");
        tap.pump();
        tap.take();
        if let Ok(stream) = TcpStream::connect("10.53.9.2:80") {
            break stream;
        }
    };
    let client = UdpSocket::bind("10.53.9.1:0").unwrap();
    client.send_to(QUERY, "10.53.9.2:53").unwrap();
    client.recv_from(&mut [0; 512]).unwrap();
    tap.pump();
    let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    let seen: Vec<Seen> = tap.take().into_iter().map(|(_, seen)| seen).collect();
    let count = |wanted: &dyn Fn(&Seen) -> bool| seen.iter().filter(|seen| wanted(seen)).count();
    assert_eq!(count(&|seen| *seen == Seen::Connection { local, remote }), 1, "{seen:?}");
    assert_eq!(count(&|seen| matches!(seen, Seen::Query(_))), 1, "{seen:?}");
    assert_eq!(count(&|seen| matches!(seen, Seen::Answer(_))), 1, "{seen:?}");
    assert_eq!(tap.names_of("203.0.113.9".parse().unwrap()), ["tap.test"]);
}

#[test]
fn connections_are_seen_only_where_they_are_wanted() {
    let mut tap = Tap::open(false).unwrap();
    let listener = TcpListener::bind("127.53.7.8:0").unwrap();
    let at = listener.local_addr().unwrap();
    let to_here = |seen: &Seen| matches!(seen, Seen::Connection { remote, .. } if *remote == at);
    drop(TcpStream::connect(at).unwrap());
    tap.see_connections(true).unwrap();
    let stream = TcpStream::connect(at).unwrap();
    let local = stream.local_addr().unwrap();
    assert_eq!(wait(&mut tap, to_here), [Seen::Connection { local, remote: at }], "the second alone");
    tap.see_connections(false).unwrap();
    drop(TcpStream::connect(at).unwrap());
    tap.pump();
    assert!(!tap.take().iter().any(|(_, seen)| to_here(seen)));
}

#[test]
fn other_traffic_is_left_out_by_the_kernel() {
    let mut tap = Tap::open(true).unwrap();
    let (one, other) = (UdpSocket::bind("127.53.7.4:0").unwrap(), UdpSocket::bind("127.53.7.5:0").unwrap());
    for _ in 0..2000 {
        one.send_to(&[0; 1000], other.local_addr().unwrap()).unwrap();
    }
    // Two megabytes would not have fitted.
    assert_eq!(tap.lost(), 0);
}

/// Prints what an open tap adds to packets that it leaves out, and to a new connection whose first packet it leaves out
/// or takes.
#[test]
#[ignore = "a measurement: cargo xtask bench network"]
fn measure_the_cost_of_an_open_tap() {
    let (one, other) = (UdpSocket::bind("127.53.7.6:0").unwrap(), UdpSocket::bind("127.53.7.6:0").unwrap());
    let (to, mut buffer) = (other.local_addr().unwrap(), [0; 64]);
    let mut datagrams = || {
        for _ in 0..200 {
            one.send_to(&[0; 64], to).unwrap();
            other.recv_from(&mut buffer).unwrap();
        }
    };
    let listener = TcpListener::bind("127.53.7.6:0").unwrap();
    let at = listener.local_addr().unwrap();
    let mut connections = || {
        for _ in 0..20 {
            let _ends = (TcpStream::connect(at).unwrap(), listener.accept().unwrap());
        }
    };
    let time = |count: f64, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e6 / count
    };
    let mut least = [[f64::MAX; 2]; 3];
    for _ in 0..40 {
        for (open, least) in least.iter_mut().enumerate() {
            let mut tap = (open > 0).then(|| Tap::open(open == 2).unwrap());
            least[0] = least[0].min(time(200.0, &mut datagrams));
            least[1] = least[1].min(time(20.0, &mut connections));
            assert_eq!(tap.as_mut().map_or(0, Tap::lost), 0);
        }
    }
    let [[datagram, connection], [with, left_out], [_, taken]] = least;
    println!("datagram: {datagram:.2} us, with a tap {with:.2} us, ratio {:.3}", with / datagram);
    println!(
        "connection: {connection:.1} us, with a tap that leaves it out {left_out:.1} us, ratio {:.3}, that takes it \
         {taken:.1} us, ratio {:.3}",
        left_out / connection,
        taken / connection
    );
}
