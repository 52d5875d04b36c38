//! Processes as rules and people see them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};

/// The longest chain of ancestors that is kept and sent.
pub const MAX_LINEAGE: usize = 32;

/// A process at the moment of an event: an immutable snapshot, shared by every event until it changes. It changes
/// by being cloned: the original keeps the texts that were made of it.
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
    /// Process group id as the process itself sees it (innermost namespace); 0 when unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub vpgid: u32,
    /// User who logged in (audit's login uid); `None` when nobody did, or when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loginuid: Option<u32>,
    /// Home directory in the container's `/etc/passwd`; empty when unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home: String,
    /// Login shell in the container's `/etc/passwd`; empty when unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub shell: String,
    /// Effective capabilities as the kernel's bit mask.
    pub cap_effective: u64,
    /// Permitted capabilities as the kernel's bit mask.
    pub cap_permitted: u64,
    /// Inheritable capabilities as the kernel's bit mask; `None` when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_inheritable: Option<u64>,
    /// The executable's file; `None` when it could not be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_file: Option<ExeFile>,
    /// Standard input, output and error at the start of the program; empty when unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stdio: Vec<StdStream>,
    /// The executable did not come with the image: created, renamed into place or written after the container
    /// started. `None` when that could not be decided.
    pub exe_upper_layer: Option<bool>,
    /// The executable is an anonymous memory file.
    pub exe_from_memfd: bool,
    /// The executable is writable by the process's user.
    pub exe_writable: bool,
    /// Container the process runs in; empty on a plain host.
    pub container_id: String,
    /// By which way the process, or what it descends from, came into the container; `None` when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Id of the ECS Exec session it belongs to (`ecs-execute-command-...`), where that is known; else empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exec_session: String,
    /// Parent's snapshot; the chain ends where the namespace does, or after [`MAX_LINEAGE`].
    pub parent: Option<Arc<Process>>,
    /// Texts made of the other fields, each at most once. Whoever changes a field in place resets them.
    #[serde(skip)]
    pub derived: Derived,
}

/// By which way processes come into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Session {
    /// As the container's own program.
    Entrypoint,
    /// Through ECS Exec: the agent, and what is run in its sessions.
    Exec,
    /// As a health check, or by another way of the container runtime.
    HealthCheck,
}

impl Session {
    /// As rules write it: `entrypoint`, `exec`, `health_check`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Entrypoint => "entrypoint",
            Self::Exec => "exec",
            Self::HealthCheck => "health_check",
        }
    }
}

/// Texts that rules ask of a process again and again. Two of them are always equal, and a clone holds none, so
/// that they play no part in what a process is.
#[derive(Default)]
pub struct Derived {
    cmdline: OnceLock<Box<str>>,
    exeline: OnceLock<Box<str>>,
    args: OnceLock<Box<str>>,
    cwd: OnceLock<Box<str>>,
    env: OnceLock<Box<str>>,
    cap_effective: OnceLock<Box<str>>,
    cap_permitted: OnceLock<Box<str>>,
}

impl Clone for Derived {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Derived {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Derived {}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

/// What the file system says of an executable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExeFile {
    /// Inode number.
    pub inode: u64,
    /// Last change of the inode, nanoseconds since the epoch.
    pub ctime: u64,
    /// Last change of the content, nanoseconds since the epoch.
    pub mtime: u64,
}

/// A standard stream of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StdStream {
    /// Falco's type character, as in [`Fd::typechar`](crate::Fd::typechar); `None` when the stream is closed.
    pub typechar: Option<char>,
    /// Path of a file, or `local->remote` of a connection.
    pub name: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Process {
    /// Command line as Falco prints it: name and arguments joined by blanks (`proc.cmdline`).
    #[must_use]
    pub fn cmdline(&self) -> &str {
        self.derived.cmdline.get_or_init(|| join_after(&self.name, &self.args))
    }

    /// First element of argv and the arguments joined by blanks (`proc.exeline`).
    #[must_use]
    pub fn exeline(&self) -> &str {
        self.derived.exeline.get_or_init(|| join_after(&self.exe, &self.args))
    }

    /// The arguments joined by blanks (`proc.args`).
    #[must_use]
    pub fn args_line(&self) -> &str {
        self.derived.args.get_or_init(|| self.args.join(" ").into())
    }

    /// The working directory, ended by a slash (`proc.cwd`); empty when unknown.
    #[must_use]
    pub fn cwd_directory(&self) -> &str {
        if self.cwd.is_empty() || self.cwd.ends_with('/') {
            return &self.cwd;
        }
        self.derived.cwd.get_or_init(|| format!("{}/", self.cwd).into())
    }

    /// The environment joined by blanks (`proc.env`).
    #[must_use]
    pub fn env_line(&self) -> &str {
        self.derived.env.get_or_init(|| self.env.join(" ").into())
    }

    /// The effective capabilities as text, made by `name` from the mask the first time.
    pub fn cap_effective_text(&self, name: impl FnOnce(u64) -> String) -> &str {
        self.derived.cap_effective.get_or_init(|| name(self.cap_effective).into())
    }

    /// The permitted capabilities as text, made by `name` from the mask the first time.
    pub fn cap_permitted_text(&self, name: impl FnOnce(u64) -> String) -> &str {
        self.derived.cap_permitted.get_or_init(|| name(self.cap_permitted).into())
    }

    /// The process itself, its parent, its parent's parent, and so on.
    pub fn lineage(&self) -> impl Iterator<Item = &Process> {
        std::iter::successors(Some(self), |process| process.parent.as_deref()).take(MAX_LINEAGE + 1)
    }
}

fn join_after(first: &str, args: &[String]) -> Box<str> {
    let mut line = String::from(first);
    for arg in args {
        line.push(' ');
        line.push_str(arg);
    }
    line.into()
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
        assert_eq!(process.args_line(), "-c id");
    }

    #[test]
    fn a_changed_clone_has_its_own_texts() {
        let before = Process { name: "sh".into(), ..Process::default() };
        assert_eq!(before.cmdline(), "sh");
        let mut after = before.clone();
        assert_eq!(before, after);
        after.name = "cat".into();
        assert_eq!((before.cmdline(), after.cmdline()), ("sh", "cat"));
    }
}
