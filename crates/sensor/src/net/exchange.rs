//! Which answer belongs to which query, and what of both was seen before.
//!
//! Only the answer to a query that this machine sent is believed: anybody can send a packet from port 53. A packet
//! that passes several devices, or is sent again, is one.

use std::{collections::VecDeque, net::SocketAddr};

use super::{
    dns::{self, Message, Question},
    packet::{Body, Packet},
};

/// Most queries that wait for their answer.
const WAITING: usize = 512;
/// Most requests for connections that are remembered to know them again.
const SYNS: usize = 64;
const PORT: u16 = 53;
/// Most records of an answer that are shown.
const SHOWN: usize = 16;

/// A name looked up, or the answer to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// Number of the query, the same in the answer.
    pub(crate) number: u64,
    /// Who asks.
    pub(crate) client: SocketAddr,
    /// Who is asked.
    pub(crate) server: SocketAddr,
    /// `tcp` or `udp`.
    pub(crate) protocol: &'static str,
    /// What for.
    pub(crate) question: Question,
    /// Result and records, as text.
    pub(crate) answer: Option<(u8, Vec<String>)>,
}

/// Something that packets showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A query.
    Query(Exchange),
    /// Its answer.
    Answer(Exchange),
    /// A connection that is being made.
    Connection {
        /// This end.
        local: SocketAddr,
        /// The other end.
        remote: SocketAddr,
    },
}

/// What is under way.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    waiting: VecDeque<Waiting>,
    syns: VecDeque<(SocketAddr, SocketAddr, u32)>,
    number: u64,
}

#[derive(Debug)]
struct Waiting {
    id: u16,
    exchange: Exchange,
}

impl Exchanges {
    /// What a packet shows, and the message if it is an answer to believe. `outgoing` packets were sent by this
    /// machine; on `loopback` all were.
    pub(crate) fn take(
        &mut self,
        packet: &Packet<'_>,
        outgoing: bool,
        loopback: bool,
    ) -> Option<(Seen, Option<Message>)> {
        let (protocol, bytes) = match packet.body {
            Body::Udp(bytes) => ("udp", bytes),
            Body::Tcp(bytes) => ("tcp", first_of_stream(bytes)?),
            Body::Syn(number) => return self.connection(packet, number).map(|seen| (seen, None)),
        };
        let message = dns::parse(bytes)?;
        match (message.response, outgoing) {
            (false, true) if packet.destination.port() == PORT => {
                self.query(packet, protocol, message).map(|seen| (seen, None))
            }
            (true, out) if packet.source.port() == PORT && (loopback || !out) => {
                let seen = self.answer(packet, &message)?;
                Some((seen, Some(message)))
            }
            _ => None,
        }
    }

    fn connection(&mut self, packet: &Packet<'_>, number: u32) -> Option<Seen> {
        let (local, remote) = (packet.source, packet.destination);
        let known = (local, remote, number);
        if self.syns.contains(&known) {
            return None;
        }
        if self.syns.len() >= SYNS {
            self.syns.pop_front();
        }
        self.syns.push_back(known);
        Some(Seen::Connection { local, remote })
    }

    fn query(&mut self, packet: &Packet<'_>, protocol: &'static str, message: Message) -> Option<Seen> {
        let question = message.question.filter(|_| message.opcode == 0)?;
        let (client, server) = (packet.source, packet.destination);
        let known = self.waiting.iter().any(|one| {
            one.id == message.id
                && (one.exchange.client, one.exchange.server) == (client, server)
                && one.exchange.question == question
        });
        if known {
            return None;
        }
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
        }
        self.number += 1;
        let exchange = Exchange { number: self.number, client, server, protocol, question, answer: None };
        self.waiting.push_back(Waiting { id: message.id, exchange: exchange.clone() });
        Some(Seen::Query(exchange))
    }

    fn answer(&mut self, packet: &Packet<'_>, message: &Message) -> Option<Seen> {
        let at = self.waiting.iter().position(|one| {
            one.id == message.id
                && (one.exchange.client, one.exchange.server) == (packet.destination, packet.source)
                && Some(&one.exchange.question) == message.question.as_ref()
        })?;
        let mut exchange = self.waiting.remove(at)?.exchange;
        let shown = message.answers.iter().take(SHOWN).map(ToString::to_string).collect();
        exchange.answer = Some((message.rcode, shown));
        Some(Seen::Answer(exchange))
    }
}

