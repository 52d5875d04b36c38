//! The parameters of calls that lie in registers, named and shown as Falco does (its event table). What rules say of
//! them decides which calls a filter has to stop; what the sensor saw of them is shown with the same tables.

use std::borrow::Cow;

use super::flags::{self, Names};
use crate::{
    EventType::{self, *},
    event::ArgValue,
};

/// How an argument is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
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
    /// A signed number of 64 bits: a length.
    Long,
    /// A hexadecimal number: an address.
    Hex,
}

impl Form {
    /// What a register holds, as far as it needs no memory: `None` for paths and texts. `arm` selects the flags of
    /// aarch64.
    #[must_use]
    pub fn value(self, register: u64, arm: bool) -> Option<ArgValue> {
        let low = register & u64::from(u32::MAX);
        Some(match self {
            Self::Path | Self::Text => return None,
            Self::Dirfd if low as u32 as i32 == AT_FDCWD => ArgValue::Text("AT_FDCWD".to_owned()),
            Self::Int | Self::Dirfd => ArgValue::Int(i64::from(low as u32 as i32)),
            Self::Mode => ArgValue::Text(octal(register)),
            Self::Flags(table) => ArgValue::Flags(low, flags::names(low, table).into()),
            Self::OpenFlags => ArgValue::Flags(low, flags::open_names(low, arm).into()),
            Self::Enum(table) => ArgValue::Flags(low, flags::name_of(low, table).into()),
            Self::Long => ArgValue::Int(register.cast_signed()),
            Self::Hex => ArgValue::Flags(register, Cow::Owned(format!("{register:X}"))),
        })
    }
}

const AT_FDCWD: i32 = -100;

/// Permission bits as Falco shows them.
#[must_use]
pub fn octal(mode: u64) -> String {
    match mode & 0o7777 {
        0 => "0".to_owned(),
        mode => format!("0{mode:o}"),
    }
}

/// One parameter of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Falco's name.
    pub name: &'static str,
    /// Index of the call's argument.
    pub arg: u8,
    /// How to read it.
    pub form: Form,
}

const fn p(name: &'static str, arg: u8, form: Form) -> Param {
    Param { name, arg, form }
}

const UNLINK_FLAGS: Form = Form::Flags(&flags::UNLINKAT);
const LINK_FLAGS: Form = Form::Flags(&flags::LINKAT);
const CLONE_FLAGS: Form = Form::Flags(&flags::CLONE);
const CHMOD: Form = Form::Flags(&flags::CHMOD);
const PROT: Form = Form::Flags(&flags::PROT);
const SIGNAL: Form = Form::Enum(&flags::SIGNAL);

/// The parameters of a call that can be read from its arguments, in Falco's order.
#[must_use]
pub fn params(kind: EventType) -> &'static [Param] {
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
        Bpf | InitModule | FinitModule | DeleteModule | KexecLoad | KexecFileLoad | Userfaultfd
        | IoUringSetup => kernel_params(kind),
        Clone => const { &[p("flags", 0, Form::Flags(&flags::CLONE_ALL))] },
        Mmap | Mmap2 | Mprotect | PkeyMprotect | ProcessVmReadv | PidfdGetfd | Personality => {
            memory_params(kind)
        }
        Kill | Tkill | Tgkill | RtSigqueueinfo | RtTgsigqueueinfo | PidfdSendSignal => signal_params(kind),
        Mknod | Mknodat | Truncate | Ftruncate | Utime | Utimes | Futimesat | Utimensat | Setxattr
        | Lsetxattr | Fsetxattr | OpenByHandleAt => file_params(kind),
        PivotRoot | Umount | Quotactl | Swapon | Swapoff | Reboot | MoveMount | OpenTree | Fsopen
        | Fsmount | MountSetattr => admin_params(kind),
        Prctl => const { &[p("option", 0, Form::Enum(&flags::PRCTL)), p("arg2_int", 1, Form::Long)] },
        Keyctl => const { &[p("operation", 0, Form::Enum(&flags::KEYCTL))] },
        AddKey | RequestKey => const { &[p("type", 0, Form::Text), p("desc", 1, Form::Text)] },
        Setpgid => const { &[p("pid", 0, Form::Int), p("pgid", 1, Form::Int)] },
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
        ProcessVmWritev | ProcessVmReadv => const { &[p("pid", 0, Form::Int)] },
        PidfdGetfd => {
            const { &[p("pid_fd", 0, Form::Int), p("target_fd", 1, Form::Int), p("flags", 2, Form::Int)] }
        }
        Personality => const { &[p("flags", 0, Form::Flags(&flags::PERSONALITY))] },
        Mmap | Mmap2 => {
            const {
                &[
                    p("addr", 0, Form::Hex),
                    p("length", 1, Form::Long),
                    p("prot", 2, PROT),
                    p("flags", 3, Form::Flags(&flags::MMAP)),
                    p("fd", 4, Form::Int),
                ]
            }
        }
        Mprotect | PkeyMprotect => {
            const { &[p("addr", 0, Form::Hex), p("length", 1, Form::Long), p("prot", 2, PROT)] }
        }
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
        DeleteModule => const { &[p("name", 0, Form::Text), p("flags", 1, Form::OpenFlags)] },
        KexecLoad => const { &[p("flags", 3, Form::Hex)] },
        KexecFileLoad => const { &[p("fd", 0, Form::Int), p("flags", 4, Form::Hex)] },
        _ => const { &[p("entries", 0, Form::Int)] },
    }
}

