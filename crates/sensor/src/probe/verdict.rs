//! What will work, from what was found out.

use serde::Serialize;

use super::{Answer, Fact};

/// Whether a part of the sensor will work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which part.
    pub part: &'static str,
    /// What will work, and what would help.
    pub says: String,
}

/// Says what will work of a part.
type Judge = fn(&Known<'_>) -> String;

/// The parts in order.
pub(super) fn verdicts(facts: &[Fact]) -> Vec<Verdict> {
    let known = Known(facts);
    let parts: [(&'static str, Judge); 8] = [
        ("backend", backend),
        ("arguments", arguments),
        ("results", results),
        ("sensitive reads", leases),
        ("processes not started by it", attach),
        ("network", network),
        ("prevention", prevention),
        ("setuid programs", setuid),
    ];
    parts.into_iter().map(|(part, says)| Verdict { part, says: says(&known) }).collect()
}

struct Known<'a>(&'a [Fact]);

impl Known<'_> {
    fn yes(&self, id: &str) -> bool {
        self.0.iter().any(|fact| fact.id == id && fact.answer == Answer::Yes)
    }

    fn detail(&self, id: &str) -> &str {
        self.0.iter().find(|fact| fact.id == id).map_or("", |fact| fact.detail.as_str())
    }

    fn has_capability(&self, name: &str) -> bool {
        let own = self.detail("cap_effective");
        own.starts_with("all") || own.split(' ').any(|one| one == name)
    }

    fn notifies(&self) -> bool {
        self.yes("seccomp_notify") && self.yes("listener")
    }

    fn traces(&self) -> bool {
        self.yes("seccomp_trace") && self.yes("ptrace_child")
    }
}

fn backend(known: &Known<'_>) -> String {
    if !known.notifies() {
        let why = known.detail("listener");
        let why = if why.is_empty() { String::new() } else { format!(" (no listener: {why})") };
        return match known.traces() {
            true => format!("trace: calls are seen by tracing, which costs more{why}"),
            false => format!("none: system calls cannot be seen here; checks still run{why}"),
        };
    }
    match known.yes("wait_killable_recv") {
        true => "notify: calls are seen by user notification".to_owned(),
        false => "notify; handlers without SA_RESTART may see EINTR (no WAIT_KILLABLE_RECV)".to_owned(),
    }
}

fn arguments(known: &Known<'_>) -> String {
    match (known.yes("vm_readv") || known.yes("proc_mem"), known.has_capability("SYS_PTRACE")) {
        (false, _) => "no: memory cannot be read, so paths and arguments are missing".to_owned(),
        (true, true) => "yes, of processes of every user".to_owned(),
        (true, false) => {
            "yes; of processes that change their user only with the SYS_PTRACE capability".to_owned()
        }
    }
}

/// What a call came to is looked for after it was answered, whatever the kernel would allow besides.
fn results(_: &Known<'_>) -> String {
    "looked up in /proc only".to_owned()
}

fn leases(known: &Known<'_>) -> String {
    match (known.yes("lease_root"), known.yes("lease_own"), known.yes("inotify")) {
        (true, ..) => "by leases: who opens a file is named, other opens cost nothing".to_owned(),
        (false, true, _) => {
            format!("leases on own files only ({}); run it as root", known.detail("lease_root"))
        }
        (false, false, true) => "by inotify: that a file is opened, not who does".to_owned(),
        (false, false, false) => "only by stopping every open for reading".to_owned(),
    }
}

fn attach(known: &Known<'_>) -> String {
    let late = known.notifies() && known.yes("pidfd_getfd") && known.yes("tsync_esrch");
    match (known.yes("ptrace_first") || known.has_capability("SYS_PTRACE"), late) {
        (true, true) => "can be followed, and a filter put on them".to_owned(),
        (true, false) => "can be followed; no filter can be put on them".to_owned(),
        (false, _) => format!(
            "only those of the same user can be followed (ptrace of PID 1: {}); add the SYS_PTRACE capability",
            known.detail("ptrace_first")
        ),
    }
}

fn network(known: &Known<'_>) -> String {
    let packets = match known.yes("packet") {
        true => "DNS and connections from packets".to_owned(),
        false => format!("no packets ({})", known.detail("packet")),
    };
    let sockets = if known.yes("sock_diag") { "sockets of every process" } else { "no list of sockets" };
    format!("{packets}; {sockets}")
}

fn prevention(known: &Known<'_>) -> String {
    let deny = if known.notifies() { "calls can be denied" } else { "calls cannot be denied (needs notify)" };
    let kill = match (known.yes("pidfd_send_signal"), known.has_capability("KILL")) {
        (true, true) => "processes can be killed",
        (true, false) => "processes of the same user can be killed",
        (false, _) => "processes cannot be killed safely (no pidfd_send_signal)",
    };
    format!("{deny}; {kill}")
}

fn setuid(known: &Known<'_>) -> String {
    match known.has_capability("SYS_ADMIN") {
        true => "keep their rights under the sensor".to_owned(),
        false => "gain no rights under the sensor (a filter needs no_new_privs without SYS_ADMIN)".to_owned(),
    }
}
