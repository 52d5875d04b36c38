//! Processes as rules and people see them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest chain of ancestors that is kept and sent.
pub const MAX_LINEAGE: usize = 32;

/// A process at the moment of an event: an immutable snapshot, shared by every event until it changes.
///
/// Strings hold what the process said of itself, as UTF-8 with invalid bytes replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Process id in the sensor's pid namespace.
    pub pid: u32,
    /// Process id as the process itself sees it (innermost namespace).
    pub vpid: u32,
    /// Parent's process id; 0 when the parent is outside the namespace.
    pub ppid: u32,
    /// Short name (`comm`, at most 15 bytes), Falco's `proc.name`.
    pub name: String,
    /// First element of argv, Falco's `proc.exe`.
    pub exe: String,
    /// Path of the executable file, Falco's `proc.exepath`.
    pub exepath: String,
    /// argv without its first element.
    pub args: Vec<String>,
    /// Environment, `NAME=value`; only filled when a loaded rule needs it.
    pub env: Vec<String>,
    /// Working directory.
    pub cwd: String,
    /// Controlling terminal's device number, 0 for none (Falco's `proc.tty`).
    pub tty: u32,
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Name of the user in the container's `/etc/passwd`; empty when unknown.
    pub user: String,
    /// Name of the group in the container's `/etc/group`; empty when unknown.
    pub group: String,
    /// Session leader's process id.
    pub sid: u32,
    /// Name of the session leader (`proc.sname`).
    pub sname: String,
    /// Process group id.
    pub pgid: u32,
    /// Start of the process, nanoseconds since the epoch; 0 when unknown.
    pub started_at: u64,
    /// Effective capabilities as the kernel's bit mask.
    pub cap_effective: u64,
    /// Permitted capabilities as the kernel's bit mask.
    pub cap_permitted: u64,
    /// The executable did not come with the image: created, renamed into place or written after the container
    /// started. `None` when that could not be decided.
    pub exe_upper_layer: Option<bool>,
    /// The executable is an anonymous memory file.
    pub exe_from_memfd: bool,
    /// The executable is writable by the process's user.
    pub exe_writable: bool,
    /// Container the process runs in; empty on a plain host.
    pub container_id: String,
    /// Parent's snapshot; the chain ends where the namespace does, or after [`MAX_LINEAGE`].
    pub parent: Option<Arc<Process>>,
}

impl Process {
    /// Command line as Falco prints it: name and arguments joined by blanks (`proc.cmdline`).
    #[must_use]
    pub fn cmdline(&self) -> String {
        join_after(&self.name, &self.args)
    }

    /// First element of argv and the arguments joined by blanks (`proc.exeline`).
    #[must_use]
    pub fn exeline(&self) -> String {
        join_after(&self.exe, &self.args)
    }

    /// The process itself, its parent, its parent's parent, and so on.
    pub fn lineage(&self) -> impl Iterator<Item = &Process> {
        std::iter::successors(Some(self), |process| process.parent.as_deref()).take(MAX_LINEAGE + 1)
    }
}

fn join_after(first: &str, args: &[String]) -> String {
    let mut line = String::from(first);
    for arg in args {
        line.push(' ');
        line.push_str(arg);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn command_lines_join_with_blanks() {
        let process = Process {
            name: "sh".into(),
            exe: "/bin/sh".into(),
            args: vec!["-c".into(), "id".into()],
            ..Process::default()
        };
        assert_eq!(process.cmdline(), "sh -c id");
        assert_eq!(process.exeline(), "/bin/sh -c id");
    }
}
