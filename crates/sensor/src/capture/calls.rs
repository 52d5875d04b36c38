//! The calls the sensor knows: their numbers, which trap selects them under which condition, and which of their
//! arguments point to something worth reading. Numbers are those of the kernel's system call tables.

use fargard_model::EventType;

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

/// Number of `execve` on the architecture this program is compiled for.
pub(crate) const EXECVE: u32 = if cfg!(target_arch = "aarch64") { 221 } else { 59 };

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

/// A call the sensor can stop.
#[derive(Debug)]
pub struct Call {
    /// As rules name it.
    pub kind: EventType,
    pub(crate) x86_64: Option<u32>,
    pub(crate) aarch64: Option<u32>,
    pub(crate) i386: &'static [u32],
    pub(crate) pointees: &'static [Pointee],
}

macro_rules! calls {
    ($($kind:ident $x86:literal $arm:literal [$($i386:literal)*] $($pointee:expr),*;)*) => {
        &[$(Call {
            kind: E::$kind,
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

/// Every call the sensor can stop: kind, numbers (x86-64, aarch64, i386), pointers.
pub(crate) const CALLS: &[Call] = calls! {
    Execve 59 221 [11] Path(0, None), Argv(1), Env(2);
    Execveat 322 281 [358] Path(1, Some(0)), Argv(2), Env(3);
    Open 2 -1 [5] Path(0, None);
    Openat 257 56 [295] Path(1, Some(0));
    Openat2 437 437 [437] Path(1, Some(0)), Struct(2, 24);
    Creat 85 -1 [8] Path(0, None);
    Rename 82 -1 [38] Path(0, None), Path(1, None);
    Renameat 264 38 [302] Path(1, Some(0)), Path(3, Some(2));
    Renameat2 316 276 [353] Path(1, Some(0)), Path(3, Some(2));
    Unlink 87 -1 [10] Path(0, None);
    Unlinkat 263 35 [301] Path(1, Some(0));
    Rmdir 84 -1 [40] Path(0, None);
    Mkdir 83 -1 [39] Path(0, None);
    Mkdirat 258 34 [296] Path(1, Some(0));
    Chmod 90 -1 [15] Path(0, None);
    Fchmod 91 52 [94] Descriptor(0);
    Fchmodat 268 53 [306] Path(1, Some(0));
    Fchmodat2 452 452 [452] Path(1, Some(0));
    Chown 92 -1 [182 212] Path(0, None);
    Lchown 94 -1 [16 198] Path(0, None);
    Fchown 93 55 [95 207] Descriptor(0);
    Fchownat 260 54 [298] Path(1, Some(0));
    Link 86 -1 [9] Path(0, None), Path(1, None);
    Linkat 265 37 [303] Path(1, Some(0)), Path(3, Some(2));
    Symlink 88 -1 [83] Text(0), Path(1, None);
    Symlinkat 266 36 [304] Text(0), Path(2, Some(1));
    Socket 41 198 [359] ;
    Connect 42 203 [362] Sockaddr(1, 2);
    Bind 49 200 [361] Sockaddr(1, 2);
    Listen 50 201 [363] ;
    Accept 43 202 [] ;
    Accept4 288 242 [364] ;
    Sendto 44 206 [369] Sockaddr(4, 5);
    Sendmsg 46 211 [370] Message(1);
    Sendmmsg 307 269 [345] Message(1);
    Setuid 105 146 [23 213] ;
    Setgid 106 144 [46 214] ;
    Setreuid 113 145 [70 203] ;
    Setregid 114 143 [71 204] ;
    Setresuid 117 147 [164 208] ;
    Setresgid 119 149 [170 210] ;
    Ptrace 101 117 [26] ;
    ProcessVmWritev 311 271 [348] ;
    Mount 165 40 [21] Text(0), Path(1, None), Text(2);
    Umount2 166 39 [52] Path(0, None);
    Setns 308 268 [346] Descriptor(0);
    Unshare 272 97 [310] ;
    Chroot 161 51 [61] Path(0, None);
    MemfdCreate 319 279 [356] Text(0);
    Dup2 33 -1 [63] Descriptor(0);
    Dup3 292 24 [330] Descriptor(0);
    Bpf 321 280 [357] ;
    InitModule 175 105 [128] ;
    FinitModule 313 273 [350] Descriptor(0), Text(1);
    Userfaultfd 323 282 [374] ;
    IoUringSetup 425 425 [425] ;
    DeleteModule 176 106 [129] Text(0);
    KexecLoad 246 104 [283] ;
    KexecFileLoad 320 294 [] Descriptor(0);
    Clone 56 220 [120] ;
    Mmap 9 222 [] ;
    Mmap2 -1 -1 [192] ;
    Mprotect 10 226 [125] ;
    PkeyMprotect 329 288 [380] ;
    Prctl 157 167 [172] ;
    Capset 126 91 [185] Struct(1, 24);
    Kill 62 129 [37] ;
    Tkill 200 130 [238] ;
    Tgkill 234 131 [270] ;
    RtSigqueueinfo 129 138 [178] ;
    RtTgsigqueueinfo 297 240 [335] ;
    PidfdSendSignal 424 424 [424] ;
    Mknod 133 -1 [14] Path(0, None);
    Mknodat 259 33 [297] Path(1, Some(0));
    Utime 132 -1 [30] Path(0, None);
    Utimes 235 -1 [271] Path(0, None);
    Futimesat 261 -1 [299] Path(1, Some(0));
    Utimensat 280 88 [320 412] Path(1, Some(0));
    Setxattr 188 5 [226] Path(0, None), Text(1);
    Lsetxattr 189 6 [227] Path(0, None), Text(1);
    Fsetxattr 190 7 [228] Descriptor(0), Text(1);
    Truncate 76 45 [92 193] Path(0, None);
    Ftruncate 77 46 [93 194] Descriptor(0);
    ProcessVmReadv 310 270 [347] ;
    PidfdGetfd 438 438 [438] ;
    Personality 135 92 [136] ;
    Keyctl 250 219 [288] ;
    AddKey 248 217 [286] Text(0), Text(1);
    RequestKey 249 218 [287] Text(0), Text(1);
    OpenByHandleAt 304 265 [342] ;
    PivotRoot 155 41 [217] Path(0, None), Path(1, None);
    Umount -1 -1 [22] Path(0, None);
    MoveMount 429 429 [429] Path(1, Some(0)), Path(3, Some(2));
    OpenTree 428 428 [428] Path(1, Some(0));
    Fsopen 430 430 [430] Text(0);
    Fsmount 432 432 [432] ;
    MountSetattr 442 442 [442] Path(1, Some(0));
    Setsid 112 157 [66] ;
    Setpgid 109 154 [57] ;
    Quotactl 179 60 [131] Text(1);
    Swapon 167 224 [87] Path(0, None);
    Swapoff 168 225 [115] Path(0, None);
    Reboot 169 142 [88] ;
};

/// Calls whose x32 number is not the x86-64 one (`arch/x86/entry/syscalls/syscall_64.tbl`).
const X32: &[(EventType, u32)] = &[
    (E::Execve, 520),
    (E::Execveat, 545),
    (E::Ptrace, 521),
    (E::Sendmsg, 518),
    (E::Sendmmsg, 538),
    (E::ProcessVmReadv, 539),
    (E::ProcessVmWritev, 540),
    (E::RtSigqueueinfo, 524),
    (E::RtTgsigqueueinfo, 536),
    (E::KexecLoad, 528),
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

/// Places in [`CALLS`] by the number of a call on the architecture this program is compiled for; others are beyond the end.
static BY_NUMBER: [u8; 512] = {
    let mut places = [u8::MAX; 512];
    let mut at = 0;
    while at < CALLS.len() {
        let call = &CALLS[at];
        if let Some(number) = if cfg!(target_arch = "aarch64") { call.aarch64 } else { call.x86_64 } {
            places[number as usize] = at as u8;
        }
        at += 1;
    }
    places
};

/// The call with that number, as the kernel reports it (`AUDIT_ARCH_*`, number). `socketcall` is reported by the
/// sensor as the direct call of the same meaning, so it is not found here.
#[must_use]
pub fn lookup(arch: u32, nr: i32) -> Option<&'static Call> {
    let nr = u32::try_from(nr).ok()?;
    if let Some(place) = BY_NUMBER.get(nr as usize).filter(|_| arch == NATIVE) {
        return CALLS.get(usize::from(*place));
    }
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
            (EventType::Clone, libc::SYS_clone),
            (EventType::Mmap, libc::SYS_mmap),
            (EventType::Mprotect, libc::SYS_mprotect),
            (EventType::PkeyMprotect, libc::SYS_pkey_mprotect),
            (EventType::Prctl, libc::SYS_prctl),
            (EventType::Capset, libc::SYS_capset),
            (EventType::Tgkill, libc::SYS_tgkill),
            (EventType::RtTgsigqueueinfo, libc::SYS_rt_tgsigqueueinfo),
            (EventType::PidfdSendSignal, libc::SYS_pidfd_send_signal),
            (EventType::Mknodat, libc::SYS_mknodat),
            (EventType::Utimensat, libc::SYS_utimensat),
            (EventType::Lsetxattr, libc::SYS_lsetxattr),
            (EventType::Ftruncate, libc::SYS_ftruncate),
            (EventType::ProcessVmReadv, libc::SYS_process_vm_readv),
            (EventType::PidfdGetfd, libc::SYS_pidfd_getfd),
            (EventType::Personality, libc::SYS_personality),
            (EventType::Keyctl, libc::SYS_keyctl),
            (EventType::RequestKey, libc::SYS_request_key),
            (EventType::OpenByHandleAt, libc::SYS_open_by_handle_at),
            (EventType::PivotRoot, libc::SYS_pivot_root),
            (EventType::MoveMount, libc::SYS_move_mount),
            (EventType::MountSetattr, libc::SYS_mount_setattr),
            (EventType::Setpgid, libc::SYS_setpgid),
            (EventType::Quotactl, libc::SYS_quotactl),
            (EventType::Swapoff, libc::SYS_swapoff),
            (EventType::Reboot, libc::SYS_reboot),
            (EventType::DeleteModule, libc::SYS_delete_module),
        ] {
            assert_eq!(lookup(NATIVE, number as i32).map(|call| call.kind), Some(kind), "{kind:?}");
        }
    }

    #[test]
    fn x32_has_its_own_numbers_for_some() {
        let kind = |nr: u32| lookup(X86_64, (nr | X32_BIT) as i32).map(|call| call.kind);
        assert_eq!(kind(520), Some(EventType::Execve));
        assert_eq!(kind(59), None);
        assert_eq!(kind(539), Some(EventType::ProcessVmReadv));
        assert_eq!(kind(528), Some(EventType::KexecLoad));
        assert_eq!(kind(257), Some(EventType::Openat));
    }
}
