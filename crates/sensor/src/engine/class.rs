//! Classes of events, in the order in which they are kept when not everything can be.

use fargard_model::{Event, EventType};

/// A class of events. The last is given up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Programs that are executed.
    Exec,
    /// Users, capabilities, namespaces, other processes' memory, the kernel.
    Rights,
    /// Connections and listeners.
    Network,
    /// Files.
    Files,
}

impl Class {
    /// All of them, the one that is given up last first.
    pub(crate) const ALL: [Self; 4] = [Self::Exec, Self::Rights, Self::Network, Self::Files];

    /// The class of an event.
    pub(crate) fn of(event: &Event) -> Self {
        Self::of_kind(event.kind)
    }

    /// The class of a call.
    pub(crate) fn of_kind(kind: EventType) -> Self {
        match kind {
            kind if kind.is_exec() => Self::Exec,
            EventType::Socket
            | EventType::Connect
            | EventType::Bind
            | EventType::Listen
            | EventType::Accept
            | EventType::Accept4
            | EventType::Sendto
            | EventType::Sendmsg
            | EventType::Sendmmsg
            | EventType::Asyncevent => Self::Network,
            kind if is_of_files(kind) => Self::Files,
            // What is not known better is kept longest.
            _ => Self::Rights,
        }
    }
}

fn is_of_files(kind: EventType) -> bool {
    kind.is_open()
        || matches!(
            kind,
            EventType::Rename
                | EventType::Renameat
                | EventType::Renameat2
                | EventType::Link
                | EventType::Linkat
                | EventType::Symlink
                | EventType::Symlinkat
                | EventType::Unlink
                | EventType::Unlinkat
                | EventType::Rmdir
                | EventType::Mkdir
                | EventType::Mkdirat
                | EventType::Chmod
                | EventType::Fchmod
                | EventType::Fchmodat
                | EventType::Fchmodat2
                | EventType::Chown
                | EventType::Fchown
                | EventType::Lchown
                | EventType::Fchownat
                | EventType::Mknod
                | EventType::Mknodat
                | EventType::Utime
                | EventType::Utimes
                | EventType::Futimesat
                | EventType::Utimensat
                | EventType::Setxattr
                | EventType::Lsetxattr
                | EventType::Fsetxattr
                | EventType::Truncate
                | EventType::Ftruncate
        )
}

#[cfg(test)]
mod tests {
    use fargard_model::EventType;

    use super::Class;

    #[test]
    fn the_order_is_that_of_giving_up() {
        let mut sorted = Class::ALL;
        sorted.sort_unstable();
        assert_eq!(sorted, Class::ALL);
        for (kind, class) in [
            (EventType::Execve, Class::Exec),
            (EventType::Setuid, Class::Rights),
            (EventType::Ptrace, Class::Rights),
            (EventType::Connect, Class::Network),
            (EventType::Openat, Class::Files),
            (EventType::Renameat2, Class::Files),
        ] {
            assert_eq!(Class::of_kind(kind), class, "{kind:?}");
        }
    }
}
