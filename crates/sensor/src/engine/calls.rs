//! Which call a number is and how Falco names its parameters.
//!
//! Numbers are those of the kernel's tables (`arch/x86/entry/syscalls/syscall_64.tbl`,
//! `include/uapi/asm-generic/unistd.h`); parameter names and their order are those of Falco's event table.

use fargard_model::EventType::{self, *};

use super::flags::{self, Names};

/// `AUDIT_ARCH_X86_64` of `linux/audit.h`.
pub(crate) const ARCH_X86_64: u32 = 0xC000_003E;
/// `AUDIT_ARCH_AARCH64` of `linux/audit.h`.
pub(crate) const ARCH_AARCH64: u32 = 0xC000_00B7;
/// Set in the number of an x32 call; the rest of the number is the 64-bit call's.
const X32_BIT: i32 = 0x4000_0000;

/// How an argument is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A path in the process's memory.
    Path,
    /// Text in the process's memory.
    Text,
    /// A signed number of 32 bits: a file descriptor, a user id.
    Int,
    /// A descriptor of a directory; `AT_FDCWD` is named as Falco names it.
    Dirfd,
    /// A file mode in octal digits.
    Mode,
    /// Flags of that table.
    Flags(&'static Names),
    /// Flags of `open`, whose bits differ between architectures.
    OpenFlags,
    /// A number with a name.
    Enum(&'static Names),
}

/// One parameter of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Param {
    /// Falco's name.
    pub(crate) name: &'static str,
    /// Index of the call's argument.
    pub(crate) arg: u8,
    /// How to read it.
    pub(crate) form: Form,
}

const fn p(name: &'static str, arg: u8, form: Form) -> Param {
    Param { name, arg, form }
}

const UNLINK_FLAGS: Form = Form::Flags(&flags::UNLINKAT);
const LINK_FLAGS: Form = Form::Flags(&flags::LINKAT);
const CLONE_FLAGS: Form = Form::Flags(&flags::CLONE);
const CHMOD: Form = Form::Flags(&flags::CHMOD);

/// The parameters of a call that can be read from its arguments, in Falco's order.
pub(crate) fn params(kind: EventType) -> &'static [Param] {
    match kind {
        Execve => const { &[p("filename", 0, Form::Path)] },
        Execveat => {
            // Falco's `flags` of both calls are properties of the program; the observer adds them.
            const { &[p("dirfd", 0, Form::Dirfd), p("pathname", 1, Form::Path)] }
        }
        Open | Openat | Openat2 | Creat => open_params(kind),
        Rename | Renameat | Renameat2 | Link | Linkat | Symlink | Symlinkat => pair_params(kind),
        Unlink | Rmdir | Chroot => const { &[p("path", 0, Form::Path)] },
        Unlinkat => {
            const { &[p("dirfd", 0, Form::Dirfd), p("name", 1, Form::Path), p("flags", 2, UNLINK_FLAGS)] }
        }
        Mkdir => const { &[p("path", 0, Form::Path), p("mode", 1, Form::Mode)] },
        Mkdirat => {
            const { &[p("dirfd", 0, Form::Dirfd), p("path", 1, Form::Path), p("mode", 2, Form::Mode)] }
        }
        Chmod | Fchmod | Fchmodat | Fchmodat2 | Chown | Lchown | Fchown | Fchownat => attribute_params(kind),
        // Falco's `type` and `proto`; the rest of the type's bits are flags.
        Socket => {
            const {
                &[
                    p("domain", 0, Form::Enum(&flags::FAMILY)),
                    p("type", 1, Form::Int),
                    p("proto", 2, Form::Int),
                ]
            }
        }
        Connect | Bind | Sendto | Sendmsg | Sendmmsg | Accept => const { &[p("fd", 0, Form::Int)] },
        Accept4 => const { &[p("fd", 0, Form::Int), p("flags", 3, Form::Flags(&flags::ACCEPT))] },
        Listen => const { &[p("fd", 0, Form::Int), p("backlog", 1, Form::Int)] },
        Setuid => const { &[p("uid", 0, Form::Int)] },
        Setgid => const { &[p("gid", 0, Form::Int)] },
        Setresuid => const { &[p("ruid", 0, Form::Int), p("euid", 1, Form::Int), p("suid", 2, Form::Int)] },
        Setresgid => const { &[p("rgid", 0, Form::Int), p("egid", 1, Form::Int), p("sgid", 2, Form::Int)] },
        Setreuid => const { &[p("ruid", 0, Form::Int), p("euid", 1, Form::Int)] },
        Setregid => const { &[p("rgid", 0, Form::Int), p("egid", 1, Form::Int)] },
        Mount | Umount2 | Setns | Unshare => namespace_params(kind),
        Ptrace | ProcessVmWritev | MemfdCreate | Dup2 | Dup3 => memory_params(kind),
        Bpf | InitModule | FinitModule | Userfaultfd | IoUringSetup => kernel_params(kind),
        _ => &[],
    }
}

