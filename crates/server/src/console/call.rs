//! An event as people read it: the call with its arguments, what it was about, and what is known of its result.

use fargard_model::{Event, Outcome, Process, Timestamp};

use super::{badge::Badge, text, when::When};

/// Most arguments of a process shown one by one.
const MOST_ARGS: usize = 200;

/// A call.
pub(super) struct Call {
    /// Name of the call.
    pub(super) name: &'static str,
    /// When it was entered.
    pub(super) time: When,
    /// Names and values of its arguments.
    pub(super) args: Vec<(String, String)>,
    /// The file or the connection.
    pub(super) target: String,
    /// `File`, `Connection`, ...
    pub(super) target_kind: &'static str,
    /// More about the file or the connection.
    pub(super) target_facts: Vec<(&'static str, String)>,
    /// What is known of the result.
    pub(super) outcome: Badge,
    /// The same in a sentence.
    pub(super) outcome_text: String,
    /// Name of the process.
    pub(super) process: String,
    /// Its id.
    pub(super) pid: u32,
    /// Its command line.
    pub(super) command: String,
    /// Container.
    pub(super) container: String,
}

impl Call {
    /// The call of an event.
    pub(super) fn new(event: &Event, now: Timestamp) -> Self {
        Self {
            name: event.kind.name(),
            time: When::new(event.time, now),
            args: event
                .args
                .iter()
                .take(MOST_ARGS)
                .map(|arg| (text::line(&arg.name, 40), text::line(&arg.value.to_string(), text::LONG)))
                .collect(),
            target: target(event),
            target_kind: target_kind(event),
            target_facts: target_facts(event),
            outcome: Badge::of_outcome(event.outcome),
            outcome_text: outcome_text(event),
            process: text::line(&event.process.name, 40),
            pid: event.process.pid,
            command: text::line(event.process.cmdline(), text::CELL * 2),
            container: text::line(&event.container.name, 80),
        }
    }
}

fn target(event: &Event) -> String {
    if let Some(fd) = event.fd.as_ref().filter(|fd| !fd.name.is_empty()) {
        return text::line(&fd.name, text::LONG);
    }
    let paths: Vec<&str> = event.paths.iter().map(|(_, path)| path.as_str()).collect();
    text::line(&paths.join(" → "), text::LONG)
}

fn target_kind(event: &Event) -> &'static str {
    match event.fd.as_ref().and_then(|fd| fd.typechar) {
        Some('d') => "Directory",
        Some('4' | '6') => "Connection",
        Some('u') => "Unix socket",
        Some('p') => "Pipe",
        Some('f') => "File",
        _ if event.paths.len() > 1 => "Files",
        _ if !event.paths.is_empty() => "File",
        _ => "Object",
    }
}

fn target_facts(event: &Event) -> Vec<(&'static str, String)> {
    let Some(fd) = &event.fd else { return Vec::new() };
    let mut facts = Vec::new();
    if !fd.nameraw.is_empty() && fd.nameraw != fd.name {
        facts.push(("As given", text::line(&fd.nameraw, text::LONG)));
    }
    if let Some(remote) = fd.remote {
        facts.push(("Remote", remote.to_string()));
    }
    if let Some(local) = fd.local {
        facts.push(("Local", local.to_string()));
    }
    if let Some(protocol) = &fd.l4proto {
        facts.push(("Protocol", text::line(protocol, 20)));
    }
    if let Some(client) = fd.client {
        facts.push(("Role", if client { "client" } else { "server" }.to_owned()));
    }
    if fd.num >= 0 {
        facts.push(("Descriptor", fd.num.to_string()));
    }
    facts
}

fn outcome_text(event: &Event) -> String {
    const IN_PROGRESS: i64 = -115;
    match event.outcome {
        Outcome::Attempt => {
            "The call was seen when it was made; its result was not. It may have been refused.".to_owned()
        }
        Outcome::Confirmed(IN_PROGRESS) => {
            "The kernel began it (EINPROGRESS); its end was not seen.".to_owned()
        }
        Outcome::Confirmed(result) if result < 0 => {
            format!("It was refused with {}.", errno(result.unsigned_abs()))
        }
        Outcome::Confirmed(result) => format!("The kernel did it and returned {result}."),
    }
}

