use proptest::prelude::*;

use super::{Body, parse};
use crate::net::dns::tests::unhex;

/// Packets scapy made; see `testdata/make.py`.
const PACKETS: &str = include_str!("../testdata/packets.tsv");

fn line(bytes: &[u8]) -> String {
    let Some(packet) = parse(bytes) else { return "none".to_owned() };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let body = match packet.body {
        Body::Udp(bytes) => format!("udp {}", hex(bytes)),
        Body::Tcp(bytes) => format!("tcp {}", hex(bytes)),
        Body::Syn(number) => format!("syn {number}"),
    };
    format!("{} {} {body}", packet.source, packet.destination)
}

#[test]
fn packets_are_read_as_scapy_made_them() {
    for row in PACKETS.lines() {
        let (hex, expected) = row.split_once('\t').unwrap();
        assert_eq!(line(&unhex(hex)), expected, "{hex}");
    }
    assert_eq!(PACKETS.lines().count(), 147);
}

proptest! {
    #[test]
    fn any_bytes_are_read(first in prop_oneof![Just(0x45_u8), Just(0x60), any::<u8>()], bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&[&[first][..], &bytes].concat());
    }

    #[test]
    fn cut_packets_are_read(row in 0..147_usize, end in 0..100_usize) {
        let bytes = unhex(PACKETS.lines().nth(row).unwrap().split('\t').next().unwrap());
        let _ = parse(&bytes[..end.min(bytes.len())]);
    }
}
