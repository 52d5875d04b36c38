//! The packet socket's filter, run by the kernel: what it leaves out costs no more than this.
//!
//! It lets name resolution through (UDP and TCP port 53) and, where they are wanted, requests for connections that leave
//! this machine or stay on it. One socket gets what comes in on any device, which on loopback is all there is; another
//! for each other device gets what is sent there. IPv6 packets with further headers before the transport's are left out.

use libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX, BPF_MSH, BPF_RET,
    BPF_W, sock_filter,
};

/// Most bytes of a message that are looked at.
pub(crate) const SNAP: usize = 4096;
/// Bytes of a request for a connection that are looked at: both headers.
const SNAP_SYN: u32 = 128;
/// What the kernel knows of a packet besides its bytes (`SKF_AD_OFF` of `linux/filter.h`).
const ABOUT: u32 = 0xffff_f000;
const PROTOCOL: u32 = ABOUT;
const PACKET_TYPE: u32 = ABOUT + 4;
const DEVICE: u32 = ABOUT + 8;
const LOOPBACK: u32 = super::LOOPBACK.cast_unsigned();
const OUTGOING: u32 = 4;
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const UDP: u32 = 17;
const TCP: u32 = 6;
const DNS: u32 = 53;
const SYN: u32 = 0x02;
const SYN_ACK: u32 = 0x12;
const FRAGMENT: u32 = 0x1fff;

/// Where a jump goes: on, or to the label of that name, which follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Next,
    Drop,
    Take,
    Family,
    Ipv4,
    Ipv4Stream,
    Ipv4Ports,
    Ipv6,
    Ipv6Ports,
    Syn,
}

/// Which packets a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What comes in, and what stays on this machine.
    In,
    /// What is sent elsewhere.
    Out,
}

enum Step {
    Label(To),
    Do(u32, u32),
    If(u32, u32, To, To),
}

/// The program, with requests for connections or without.
pub(crate) fn program(direction: Direction, connections: bool) -> Vec<sock_filter> {
    use Step::{Do, If, Label};
    const EQUAL: u32 = BPF_JEQ;
    const ANY: u32 = BPF_JSET;
    let byte = |at| Do(BPF_LD | BPF_B | BPF_ABS, at);
    let half = |at| Do(BPF_LD | BPF_H | BPF_ABS, at);
    let word = |at| Do(BPF_LD | BPF_W | BPF_ABS, at);
    // Behind the IPv4 header, whose length is in its first byte.
    let header = || Do(BPF_LDX | BPF_B | BPF_MSH, 0);
    let half_behind = |at| Do(BPF_LD | BPF_H | BPF_IND, at);
    let byte_behind = |at| Do(BPF_LD | BPF_B | BPF_IND, at);
    let mask = |bits| Do(libc::BPF_ALU | libc::BPF_AND | BPF_K, bits);
    let (sent, received) = match direction {
        Direction::In => (To::Drop, To::Family),
        Direction::Out => (To::Family, To::Drop),
    };
    // Others' requests for connections with this machine are not its own.
    let (about, own) = match direction {
        Direction::In => (DEVICE, LOOPBACK),
        Direction::Out => (PACKET_TYPE, OUTGOING),
    };
    assemble(&[
        word(PACKET_TYPE),
        If(EQUAL, OUTGOING, sent, received),
        Label(To::Family),
        word(PROTOCOL),
        If(EQUAL, IPV4, To::Ipv4, To::Next),
        If(EQUAL, IPV6, To::Ipv6, To::Drop),
        Label(To::Ipv4),
        half(6),
        If(ANY, FRAGMENT, To::Drop, To::Next),
        header(),
        byte(9),
        If(EQUAL, UDP, To::Ipv4Ports, To::Next),
        If(EQUAL, TCP, To::Ipv4Stream, To::Drop),
        Label(To::Ipv4Stream),
        byte_behind(13),
        mask(SYN_ACK),
        If(EQUAL, SYN, To::Syn, To::Ipv4Ports),
        Label(To::Ipv4Ports),
        half_behind(0),
        If(EQUAL, DNS, To::Take, To::Next),
        half_behind(2),
        If(EQUAL, DNS, To::Take, To::Drop),
        Label(To::Ipv6),
        byte(6),
        If(EQUAL, UDP, To::Ipv6Ports, To::Next),
        If(EQUAL, TCP, To::Next, To::Drop),
        byte(53),
        mask(SYN_ACK),
        If(EQUAL, SYN, To::Syn, To::Next),
        Label(To::Ipv6Ports),
        half(40),
        If(EQUAL, DNS, To::Take, To::Next),
        half(42),
        If(EQUAL, DNS, To::Take, To::Drop),
        Label(To::Syn),
        word(about),
        If(EQUAL, own, To::Next, To::Drop),
        Do(BPF_RET | BPF_K, if connections { SNAP_SYN } else { 0 }),
        Label(To::Take),
        Do(BPF_RET | BPF_K, SNAP as u32),
        Label(To::Drop),
        Do(BPF_RET | BPF_K, 0),
    ])
}

/// Puts the distances of jumps in.
fn assemble(steps: &[Step]) -> Vec<sock_filter> {
    let mut program = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let rest = steps.get(at + 1..).unwrap_or_default();
        let distance = |to: To| {
            let before = rest.iter().take_while(|step| to != To::Next && !step.is(to));
            before.filter(|step| !matches!(step, Step::Label(_))).count() as u8
        };
        program.push(match *step {
            Step::Label(_) => continue,
            Step::Do(code, k) => sock_filter { code: code as u16, jt: 0, jf: 0, k },
            Step::If(test, k, yes, no) => {
                let code = (BPF_JMP | BPF_K | test) as u16;
                sock_filter { code, jt: distance(yes), jf: distance(no), k }
            }
        });
    }
    program
}

impl Step {
    fn is(&self, label: To) -> bool {
        matches!(self, Self::Label(own) if *own == label)
    }
}
