//! The kernel: its version, seccomp, capabilities.

use super::{Facts, read, yama_scope};
use crate::sys::{
    probing::{self, in_child},
    seccomp,
};

/// Names of capabilities by number (`linux/capability.h`).
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

pub(super) fn ask(facts: &mut Facts) {
    let uname = rustix::system::uname();
    facts.is("kernel", "kernel release", uname.release().to_string_lossy());
    facts.is("arch", "architecture", uname.machine().to_string_lossy());
    seccomp_of(facts);
    rights(facts);
}

fn seccomp_of(facts: &mut Facts) {
    let (notify, trace) = crate::capture::notify_action();
    facts.whether("seccomp_notify", "seccomp: notify", seccomp::knows_action(notify), "");
    facts.whether("seccomp_trace", "seccomp: trace", seccomp::knows_action(trace), "");
    // SECCOMP_RET_ERRNO
    facts.whether("seccomp_errno", "seccomp: errno", seccomp::knows_action(0x0005_0000), "");
    facts.result("listener", "seccomp: a listener can be made", in_child(|| probing::listen(false)));
    facts.result(
        "wait_killable_recv",
        "seccomp: WAIT_KILLABLE_RECV (no EINTR)",
        in_child(|| probing::listen(true)),
    );
    facts.result("sync_wake_up", "seccomp: SYNC_WAKE_UP (faster)", in_child(probing::sync_wake_up));
    facts.result("addfd", "seccomp: ADDFD (results of opens)", in_child(probing::add_descriptor));
    facts.whether("tsync_esrch", "seccomp: TSYNC_ESRCH (running threads)", seccomp::knows_thread_sync(), "");
}

fn rights(facts: &mut Facts) {
    let status = read("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .unwrap_or("?")
    };
    facts.is(
        "seccomp_mode",
        "seccomp mode already in force",
        match field("Seccomp") {
            "0" => "none",
            "1" => "strict",
            "2" => "a filter (the runtime's profile)",
            other => other,
        },
    );
    facts.whether("no_new_privs", "no_new_privs already set", field("NoNewPrivs") == "1", "");
    let user = field("Uid").split_whitespace().nth(1).unwrap_or("?").to_owned();
    facts.is("user", "effective user", user);
    for (id, what, name) in [
        ("cap_effective", "capabilities, effective", "CapEff"),
        ("cap_bounding", "capabilities, bounding", "CapBnd"),
    ] {
        facts.is(id, what, capabilities(u64::from_str_radix(field(name), 16).unwrap_or(0)));
    }
    let scope = yama_scope();
    facts.is(
        "yama",
        "Yama ptrace_scope",
        match scope {
            0 => "0 (or no Yama): tracing is not restricted further".to_owned(),
            1 => "1: only descendants may be traced, unless with SYS_PTRACE".to_owned(),
            2 => "2: tracing needs SYS_PTRACE".to_owned(),
            _ => format!("{scope}: no tracing"),
        },
    );
}

fn capabilities(set: u64) -> String {
    let names: Vec<String> = (0..64)
        .filter(|number| set >> number & 1 == 1)
        .map(|number: usize| {
            CAPABILITIES.get(number).map_or_else(|| number.to_string(), |name| (*name).to_owned())
        })
        .collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count >= CAPABILITIES.len() => format!("all ({count})"),
        _ => names.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::capabilities;

    #[test]
    fn capabilities_have_names() {
        assert_eq!(capabilities(0), "none");
        assert_eq!(capabilities(1 << 19 | 1 << 13), "NET_RAW SYS_PTRACE");
        assert_eq!(capabilities(1 << 45), "45");
        assert_eq!(capabilities((1 << 41) - 1), "all (41)");
    }
}
