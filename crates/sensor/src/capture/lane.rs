//! What comes first when not everything can be kept: each class of calls has its lane in the ring, and within the
//! lane a limit above which it is shed.

use fargard_model::{EventType as E, trap::OPEN_WRITE_FLAGS};

use super::{
    calls::{self, Call},
    layout::Word,
};
use crate::raw::Head;

/// A part of the ring with its own bytes: however full one is, the other has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Execution, rights, network and everything rare.
    Important,
    /// Opens and changes of files.
    File,
}

impl Lane {
    pub(super) const ALL: [Self; 2] = [Self::Important, Self::File];
}

/// A class of calls, in the order in which they are shed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Opens for reading only.
    Read,
    /// Opens for writing, changes of names and rights of files.
    File,
    Network,
    /// Users, rights, the kernel, other processes.
    Privilege,
    Exec,
}

impl Class {
    #[cfg(test)]
    pub(super) const ALL: [Self; 5] = [Self::Read, Self::File, Self::Network, Self::Privilege, Self::Exec];

    /// The class of a call.
    pub(super) fn of(head: &Head) -> Self {
        Self::of_call(calls::lookup(head.arch, head.nr), head)
    }

    /// The class of a call that was looked up.
    pub(super) fn of_call(call: Option<&Call>, head: &Head) -> Self {
        let Some(call) = call else { return Self::Privilege };
        if call.kind.is_open() {
            // `creat` has no flags and writes always; those of `openat2` lie in memory.
            let flags = match call.kind {
                E::Open => head.args[1],
                E::Openat => head.args[2],
                _ => return Self::File,
            };
            return if flags & u64::from(OPEN_WRITE_FLAGS) == 0 { Self::Read } else { Self::File };
        }
        match call.kind {
            E::Execve | E::Execveat => Self::Exec,
            E::Socket
            | E::Connect
            | E::Bind
            | E::Listen
            | E::Accept
            | E::Accept4
            | E::Sendto
            | E::Sendmsg
            | E::Sendmmsg => Self::Network,
            E::Rename
            | E::Renameat
            | E::Renameat2
            | E::Unlink
            | E::Unlinkat
            | E::Rmdir
            | E::Mkdir
            | E::Mkdirat
            | E::Chmod
            | E::Fchmod
            | E::Fchmodat
            | E::Fchmodat2
            | E::Chown
            | E::Lchown
            | E::Fchown
            | E::Fchownat
            | E::Link
            | E::Linkat
            | E::Symlink
            | E::Symlinkat
            | E::Utime
            | E::Utimes
            | E::Futimesat
            | E::Utimensat
            | E::Setxattr
            | E::Lsetxattr
            | E::Fsetxattr
            | E::Truncate
            | E::Ftruncate => Self::File,
            _ => Self::Privilege,
        }
    }

    pub(super) fn lane(self) -> Lane {
        match self {
            Self::Read | Self::File => Lane::File,
            Self::Network | Self::Privilege | Self::Exec => Lane::Important,
        }
    }

    /// How much of its lane of `len` bytes may be used with a record of this class in it.
    pub(super) fn limit(self, len: u64) -> u64 {
        match self {
            Self::Read | Self::Network => len / 2,
            Self::Privilege => len / 4 * 3,
            Self::File | Self::Exec => len,
        }
    }

    /// Counts what was shed.
    pub(super) fn lost(self) -> Word {
        match self {
            Self::Read => Word::LostRead,
            Self::File => Word::LostFile,
            Self::Network => Word::LostNetwork,
            Self::Privilege => Word::LostPrivilege,
            Self::Exec => Word::LostExec,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::calls::{I386, NATIVE},
        Class, Lane,
    };
    use crate::raw::Head;

    #[test]
    fn calls_have_the_class_they_are_known_for() {
        let class = |nr: libc::c_long, args| {
            Class::of(&Head { nr: nr as i32, arch: NATIVE, args, ..Head::default() })
        };
        let none = [0; 6];
        assert_eq!(class(libc::SYS_execve, none), Class::Exec);
        assert_eq!(class(libc::SYS_connect, none), Class::Network);
        assert_eq!(class(libc::SYS_setuid, none), Class::Privilege);
        assert_eq!(class(libc::SYS_unlinkat, none), Class::File);
        assert_eq!(class(libc::SYS_openat, none), Class::Read);
        assert_eq!(class(libc::SYS_openat, [0, 0, libc::O_CLOEXEC as u64, 0, 0, 0]), Class::Read);
        assert_eq!(class(libc::SYS_openat, [0, 0, libc::O_CREAT as u64, 0, 0, 0]), Class::File);
        assert_eq!(class(libc::SYS_openat2, none), Class::File);
        assert_eq!(class(-1, none), Class::Privilege);
        let open = Head { nr: 5, arch: I386, ..Head::default() };
        assert_eq!(Class::of(&open), Class::Read);
        assert_eq!(Class::of(&Head { args: [0, 1, 0, 0, 0, 0], ..open }), Class::File);
    }

    #[test]
    fn what_is_shed_first_has_the_lower_limit() {
        for lane in Lane::ALL {
            let limits: Vec<u64> = Class::ALL
                .iter()
                .filter(|class| class.lane() == lane)
                .map(|class| class.limit(4096))
                .collect();
            assert!(limits.is_sorted() && limits.last() == Some(&4096), "{lane:?} {limits:?}");
        }
    }
}