fn signal_params(kind: EventType) -> &'static [Param] {
    match kind {
        Tkill => const { &[p("tid", 0, Form::Int), p("sig", 1, SIGNAL)] },
        Tgkill | RtTgsigqueueinfo => {
            const { &[p("pid", 0, Form::Int), p("tid", 1, Form::Int), p("sig", 2, SIGNAL)] }
        }
        PidfdSendSignal => const { &[p("pid_fd", 0, Form::Int), p("sig", 1, SIGNAL)] },
        _ => const { &[p("pid", 0, Form::Int), p("sig", 1, SIGNAL)] },
    }
}

fn file_params(kind: EventType) -> &'static [Param] {
    match kind {
        Mknod => const { &[p("path", 0, Form::Path), p("mode", 1, CHMOD), p("dev", 2, Form::Int)] },
        Mknodat => {
            const {
                &[
                    p("dirfd", 0, Form::Dirfd),
                    p("path", 1, Form::Path),
                    p("mode", 2, CHMOD),
                    p("dev", 3, Form::Int),
                ]
            }
        }
        Ftruncate => const { &[p("fd", 0, Form::Int), p("length", 1, Form::Long)] },
        Truncate => const { &[p("path", 0, Form::Path), p("length", 1, Form::Long)] },
        Futimesat | Utimensat => const { &[p("dirfd", 0, Form::Dirfd), p("path", 1, Form::Path)] },
        Fsetxattr => const { &[p("fd", 0, Form::Int), p("name", 1, Form::Text), p("size", 3, Form::Long)] },
        Setxattr | Lsetxattr => {
            const { &[p("path", 0, Form::Path), p("name", 1, Form::Text), p("size", 3, Form::Long)] }
        }
        OpenByHandleAt => const { &[p("mountfd", 0, Form::Dirfd), p("flags", 2, Form::OpenFlags)] },
        _ => const { &[p("path", 0, Form::Path)] },
    }
}

fn admin_params(kind: EventType) -> &'static [Param] {
    match kind {
        PivotRoot => const { &[p("newdir", 0, Form::Path), p("olddir", 1, Form::Path)] },
        Umount => const { &[p("name", 0, Form::Path)] },
        Quotactl => const { &[p("special", 1, Form::Text), p("id", 2, Form::Int)] },
        Reboot => const { &[p("cmd", 2, Form::Enum(&flags::REBOOT))] },
        MoveMount => {
            const {
                &[
                    p("olddirfd", 0, Form::Dirfd),
                    p("oldpath", 1, Form::Path),
                    p("newdirfd", 2, Form::Dirfd),
                    p("newpath", 3, Form::Path),
                ]
            }
        }
        OpenTree | MountSetattr => const { &[p("dirfd", 0, Form::Dirfd), p("path", 1, Form::Path)] },
        Fsopen => const { &[p("type", 0, Form::Text)] },
        Fsmount => const { &[p("fd", 0, Form::Int)] },
        _ => const { &[p("path", 0, Form::Path)] },
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, params};
    use crate::EventType;

    #[test]
    fn every_argument_index_exists() {
        for kind in EventType::OBSERVED {
            for param in params(*kind) {
                assert!(param.arg < 6, "{kind:?} {}", param.name);
            }
        }
        assert_eq!(params(EventType::Symlink)[0].form, Form::Text);
    }

    #[test]
    fn calls_without_parameters_are_known() {
        let without: Vec<_> = EventType::OBSERVED.iter().filter(|kind| params(**kind).is_empty()).collect();
        assert_eq!(without, [&EventType::Capset, &EventType::Setsid, &EventType::Procexit]);
    }

    #[test]
    fn registers_are_shown_as_falco_shows_them() {
        let shown = |form: Form, register: u64| form.value(register, false).unwrap().to_string();
        assert_eq!(shown(Form::Int, 0xffff_ffff), "-1");
        assert_eq!(shown(Form::Dirfd, 0xffff_ff9c), "AT_FDCWD");
        assert_eq!(shown(Form::Mode, 0o644), "0644");
        assert_eq!(shown(super::SIGNAL, 0xdead_0000_0000 | 9), "SIGKILL");
        assert_eq!(shown(super::PROT, 6), "PROT_WRITE|PROT_EXEC");
        assert_eq!(shown(Form::Hex, 0xabc), "ABC");
        assert_eq!(Form::Path.value(1, false), None);
    }
}
