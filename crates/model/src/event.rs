//! One thing that happened.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    net::SocketAddr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{Container, EventType, Evidence, Part, Process, Task, Timestamp};

/// Where events come from; the names are those of Falco rules' `source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// System calls of processes in a task.
    #[default]
    Syscall,
    /// CloudTrail records.
    AwsCloudtrail,
    /// VPC flow log records.
    VpcFlow,
    /// State changes ECS reports.
    Ecs,
    /// Lines an application logged.
    AppLog,
}

impl Source {
    /// The name used in rules and on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Syscall => "syscall",
            Self::AwsCloudtrail => "aws_cloudtrail",
            Self::VpcFlow => "vpc_flow",
            Self::Ecs => "ecs",
            Self::AppLog => "app_log",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether the call is known to have succeeded.
///
/// A sensor that answers at the entry of a call sees an attempt; the result is learned later, or never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The call was made; its result is not known.
    #[default]
    Attempt,
    /// The result is known: the return value, or a negative errno.
    Confirmed(i64),
}

/// One argument of a call, named as Falco names it (`evt.arg.name`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// Falco's name of the parameter: `name`, `path`, `flags`, `mode`, `oldpath`, `newpath`, `uid`, ...
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: ArgValue,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgValue {
    /// A number without further meaning: a file descriptor, an id.
    Int(i64),
    /// Text as the process gave it (invalid UTF-8 replaced).
    Text(String),
    /// A path as the process gave it; resolved against the directory in [`Event::paths`].
    Path(String),
    /// Flags: the kernel's bits and Falco's names joined by `|`.
    Flags(u64, Cow<'static, str>),
    /// What was read or written (Falco's `data`), cut to the first bytes.
    Bytes(Vec<u8>),
}

impl fmt::Display for ArgValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) | Self::Path(text) => f.write_str(text),
            Self::Flags(_, names) => f.write_str(names),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| {
                f.write_char(if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' })
            }),
        }
    }
}

/// What a file descriptor or an address argument refers to (Falco's `fd.*`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fd {
    /// Descriptor number, -1 when there is none (yet).
    pub num: i64,
    /// Falco's type character: `f` file, `d` directory, `4` `6` IP sockets, `u` unix socket, `p` pipe, `o` other.
    pub typechar: Option<char>,
    /// Absolute, normalised path of a file, or `local->remote` of a connection (`fd.name`).
    pub name: String,
    /// Path as the process gave it (`fd.nameraw`).
    pub nameraw: String,
    /// Address at this end.
    pub local: Option<SocketAddr>,
    /// Address at the other end.
    pub remote: Option<SocketAddr>,
    /// Names the local address was given for when names were looked up, the latest first (`fd.lip.name`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local_names: Vec<String>,
    /// Names the other address was given for (`fd.rip.name`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_names: Vec<String>,
    /// The process is the client of the connection (false: server). `None` when there is no connection.
    pub client: Option<bool>,
    /// `tcp`, `udp`, `icmp`, `raw` when known (`fd.l4proto`).
    pub l4proto: Option<String>,
    /// Device number of the file's file system as the kernel's `dev_t` (`fd.dev`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<u32>,
    /// Inode number of the file (`fd.ino`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ino: Option<u64>,
    /// The file did not come with the image (`fd.is_upper_layer`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper_layer: Option<bool>,
}

/// One thing that happened, with everything a rule may ask about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Order within its producer; gaps are calls that were not seen.
    pub num: u64,
    /// When the call was entered.
    pub time: Timestamp,
    /// Where the event comes from.
    pub source: Source,
    /// Which call.
    pub kind: EventType,
    /// Thread that made the call.
    pub tid: u32,
    /// The process.
    pub process: Arc<Process>,
    /// Arguments in Falco's order.
    pub args: Vec<Arg>,
    /// Absolute, normalised paths of the call's path arguments, by argument name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<(Cow<'static, str>, String)>,
    /// The file or connection the call is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<Fd>,
    /// What is known of the result.
    #[serde(default)]
    pub outcome: Outcome,
    /// Which fields the kernel's tables confirmed, and where they differ from what was asked.
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
    /// The task.
    pub task: Arc<Task>,
    /// The container.
    pub container: Arc<Container>,
}

impl Event {
    /// The argument of that name.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<&ArgValue> {
        self.args.iter().find(|arg| arg.name == name).map(|arg| &arg.value)
    }

    /// The normalised path of the argument of that name.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&str> {
        self.paths.iter().find(|(arg, _)| arg == name).map(|(_, path)| path.as_str())
    }

    /// The parts of this call that a look at the kernel's tables can confirm.
    #[must_use]
    pub fn confirmable(&self) -> &'static [Part] {
        match self.kind {
            _ if self.source != Source::Syscall => &[],
            kind if kind.is_exec() => &[Part::Program, Part::Arguments, Part::Name],
            kind if kind.is_open() => &[Part::Path, Part::Descriptor],
            EventType::Connect
            | EventType::Bind
            | EventType::Sendto
            | EventType::Sendmsg
            | EventType::Sendmmsg
                if self.fd.is_some() =>
            {
                &[Part::Address]
            }
            EventType::Dup2 | EventType::Dup3 => &[Part::Descriptor],
            _ if !self.paths.is_empty() => &[Part::Path],
            _ => &[],
        }
    }

    /// Bits of the `flags` argument.
    #[must_use]
    pub fn flag_bits(&self) -> Option<u64> {
        match self.arg("flags") {
            Some(ArgValue::Flags(bits, _)) => Some(*bits),
            _ => None,
        }
    }

    /// An open that asks for writing, creating or truncating (Falco's `evt.is_open_write`): access mode
    /// `O_WRONLY` or `O_RDWR`. `creat` always writes.
    #[must_use]
    pub fn is_open_write(&self) -> bool {
        self.kind == EventType::Creat
            || (self.kind.is_open() && self.flag_bits().is_some_and(|bits| bits & 0o3 != 0))
    }

    /// An open that asks for reading (`evt.is_open_read`): access mode `O_RDONLY` or `O_RDWR`.
    #[must_use]
    pub fn is_open_read(&self) -> bool {
        self.kind.is_open()
            && self.kind != EventType::Creat
            && self.flag_bits().is_some_and(|bits| bits & 0o3 != 1)
    }
}