fn open_params(kind: EventType) -> &'static [Param] {
    match kind {
        Open => {
            const { &[p("name", 0, Form::Path), p("flags", 1, Form::OpenFlags), p("mode", 2, Form::Mode)] }
        }
        Creat => const { &[p("name", 0, Form::Path), p("mode", 1, Form::Mode)] },
        Openat => {
            const {
                &[
                    p("dirfd", 0, Form::Dirfd),
                    p("name", 1, Form::Path),
                    p("flags", 2, Form::OpenFlags),
                    p("mode", 3, Form::Mode),
                ]
            }
        }
        // Flags, mode and resolve of openat2 are in a structure; the decoder adds them.
        _ => const { &[p("dirfd", 0, Form::Dirfd), p("name", 1, Form::Path)] },
    }
}

fn pair_params(kind: EventType) -> &'static [Param] {
    match kind {
        Rename | Link => const { &[p("oldpath", 0, Form::Path), p("newpath", 1, Form::Path)] },
        Renameat => {
            const {
                &[
                    p("olddirfd", 0, Form::Dirfd),
                    p("oldpath", 1, Form::Path),
                    p("newdirfd", 2, Form::Dirfd),
                    p("newpath", 3, Form::Path),
                ]
            }
        }
        Renameat2 => {
            const {
                &[
                    p("olddirfd", 0, Form::Dirfd),
                    p("oldpath", 1, Form::Path),
                    p("newdirfd", 2, Form::Dirfd),
                    p("newpath", 3, Form::Path),
                    p("flags", 4, Form::Flags(&flags::RENAMEAT2)),
                ]
            }
        }
        Linkat => {
            const {
                &[
                    p("olddir", 0, Form::Dirfd),
                    p("oldpath", 1, Form::Path),
                    p("newdir", 2, Form::Dirfd),
                    p("newpath", 3, Form::Path),
                    p("flags", 4, LINK_FLAGS),
                ]
            }
        }
        Symlink => const { &[p("target", 0, Form::Text), p("linkpath", 1, Form::Path)] },
        _ => {
            const { &[p("target", 0, Form::Text), p("linkdirfd", 1, Form::Dirfd), p("linkpath", 2, Form::Path)] }
        }
    }
}

fn attribute_params(kind: EventType) -> &'static [Param] {
    match kind {
        Chmod => const { &[p("filename", 0, Form::Path), p("mode", 1, CHMOD)] },
        Fchmod => const { &[p("fd", 0, Form::Int), p("mode", 1, CHMOD)] },
        Fchmodat => {
            const { &[p("dirfd", 0, Form::Dirfd), p("filename", 1, Form::Path), p("mode", 2, CHMOD)] }
        }
        Fchmodat2 => {
            const {
                &[
                    p("dirfd", 0, Form::Dirfd),
                    p("filename", 1, Form::Path),
                    p("mode", 2, CHMOD),
                    p("flags", 3, LINK_FLAGS),
                ]
            }
        }
        Fchown => const { &[p("fd", 0, Form::Int), p("uid", 1, Form::Int), p("gid", 2, Form::Int)] },
        Fchownat => {
            const {
                &[
                    p("dirfd", 0, Form::Dirfd),
                    p("pathname", 1, Form::Path),
                    p("uid", 2, Form::Int),
                    p("gid", 3, Form::Int),
                    p("flags", 4, LINK_FLAGS),
                ]
            }
        }
        _ => const { &[p("path", 0, Form::Path), p("uid", 1, Form::Int), p("gid", 2, Form::Int)] },
    }
}

