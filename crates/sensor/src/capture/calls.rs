//! The calls the sensor knows: their numbers, which trap selects them under which condition, and which of their
//! arguments point to something worth reading. Numbers are those of the kernel's system call tables.

use fargard_model::{EventType, Trap};

use EventType as E;

/// `AUDIT_ARCH_X86_64` (`linux/audit.h`); also of x32 calls, which have [`X32_BIT`] set in their number.
pub const X86_64: u32 = 0xC000_003E;
/// `AUDIT_ARCH_I386`.
pub const I386: u32 = 0x4000_0003;
/// `AUDIT_ARCH_AARCH64`.
pub const AARCH64: u32 = 0xC000_00B7;
/// Set in the number of a call made through the x32 ABI.
pub const X32_BIT: u32 = 0x4000_0000;
/// The architecture this program is compiled for.
pub const NATIVE: u32 = if cfg!(target_arch = "aarch64") { AARCH64 } else { X86_64 };

/// Number of `exit_group` on the architecture this program is compiled for.
pub(crate) const EXIT_GROUP: u32 = if cfg!(target_arch = "aarch64") { 94 } else { 231 };

/// Open flags that make an open one for writing: `O_WRONLY`, `O_RDWR`, `O_CREAT`, `O_TRUNC`, `__O_TMPFILE`.
pub const OPEN_WRITE_FLAGS: u32 = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20_000_000;

/// The families of [`Trap::Socket`] as bits: unix, IPv4, IPv6, netlink.
pub(crate) const COMMON_FAMILIES: u32 = 1 << 1 | 1 << 2 | 1 << 10 | 1 << 16;

/// i386's one number for all socket calls.
pub(crate) const I386_SOCKETCALL: u32 = 102;

/// What an argument points to or refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pointee {
    /// A path, relative to the directory descriptor in that argument, or to the working directory.
    Path(u8, Option<u8>),
    /// A string that is no path.
    Text(u8),
    /// A socket address whose length is in the other argument.
    Sockaddr(u8, u8),
    /// `struct msghdr` that may name an address.
    Message(u8),
    /// An array of strings: argv.
    Argv(u8),
    /// An array of strings: the environment.
    Env(u8),
    /// A structure of that many bytes.
    Struct(u8, u16),
    /// A file descriptor whose file is of interest.
    Descriptor(u8),
}

/// The condition on arguments under which a call is stopped. 32-bit arguments are compared by their low half, as
/// the kernel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predicate {
    /// Whatever the arguments.
    Always,
    /// Some bit of the mask is set.
    AnyBit { arg: u8, mask: u32 },
    /// No bit of the mask is set.
    NoBit { arg: u8, mask: u32 },
    /// The unsigned value is at most this.
    AtMost { arg: u8, max: u32 },
    /// The pointer is not null.
    NotNull { arg: u8 },
    /// The value is the number of a bit set in the mask.
    InSet { arg: u8, mask: u32 },
    /// The value is not the number of a bit set in the mask.
    NotInSet { arg: u8, mask: u32 },
}

/// A call the sensor can stop.
#[derive(Debug)]
pub struct Call {
    /// As rules name it.
    pub kind: EventType,
    /// The class it belongs to; an open belongs to [`Trap::OpenRead`] or [`Trap::OpenWrite`] by its flags, a socket
    /// to [`Trap::Socket`] or [`Trap::RareSocket`] by its family.
    pub trap: Trap,
    pub(crate) x86_64: Option<u32>,
    pub(crate) aarch64: Option<u32>,
    pub(crate) i386: &'static [u32],
    pub(crate) pointees: &'static [Pointee],
}

macro_rules! calls {
    ($($kind:ident $trap:ident $x86:literal $arm:literal [$($i386:literal)*] $($pointee:expr),*;)*) => {
        &[$(Call {
            kind: E::$kind,
            trap: Trap::$trap,
            x86_64: number($x86),
            aarch64: number($arm),
            i386: &[$($i386),*],
            pointees: {
                #[allow(unused_imports, reason = "calls without pointers use no kind of pointer")]
                use Pointee::*;
                &[$($pointee),*]
            },
        }),*]
    };
}

/// -1 in the table: the architecture has no such call.
const fn number(written: i32) -> Option<u32> {
    if written < 0 { None } else { Some(written as u32) }
}

