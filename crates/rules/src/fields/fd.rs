//! `fd.*`: the file or connection the call is about.

use std::net::{IpAddr, SocketAddr};

use fargard_model::{Event, EventType, Fd, Outcome, event::ArgValue};

use super::{
    ArgKind::None as NoArg,
    Field, FieldArg,
    FieldType::{Bool, Int, Ip, Net, Port, Text},
    Text as FieldText, Value, Values, field, null,
};

const NAMED: &str = "addresses are not resolved to names";
const INODE: &str = "device and inode are not recorded";
const SERVICE: &str = "ports are not turned into service names";

pub(super) const FIELDS: &[Field] = &[
    Field {
        while_attempt: Some(expected_number),
        ..field("fd.num", Int, NoArg, "descriptor number", |event, _| {
            number(event).map_or(Values::Missing, Values::int)
        })
    },
    field("fd.type", Text, NoArg, "type: file, directory, ipv4, ipv6, unix, pipe, ...", |event, _| {
        typechar(event).map_or(Values::Missing, |char| Values::text(type_name(char)))
    }),
    field(
        "fd.typechar",
        Text,
        NoArg,
        "type: f file, d directory, 4 6 IP, u unix, p pipe, o other",
        |event, _| typechar(event).map_or(Values::Missing, |char| Values::text(type_text(char))),
    ),
    field("fd.name", Text, NoArg, "resolved path, or local->remote", |event, _| {
        name(event).map_or(Values::Missing, Values::text)
    }),
    field("fd.nameraw", Text, NoArg, "path as the process gave it", |event, _| {
        event.fd.as_ref().map_or(Values::Missing, |fd| Values::known(&fd.nameraw))
    }),
    field("fd.directory", Text, NoArg, "directory of a file", |event, _| {
        path(event).map_or(Values::Missing, |path| Values::text(directory(path)))
    }),
    field("fd.filename", Text, NoArg, "last part of a file's path", |event, _| {
        path(event).map_or(Values::Missing, |path| Values::text(path.rsplit('/').next().unwrap_or(path)))
    }),
    field("fd.ip", Ip, NoArg, "address of either end", |event, _| ends(event, address)),
    field("fd.cip", Ip, NoArg, "client's address", |event, _| one(client(event), address)),
    field("fd.sip", Ip, NoArg, "server's address", |event, _| one(server(event), address)),
    field("fd.lip", Ip, NoArg, "address of this end", |event, _| one(local(event), address)),
    field("fd.rip", Ip, NoArg, "address of the other end", |event, _| one(remote(event), address)),
    field("fd.net", Net, NoArg, "address of either end, for networks", |event, _| ends(event, address)),
    field("fd.cnet", Net, NoArg, "client's address, for networks", |event, _| one(client(event), address)),
    field("fd.snet", Net, NoArg, "server's address, for networks", |event, _| one(server(event), address)),
    field("fd.lnet", Net, NoArg, "address of this end, for networks", |event, _| one(local(event), address)),
    field("fd.rnet", Net, NoArg, "address of the other end, for networks", |event, _| {
        one(remote(event), address)
    }),
    field("fd.port", Port, NoArg, "port of either end", |event, _| ends(event, port)),
    field("fd.cport", Port, NoArg, "client's port", |event, _| one(client(event), port)),
    field("fd.sport", Port, NoArg, "server's port", |event, _| one(server(event), port)),
    field("fd.lport", Port, NoArg, "port of this end", |event, _| one(local(event), port)),
    field("fd.rport", Port, NoArg, "port of the other end", |event, _| one(remote(event), port)),
    field("fd.l4proto", Text, NoArg, "tcp, udp, icmp, raw", |event, _| {
        Values::optional(
            event.fd.as_ref().and_then(|fd| fd.l4proto.as_deref()).map(|name| Value::Text(name.into())),
        )
    }),
    field("fd.sockfamily", Text, NoArg, "ip or unix", |event, _| match typechar(event) {
        Some('4' | '6') => Values::text("ip"),
        Some('u') => Values::text("unix"),
        _ => Values::Missing,
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
    null("fd.uid", Text, NoArg, "descriptor and process id in one text"),
    null("fd.containername", Text, NoArg, "container and name in one text"),
    null("fd.containerdirectory", Text, NoArg, "container and directory in one text"),
    null("fd.proto", Text, NoArg, SERVICE),
    null("fd.cproto", Text, NoArg, SERVICE),
    null("fd.sproto", Text, NoArg, SERVICE),
    null("fd.lproto", Text, NoArg, SERVICE),
    null("fd.rproto", Text, NoArg, SERVICE),
    null("fd.cip.name", Text, NoArg, NAMED),
    null("fd.sip.name", Text, NoArg, NAMED),
    null("fd.lip.name", Text, NoArg, NAMED),
    null("fd.rip.name", Text, NoArg, NAMED),
    null("fd.dev", Int, NoArg, INODE),
    null("fd.dev.major", Int, NoArg, INODE),
    null("fd.dev.minor", Int, NoArg, INODE),
    null("fd.ino", Int, NoArg, INODE),
    Field { list: true, ..null("fd.types", Text, NoArg, "of poll and select, which are not observed") },
    null("fd.is_upper_layer", Bool, NoArg, INODE),
    null("fd.is_lower_layer", Bool, NoArg, INODE),
];

/// What `fd.num` is for a condition while an open's result is unknown: the largest descriptor number there can
/// be. So `fd.num >= 0`, Falco's way to say "the open worked", holds for an attempt, and no test for one of the
/// standard streams does.
const EXPECTED_NUMBER: i64 = i32::MAX as i64;

/// The number; that of an open is its result.
fn number(event: &Event) -> Option<i64> {
    let known = event.fd.as_ref().map(|fd| fd.num).filter(|number| *number >= 0);
    match (known, event.outcome) {
        (None, Outcome::Confirmed(code)) if event.kind.is_open() && code >= 0 => Some(code),
        (known, _) => known,
    }
}

fn expected_number<'e>(event: &'e Event, _: &FieldArg) -> Values<'e> {
    match number(event) {
        Some(number) => Values::int(number),
        None if event.kind.is_open() => Values::int(EXPECTED_NUMBER),
        None => Values::Missing,
    }
}