fn namespace_params(kind: EventType) -> &'static [Param] {
    match kind {
        Mount => {
            const {
                &[
                    p("dev", 0, Form::Text),
                    p("dir", 1, Form::Path),
                    p("type", 2, Form::Text),
                    p("flags", 3, Form::Flags(&flags::MOUNT)),
                ]
            }
        }
        Umount2 => const { &[p("name", 0, Form::Path), p("flags", 1, Form::Flags(&flags::UMOUNT))] },
        Setns => const { &[p("fd", 0, Form::Int), p("nstype", 1, CLONE_FLAGS)] },
        _ => const { &[p("flags", 0, CLONE_FLAGS)] },
    }
}

fn memory_params(kind: EventType) -> &'static [Param] {
    match kind {
        Ptrace => const { &[p("request", 0, Form::Enum(&flags::PTRACE)), p("pid", 1, Form::Int)] },
        ProcessVmWritev => const { &[p("pid", 0, Form::Int)] },
        MemfdCreate => const { &[p("name", 0, Form::Text), p("flags", 1, Form::Flags(&flags::MEMFD))] },
        Dup2 => const { &[p("oldfd", 0, Form::Int), p("newfd", 1, Form::Int)] },
        _ => const { &[p("oldfd", 0, Form::Int), p("newfd", 1, Form::Int), p("flags", 2, Form::OpenFlags)] },
    }
}

fn kernel_params(kind: EventType) -> &'static [Param] {
    match kind {
        Bpf => const { &[p("cmd", 0, Form::Enum(&flags::BPF))] },
        InitModule => const { &[p("length", 1, Form::Int), p("uargs", 2, Form::Text)] },
        FinitModule => {
            const {
                &[
                    p("fd", 0, Form::Int),
                    p("uargs", 1, Form::Text),
                    p("flags", 2, Form::Flags(&flags::MODULE)),
                ]
            }
        }
        Userfaultfd => const { &[p("flags", 0, Form::OpenFlags)] },
        _ => const { &[p("entries", 0, Form::Int)] },
    }
}

/// The call of that number; `None` for calls this sensor does not decode and for other architectures (32-bit
/// compatibility calls).
pub(crate) fn kind_of(arch: u32, nr: i32) -> Option<EventType> {
    let (table, number) = match arch {
        ARCH_X86_64 => (X86_64, nr & !X32_BIT),
        ARCH_AARCH64 => (AARCH64, nr),
        _ => return None,
    };
    let at = table.binary_search_by_key(&number, |(number, _)| *number).ok()?;
    table.get(at).map(|(_, kind)| *kind)
}

/// Sorted by number.
const X86_64: &[(i32, EventType)] = &[
    (2, Open),
    (33, Dup2),
    (41, Socket),
    (42, Connect),
    (43, Accept),
    (44, Sendto),
    (46, Sendmsg),
    (49, Bind),
    (50, Listen),
    (59, Execve),
    (82, Rename),
    (83, Mkdir),
    (84, Rmdir),
    (85, Creat),
    (86, Link),
    (87, Unlink),
    (88, Symlink),
    (90, Chmod),
    (91, Fchmod),
    (92, Chown),
    (93, Fchown),
    (94, Lchown),
    (101, Ptrace),
    (105, Setuid),
    (106, Setgid),
    (113, Setreuid),
    (114, Setregid),
    (117, Setresuid),
    (119, Setresgid),
    (161, Chroot),
    (165, Mount),
    (166, Umount2),
    (175, InitModule),
    (257, Openat),
    (258, Mkdirat),
    (260, Fchownat),
    (263, Unlinkat),
    (264, Renameat),
    (265, Linkat),
    (266, Symlinkat),
    (268, Fchmodat),
    (272, Unshare),
    (288, Accept4),
    (292, Dup3),
    (307, Sendmmsg),
    (308, Setns),
    (311, ProcessVmWritev),
    (313, FinitModule),
    (316, Renameat2),
    (319, MemfdCreate),
    (321, Bpf),
    (322, Execveat),
    (323, Userfaultfd),
    (425, IoUringSetup),
    (437, Openat2),
    (452, Fchmodat2),
];

