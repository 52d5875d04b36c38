//! Names of flags as Falco prints them: names of the set bits joined by `|` in Falco's order, `0` for none.

/// Bits (or values) and their names in Falco's order.
pub type Names = [(u64, &'static str)];

/// `AT_REMOVEDIR` of unlinkat.
pub const UNLINKAT: [(u64, &str); 1] = [(0x200, "AT_REMOVEDIR")];
/// Flags of linkat, fchownat, execveat.
pub const LINKAT: [(u64, &str); 3] =
    [(0x100, "AT_SYMLINK_NOFOLLOW"), (0x400, "AT_SYMLINK_FOLLOW"), (0x1000, "AT_EMPTY_PATH")];
/// Flags of renameat2.
pub const RENAMEAT2: [(u64, &str); 3] =
    [(1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT")];
/// Flags of accept4.
pub const ACCEPT: [(u64, &str); 2] = [(0o2_000_000, "SOCK_CLOEXEC"), (0o4_000, "SOCK_NONBLOCK")];
/// Flags of memfd_create.
pub const MEMFD: [(u64, &str); 5] = [
    (1, "MFD_CLOEXEC"),
    (2, "MFD_ALLOW_SEALING"),
    (4, "MFD_HUGETLB"),
    (8, "MFD_NOEXEC_SEAL"),
    (16, "MFD_EXEC"),
];
/// Flags of finit_module.
pub const MODULE: [(u64, &str); 3] = [
    (1, "MODULE_INIT_IGNORE_MODVERSIONS"),
    (2, "MODULE_INIT_IGNORE_VERMAGIC"),
    (4, "MODULE_INIT_COMPRESSED_FILE"),
];
/// Mode bits of chmod.
pub const CHMOD: [(u64, &str); 12] = [
    (0o1, "S_IXOTH"),
    (0o2, "S_IWOTH"),
    (0o4, "S_IROTH"),
    (0o10, "S_IXGRP"),
    (0o20, "S_IWGRP"),
    (0o40, "S_IRGRP"),
    (0o100, "S_IXUSR"),
    (0o200, "S_IWUSR"),
    (0o400, "S_IRUSR"),
    (0o1000, "S_ISVTX"),
    (0o2000, "S_ISGID"),
    (0o4000, "S_ISUID"),
];
/// Flags of unshare and the type of setns.
pub const CLONE: [(u64, &str); 13] = [
    (0x400, "CLONE_FILES"),
    (0x200, "CLONE_FS"),
    (0x800_0000, "CLONE_NEWIPC"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x2_0000, "CLONE_NEWNS"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x400_0000, "CLONE_NEWUTS"),
    (0x800, "CLONE_SIGHAND"),
    (0x4_0000, "CLONE_SYSVSEM"),
    (0x1_0000, "CLONE_THREAD"),
    (0x100, "CLONE_VM"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x200_0000, "CLONE_NEWCGROUP"),
];
/// Flags of mount; Falco leaves the `MS_` out.
pub const MOUNT: [(u64, &str); 22] = [
    (1, "RDONLY"),
    (1 << 1, "NOSUID"),
    (1 << 2, "NODEV"),
    (1 << 3, "NOEXEC"),
    (1 << 4, "SYNCHRONOUS"),
    (1 << 5, "REMOUNT"),
    (1 << 6, "MANDLOCK"),
    (1 << 7, "DIRSYNC"),
    (1 << 10, "NOATIME"),
    (1 << 11, "NODIRATIME"),
    (1 << 12, "BIND"),
    (1 << 13, "MOVE"),
    (1 << 14, "REC"),
    (1 << 15, "SILENT"),
    (1 << 16, "POSIXACL"),
    (1 << 17, "UNBINDABLE"),
    (1 << 18, "PRIVATE"),
    (1 << 19, "SLAVE"),
    (1 << 20, "SHARED"),
    (1 << 21, "RELATIME"),
    (1 << 24, "STRICTATIME"),
    (1 << 25, "LAZYTIME"),
];
/// Flags of umount2; Falco leaves the `MNT_` out.
pub const UMOUNT: [(u64, &str); 4] = [(1, "FORCE"), (2, "DETACH"), (4, "EXPIRE"), (8, "NOFOLLOW")];
/// Properties of a started executable (Falco's `flags` of execve).
pub const EXEC: [(u64, &str); 4] =
    [(1, "EXE_WRITABLE"), (2, "EXE_UPPER_LAYER"), (4, "EXE_FROM_MEMFD"), (8, "EXE_LOWER_LAYER")];

/// Families of sockets (`linux/socket.h`), those there is a use for in containers.
pub const FAMILY: [(u64, &str); 17] = [
    (0, "AF_UNSPEC"),
    (1, "AF_UNIX"),
    (2, "AF_INET"),
    (3, "AF_AX25"),
    (4, "AF_IPX"),
    (10, "AF_INET6"),
    (15, "AF_KEY"),
    (16, "AF_NETLINK"),
    (17, "AF_PACKET"),
    (21, "AF_RDS"),
    (29, "AF_CAN"),
    (30, "AF_TIPC"),
    (31, "AF_BLUETOOTH"),
    (33, "AF_RXRPC"),
    (38, "AF_ALG"),
    (40, "AF_VSOCK"),
    (44, "AF_XDP"),
];

/// Requests of ptrace.
pub const PTRACE: [(u64, &str); 29] = [
    (0, "PTRACE_TRACEME"),
    (1, "PTRACE_PEEKTEXT"),
    (2, "PTRACE_PEEKDATA"),
    (3, "PTRACE_PEEKUSR"),
    (4, "PTRACE_POKETEXT"),
    (5, "PTRACE_POKEDATA"),
    (6, "PTRACE_POKEUSR"),
    (7, "PTRACE_CONT"),
    (8, "PTRACE_KILL"),
    (9, "PTRACE_SINGLESTEP"),
    (12, "PTRACE_GETREGS"),
    (13, "PTRACE_SETREGS"),
    (14, "PTRACE_GETFPREGS"),
    (15, "PTRACE_SETFPREGS"),
    (16, "PTRACE_ATTACH"),
    (17, "PTRACE_DETACH"),
    (24, "PTRACE_SYSCALL"),
    (30, "PTRACE_ARCH_PRCTL"),
    (0x4200, "PTRACE_SETOPTIONS"),
    (0x4201, "PTRACE_GETEVENTMSG"),
    (0x4202, "PTRACE_GETSIGINFO"),
    (0x4203, "PTRACE_SETSIGINFO"),
    (0x4204, "PTRACE_GETREGSET"),
    (0x4205, "PTRACE_SETREGSET"),
    (0x4206, "PTRACE_SEIZE"),
    (0x4207, "PTRACE_INTERRUPT"),
    (0x4208, "PTRACE_LISTEN"),
    (0x4209, "PTRACE_PEEKSIGINFO"),
    (0x420a, "PTRACE_GETSIGMASK"),
];
/// Commands of bpf.
pub const BPF: [(u64, &str); 20] = [
    (0, "BPF_MAP_CREATE"),
    (1, "BPF_MAP_LOOKUP_ELEM"),
    (2, "BPF_MAP_UPDATE_ELEM"),
    (3, "BPF_MAP_DELETE_ELEM"),
    (4, "BPF_MAP_GET_NEXT_KEY"),
    (5, "BPF_PROG_LOAD"),
    (6, "BPF_OBJ_PIN"),
    (7, "BPF_OBJ_GET"),
    (8, "BPF_PROG_ATTACH"),
    (9, "BPF_PROG_DETACH"),
    (10, "BPF_PROG_TEST_RUN"),
    (11, "BPF_PROG_GET_NEXT_ID"),
    (12, "BPF_MAP_GET_NEXT_ID"),
    (13, "BPF_PROG_GET_FD_BY_ID"),
    (14, "BPF_MAP_GET_FD_BY_ID"),
    (15, "BPF_OBJ_GET_INFO_BY_FD"),
    (16, "BPF_PROG_QUERY"),
    (17, "BPF_RAW_TRACEPOINT_OPEN"),
    (18, "BPF_BTF_LOAD"),
    (28, "BPF_LINK_CREATE"),
];

/// Kinds of namespaces among the flags of clone.
pub const NAMESPACES: u32 =
    0x800_0000 | 0x4000_0000 | 0x2_0000 | 0x2000_0000 | 0x400_0000 | 0x1000_0000 | 0x200_0000;
/// Flags of clone with all their names.
pub const CLONE_ALL: [(u64, &str); 22] = [
    (0x400, "CLONE_FILES"),
    (0x200, "CLONE_FS"),
    (0x8000_0000, "CLONE_IO"),
    (0x800_0000, "CLONE_NEWIPC"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x2_0000, "CLONE_NEWNS"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x400_0000, "CLONE_NEWUTS"),
    (0x8000, "CLONE_PARENT"),
    (0x10_0000, "CLONE_PARENT_SETTID"),
    (0x2000, "CLONE_PTRACE"),
    (0x800, "CLONE_SIGHAND"),
    (0x4_0000, "CLONE_SYSVSEM"),
    (0x1_0000, "CLONE_THREAD"),
    (0x80_0000, "CLONE_UNTRACED"),
    (0x100, "CLONE_VM"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x20_0000, "CLONE_CHILD_CLEARTID"),
    (0x100_0000, "CLONE_CHILD_SETTID"),
    (0x8_0000, "CLONE_SETTLS"),
    (0x4000, "CLONE_VFORK"),
    (0x200_0000, "CLONE_NEWCGROUP"),
];
/// Protection of mapped memory.
pub const PROT: [(u64, &str); 4] = [(1, "PROT_READ"), (2, "PROT_WRITE"), (4, "PROT_EXEC"), (8, "PROT_SEM")];
/// Flags of mmap.
pub const MMAP: [(u64, &str); 12] = [
    (1, "MAP_SHARED"),
    (2, "MAP_PRIVATE"),
    (0x10, "MAP_FIXED"),
    (0x20, "MAP_ANONYMOUS"),
    (0x40, "MAP_32BIT"),
    (0x4000, "MAP_NORESERVE"),
    (0x8000, "MAP_POPULATE"),
    (0x1_0000, "MAP_NONBLOCK"),
    (0x100, "MAP_GROWSDOWN"),
    (0x800, "MAP_DENYWRITE"),
    (0x1000, "MAP_EXECUTABLE"),
    (0x2000, "MAP_LOCKED"),
];
/// Flags of personality (`linux/personality.h`).
pub const PERSONALITY: [(u64, &str); 8] = [
    (0x4_0000, "ADDR_NO_RANDOMIZE"),
    (0x10_0000, "MMAP_PAGE_ZERO"),
    (0x20_0000, "ADDR_COMPAT_LAYOUT"),
    (0x40_0000, "READ_IMPLIES_EXEC"),
    (0x80_0000, "ADDR_LIMIT_32BIT"),
    (0x100_0000, "SHORT_INODE"),
    (0x400_0000, "STICKY_TIMEOUTS"),
    (0x800_0000, "ADDR_LIMIT_3GB"),
];
/// Signals.
pub const SIGNAL: [(u64, &str); 31] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (10, "SIGUSR1"),
    (11, "SIGSEGV"),
    (12, "SIGUSR2"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
    (16, "SIGSTKFLT"),
    (17, "SIGCHLD"),
    (18, "SIGCONT"),
    (19, "SIGSTOP"),
    (20, "SIGTSTP"),
    (21, "SIGTTIN"),
    (22, "SIGTTOU"),
    (23, "SIGURG"),
    (24, "SIGXCPU"),
    (25, "SIGXFSZ"),
    (26, "SIGVTALRM"),
    (27, "SIGPROF"),
    (28, "SIGWINCH"),
    (29, "SIGIO"),
    (30, "SIGPWR"),
    (31, "SIGSYS"),
];
/// Options of prctl (`linux/prctl.h`).
pub const PRCTL: [(u64, &str); 33] = [
    (1, "PR_SET_PDEATHSIG"),
    (2, "PR_GET_PDEATHSIG"),
    (3, "PR_GET_DUMPABLE"),
    (4, "PR_SET_DUMPABLE"),
    (7, "PR_GET_KEEPCAPS"),
    (8, "PR_SET_KEEPCAPS"),
    (15, "PR_SET_NAME"),
    (16, "PR_GET_NAME"),
    (21, "PR_GET_SECCOMP"),
    (22, "PR_SET_SECCOMP"),
    (23, "PR_CAPBSET_READ"),
    (24, "PR_CAPBSET_DROP"),
    (25, "PR_GET_TSC"),
    (26, "PR_SET_TSC"),
    (27, "PR_GET_SECUREBITS"),
    (28, "PR_SET_SECUREBITS"),
    (29, "PR_SET_TIMERSLACK"),
    (30, "PR_GET_TIMERSLACK"),
    (33, "PR_MCE_KILL"),
    (34, "PR_MCE_KILL_GET"),
    (35, "PR_SET_MM"),
    (36, "PR_SET_CHILD_SUBREAPER"),
    (37, "PR_GET_CHILD_SUBREAPER"),
    (38, "PR_SET_NO_NEW_PRIVS"),
    (39, "PR_GET_NO_NEW_PRIVS"),
    (40, "PR_GET_TID_ADDRESS"),
    (41, "PR_SET_THP_DISABLE"),
    (42, "PR_GET_THP_DISABLE"),
    (47, "PR_CAP_AMBIENT"),
    (52, "PR_GET_SPECULATION_CTRL"),
    (53, "PR_SET_SPECULATION_CTRL"),
    (0x5961_6d61, "PR_SET_PTRACER"),
    (0x5356_4d41, "PR_SET_VMA"),
];
/// Operations of keyctl (`linux/keyctl.h`).
pub const KEYCTL: [(u64, &str); 14] = [
    (0, "KEYCTL_GET_KEYRING_ID"),
    (1, "KEYCTL_JOIN_SESSION_KEYRING"),
    (2, "KEYCTL_UPDATE"),
    (3, "KEYCTL_REVOKE"),
    (4, "KEYCTL_CHOWN"),
    (5, "KEYCTL_SETPERM"),
    (6, "KEYCTL_DESCRIBE"),
    (7, "KEYCTL_CLEAR"),
    (8, "KEYCTL_LINK"),
    (9, "KEYCTL_UNLINK"),
    (10, "KEYCTL_SEARCH"),
    (11, "KEYCTL_READ"),
    (12, "KEYCTL_INSTANTIATE"),
    (21, "KEYCTL_INVALIDATE"),
];
/// Commands of reboot (`linux/reboot.h`).
pub const REBOOT: [(u64, &str); 7] = [
    (0x0123_4567, "LINUX_REBOOT_CMD_RESTART"),
    (0xcdef_0123, "LINUX_REBOOT_CMD_HALT"),
    (0x89ab_cdef, "LINUX_REBOOT_CMD_CAD_ON"),
    (0, "LINUX_REBOOT_CMD_CAD_OFF"),
    (0x4321_fedc, "LINUX_REBOOT_CMD_POWER_OFF"),
    (0xa1b2_c3d4, "LINUX_REBOOT_CMD_RESTART2"),
    (0x4558_4543, "LINUX_REBOOT_CMD_KEXEC"),
];

/// Names of the set bits, joined by `|`; `0` when none has a name.
#[must_use]
pub fn names(bits: u64, table: &Names) -> String {
    let set: Vec<&str> = table.iter().filter(|(bit, _)| bits & bit == *bit).map(|(_, name)| *name).collect();
    if set.is_empty() { "0".to_owned() } else { set.join("|") }
}

/// The name of a value, or the value itself.
#[must_use]
pub fn name_of(value: u64, table: &Names) -> String {
    table
        .iter()
        .find(|(known, _)| *known == value)
        .map_or_else(|| value.to_string(), |(_, name)| (*name).to_owned())
}

/// Names of the flags of `open`, in Falco's order. `arm` selects the bits of aarch64.
#[must_use]
pub fn open_names(bits: u64, arm: bool) -> String {
    let (direct, large, directory) =
        if arm { (0o200_000, 0o400_000, 0o40_000) } else { (0o40_000, 0o100_000, 0o200_000) };
    let tmpfile = 0o20_000_000;
    let mut set: Vec<&str> = Vec::new();
    let ordered = [
        (large, "O_LARGEFILE"),
        (directory, "O_DIRECTORY"),
        (direct, "O_DIRECT"),
        (0o1_000, "O_TRUNC"),
        (0o4_010_000, "O_SYNC"),
        (0o4_000, "O_NONBLOCK"),
        (0o200, "O_EXCL"),
        (0o10_000, "O_DSYNC"),
        (0o2_000, "O_APPEND"),
        (0o100, "O_CREAT"),
    ];
    set.extend(ordered.iter().filter(|(bit, _)| bits & bit == *bit).map(|(_, name)| *name));
    set.push(match bits & 0o3 {
        0 => "O_RDONLY",
        1 => "O_WRONLY",
        _ => "O_RDWR",
    });
    if bits & 0o2_000_000 != 0 {
        set.push("O_CLOEXEC");
    }
    if bits & tmpfile != 0 {
        set.push("O_TMPFILE");
    }
    set.join("|")
}

#[cfg(test)]
mod tests {
    use super::{CHMOD, PTRACE, UNLINKAT, name_of, names, open_names};

    #[test]
    fn open_flags_print_in_falcos_order() {
        for (bits, arm, expected) in [
            (0o1_101, false, "O_TRUNC|O_CREAT|O_WRONLY"),
            (0o0, false, "O_RDONLY"),
            (0o2_000_000, false, "O_RDONLY|O_CLOEXEC"),
            (0o100_301, false, "O_LARGEFILE|O_EXCL|O_CREAT|O_WRONLY"),
            (0o4_010_002, false, "O_SYNC|O_DSYNC|O_RDWR"),
            (0o40_000, true, "O_DIRECTORY|O_RDONLY"),
            (0o40_000, false, "O_DIRECT|O_RDONLY"),
        ] {
            assert_eq!(open_names(bits, arm), expected, "{bits:o}");
        }
    }

    #[test]
    fn modes_and_values_have_names() {
        assert_eq!(names(0o4755, &CHMOD), "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID");
        assert_eq!(names(0, &UNLINKAT), "0");
        assert_eq!(name_of(0x4206, &PTRACE), "PTRACE_SEIZE");
        assert_eq!(name_of(77, &PTRACE), "77");
    }
}