/// The name and number of an error, as in the kernel's `errno-base.h` and `errno.h`.
fn errno(number: u64) -> String {
    const NAMES: [(u64, &str); 24] = [
        (1, "EPERM"),
        (2, "ENOENT"),
        (4, "EINTR"),
        (5, "EIO"),
        (7, "E2BIG"),
        (8, "ENOEXEC"),
        (11, "EAGAIN"),
        (12, "ENOMEM"),
        (13, "EACCES"),
        (16, "EBUSY"),
        (17, "EEXIST"),
        (20, "ENOTDIR"),
        (21, "EISDIR"),
        (22, "EINVAL"),
        (26, "ETXTBSY"),
        (28, "ENOSPC"),
        (30, "EROFS"),
        (38, "ENOSYS"),
        (39, "ENOTEMPTY"),
        (40, "ELOOP"),
        (98, "EADDRINUSE"),
        (101, "ENETUNREACH"),
        (110, "ETIMEDOUT"),
        (111, "ECONNREFUSED"),
    ];
    match NAMES.iter().find(|(value, _)| *value == number) {
        Some((_, name)) => format!("{name} (error {number})"),
        None => format!("error {number}"),
    }
}

/// A process in the tree.
pub(super) struct Node {
    /// Short name.
    pub(super) name: String,
    /// Process id.
    pub(super) pid: u32,
    /// Path of the executable.
    pub(super) exepath: String,
    /// argv[0] where it does not tell the same as the path.
    pub(super) exe: String,
    /// The arguments, joined as a shell would take them.
    pub(super) args: String,
    /// `root (0)`.
    pub(super) user: String,
    /// Effective user where it is another one.
    pub(super) effective: Option<u32>,
    /// Working directory.
    pub(super) cwd: String,
    /// When it started, if known.
    pub(super) started: Option<When>,
    /// What is unusual about it.
    pub(super) signs: Vec<&'static str>,
    /// The process that made the call.
    pub(super) acting: bool,
}

/// The process of an event under its ancestors, the oldest first.
pub(super) fn lineage(process: &Process, now: Timestamp) -> Vec<Node> {
    let mut nodes: Vec<Node> = process.lineage().map(|process| Node::new(process, now)).collect();
    if let Some(acting) = nodes.first_mut() {
        acting.acting = true;
    }
    nodes.reverse();
    nodes
}

impl Node {
    fn new(process: &Process, now: Timestamp) -> Self {
        let user = if process.user.is_empty() {
            format!("uid {}", process.uid)
        } else {
            format!("{} ({})", text::line(&process.user, 40), process.uid)
        };
        let tells_more =
            process.exe != process.exepath && !process.exepath.ends_with(&format!("/{}", process.exe));
        Self {
            name: text::line(&process.name, 40),
            pid: process.pid,
            exepath: text::line(&process.exepath, text::LONG),
            exe: if tells_more { text::line(&process.exe, text::CELL) } else { String::new() },
            args: args(&process.args),
            user,
            effective: (process.euid != process.uid).then_some(process.euid),
            cwd: text::line(&process.cwd, text::LONG),
            started: (process.started_at > 0).then(|| When::new(Timestamp(process.started_at), now)),
            signs: signs(process),
            acting: false,
        }
    }
}

fn signs(process: &Process) -> Vec<&'static str> {
    let mut signs = Vec::new();
    if process.exe_upper_layer == Some(true) {
        signs.push("not in the image");
    }
    if process.exe_from_memfd {
        signs.push("runs from memory");
    }
    // Root may write every file: that says nothing.
    if process.exe_writable && process.euid != 0 {
        signs.push("executable is writable");
    }
    if process.tty != 0 {
        signs.push("has a terminal");
    }
    signs
}

/// Arguments in one line; those with blanks or nothing in them are quoted.
fn args(args: &[String]) -> String {
    let shown: Vec<String> = args
        .iter()
        .take(MOST_ARGS)
        .map(|arg| {
            let plain =
                !arg.is_empty() && !arg.contains(|c: char| c.is_whitespace() || "'\"$`;&|<>()".contains(c));
            if plain { arg.clone() } else { format!("'{}'", arg.replace('\'', "'\\''")) }
        })
        .collect();
    text::line(&shown.join(" "), text::LONG)
}
