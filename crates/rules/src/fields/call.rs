//! What kind of thing a call does, by Falco's categories and flags (driver/event_table.c of its libs).

use fargard_model::{Event, EventType};

/// Falco's category of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    File,
    Net,
    Ipc,
    Memory,
    Process,
    Sleep,
    System,
    Signal,
    User,
    Time,
    Wait,
    /// Reads, writes or otherwise uses a descriptor: its type decides the name.
    Io,
    Other,
    Internal,
}

impl Category {
    /// As in `evt.category`.
    pub(super) fn name(self, event: &Event) -> &'static str {
        match self {
            Self::File => "file",
            Self::Net => "net",
            Self::Ipc => "IPC",
            Self::Memory => "memory",
            Self::Process => "process",
            Self::Sleep => "sleep",
            Self::System => "system",
            Self::Signal => "signal",
            Self::User => "user",
            Self::Time => "time",
            Self::Wait => "wait",
            Self::Other => "other",
            Self::Internal => "internal",
            Self::Io => match event.fd.as_ref().and_then(|fd| fd.typechar) {
                Some('f' | 'd') => "file",
                Some('4' | '6' | 'u') => "net",
                Some('p') => "ipc",
                _ => "unknown",
            },
        }
    }
}

/// The category of a call.
pub(super) fn category(kind: EventType) -> Category {
    use Category as C;
    use EventType as E;
    if reads(kind) || writes(kind) {
        return C::Io;
    }
    match kind {
        E::Open | E::Openat | E::Openat2 | E::Creat | E::OpenByHandleAt | E::NameToHandleAt => C::File,
        E::Rename
        | E::Renameat
        | E::Renameat2
        | E::Unlink
        | E::Unlinkat
        | E::Rmdir
        | E::Mkdir
        | E::Mkdirat => C::File,
        E::Chmod
        | E::Fchmod
        | E::Fchmodat
        | E::Fchmodat2
        | E::Chown
        | E::Lchown
        | E::Fchown
        | E::Fchownat => C::File,
        E::Link | E::Linkat | E::Symlink | E::Symlinkat | E::Readlink | E::Readlinkat => C::File,
        E::Stat | E::Lstat | E::Fstat | E::Stat64 | E::Lstat64 | E::Fstat64 | E::Newfstatat | E::Statx => {
            C::File
        }
        E::Access | E::Faccessat | E::Faccessat2 | E::Lseek | E::Getcwd | E::Chdir | E::Fchdir => C::File,
        E::Mount | E::Umount | E::Umount2 | E::Mknod | E::Mknodat | E::Truncate | E::Ftruncate | E::Flock => {
            C::File
        }
        E::InotifyInit | E::InotifyInit1 | E::Fsconfig | E::Quotactl | E::Userfaultfd => C::File,
        E::Socket | E::Bind | E::Connect | E::Listen | E::Accept | E::Accept4 | E::Shutdown => C::Net,
        E::Getsockname | E::Getpeername | E::Setsockopt | E::Getsockopt => C::Net,
        E::Pipe | E::Pipe2 | E::Socketpair | E::Eventfd | E::Eventfd2 | E::Futex => C::Ipc,
        E::Semop | E::Semget | E::Semctl | E::Msgget | E::Msgsnd | E::Msgrcv | E::Shmget | E::Shmat => C::Ipc,
        E::Mmap | E::Mmap2 | E::Munmap | E::Brk | E::Mprotect | E::MemfdCreate => C::Memory,
        E::Mlock | E::Mlock2 | E::Mlockall | E::Munlock | E::Munlockall => C::Memory,
        E::Execve | E::Execveat | E::Clone | E::Clone3 | E::Fork | E::Vfork | E::Procexit => C::Process,
        E::Setns | E::Unshare | E::Chroot | E::Setsid | E::Setpgid | E::Prctl | E::Prlimit | E::Prlimit64 => {
            C::Process
        }
        E::Getrlimit | E::Setrlimit | E::Capset | E::Capget | E::Exit | E::ExitGroup => C::Process,
        E::Nanosleep | E::ClockNanosleep => C::Sleep,
        E::Kill | E::Tkill | E::Tgkill | E::Signalfd | E::Signalfd4 | E::Signaldeliver => C::Signal,
        E::Setuid | E::Setgid | E::Setresuid | E::Setresgid | E::Setreuid | E::Setregid => C::User,
        E::Getuid | E::Geteuid | E::Getgid | E::Getegid | E::Getresuid | E::Getresgid => C::User,
        E::TimerfdCreate | E::Time | E::Gettimeofday => C::Time,
        E::EpollWait | E::EpollPwait | E::EpollPwait2 | E::Poll | E::Ppoll | E::Select => C::Wait,
        E::EpollCreate | E::EpollCreate1 | E::Wait4 | E::Waitid => C::Wait,
        E::Close | E::Dup | E::Dup2 | E::Dup3 | E::Ioctl | E::Fcntl | E::Splice | E::IoUringEnter => C::Io,
        E::IoUringRegister => C::Io,
        E::IoUringSetup => C::Process,
        E::Drop | E::Scapevent | E::Procinfo | E::CpuHotplug | E::Notification | E::Infra => C::Internal,
        E::Reboot | E::Sysinfo | E::Syslog | E::Uname => C::System,
        _ => C::Other,
    }
}

/// Reads from a descriptor.
pub(super) fn reads(kind: EventType) -> bool {
    use EventType as E;
    matches!(
        kind,
        E::Read
            | E::Readv
            | E::Pread
            | E::Pread64
            | E::Preadv
            | E::Preadv2
            | E::Recv
            | E::Recvfrom
            | E::Recvmsg
            | E::Recvmmsg
            | E::Getdents
            | E::Getdents64
    )
}

/// Writes to a descriptor.
pub(super) fn writes(kind: EventType) -> bool {
    use EventType as E;
    matches!(
        kind,
        E::Write
            | E::Writev
            | E::Pwrite
            | E::Pwrite64
            | E::Pwritev
            | E::Pwritev2
            | E::Send
            | E::Sendto
            | E::Sendmsg
            | E::Sendmmsg
            | E::Sendfile
            | E::Sendfile64
    )
}

/// Makes the thread wait.
pub(super) fn waits(kind: EventType) -> bool {
    use EventType as E;
    matches!(
        kind,
        E::EpollWait
            | E::EpollPwait
            | E::EpollPwait2
            | E::Poll
            | E::Ppoll
            | E::Select
            | E::Pselect6
            | E::Nanosleep
            | E::ClockNanosleep
            | E::Flock
            | E::Futex
            | E::Wait4
            | E::Waitid
    )
}