/// Every call the sensor can stop: kind, class, numbers (x86-64, aarch64, i386), pointers.
pub(crate) const CALLS: &[Call] = calls! {
    Execve Exec 59 221 [11] Path(0, None), Argv(1), Env(2);
    Execveat Exec 322 281 [358] Path(1, Some(0)), Argv(2), Env(3);
    Open OpenWrite 2 -1 [5] Path(0, None);
    Openat OpenWrite 257 56 [295] Path(1, Some(0));
    Openat2 OpenWrite 437 437 [437] Path(1, Some(0)), Struct(2, 24);
    Creat OpenWrite 85 -1 [8] Path(0, None);
    Rename Rename 82 -1 [38] Path(0, None), Path(1, None);
    Renameat Rename 264 38 [302] Path(1, Some(0)), Path(3, Some(2));
    Renameat2 Rename 316 276 [353] Path(1, Some(0)), Path(3, Some(2));
    Unlink Unlink 87 -1 [10] Path(0, None);
    Unlinkat Unlink 263 35 [301] Path(1, Some(0));
    Rmdir Unlink 84 -1 [40] Path(0, None);
    Mkdir Mkdir 83 -1 [39] Path(0, None);
    Mkdirat Mkdir 258 34 [296] Path(1, Some(0));
    Chmod Chmod 90 -1 [15] Path(0, None);
    Fchmod Chmod 91 52 [94] Descriptor(0);
    Fchmodat Chmod 268 53 [306] Path(1, Some(0));
    Fchmodat2 Chmod 452 452 [452] Path(1, Some(0));
    Chown Chown 92 -1 [182 212] Path(0, None);
    Lchown Chown 94 -1 [16 198] Path(0, None);
    Fchown Chown 93 55 [95 207] Descriptor(0);
    Fchownat Chown 260 54 [298] Path(1, Some(0));
    Link Link 86 -1 [9] Path(0, None), Path(1, None);
    Linkat Link 265 37 [303] Path(1, Some(0)), Path(3, Some(2));
    Symlink Symlink 88 -1 [83] Text(0), Path(1, None);
    Symlinkat Symlink 266 36 [304] Text(0), Path(2, Some(1));
    Socket Socket 41 198 [359] ;
    Connect Connect 42 203 [362] Sockaddr(1, 2);
    Bind Bind 49 200 [361] Sockaddr(1, 2);
    Listen Listen 50 201 [363] ;
    Accept Accept 43 202 [] ;
    Accept4 Accept 288 242 [364] ;
    Sendto SendtoAddress 44 206 [369] Sockaddr(4, 5);
    Sendmsg Sendmsg 46 211 [370] Message(1);
    Sendmmsg Sendmsg 307 269 [345] Message(1);
    Setuid Setuid 105 146 [23 213] ;
    Setgid Setuid 106 144 [46 214] ;
    Setreuid Setuid 113 145 [70 203] ;
    Setregid Setuid 114 143 [71 204] ;
    Setresuid Setuid 117 147 [164 208] ;
    Setresgid Setuid 119 149 [170 210] ;
    Ptrace Ptrace 101 117 [26] ;
    ProcessVmWritev Ptrace 311 271 [348] ;
    Mount Mount 165 40 [21] Text(0), Path(1, None), Text(2);
    Umount2 Mount 166 39 [52] Path(0, None);
    Setns Mount 308 268 [346] Descriptor(0);
    Unshare Mount 272 97 [310] ;
    Chroot Mount 161 51 [61] Path(0, None);
    MemfdCreate MemfdCreate 319 279 [356] Text(0);
    Dup2 DupStdio 33 -1 [63] Descriptor(0);
    Dup3 DupStdio 292 24 [330] Descriptor(0);
    Bpf Kernel 321 280 [357] ;
    InitModule Kernel 175 105 [128] ;
    FinitModule Kernel 313 273 [350] Descriptor(0), Text(1);
    Userfaultfd Kernel 323 282 [374] ;
    IoUringSetup Kernel 425 425 [425] ;
};

/// Calls whose x32 number is not the x86-64 one (`arch/x86/entry/syscalls/syscall_64.tbl`).
const X32: &[(EventType, u32)] = &[
    (E::Execve, 520),
    (E::Execveat, 545),
    (E::Ptrace, 521),
    (E::Sendmsg, 518),
    (E::Sendmmsg, 538),
    (E::ProcessVmWritev, 540),
];

/// Socket calls behind i386's `socketcall` (`linux/net.h`): the number in its first argument, and the number of
/// the direct call of the same meaning.
const SOCKETCALL: &[(u32, EventType, u32)] = &[
    (1, E::Socket, 359),
    (2, E::Bind, 361),
    (3, E::Connect, 362),
    (4, E::Listen, 363),
    (5, E::Accept4, 364),
    (11, E::Sendto, 369),
    (16, E::Sendmsg, 370),
    (18, E::Accept4, 364),
    (20, E::Sendmmsg, 345),
];

impl Call {
    /// The call's numbers on an architecture; for [`X86_64`] with those of x32, [`X32_BIT`] set, when asked.
    pub(crate) fn numbers(&self, arch: u32, x32: bool) -> Vec<u32> {
        match (arch, x32) {
            (X86_64, false) => self.x86_64.into_iter().collect(),
            (X86_64, true) => {
                let own = X32.iter().find(|(kind, _)| *kind == self.kind).map(|(_, number)| *number);
                own.or(self.x86_64).map(|number| number | X32_BIT).into_iter().collect()
            }
            (AARCH64, false) => self.aarch64.into_iter().collect(),
            (I386, false) => self.i386.to_vec(),
            _ => Vec::new(),
        }
    }
}