/// The message at the start of a segment: its length is before it (RFC 1035, 4.2.2). What goes on in the next
/// segment is read as far as it is there.
fn first_of_stream(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    rest.get(..length.min(rest.len())).filter(|message| !message.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Exchanges, Seen};
    use crate::net::packet::{Body, Packet};

    /// A query for `a.test`, type A, and an answer to it.
    const QUERY: &[u8] = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01";
    const ANSWER: &[u8] =
        b"\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01\
        \xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";
    const CLIENT: &str = "10.0.0.1:4000";
    const SERVER: &str = "10.0.0.2:53";

    fn packet<'p>(source: &str, destination: &str, body: Body<'p>) -> Packet<'p> {
        Packet { source: source.parse().unwrap(), destination: destination.parse().unwrap(), body }
    }

    #[test]
    fn only_answers_to_queries_are_believed() {
        let mut exchanges = Exchanges::default();
        let answer = packet(SERVER, CLIENT, Body::Udp(ANSWER));
        assert_eq!(exchanges.take(&answer, false, false), None, "nobody asked");
        let query = packet(CLIENT, SERVER, Body::Udp(QUERY));
        assert_eq!(exchanges.take(&query, false, false), None, "another machine asks this one");
        let Some((Seen::Query(asked), None)) = exchanges.take(&query, true, false) else { panic!() };
        assert_eq!((asked.question.name.as_str(), asked.question.kind, asked.protocol), ("a.test", 1, "udp"));
        assert_eq!(exchanges.take(&query, true, false), None, "asked again");
        for (source, destination, bytes) in [
            ("10.0.0.3:53", CLIENT, ANSWER.to_vec()),
            (SERVER, "10.0.0.1:4001", ANSWER.to_vec()),
            (SERVER, CLIENT, [b"\x00\x08", &ANSWER[2..]].concat()),
            (SERVER, CLIENT, [&ANSWER[..13], b"b", &ANSWER[14..]].concat()),
        ] {
            let forged = packet(source, destination, Body::Udp(&bytes));
            assert_eq!(exchanges.take(&forged, false, false), None, "{source} {destination}");
        }
        let Some((Seen::Answer(found), Some(message))) = exchanges.take(&answer, false, false) else {
            panic!()
        };
        assert_eq!((found.number, found.answer), (asked.number, Some((0, vec!["A 192.0.2.1".to_owned()]))));
        assert_eq!(message.answers.len(), 1);
        assert_eq!(exchanges.take(&answer, false, false), None, "answered already");
    }

    #[test]
    fn streams_carry_the_length_first() {
        let mut exchanges = Exchanges::default();
        let query = [&[0, QUERY.len() as u8][..], QUERY].concat();
        let taken = exchanges.take(&packet(CLIENT, SERVER, Body::Tcp(&query)), true, true);
        assert!(matches!(taken, Some((Seen::Query(exchange), None)) if exchange.protocol == "tcp"));
        assert_eq!(exchanges.take(&packet(CLIENT, SERVER, Body::Tcp(b"")), true, true), None);
    }

    #[test]
    fn connections_are_told_once() {
        let mut exchanges = Exchanges::default();
        let syn = |number| packet(CLIENT, "10.0.0.2:80", Body::Syn(number));
        assert!(exchanges.take(&syn(1), true, false).is_some());
        assert!(exchanges.take(&syn(1), true, false).is_none());
        assert!(exchanges.take(&syn(2), true, false).is_some());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut exchanges = Exchanges::default();
        for port in 1..=2000_u16 {
            let client = format!("10.0.0.1:{port}");
            exchanges.take(&packet(&client, SERVER, Body::Udp(QUERY)), true, false);
            exchanges.take(&packet(&client, SERVER, Body::Syn(port.into())), true, false);
        }
        assert_eq!((exchanges.waiting.len(), exchanges.syns.len()), (super::WAITING, super::SYNS));
    }
}