/// Sorted by number.
const AARCH64: &[(i32, EventType)] = &[
    (24, Dup3),
    (34, Mkdirat),
    (35, Unlinkat),
    (36, Symlinkat),
    (37, Linkat),
    (38, Renameat),
    (39, Umount2),
    (40, Mount),
    (51, Chroot),
    (52, Fchmod),
    (53, Fchmodat),
    (54, Fchownat),
    (55, Fchown),
    (56, Openat),
    (97, Unshare),
    (105, InitModule),
    (117, Ptrace),
    (143, Setregid),
    (144, Setgid),
    (145, Setreuid),
    (146, Setuid),
    (147, Setresuid),
    (149, Setresgid),
    (198, Socket),
    (200, Bind),
    (201, Listen),
    (202, Accept),
    (203, Connect),
    (206, Sendto),
    (211, Sendmsg),
    (221, Execve),
    (242, Accept4),
    (268, Setns),
    (269, Sendmmsg),
    (271, ProcessVmWritev),
    (273, FinitModule),
    (276, Renameat2),
    (279, MemfdCreate),
    (280, Bpf),
    (281, Execveat),
    (282, Userfaultfd),
    (425, IoUringSetup),
    (437, Openat2),
    (452, Fchmodat2),
];

#[cfg(test)]
mod tests {
    use fargard_model::EventType;

    use super::{AARCH64, ARCH_AARCH64, ARCH_X86_64, Form, X86_64, kind_of, params};

    #[test]
    fn tables_are_sorted_and_complete() {
        for table in [X86_64, AARCH64] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        for kind in EventType::OBSERVED.iter().filter(|kind| **kind != EventType::Procexit) {
            assert!(X86_64.iter().any(|(_, known)| known == kind), "{kind:?}");
            assert!(kind.is_exec() || !params(*kind).is_empty(), "{kind:?}");
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn numbers_are_those_of_the_kernel_headers() {
        for (number, kind) in [
            (libc::SYS_openat2, EventType::Openat2),
            (libc::SYS_execve, EventType::Execve),
            (libc::SYS_renameat2, EventType::Renameat2),
            (libc::SYS_setresgid, EventType::Setresgid),
            (libc::SYS_fchmodat, EventType::Fchmodat),
            (libc::SYS_process_vm_writev, EventType::ProcessVmWritev),
            (libc::SYS_finit_module, EventType::FinitModule),
            (libc::SYS_sendmmsg, EventType::Sendmmsg),
            (libc::SYS_umount2, EventType::Umount2),
        ] {
            assert_eq!(kind_of(ARCH_X86_64, i32::try_from(number).unwrap()), Some(kind));
        }
        assert_eq!(kind_of(ARCH_X86_64, 0x4000_0000 | 257), Some(EventType::Openat));
        assert_eq!(kind_of(ARCH_AARCH64, 56), Some(EventType::Openat));
        assert_eq!(kind_of(0x4000_0003, 5), None);
    }

    #[test]
    fn every_argument_index_exists() {
        for kind in EventType::OBSERVED {
            for param in params(*kind) {
                assert!(param.arg < 6, "{kind:?} {}", param.name);
            }
        }
        assert_eq!(params(EventType::Symlink)[0].form, Form::Text);
    }
}
