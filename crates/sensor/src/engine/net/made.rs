//! Events of what packets and the kernel's tables showed, in the words of calls.

use std::net::SocketAddr;

use fargard_model::{Arg, EventType, Fd, event::ArgValue};

use super::super::decode::{Decoded, connection_name};
use crate::net::{Exchange, dns};

/// Parameter that says how an event was learned of which no call was stopped.
const LEARNED: &str = "learned_from";

/// An event of a process, 0 where it is not known.
fn of(kind: EventType, time: u64, pid: u32, args: Vec<Arg>, fd: Fd, result: Option<i64>) -> Decoded {
    Decoded {
        num: 0,
        time,
        kind,
        tid: pid,
        args,
        unresolved: Vec::new(),
        fd: Some(fd),
        argv: None,
        argv_cut: false,
        env: None,
        stat: None,
        status: None,
        result,
    }
}

fn text(name: &'static str, value: impl Into<String>) -> Arg {
    Arg { name: name.into(), value: ArgValue::Text(value.into()) }
}

fn ends(number: i64, local: SocketAddr, remote: Option<SocketAddr>, protocol: &str) -> Fd {
    Fd {
        num: number,
        typechar: Some(if remote.unwrap_or(local).is_ipv4() { '4' } else { '6' }),
        name: remote.map_or_else(|| local.to_string(), |remote| connection_name(Some(local), remote)),
        local: Some(local),
        remote,
        client: remote.is_some().then_some(true),
        l4proto: Some(protocol.to_owned()),
        ..Fd::default()
    }
}

/// A connection whose first packet was seen.
pub(super) fn connection(time: u64, pid: u32, number: i64, local: SocketAddr, remote: SocketAddr) -> Decoded {
    let fd = ends(number, local, Some(remote), "tcp");
    of(EventType::Connect, time, pid, vec![text(LEARNED, "packets")], fd, None)
}

/// A socket that waits for connections.
pub(super) fn listener(time: u64, pid: u32, number: i64, local: SocketAddr) -> Decoded {
    let fd = ends(number, local, None, "tcp");
    of(EventType::Listen, time, pid, vec![text(LEARNED, "sockets")], fd, Some(0))
}

/// A name that is looked up, or the answer.
pub(super) fn exchange(time: u64, pid: u32, exchange: &Exchange) -> Decoded {
    let Exchange { client, server, protocol, question, answer, .. } = exchange;
    let name = if answer.is_some() { "dns_answer" } else { "dns_query" };
    let mut args = vec![
        text("name", name),
        text("question", question.name.as_str()),
        text("question_type", dns::type_name(question.kind)),
    ];
    if let Some((rcode, records)) = answer {
        args.push(text("rcode", dns::rcode_name(*rcode)));
        args.push(text("answers", records.join(", ")));
    }
    of(EventType::Asyncevent, time, pid, args, ends(-1, *client, Some(*server), protocol), Some(0))
}
