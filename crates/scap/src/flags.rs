//! Names of flags and values in Falco's order, from the bits of a capture. Captures hold Falco's own bits
//! (driver/ppm_events_public.h of its libs); where the kernel's differ, the table translates them.

use std::borrow::Cow;

use crate::schema::Form;

/// One flag: its bit in a capture, the kernel's bits, its name.
pub(crate) type Flag = (u32, u64, &'static str);
/// Flags in the order in which Falco prints them.
pub(crate) type Table = [Flag];

macro_rules! same {
    ($($bit:literal $name:literal),* $(,)?) => { &[$(($bit, $bit, $name)),*] };
}

const O_RDWR: u32 = 3;
/// Of open; the kernel's bits are those of x86-64.
const OPEN: &Table = &[
    (1 << 11, 0o100_000, "O_LARGEFILE"),
    (1 << 10, 0o200_000, "O_DIRECTORY"),
    (1 << 9, 0o40_000, "O_DIRECT"),
    (1 << 8, 0o1_000, "O_TRUNC"),
    (1 << 7, 0o4_010_000, "O_SYNC"),
    (1 << 6, 0o4_000, "O_NONBLOCK"),
    (1 << 5, 0o200, "O_EXCL"),
    (1 << 4, 0o10_000, "O_DSYNC"),
    (1 << 3, 0o2_000, "O_APPEND"),
    (1 << 2, 0o100, "O_CREAT"),
    (O_RDWR, 2, "O_RDWR"),
    (1 << 1, 1, "O_WRONLY"),
    (1 << 0, 0, "O_RDONLY"),
    (1 << 12, 0o2_000_000, "O_CLOEXEC"),
    (1 << 13, 0o20_000_000, "O_TMPFILE"),
    (1 << 14, 0, "O_F_CREATED"),
    (1 << 15, 0, "FD_UPPER_LAYER"),
    (1 << 16, 0, "FD_LOWER_LAYER"),
];
const CLONE: &Table = &[
    (1 << 0, 0x400, "CLONE_FILES"),
    (1 << 1, 0x200, "CLONE_FS"),
    (1 << 2, 0x8000_0000, "CLONE_IO"),
    (1 << 3, 0x800_0000, "CLONE_NEWIPC"),
    (1 << 4, 0x4000_0000, "CLONE_NEWNET"),
    (1 << 5, 0x2_0000, "CLONE_NEWNS"),
    (1 << 6, 0x2000_0000, "CLONE_NEWPID"),
    (1 << 7, 0x400_0000, "CLONE_NEWUTS"),
    (1 << 8, 0x8000, "CLONE_PARENT"),
    (1 << 9, 0x10_0000, "CLONE_PARENT_SETTID"),
    (1 << 10, 0x2000, "CLONE_PTRACE"),
    (1 << 11, 0x800, "CLONE_SIGHAND"),
    (1 << 12, 0x4_0000, "CLONE_SYSVSEM"),
    (1 << 13, 0x1_0000, "CLONE_THREAD"),
    (1 << 14, 0x80_0000, "CLONE_UNTRACED"),
    (1 << 15, 0x100, "CLONE_VM"),
    (1 << 16, 0, "CLONE_INVERTED"),
    (1 << 17, 0, "NAME_CHANGED"),
    (1 << 18, 0, "CLOSED"),
    (1 << 20, 0x1000_0000, "CLONE_NEWUSER"),
    (1 << 23, 0x20_0000, "CLONE_CHILD_CLEARTID"),
    (1 << 24, 0x100_0000, "CLONE_CHILD_SETTID"),
    (1 << 25, 0x8_0000, "CLONE_SETTLS"),
    (1 << 26, 0, "CLONE_STOPPED"),
    (1 << 27, 0x4000, "CLONE_VFORK"),
    (1 << 28, 0x200_0000, "CLONE_NEWCGROUP"),
];
const MMAP: &Table = &[
    (1 << 0, 1, "MAP_SHARED"),
    (1 << 1, 2, "MAP_PRIVATE"),
    (1 << 2, 0x10, "MAP_FIXED"),
    (1 << 3, 0x20, "MAP_ANONYMOUS"),
    (1 << 4, 0x40, "MAP_32BIT"),
    (1 << 5, 0, "MAP_RENAME"),
    (1 << 6, 0x4000, "MAP_NORESERVE"),
    (1 << 7, 0x8000, "MAP_POPULATE"),
    (1 << 8, 0x1_0000, "MAP_NONBLOCK"),
    (1 << 9, 0x100, "MAP_GROWSDOWN"),
    (1 << 10, 0x800, "MAP_DENYWRITE"),
    (1 << 11, 0x1000, "MAP_EXECUTABLE"),
    (1 << 12, 0, "MAP_INHERIT"),
    (1 << 13, 0, "MAP_FILE"),
    (1 << 14, 0x2000, "MAP_LOCKED"),
];
const PROT: &Table = same![1 "PROT_READ", 2 "PROT_WRITE", 4 "PROT_EXEC", 8 "PROT_SEM"];
const MODE: &Table = same![
    0o1 "S_IXOTH", 0o2 "S_IWOTH", 0o4 "S_IROTH", 0o10 "S_IXGRP", 0o20 "S_IWGRP", 0o40 "S_IRGRP", 0o100 "S_IXUSR",
    0o200 "S_IWUSR", 0o400 "S_IRUSR", 0o1000 "S_ISVTX", 0o2000 "S_ISGID", 0o4000 "S_ISUID",
];
/// Without the `MS_` of the kernel's names, as Falco prints them.
const MOUNT: &Table = same![
    0x1 "RDONLY", 0x2 "NOSUID", 0x4 "NODEV", 0x8 "NOEXEC", 0x10 "SYNCHRONOUS", 0x20 "REMOUNT", 0x40 "MANDLOCK",
    0x80 "DIRSYNC", 0x400 "NOATIME", 0x800 "NODIRATIME", 0x1000 "BIND", 0x2000 "MOVE", 0x4000 "REC",
    0x8000 "SILENT", 0x1_0000 "POSIXACL", 0x2_0000 "UNBINDABLE", 0x4_0000 "PRIVATE", 0x8_0000 "SLAVE",
    0x10_0000 "SHARED", 0x20_0000 "RELATIME", 0x100_0000 "STRICTATIME", 0x200_0000 "LAZYTIME",
];
const UMOUNT: &Table = same![1 "FORCE", 2 "DETACH", 4 "EXPIRE", 8 "NOFOLLOW"];
const UNLINKAT: &Table = same![0x200 "AT_REMOVEDIR"];
const LINKAT: &Table = same![0x100 "AT_SYMLINK_NOFOLLOW", 0x400 "AT_SYMLINK_FOLLOW", 0x1000 "AT_EMPTY_PATH"];
const RENAMEAT2: &Table = same![1 "RENAME_NOREPLACE", 2 "RENAME_EXCHANGE", 4 "RENAME_WHITEOUT"];
const MEMFD: &Table = same![
    1 "MFD_CLOEXEC", 2 "MFD_ALLOW_SEALING", 4 "MFD_HUGETLB", 8 "MFD_NOEXEC_SEAL", 16 "MFD_EXEC",
];
const MODULE: &Table = same![
    1 "MODULE_INIT_IGNORE_MODVERSIONS", 2 "MODULE_INIT_IGNORE_VERMAGIC", 4 "MODULE_INIT_COMPRESSED_FILE",
];
const EXEC: &Table = same![1 "EXE_WRITABLE", 2 "EXE_UPPER_LAYER", 4 "EXE_FROM_MEMFD", 8 "EXE_LOWER_LAYER"];
const ACCESS: &Table = same![4 "R_OK", 2 "W_OK", 1 "X_OK"];
const FLOCK: &Table = same![1 "LOCK_SH", 2 "LOCK_EX", 4 "LOCK_NB", 8 "LOCK_UN"];
const SPLICE: &Table = same![1 "SPLICE_F_MOVE", 2 "SPLICE_F_NONBLOCK", 4 "SPLICE_F_MORE", 8 "SPLICE_F_GIFT"];

const FAMILY: &Table = same![
    0 "AF_UNSPEC", 1 "AF_UNIX", 2 "AF_INET", 3 "AF_AX25", 4 "AF_IPX", 5 "AF_APPLETALK", 6 "AF_NETROM",
    7 "AF_BRIDGE", 8 "AF_ATMPVC", 9 "AF_X25", 10 "AF_INET6", 11 "AF_ROSE", 12 "AF_DECnet", 13 "AF_NETBEUI",
    14 "AF_SECURITY", 15 "AF_KEY", 16 "AF_NETLINK", 17 "AF_PACKET", 18 "AF_ASH", 19 "AF_ECONET", 20 "AF_ATMSVC",
    21 "AF_RDS", 22 "AF_SNA", 23 "AF_IRDA", 24 "AF_PPPOX", 25 "AF_WANPIPE", 26 "AF_LLC", 29 "AF_CAN",
    30 "AF_TIPC", 31 "AF_BLUETOOTH", 32 "AF_IUCV", 33 "AF_RXRPC", 34 "AF_ISDN", 35 "AF_PHONET",
    36 "AF_IEEE802154", 37 "AF_CAIF", 38 "AF_ALG", 39 "AF_NFC",
];
/// Falco numbers the requests on its own.
const PTRACE: &Table = &[
    (1, 0, "PTRACE_TRACEME"),
    (2, 1, "PTRACE_PEEKTEXT"),
    (3, 2, "PTRACE_PEEKDATA"),
    (4, 3, "PTRACE_PEEKUSR"),
    (5, 4, "PTRACE_POKETEXT"),
    (6, 5, "PTRACE_POKEDATA"),
    (7, 6, "PTRACE_POKEUSR"),
    (8, 7, "PTRACE_CONT"),
    (9, 8, "PTRACE_KILL"),
    (10, 9, "PTRACE_SINGLESTEP"),
    (11, 16, "PTRACE_ATTACH"),
    (12, 17, "PTRACE_DETACH"),
    (13, 24, "PTRACE_SYSCALL"),
    (14, 0x4200, "PTRACE_SETOPTIONS"),
    (15, 0x4201, "PTRACE_GETEVENTMSG"),
    (16, 0x4202, "PTRACE_GETSIGINFO"),
    (17, 0x4203, "PTRACE_SETSIGINFO"),
    (18, 0x4204, "PTRACE_GETREGSET"),
    (19, 0x4205, "PTRACE_SETREGSET"),
    (20, 0x4206, "PTRACE_SEIZE"),
    (21, 0x4207, "PTRACE_INTERRUPT"),
    (22, 0x4208, "PTRACE_LISTEN"),
    (23, 0x4209, "PTRACE_PEEKSIGINFO"),
    (24, 0x420a, "PTRACE_GETSIGMASK"),
    (25, 0x420b, "PTRACE_SETSIGMASK"),
    (26, 12, "PTRACE_GETREGS"),
    (27, 13, "PTRACE_SETREGS"),
    (28, 14, "PTRACE_GETFPREGS"),
    (29, 15, "PTRACE_SETFPREGS"),
    (30, 18, "PTRACE_GETFPXREGS"),
    (31, 19, "PTRACE_SETFPXREGS"),
    (32, 21, "PTRACE_OLDSETOPTIONS"),
    (33, 25, "PTRACE_GET_THREAD_AREA"),
    (34, 26, "PTRACE_SET_THREAD_AREA"),
    (35, 30, "PTRACE_ARCH_PRCTL"),
    (36, 31, "PTRACE_SYSEMU"),
    (37, 32, "PTRACE_SYSEMU_SINGLESTEP"),
    (38, 33, "PTRACE_SINGLEBLOCK"),
];
const BPF: &Table = same![
    0 "BPF_MAP_CREATE", 1 "BPF_MAP_LOOKUP_ELEM", 2 "BPF_MAP_UPDATE_ELEM", 3 "BPF_MAP_DELETE_ELEM",
    4 "BPF_MAP_GET_NEXT_KEY", 5 "BPF_PROG_LOAD", 6 "BPF_OBJ_PIN", 7 "BPF_OBJ_GET", 8 "BPF_PROG_ATTACH",
    9 "BPF_PROG_DETACH", 10 "BPF_PROG_TEST_RUN", 11 "BPF_PROG_GET_NEXT_ID", 12 "BPF_MAP_GET_NEXT_ID",
    13 "BPF_PROG_GET_FD_BY_ID", 14 "BPF_MAP_GET_FD_BY_ID", 15 "BPF_OBJ_GET_INFO_BY_FD", 16 "BPF_PROG_QUERY",
    17 "BPF_RAW_TRACEPOINT_OPEN", 18 "BPF_BTF_LOAD", 28 "BPF_LINK_CREATE",
];
const FCNTL: &Table = &[
    (FCNTL_DUPFD, 0, "F_DUPFD"),
    (2, 1, "F_GETFD"),
    (3, 2, "F_SETFD"),
    (4, 3, "F_GETFL"),
    (5, 4, "F_SETFL"),
    (6, 5, "F_GETLK"),
    (8, 6, "F_SETLK"),
    (9, 7, "F_SETLKW"),
    (10, 8, "F_SETOWN"),
    (12, 9, "F_GETOWN"),
    (13, 10, "F_SETSIG"),
    (15, 11, "F_GETSIG"),
    (23, 1024, "F_SETLEASE"),
    (24, 1025, "F_GETLEASE"),
    (FCNTL_DUPFD_CLOEXEC, 1030, "F_DUPFD_CLOEXEC"),
    (27, 1026, "F_NOTIFY"),
    (28, 1031, "F_SETPIPE_SZ"),
    (29, 1032, "F_GETPIPE_SZ"),
    (30, 36, "F_OFD_GETLK"),
    (31, 37, "F_OFD_SETLK"),
    (32, 38, "F_OFD_SETLKW"),
];
const SEEK: &Table = same![0 "SEEK_SET", 1 "SEEK_CUR", 2 "SEEK_END"];
const SHUTDOWN: &Table = same![0 "SHUT_RD", 1 "SHUT_WR", 2 "SHUT_RDWR"];
const SOL: &Table = same![0 "UNKNOWN", 1 "SOL_SOCKET", 2 "SOL_TCP"];
const RLIMIT: &Table = same![
    0 "RLIMIT_CPU", 1 "RLIMIT_FSIZE", 2 "RLIMIT_DATA", 3 "RLIMIT_STACK", 4 "RLIMIT_CORE", 5 "RLIMIT_RSS",
    6 "RLIMIT_NPROC", 7 "RLIMIT_NOFILE", 8 "RLIMIT_MEMLOCK", 9 "RLIMIT_AS", 10 "RLIMIT_LOCKS",
    11 "RLIMIT_SIGPENDING", 12 "RLIMIT_MSGQUEUE", 13 "RLIMIT_NICE", 14 "RLIMIT_RTPRIO", 15 "RLIMIT_RTTIME",
    255 "RLIMIT_UNKNOWN",
];
const FUTEX: &Table = same![
    0 "FUTEX_WAIT", 1 "FUTEX_WAKE", 2 "FUTEX_FD", 3 "FUTEX_REQUEUE", 4 "FUTEX_CMP_REQUEUE", 5 "FUTEX_WAKE_OP",
    6 "FUTEX_LOCK_PI", 7 "FUTEX_UNLOCK_PI", 8 "FUTEX_TRYLOCK_PI", 9 "FUTEX_WAIT_BITSET", 10 "FUTEX_WAKE_BITSET",
    11 "FUTEX_WAIT_REQUEUE_PI", 12 "FUTEX_CMP_REQUEUE_PI",
];
const SIGNAL: &Table = same![
    1 "SIGHUP", 2 "SIGINT", 3 "SIGQUIT", 4 "SIGILL", 5 "SIGTRAP", 6 "SIGABRT", 7 "SIGBUS", 8 "SIGFPE",
    9 "SIGKILL", 10 "SIGUSR1", 11 "SIGSEGV", 12 "SIGUSR2", 13 "SIGPIPE", 14 "SIGALRM", 15 "SIGTERM",
    16 "SIGSTKFLT", 17 "SIGCHLD", 18 "SIGCONT", 19 "SIGSTOP", 20 "SIGTSTP", 21 "SIGTTIN", 22 "SIGTTOU",
    23 "SIGURG", 24 "SIGXCPU", 25 "SIGXFSZ", 26 "SIGVTALRM", 27 "SIGPROF", 28 "SIGWINCH", 29 "SIGIO",
    30 "SIGPWR", 31 "SIGSYS",
];

/// `F_DUPFD` in a capture.
pub(crate) const FCNTL_DUPFD: u32 = 1;
/// `F_DUPFD_CLOEXEC` in a capture.
pub(crate) const FCNTL_DUPFD_CLOEXEC: u32 = 26;
/// `CLONE_FILES` in a capture.
pub(crate) const CLONE_FILES: u64 = 1 << 0;
/// `CLONE_THREAD` in a capture.
pub(crate) const CLONE_THREAD: u64 = 1 << 13;
/// The executable may be written by the process.
pub(crate) const EXE_WRITABLE: u64 = 1;
/// The executable lies in the container's own layer.
pub(crate) const EXE_UPPER_LAYER: u64 = 2;
/// The executable is a memory file.
pub(crate) const EXE_FROM_MEMFD: u64 = 4;
/// `O_DIRECTORY` in a capture.
pub(crate) const O_DIRECTORY: u64 = 1 << 10;

/// Which layer of its image's file system a file lies in, from the flags of its open in a capture.
pub(crate) fn upper_layer(flags: u64) -> Option<bool> {
    match (flags >> 15 & 1, flags >> 16 & 1) {
        (1, _) => Some(true),
        (_, 1) => Some(false),
        _ => None,
    }
}

/// The form of parameters with names of that table.
pub(crate) fn form(name: &str) -> Option<Form> {
    Some(match name {
        "open" => Form::Flags(OPEN),
        "clone" => Form::Flags(CLONE),
        "mmap" => Form::Flags(MMAP),
        "prot" => Form::Flags(PROT),
        "chmod" => Form::Flags(MODE),
        "mount" => Form::Flags(MOUNT),
        "umount" => Form::Flags(UMOUNT),
        "unlinkat" => Form::Flags(UNLINKAT),
        "linkat" => Form::Flags(LINKAT),
        "renameat2" => Form::Flags(RENAMEAT2),
        "memfd" => Form::Flags(MEMFD),
        "module" => Form::Flags(MODULE),
        "exec" => Form::Flags(EXEC),
        "access" => Form::Flags(ACCESS),
        "flock" => Form::Flags(FLOCK),
        "splice" => Form::Flags(SPLICE),
        "family" => Form::Enum(FAMILY),
        "ptrace" => Form::Enum(PTRACE),
        "bpf" => Form::Enum(BPF),
        "fcntl" => Form::Enum(FCNTL),
        "seek" => Form::Enum(SEEK),
        "shutdown" => Form::Enum(SHUTDOWN),
        "sol" => Form::Enum(SOL),
        "rlimit" => Form::Enum(RLIMIT),
        "futex" => Form::Enum(FUTEX),
        "signal" => Form::Enum(SIGNAL),
        _ => return None,
    })
}

/// The kernel's bits and the names of the set flags, joined by `|`; `0` when none has a name. A flag of several bits
/// comes before its parts, which are then not named.
pub(crate) fn flags(bits: u64, table: &Table) -> (u64, Cow<'static, str>) {
    let mut rest = bits;
    let mut kernel = 0;
    let mut first = None;
    let mut joined = String::new();
    for (bit, of_kernel, name) in table {
        let bit = u64::from(*bit);
        if rest & bit != bit {
            continue;
        }
        rest &= !bit;
        kernel |= of_kernel;
        match first {
            None => first = Some(*name),
            Some(only) if joined.is_empty() => {
                joined.reserve(40);
                joined.push_str(only);
                joined.push('|');
                joined.push_str(name);
            }
            Some(_) => {
                joined.push('|');
                joined.push_str(name);
            }
        }
    }
    let names = match first {
        None => Cow::Borrowed("0"),
        Some(only) if joined.is_empty() => Cow::Borrowed(only),
        Some(_) => Cow::Owned(joined),
    };
    (kernel, names)
}

/// The kernel's number and the name of a value; the number itself where it has no name.
pub(crate) fn value(number: u64, table: &Table) -> (u64, Cow<'static, str>) {
    match table.iter().find(|(known, _, _)| u64::from(*known) == number) {
        Some((_, kernel, name)) => (*kernel, Cow::Borrowed(*name)),
        None => (number, Cow::Owned(number.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::{FCNTL, OPEN, PTRACE, flags, value};

    #[test]
    fn bits_of_a_capture_become_the_kernels_and_falcos_names() {
        for (bits, kernel, names) in [
            (0x1001, 0o2_000_000, "O_RDONLY|O_CLOEXEC"),
            (1, 0, "O_RDONLY"),
            (3, 2, "O_RDWR"),
            (0x106, 0o1_101, "O_TRUNC|O_CREAT|O_WRONLY"),
            (0, 0, "0"),
            (0x4007, 0o102, "O_CREAT|O_RDWR|O_F_CREATED"),
        ] {
            assert_eq!(flags(bits, OPEN), (kernel, names.into()), "{bits:#x}");
        }
        assert_eq!(value(20, PTRACE), (0x4206, "PTRACE_SEIZE".into()));
        assert_eq!(value(26, FCNTL), (1030, "F_DUPFD_CLOEXEC".into()));
        assert_eq!(value(77, PTRACE), (77, "77".into()));
    }
}
