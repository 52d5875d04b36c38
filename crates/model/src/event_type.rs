//! The kinds of syscall events, named as Falco's `evt.type`.

use std::{collections::HashMap, fmt, str::FromStr, sync::LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! event_types {
    (observed { $($seen:ident = $seen_name:literal),* $(,)? } others { $($other:ident = $other_name:literal),* $(,)? }) => {
        /// The kind of a syscall event, named as Falco's `evt.type`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is the system call, or Falco's own event, of that name")]
        #[repr(u16)]
        pub enum EventType { $($seen,)* $($other),* }

        impl EventType {
            /// Every kind the sensor can observe; they come first in [`Self::ALL`].
            pub const OBSERVED: &'static [Self] = &[$(Self::$seen),*];
            /// Every kind there is a name for.
            pub const ALL: &'static [Self] = &[$(Self::$seen,)* $(Self::$other),*];

            /// The name as in `evt.type`.
            #[must_use]
            pub fn name(self) -> &'static str { NAMES.get(self as usize).copied().unwrap_or_default() }
        }

        const NAMES: &[&str] = &[$($seen_name,)* $($other_name),*];
    };
}

// Names of Linux system calls (asm/unistd.h) and of Falco's own events. What is not observed here comes from
// captures; rules may name all of it.
event_types! {
    observed {
        Execve = "execve", Execveat = "execveat",
        Open = "open", Openat = "openat", Openat2 = "openat2", Creat = "creat",
        Rename = "rename", Renameat = "renameat", Renameat2 = "renameat2",
        Unlink = "unlink", Unlinkat = "unlinkat", Rmdir = "rmdir",
        Mkdir = "mkdir", Mkdirat = "mkdirat",
        Chmod = "chmod", Fchmod = "fchmod", Fchmodat = "fchmodat", Fchmodat2 = "fchmodat2",
        Chown = "chown", Lchown = "lchown", Fchown = "fchown", Fchownat = "fchownat",
        Link = "link", Linkat = "linkat", Symlink = "symlink", Symlinkat = "symlinkat",
        Socket = "socket", Connect = "connect", Bind = "bind", Listen = "listen", Accept = "accept", Accept4 = "accept4",
        Sendto = "sendto", Sendmsg = "sendmsg", Sendmmsg = "sendmmsg",
        Setuid = "setuid", Setgid = "setgid", Setresuid = "setresuid", Setresgid = "setresgid",
        Setreuid = "setreuid", Setregid = "setregid",
        Ptrace = "ptrace", ProcessVmWritev = "process_vm_writev",
        Mount = "mount", Umount2 = "umount2", Setns = "setns", Unshare = "unshare", Chroot = "chroot",
        MemfdCreate = "memfd_create", Dup2 = "dup2", Dup3 = "dup3",
        Bpf = "bpf", InitModule = "init_module", FinitModule = "finit_module",
        Userfaultfd = "userfaultfd", IoUringSetup = "io_uring_setup",
        Clone = "clone", Mmap = "mmap", Mmap2 = "mmap2", Mprotect = "mprotect", PkeyMprotect = "pkey_mprotect",
        Prctl = "prctl", Capset = "capset", Kill = "kill", Tkill = "tkill", Tgkill = "tgkill",
        RtSigqueueinfo = "rt_sigqueueinfo", RtTgsigqueueinfo = "rt_tgsigqueueinfo",
        PidfdSendSignal = "pidfd_send_signal", Mknod = "mknod", Mknodat = "mknodat", Utime = "utime",
        Utimes = "utimes", Futimesat = "futimesat", Utimensat = "utimensat", Setxattr = "setxattr",
        Lsetxattr = "lsetxattr", Fsetxattr = "fsetxattr", Truncate = "truncate", Ftruncate = "ftruncate",
        ProcessVmReadv = "process_vm_readv", PidfdGetfd = "pidfd_getfd", Personality = "personality",
        Keyctl = "keyctl", AddKey = "add_key", RequestKey = "request_key", OpenByHandleAt = "open_by_handle_at",
        PivotRoot = "pivot_root", Umount = "umount", MoveMount = "move_mount", OpenTree = "open_tree",
        Fsopen = "fsopen", Fsmount = "fsmount", MountSetattr = "mount_setattr", Setsid = "setsid",
        Setpgid = "setpgid", Quotactl = "quotactl", Swapon = "swapon", Swapoff = "swapoff", Reboot = "reboot",
        DeleteModule = "delete_module", KexecLoad = "kexec_load", KexecFileLoad = "kexec_file_load",
        Procexit = "procexit",
    }
    others {
        Sysctl = "_sysctl", Access = "access", Acct = "acct", Adjtimex = "adjtimex", AfsSyscall = "afs_syscall",
        Alarm = "alarm", ArchPrctl = "arch_prctl", ArmFadvise6464 = "arm_fadvise64_64", Asyncevent = "asyncevent",
        Bdflush = "bdflush", Brk = "brk", Cacheflush = "cacheflush", Cachestat = "cachestat", Capget = "capget",
        Chdir = "chdir", ClockAdjtime = "clock_adjtime", ClockGetres = "clock_getres",
        ClockGettime = "clock_gettime", ClockNanosleep = "clock_nanosleep", ClockSettime = "clock_settime",
        Clone3 = "clone3", Close = "close", CloseRange = "close_range", Container = "container",
        CopyFileRange = "copy_file_range", CpuHotplug = "cpu_hotplug", CreateModule = "create_module",
        Drop = "drop", Dup = "dup", EpollCreate = "epoll_create", EpollCreate1 = "epoll_create1",
        EpollCtl = "epoll_ctl", EpollCtlOld = "epoll_ctl_old", EpollPwait = "epoll_pwait",
        EpollPwait2 = "epoll_pwait2", EpollWait = "epoll_wait", EpollWaitOld = "epoll_wait_old",
        Eventfd = "eventfd", Eventfd2 = "eventfd2", Exit = "exit", ExitGroup = "exit_group",
        Faccessat = "faccessat", Faccessat2 = "faccessat2", Fadvise64 = "fadvise64", Fadvise6464 = "fadvise64_64",
        Fallocate = "fallocate", FanotifyInit = "fanotify_init", FanotifyMark = "fanotify_mark", Fchdir = "fchdir",
        Fcntl = "fcntl", Fcntl64 = "fcntl64", Fdatasync = "fdatasync", Fgetxattr = "fgetxattr",
        Flistxattr = "flistxattr", Flock = "flock", Fork = "fork", Fremovexattr = "fremovexattr",
        Fsconfig = "fsconfig", Fspick = "fspick", Fstat = "fstat", Fstat64 = "fstat64", Fstatat = "fstatat",
        Fstatat64 = "fstatat64", Fstatfs = "fstatfs", Fsync = "fsync", Ftruncate64 = "ftruncate64",
        Futex = "futex", FutexRequeue = "futex_requeue", FutexWait = "futex_wait", FutexWaitv = "futex_waitv",
        FutexWake = "futex_wake", Generic = "generic", GetKernelSyms = "get_kernel_syms",
        GetMempolicy = "get_mempolicy", GetRobustList = "get_robust_list", GetThreadArea = "get_thread_area",
        Getcpu = "getcpu", Getcwd = "getcwd", Getdents = "getdents", Getdents64 = "getdents64",
        Getegid = "getegid", Geteuid = "geteuid", Getgid = "getgid", Getgroups = "getgroups",
        Getitimer = "getitimer", Getpeername = "getpeername", Getpgid = "getpgid", Getpgrp = "getpgrp",
        Getpid = "getpid", Getpmsg = "getpmsg", Getppid = "getppid", Getpriority = "getpriority",
        Getrandom = "getrandom", Getresgid = "getresgid", Getresuid = "getresuid", Getrlimit = "getrlimit",
        Getrusage = "getrusage", Getsid = "getsid", Getsockname = "getsockname", Getsockopt = "getsockopt",
        Gettid = "gettid", Gettimeofday = "gettimeofday", Getuid = "getuid", Getuid32 = "getuid32",
        Getxattr = "getxattr", Groupadded = "groupadded", Groupdeleted = "groupdeleted", Infra = "infra",
        InotifyAddWatch = "inotify_add_watch", InotifyInit = "inotify_init", InotifyInit1 = "inotify_init1",
        InotifyRmWatch = "inotify_rm_watch", IoCancel = "io_cancel", IoDestroy = "io_destroy",
        IoGetevents = "io_getevents", IoPgetevents = "io_pgetevents", IoSetup = "io_setup", IoSubmit = "io_submit",
        IoUringEnter = "io_uring_enter", IoUringRegister = "io_uring_register", Ioctl = "ioctl", Ioperm = "ioperm",
        Iopl = "iopl", IoprioGet = "ioprio_get", IoprioSet = "ioprio_set", Ipc = "ipc", K8s = "k8s", Kcmp = "kcmp",
        LandlockAddRule = "landlock_add_rule", LandlockCreateRuleset = "landlock_create_ruleset",
        LandlockRestrictSelf = "landlock_restrict_self", Lgetxattr = "lgetxattr", Listmount = "listmount",
        Listxattr = "listxattr", Llistxattr = "llistxattr", Llseek = "llseek", LookupDcookie = "lookup_dcookie",
        Lremovexattr = "lremovexattr", Lseek = "lseek", LsmGetSelfAttr = "lsm_get_self_attr",
        LsmListModules = "lsm_list_modules", LsmSetSelfAttr = "lsm_set_self_attr", Lstat = "lstat",
        Lstat64 = "lstat64", Madvise = "madvise", MapShadowStack = "map_shadow_stack", Mbind = "mbind",
        Membarrier = "membarrier", MemfdSecret = "memfd_secret", Mesos = "mesos", MigratePages = "migrate_pages",
        Mincore = "mincore", Mlock = "mlock", Mlock2 = "mlock2", Mlockall = "mlockall", ModifyLdt = "modify_ldt",
        MovePages = "move_pages", MqGetsetattr = "mq_getsetattr", MqNotify = "mq_notify", MqOpen = "mq_open",
        MqTimedreceive = "mq_timedreceive", MqTimedsend = "mq_timedsend", MqUnlink = "mq_unlink",
        Mremap = "mremap", Mseal = "mseal", Msgctl = "msgctl", Msgget = "msgget", Msgrcv = "msgrcv",
        Msgsnd = "msgsnd", Msync = "msync", Munlock = "munlock", Munlockall = "munlockall", Munmap = "munmap",
        NameToHandleAt = "name_to_handle_at", Nanosleep = "nanosleep", Newfstatat = "newfstatat",
        Newselect = "newselect", Nfsservctl = "nfsservctl", Notification = "notification",
        PageFault = "page_fault", Pause = "pause", PerfEventOpen = "perf_event_open", PfKernel = "pf_kernel",
        PfUser = "pf_user", PidfdOpen = "pidfd_open", Pipe = "pipe", Pipe2 = "pipe2", PkeyAlloc = "pkey_alloc",
        PkeyFree = "pkey_free", Pluginevent = "pluginevent", Poll = "poll", Ppoll = "ppoll", Pread = "pread",
        Pread64 = "pread64", Preadv = "preadv", Preadv2 = "preadv2", Prlimit = "prlimit", Prlimit64 = "prlimit64",
        ProcessMadvise = "process_madvise", ProcessMrelease = "process_mrelease", Procinfo = "procinfo",
        Pselect6 = "pselect6", Putpmsg = "putpmsg", Pwrite = "pwrite", Pwrite64 = "pwrite64", Pwritev = "pwritev",
        Pwritev2 = "pwritev2", QueryModule = "query_module", QuotactlFd = "quotactl_fd", Read = "read",
        Readahead = "readahead", Readlink = "readlink", Readlinkat = "readlinkat", Readv = "readv", Recv = "recv",
        Recvfrom = "recvfrom", Recvmmsg = "recvmmsg", Recvmsg = "recvmsg", RemapFilePages = "remap_file_pages",
        Removexattr = "removexattr", RestartSyscall = "restart_syscall", Rseq = "rseq",
        RtSigaction = "rt_sigaction", RtSigpending = "rt_sigpending", RtSigprocmask = "rt_sigprocmask",
        RtSigreturn = "rt_sigreturn", RtSigsuspend = "rt_sigsuspend", RtSigtimedwait = "rt_sigtimedwait",
        Scapevent = "scapevent", SchedGetPriorityMax = "sched_get_priority_max",
        SchedGetPriorityMin = "sched_get_priority_min", SchedGetaffinity = "sched_getaffinity",
        SchedGetattr = "sched_getattr", SchedGetparam = "sched_getparam", SchedGetscheduler = "sched_getscheduler",
        SchedRrGetInterval = "sched_rr_get_interval", SchedSetaffinity = "sched_setaffinity",
        SchedSetattr = "sched_setattr", SchedSetparam = "sched_setparam", SchedSetscheduler = "sched_setscheduler",
        SchedYield = "sched_yield", Seccomp = "seccomp", Security = "security", Select = "select",
        Semctl = "semctl", Semget = "semget", Semop = "semop", Semtimedop = "semtimedop", Send = "send",
        Sendfile = "sendfile", Sendfile64 = "sendfile64", SetMempolicy = "set_mempolicy",
        SetMempolicyHomeNode = "set_mempolicy_home_node", SetRobustList = "set_robust_list",
        SetThreadArea = "set_thread_area", SetTidAddress = "set_tid_address", Setdomainname = "setdomainname",
        Setfsgid = "setfsgid", Setfsuid = "setfsuid", Setgroups = "setgroups", Sethostname = "sethostname",
        Setitimer = "setitimer", Setpriority = "setpriority", Setresgid32 = "setresgid32",
        Setresuid32 = "setresuid32", Setrlimit = "setrlimit", Setsockopt = "setsockopt",
        Settimeofday = "settimeofday", Setuid32 = "setuid32", Shmat = "shmat", Shmctl = "shmctl", Shmdt = "shmdt",
        Shmget = "shmget", Shutdown = "shutdown", Sigaltstack = "sigaltstack", Signal = "signal",
        Signaldeliver = "signaldeliver", Signalfd = "signalfd", Signalfd4 = "signalfd4", Sigreturn = "sigreturn",
        Socketcall = "socketcall", Socketpair = "socketpair", Splice = "splice", Stat = "stat", Stat64 = "stat64",
        Statfs = "statfs", Statmount = "statmount", Statx = "statx", Switch = "switch", Sync = "sync",
        SyncFileRange = "sync_file_range", SyncFileRange2 = "sync_file_range2", Syncfs = "syncfs",
        Syscall = "syscall", Sysfs = "sysfs", Sysinfo = "sysinfo", Syslog = "syslog", Tee = "tee", Time = "time",
        TimerCreate = "timer_create", TimerDelete = "timer_delete", TimerGetoverrun = "timer_getoverrun",
        TimerGettime = "timer_gettime", TimerSettime = "timer_settime", TimerfdCreate = "timerfd_create",
        TimerfdGettime = "timerfd_gettime", TimerfdSettime = "timerfd_settime", Times = "times", Tracer = "tracer",
        Truncate64 = "truncate64", Tuxcall = "tuxcall", Ugetrlimit = "ugetrlimit", Umask = "umask",
        Uname = "uname", Uselib = "uselib", Useradded = "useradded", Userdeleted = "userdeleted", Ustat = "ustat",
        Vfork = "vfork", Vhangup = "vhangup", Vmsplice = "vmsplice", Vserver = "vserver", Wait4 = "wait4",
        Waitid = "waitid", Waitpid = "waitpid", Write = "write", Writev = "writev",
    }
}

/// The text names no event type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown event type {0:?}")]
pub struct UnknownEventType(pub String);

static BY_NAME: LazyLock<HashMap<&'static str, EventType>> =
    LazyLock::new(|| EventType::ALL.iter().map(|kind| (kind.name(), *kind)).collect());

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        BY_NAME.get(text).copied().ok_or_else(|| UnknownEventType(text.to_owned()))
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl de::Visitor<'_> for Name {
            type Value = EventType;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an event type")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EventType, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Name)
    }
}

impl EventType {
    /// open, openat, openat2, creat.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Openat | Self::Openat2 | Self::Creat)
    }

    /// execve, execveat.
    #[must_use]
    pub fn is_exec(self) -> bool {
        matches!(self, Self::Execve | Self::Execveat)
    }
}

#[cfg(test)]
mod tests {
    use super::EventType;

    #[test]
    fn names_round_trip() {
        for kind in EventType::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("{:?}", kind.name()));
            assert_eq!(serde_json::from_str::<EventType>(&format!("{:?}", kind.name())).unwrap(), *kind);
        }
        assert!("no_such_call".parse::<EventType>().is_err());
    }
}
