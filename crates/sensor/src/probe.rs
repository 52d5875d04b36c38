//! What the kernel and the container allow, for people who want to know before they rely on it.

use std::{fmt, path::Path};

use fargard_model::bounded;

use crate::sys::{process, seccomp};

const CAP_SYS_PTRACE: u32 = 19;
const CAP_SYS_ADMIN: u32 = 21;
const MAX_FILE: usize = 64 << 10;

/// Restriction of tracing by the Yama module, 0 where there is none.
pub(crate) fn yama_scope() -> u32 {
    bounded::read_to_string(Path::new("/proc/sys/kernel/yama/ptrace_scope"), 64)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// What was found out.
#[derive(Clone, Debug)]
pub struct Probe {
    kernel: String,
    seccomp_mode: String,
    capabilities: Vec<&'static str>,
    yama: u32,
    user_notification: bool,
    wait_killable: bool,
    trace_action: bool,
    read_memory: bool,
}

impl Probe {
    /// Asks the kernel; changes nothing.
    #[must_use]
    pub fn run() -> Self {
        let uname = rustix::system::uname();
        let status = bounded::read_to_string(Path::new("/proc/self/status"), MAX_FILE).unwrap_or_default();
        let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:")).map(str::trim);
        let capabilities = [(CAP_SYS_PTRACE, "SYS_PTRACE"), (CAP_SYS_ADMIN, "SYS_ADMIN")];
        let word = 7u64;
        let mut bytes = [0; 8];
        let address = (&raw const word).expose_provenance() as u64;
        let notif = super::capture::notify_action();
        Self {
            kernel: format!(
                "{} {} {}",
                uname.sysname().to_string_lossy(),
                uname.release().to_string_lossy(),
                uname.machine().to_string_lossy()
            ),
            seccomp_mode: match mode {
                Some("0") => "none".to_owned(),
                Some("2") => "a filter is already in place".to_owned(),
                other => other.unwrap_or("unknown").to_owned(),
            },
            capabilities: capabilities
                .into_iter()
                .filter(|(number, _)| process::has_capability(*number))
                .map(|(_, name)| name)
                .collect(),
            yama: yama_scope(),
            user_notification: seccomp::knows_action(notif.0) && seccomp::knows_listener(),
            wait_killable: seccomp::knows_wait_killable(),
            trace_action: seccomp::knows_action(notif.1),
            read_memory: crate::sys::memory::read(std::process::id(), address, &mut bytes) == Some(8),
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.user_notification, self.trace_action) {
            (true, _) => "notify: calls are seen by user notification",
            (false, true) => "trace: calls are seen by tracing, which costs more",
            (false, false) => "none: system calls cannot be seen here; checks still run",
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |known| if known { "yes" } else { "no" };
        let has = |name| yes(self.capabilities.contains(&name));
        for (name, value) in [
            ("kernel", self.kernel.as_str()),
            ("seccomp", &self.seccomp_mode),
            ("user notification", yes(self.user_notification)),
            ("  without interruption (WAIT_KILLABLE_RECV)", yes(self.wait_killable)),
            ("trace action", yes(self.trace_action)),
            ("process_vm_readv", yes(self.read_memory)),
            ("capability SYS_PTRACE", has("SYS_PTRACE")),
            ("capability SYS_ADMIN", has("SYS_ADMIN")),
            ("Yama", if self.yama == 0 { "does not restrict tracing" } else { "restricts tracing" }),
            ("works here", self.verdict()),
        ] {
            writeln!(f, "{name:<46} {value}")?;
        }
        if !self.capabilities.contains(&"SYS_ADMIN") {
            writeln!(
                f,
                "Without SYS_ADMIN a watched command and its children gain no rights by setuid programs."
            )?;
        }
        if !self.capabilities.contains(&"SYS_PTRACE") {
            writeln!(
                f,
                "Without SYS_PTRACE paths and arguments of processes of other users may be missing."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Probe;

    #[test]
    fn the_report_ends_with_what_works() {
        let text = Probe::run().to_string();
        assert!(text.contains("works here"), "{text}");
        assert!(text.starts_with("kernel"), "{text}");
    }
}
