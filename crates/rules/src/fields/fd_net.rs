//! `fd.*` of connections: addresses and ports of client and server, of this and the other end.

use std::net::{IpAddr, SocketAddr};

use fargard_model::{Event, EventType, Fd, Outcome};

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Bool, Ip, Net, Port, Text},
    ReadEnd, Text as FieldText, Use, Value, Values,
    fd::typechar,
    field, int_field, text_field,
};

pub(super) const FIELDS: &[Field] = &[
    field("fd.ip", Ip, NoArg, "address of either end", |event, _| ends(event, address)).only(Use::Condition),
    field("fd.cip", Ip, NoArg, "client's address", |event, _| one(client(event), address)),
    field("fd.sip", Ip, NoArg, "server's address", |event, _| one(server(event), address)),
    field("fd.lip", Ip, NoArg, "address of this end", |event, _| one(local(event), address)),
    field("fd.rip", Ip, NoArg, "address of the other end", |event, _| one(remote(event), address)),
    field("fd.net", Net, NoArg, "address of either end, for networks", |event, _| ends(event, address))
        .only(Use::Condition),
    field("fd.cnet", Net, NoArg, "client's address, for networks", |event, _| one(client(event), address))
        .only(Use::Condition),
    field("fd.snet", Net, NoArg, "server's address, for networks", |event, _| one(server(event), address))
        .only(Use::Condition),
    field("fd.lnet", Net, NoArg, "address of this end, for networks", |event, _| one(local(event), address))
        .only(Use::Condition),
    field("fd.rnet", Net, NoArg, "address of the other end, for networks", |event, _| {
        one(remote(event), address)
    })
    .only(Use::Condition),
    field("fd.port", Port, NoArg, "port of either end", |event, _| ends(event, port)).only(Use::Condition),
    int_field("fd.cport", Port, "client's port", |event| client(event).map(number)),
    int_field("fd.sport", Port, "server's port", |event| server(event).map(number)),
    int_field("fd.lport", Port, "port of this end", |event| local(event).map(number)),
    int_field("fd.rport", Port, "port of the other end", |event| remote(event).map(number)),
    field("fd.proto", Port, NoArg, "the same as fd.port", |event, _| ends(event, port)).only(Use::Condition),
    field("fd.cproto", Text, NoArg, "client's port as text", |event, _| one(client(event), port_text)),
    field("fd.sproto", Text, NoArg, "server's port as text", |event, _| one(server(event), port_text)),
    field("fd.lproto", Text, NoArg, "port of this end as text", |event, _| one(local(event), port_text)),
    field("fd.rproto", Text, NoArg, "port of the other end as text", |event, _| {
        one(remote(event), port_text)
    }),
    text_field("fd.l4proto", "tcp, udp, icmp, raw", |event| {
        event.fd.as_ref().and_then(|fd| fd.l4proto.as_deref())
    }),
    text_field("fd.sockfamily", "ip or unix", |event| match typechar(event) {
        Some('4' | '6') => Some("ip"),
        Some('u') => Some("unix"),
        _ => None,
    }),
    field("fd.is_server", Bool, NoArg, "the process is the server of the connection", |event, _| {
        Values::optional(is_client(event).map(|client| Value::Bool(!client)))
    }),
    field("fd.connected", Bool, NoArg, "the connection is up; no value while that is unknown", |event, _| {
        match (event.kind, event.outcome) {
            (EventType::Connect, Outcome::Confirmed(code)) => Values::bool(code == 0),
            (EventType::Accept | EventType::Accept4, Outcome::Confirmed(code)) => Values::bool(code >= 0),
            (EventType::Sendto | EventType::Sendmsg | EventType::Sendmmsg, _) => Values::bool(false),
            _ => Values::Missing,
        }
    }),
    field("fd.name_changed", Bool, NoArg, "the call gave the connection a new address", |event, _| {
        let changes = matches!(
            event.kind,
            EventType::Connect | EventType::Sendto | EventType::Sendmsg | EventType::Sendmmsg
        );
        Values::bool(changes && remote(event).is_some())
    }),
    field(
        "fd.cip.name",
        Text,
        NoArg,
        "name of the client's address, from answers the task got",
        |event, _| names(event, is_client(event)),
    )
    .only(Use::Alone),
    field(
        "fd.sip.name",
        Text,
        NoArg,
        "name of the server's address, from answers the task got",
        |event, _| names(event, is_client(event).map(|client| !client)),
    )
    .only(Use::Alone),
    field("fd.lip.name", Text, NoArg, "name of this end's address, from answers the task got", |event, _| {
        names(event, Some(true))
    })
    .only(Use::Alone),
    field(
        "fd.rip.name",
        Text,
        NoArg,
        "name of the other end's address, from answers the task got",
        |event, _| names(event, Some(false)),
    )
    .only(Use::Alone),
];

fn is_client(event: &Event) -> Option<bool> {
    let fd = event.fd.as_ref()?;
    fd.client.or(match event.kind {
        EventType::Connect | EventType::Sendto | EventType::Sendmsg | EventType::Sendmmsg => Some(true),
        EventType::Bind | EventType::Listen | EventType::Accept | EventType::Accept4 => Some(false),
        _ => None,
    })
}

fn local(event: &Event) -> Option<SocketAddr> {
    event.fd.as_ref().and_then(|fd: &Fd| fd.local)
}

fn remote(event: &Event) -> Option<SocketAddr> {
    event.fd.as_ref().and_then(|fd: &Fd| fd.remote)
}

fn client(event: &Event) -> Option<SocketAddr> {
    if is_client(event)? { local(event) } else { remote(event) }
}

fn server(event: &Event) -> Option<SocketAddr> {
    if is_client(event)? { remote(event) } else { local(event) }
}

/// Names of this end's address, or of the other's.
fn names(event: &Event, this_end: Option<bool>) -> Values<'_> {
    match (event.fd.as_ref(), this_end) {
        (Some(fd), Some(true)) => Values::Names(&fd.local_names),
        (Some(fd), Some(false)) => Values::Names(&fd.remote_names),
        _ => Values::Missing,
    }
}

fn address(end: SocketAddr) -> Value<'static> {
    Value::Ip(match end.ip() {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        address @ IpAddr::V4(_) => address,
    })
}

fn number(end: SocketAddr) -> i64 {
    end.port().into()
}

fn port(end: SocketAddr) -> Value<'static> {
    Value::Int(number(end))
}

fn port_text(end: SocketAddr) -> Value<'static> {
    Value::Text(FieldText::number(end.port().into()))
}

fn one(end: Option<SocketAddr>, read: ReadEnd) -> Values<'static> {
    Values::optional(end.map(read))
}

fn ends(event: &Event, read: ReadEnd) -> Values<'_> {
    let fd = event.fd.as_ref();
    match fd.map(|fd| (&fd.local, &fd.remote)) {
        Some((Some(local), Some(remote))) => Values::Ends([local, remote], read),
        Some((end, other)) => one(end.or(*other), read),
        None => Values::Missing,
    }
}