/// `O_DIRECTORY` on x86-64; arm64 has it at another bit, so the flags' names decide.
fn opens_directory(event: &Event) -> bool {
    match event.arg("flags") {
        Some(ArgValue::Flags(_, names) | ArgValue::Text(names)) => names.contains("O_DIRECTORY"),
        _ => false,
    }
}

/// The type. An open whose file could not be looked at is taken for a regular file unless it asks for a directory.
fn typechar(event: &Event) -> Option<char> {
    let known = event.fd.as_ref().and_then(|fd| fd.typechar);
    if known.is_some() || !event.kind.is_open() {
        return known;
    }
    Some(if opens_directory(event) { 'd' } else { 'f' })
}

/// The character as text.
fn type_text(typechar: char) -> FieldText<'static> {
    const KNOWN: &str = "fd46upeslitbmro";
    match KNOWN.find(typechar).and_then(|at| KNOWN.get(at..=at)) {
        Some(known) => known.into(),
        None => typechar.to_string().into(),
    }
}

fn type_name(typechar: char) -> &'static str {
    match typechar {
        'f' => "file",
        'd' => "directory",
        '4' => "ipv4",
        '6' => "ipv6",
        'u' => "unix",
        'p' => "pipe",
        'e' => "event",
        's' => "signalfd",
        'l' => "eventpoll",
        'i' => "inotify",
        't' => "timerfd",
        'b' => "bpf",
        'm' => "memfd",
        'r' => "io_uring",
        _ => "other",
    }
}

fn name(event: &Event) -> Option<&str> {
    let known = event.fd.as_ref().map(|fd| fd.name.as_str()).filter(|name| !name.is_empty());
    if known.is_some() || !event.kind.is_open() {
        return known;
    }
    event.path("name")
}

fn path(event: &Event) -> Option<&str> {
    let is_file = typechar(event).is_some_and(|char| matches!(char, 'f' | 'd'));
    name(event).filter(|name| is_file && name.starts_with('/'))
}

fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) if at > 0 => path.get(..at).unwrap_or_default(),
        _ => "/",
    }
}

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

fn address(end: SocketAddr) -> Value<'static> {
    Value::Ip(match end.ip() {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        address @ IpAddr::V4(_) => address,
    })
}

fn port(end: SocketAddr) -> Value<'static> {
    Value::Int(end.port().into())
}

fn one(end: Option<SocketAddr>, read: fn(SocketAddr) -> Value<'static>) -> Values<'static> {
    Values::optional(end.map(read))
}

fn ends(event: &Event, read: fn(SocketAddr) -> Value<'static>) -> Values<'static> {
    match (local(event), remote(event)) {
        (Some(local), Some(remote)) => Values::Ends([read(local), read(remote)]),
        (end, other) => one(end.or(other), read),
    }
}