/// The call with that number, as the kernel reports it (`AUDIT_ARCH_*`, number). `socketcall` is reported by the
/// sensor as the direct call of the same meaning, so it is not found here.
#[must_use]
pub fn lookup(arch: u32, nr: i32) -> Option<&'static Call> {
    let nr = u32::try_from(nr).ok()?;
    CALLS.iter().find(|call| match arch {
        X86_64 if nr & X32_BIT != 0 => match X32.iter().find(|(kind, _)| *kind == call.kind) {
            Some((_, number)) => number | X32_BIT == nr,
            None => call.x86_64.is_some_and(|number| number | X32_BIT == nr),
        },
        X86_64 => call.x86_64 == Some(nr),
        AARCH64 => call.aarch64 == Some(nr),
        I386 => call.i386.contains(&nr),
        _ => false,
    })
}

/// The numbers `socketcall` may have in its first argument for calls of these kinds.
pub(crate) fn socketcall_numbers(wanted: impl Fn(EventType) -> bool) -> Vec<u32> {
    SOCKETCALL.iter().filter(|(_, kind, _)| wanted(*kind)).map(|(number, ..)| *number).collect()
}

/// Number of the direct call that `socketcall` with that first argument makes.
pub(crate) fn socketcall_direct(first: u64) -> Option<i32> {
    let (.., direct) = SOCKETCALL.iter().find(|(number, ..)| u64::from(*number) == first)?;
    i32::try_from(*direct).ok()
}

/// Bytes of a pointer for the caller of that call.
pub(crate) fn pointer_bytes(arch: u32, nr: i32) -> usize {
    let x32 = arch == X86_64 && nr as u32 & X32_BIT != 0;
    if arch == I386 || x32 { 4 } else { 8 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fargard_model::EventType;

    use super::{AARCH64, CALLS, I386, NATIVE, X32_BIT, X86_64, lookup};

    #[test]
    fn every_kind_but_exit_is_there_once() {
        let kinds: BTreeSet<EventType> = CALLS.iter().map(|call| call.kind).collect();
        assert_eq!(kinds.len(), CALLS.len());
        let missing: Vec<_> = EventType::OBSERVED.iter().filter(|kind| !kinds.contains(kind)).collect();
        assert_eq!(missing, [&EventType::Procexit]);
    }

    #[test]
    fn no_number_is_used_twice() {
        for (arch, x32) in [(X86_64, false), (X86_64, true), (AARCH64, false), (I386, false)] {
            let numbers: Vec<u32> = CALLS.iter().flat_map(|call| call.numbers(arch, x32)).collect();
            let distinct: BTreeSet<u32> = numbers.iter().copied().collect();
            assert_eq!(numbers.len(), distinct.len(), "{arch:x} {x32}");
            for call in CALLS {
                for number in call.numbers(arch, x32) {
                    assert_eq!(lookup(arch, number as i32).unwrap().kind, call.kind);
                }
            }
        }
    }

    #[test]
    fn numbers_are_the_systems() {
        for (kind, number) in [
            (EventType::Execve, libc::SYS_execve),
            (EventType::Openat, libc::SYS_openat),
            (EventType::Openat2, libc::SYS_openat2),
            (EventType::Renameat2, libc::SYS_renameat2),
            (EventType::Unlinkat, libc::SYS_unlinkat),
            (EventType::Socket, libc::SYS_socket),
            (EventType::Connect, libc::SYS_connect),
            (EventType::Sendto, libc::SYS_sendto),
            (EventType::Setresuid, libc::SYS_setresuid),
            (EventType::Setregid, libc::SYS_setregid),
            (EventType::ProcessVmWritev, libc::SYS_process_vm_writev),
            (EventType::MemfdCreate, libc::SYS_memfd_create),
            (EventType::Dup3, libc::SYS_dup3),
            (EventType::FinitModule, libc::SYS_finit_module),
            (EventType::Userfaultfd, libc::SYS_userfaultfd),
            (EventType::Umount2, libc::SYS_umount2),
            (EventType::Accept4, libc::SYS_accept4),
        ] {
            assert_eq!(lookup(NATIVE, number as i32).map(|call| call.kind), Some(kind), "{kind:?}");
        }
    }

    #[test]
    fn x32_has_its_own_numbers_for_some() {
        let kind = |nr: u32| lookup(X86_64, (nr | X32_BIT) as i32).map(|call| call.kind);
        assert_eq!(kind(520), Some(EventType::Execve));
        assert_eq!(kind(59), None);
        assert_eq!(kind(257), Some(EventType::Openat));
    }
}
