//! Which calls have to be observed. Rules and checks state their need as [`Trap`]s, and as conditions on arguments
//! where only some calls of a class matter; the sensor turns the set into a filter that stops nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{ArgSet, EventType, call::flags::NAMESPACES};

/// A class of calls that one filter predicate can select.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trap {
    /// execve, execveat.
    Exec,
    /// open, openat, openat2, creat for writing, creating or truncating.
    OpenWrite,
    /// open, openat, openat2 for reading only: nearly the whole cost of a sensor, so never without a rule.
    OpenRead,
    /// rename, renameat, renameat2.
    Rename,
    /// unlink, unlinkat, rmdir.
    Unlink,
    /// mkdir, mkdirat.
    Mkdir,
    /// chmod, fchmod, fchmodat, fchmodat2.
    Chmod,
    /// chown, lchown, fchown, fchownat.
    Chown,
    /// link, linkat.
    Link,
    /// symlink, symlinkat.
    Symlink,
    /// socket of the families unix, IPv4, IPv6 and netlink: nearly every socket there is.
    Socket,
    /// socket of any other family: packet, vsock, ...
    RareSocket,
    /// connect.
    Connect,
    /// bind.
    Bind,
    /// listen.
    Listen,
    /// accept, accept4.
    Accept,
    /// sendto with an address.
    SendtoAddress,
    /// sendmsg, sendmmsg.
    Sendmsg,
    /// setuid, setgid, setreuid, setregid, setresuid, setresgid.
    Setuid,
    /// ptrace, process_vm_writev.
    Ptrace,
    /// mount, umount, umount2, pivot_root, setns, unshare, chroot and the newer calls for mounting.
    Mount,
    /// memfd_create.
    MemfdCreate,
    /// dup2, dup3 onto descriptors 0, 1 or 2.
    DupStdio,
    /// bpf, init_module, finit_module, delete_module, kexec_load, kexec_file_load, userfaultfd, io_uring_setup.
    Kernel,
    /// clone that makes a namespace. clone3 has its flags in memory, where no filter can look; the container
    /// runtimes' profiles refuse it. Any other clone, and fork and vfork, cannot be selected.
    CloneNamespace,
    /// mmap, mprotect, pkey_mprotect of memory that may be both written and executed.
    WritableCode,
    /// prctl.
    Prctl,
    /// capset.
    Capset,
    /// kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal with a signal (0 only asks).
    Signal,
    /// mknod, mknodat.
    Mknod,
    /// utime, utimes, futimesat, utimensat: the times of a file are set.
    Utime,
    /// setxattr, lsetxattr, fsetxattr: file capabilities, access lists.
    Setxattr,
    /// truncate, ftruncate.
    Truncate,
    /// process_vm_readv, pidfd_getfd: another process's memory or files are taken.
    ProcessRead,
    /// personality.
    Personality,
    /// keyctl, add_key, request_key.
    Keys,
    /// open_by_handle_at: opens without a path.
    OpenByHandle,
    /// setsid, setpgid.
    Session,
    /// quotactl, swapon, swapoff, reboot.
    Administration,
}

/// Open flags that make an open one for writing: `O_WRONLY`, `O_RDWR`, `O_CREAT`, `O_TRUNC`, `__O_TMPFILE`.
pub const OPEN_WRITE_FLAGS: u32 = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20_000_000;
/// Families of [`Trap::Socket`]: unix, IPv4, IPv6, netlink.
const COMMON_FAMILIES: [u32; 4] = [1, 2, 10, 16];
/// `PROT_WRITE` and `PROT_EXEC`.
const WRITE_AND_EXECUTE: u32 = 2 | 4;

impl Trap {
    /// Every class.
    pub const ALL: [Self; 39] = [
        Self::Exec,
        Self::OpenWrite,
        Self::OpenRead,
        Self::Rename,
        Self::Unlink,
        Self::Mkdir,
        Self::Chmod,
        Self::Chown,
        Self::Link,
        Self::Symlink,
        Self::Socket,
        Self::RareSocket,
        Self::Connect,
        Self::Bind,
        Self::Listen,
        Self::Accept,
        Self::SendtoAddress,
        Self::Sendmsg,
        Self::Setuid,
        Self::Ptrace,
        Self::Mount,
        Self::MemfdCreate,
        Self::DupStdio,
        Self::Kernel,
        Self::CloneNamespace,
        Self::WritableCode,
        Self::Prctl,
        Self::Capset,
        Self::Signal,
        Self::Mknod,
        Self::Utime,
        Self::Setxattr,
        Self::Truncate,
        Self::ProcessRead,
        Self::Personality,
        Self::Keys,
        Self::OpenByHandle,
        Self::Session,
        Self::Administration,
    ];

    /// As in settings and reports: `open_write`.
    #[must_use]
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => format!("{self:?}"),
        }
    }

    /// The classes a call may belong to, by its arguments. None for what is never stopped.
    #[must_use]
    pub fn of(kind: EventType) -> &'static [Self] {
        use EventType as E;
        match kind {
            E::Execve | E::Execveat => &[Self::Exec],
            E::Open | E::Openat | E::Openat2 => &[Self::OpenWrite, Self::OpenRead],
            E::Creat => &[Self::OpenWrite],
            E::Rename | E::Renameat | E::Renameat2 => &[Self::Rename],
            E::Unlink | E::Unlinkat | E::Rmdir => &[Self::Unlink],
            E::Mkdir | E::Mkdirat => &[Self::Mkdir],
            E::Chmod | E::Fchmod | E::Fchmodat | E::Fchmodat2 => &[Self::Chmod],
            E::Chown | E::Lchown | E::Fchown | E::Fchownat => &[Self::Chown],
            E::Link | E::Linkat => &[Self::Link],
            E::Symlink | E::Symlinkat => &[Self::Symlink],
            E::Socket => &[Self::Socket, Self::RareSocket],
            E::Connect => &[Self::Connect],
            E::Bind => &[Self::Bind],
            E::Listen => &[Self::Listen],
            E::Accept | E::Accept4 => &[Self::Accept],
            E::Sendto => &[Self::SendtoAddress],
            E::Sendmsg | E::Sendmmsg => &[Self::Sendmsg],
            E::Setuid | E::Setgid | E::Setresuid | E::Setresgid | E::Setreuid | E::Setregid => {
                &[Self::Setuid]
            }
            E::Ptrace | E::ProcessVmWritev => &[Self::Ptrace],
            E::Mount | E::Umount | E::Umount2 | E::PivotRoot | E::Setns | E::Unshare | E::Chroot => {
                &[Self::Mount]
            }
            E::MoveMount | E::OpenTree | E::Fsopen | E::Fsmount | E::MountSetattr => &[Self::Mount],
            E::MemfdCreate => &[Self::MemfdCreate],
            E::Dup2 | E::Dup3 => &[Self::DupStdio],
            E::Bpf | E::InitModule | E::FinitModule | E::DeleteModule => &[Self::Kernel],
            E::KexecLoad | E::KexecFileLoad | E::Userfaultfd | E::IoUringSetup => &[Self::Kernel],
            E::Clone => &[Self::CloneNamespace],
            E::Mmap | E::Mmap2 | E::Mprotect | E::PkeyMprotect => &[Self::WritableCode],
            E::Prctl => &[Self::Prctl],
            E::Capset => &[Self::Capset],
            E::Kill | E::Tkill | E::Tgkill => &[Self::Signal],
            E::RtSigqueueinfo | E::RtTgsigqueueinfo | E::PidfdSendSignal => &[Self::Signal],
            E::Mknod | E::Mknodat => &[Self::Mknod],
            E::Utime | E::Utimes | E::Futimesat | E::Utimensat => &[Self::Utime],
            E::Setxattr | E::Lsetxattr | E::Fsetxattr => &[Self::Setxattr],
            E::Truncate | E::Ftruncate => &[Self::Truncate],
            E::ProcessVmReadv | E::PidfdGetfd => &[Self::ProcessRead],
            E::Personality => &[Self::Personality],
            E::Keyctl | E::AddKey | E::RequestKey => &[Self::Keys],
            E::OpenByHandleAt => &[Self::OpenByHandle],
            E::Setsid | E::Setpgid => &[Self::Session],
            E::Quotactl | E::Swapon | E::Swapoff | E::Reboot => &[Self::Administration],
            _ => &[],
        }
    }

    /// Which calls of a kind belong to the class; `None`: all, or (openat2, sendto) what no single register says.
    #[must_use]
    pub fn within(self, kind: EventType) -> Option<ArgSet> {
        let open_flags = match kind {
            EventType::Open => Some(1),
            EventType::Openat => Some(2),
            _ => None,
        };
        match self {
            Self::OpenWrite => open_flags.map(|arg| ArgSet::any_bit(arg, OPEN_WRITE_FLAGS)),
            Self::OpenRead => open_flags.map(|arg| ArgSet::no_bit(arg, OPEN_WRITE_FLAGS)),
            Self::Socket => Some(ArgSet::one_of(0, COMMON_FAMILIES)),
            Self::RareSocket => Some(ArgSet::none_of(0, COMMON_FAMILIES)),
            Self::DupStdio => Some(ArgSet::one_of(1, [0, 1, 2])),
            Self::CloneNamespace => Some(ArgSet::any_bit(0, NAMESPACES)),
            Self::WritableCode => Some(ArgSet::all_bits(2, WRITE_AND_EXECUTE)),
            Self::Signal => {
                let far = matches!(kind, EventType::Tgkill | EventType::RtTgsigqueueinfo);
                Some(ArgSet::none_of(if far { 2 } else { 1 }, [0]))
            }
            _ => None,
        }
    }

    /// In words: which calls of the kind, where the class is needed under these conditions.
    #[must_use]
    pub fn words(self, kind: EventType, conditions: &[ArgSet]) -> String {
        match (self, kind) {
            (Self::SendtoAddress, _) => return "addr is not null".to_owned(),
            (Self::OpenWrite | Self::OpenRead, EventType::Openat2) => {
                return "always (its flags are in memory)".to_owned();
            }
            _ => {}
        }
        let words: Vec<String> = conditions.iter().map(|one| one.words(kind)).collect();
        if words.is_empty() { "always".to_owned() } else { words.join(" and ") }
    }

    /// The sensor learns more from calls of this class than whether a rule matches (which files are new, who runs
    /// as whom): where a rule needs some of them, all are observed.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(
            self,
            Self::Exec
                | Self::OpenWrite
                | Self::OpenRead
                | Self::Rename
                | Self::Link
                | Self::Symlink
                | Self::Setuid
        )
    }
}

/// Who needs a class, and which of its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Need {
    who: BTreeSet<String>,
    /// All calls of the class.
    all: bool,
    /// Else these kinds, each as far as the condition says.
    kinds: BTreeMap<EventType, Option<ArgSet>>,
}

/// The calls to observe and who needs each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrapSet {
    needs: BTreeMap<Trap, Need>,
}

impl TrapSet {
    /// Adds a need of all calls of a class; `who` is a rule's name or `check 426`.
    pub fn add(&mut self, trap: Trap, who: &str) {
        let need = self.needs.entry(trap).or_default();
        need.who.insert(who.to_owned());
        need.all = true;
    }

    /// Adds a need of the calls of one kind that belong to the class, as far as the condition says.
    pub fn add_calls(&mut self, trap: Trap, kind: EventType, only: Option<ArgSet>, who: &str) {
        let need = self.needs.entry(trap).or_default();
        need.who.insert(who.to_owned());
        need.add(kind, only);
    }

    /// Adds all needs of another set.
    pub fn merge(&mut self, other: &Self) {
        for (trap, theirs) in &other.needs {
            let own = self.needs.entry(*trap).or_default();
            own.who.extend(theirs.who.iter().cloned());
            own.all |= theirs.all;
            for (kind, only) in &theirs.kinds {
                own.add(*kind, only.clone());
            }
        }
    }

    /// The set without a class.
    #[must_use]
    pub fn without(mut self, trap: Trap) -> Self {
        self.needs.remove(&trap);
        self
    }

    /// Whether calls of that class are needed.
    #[must_use]
    pub fn contains(&self, trap: Trap) -> bool {
        self.needs.contains_key(&trap)
    }

    /// Which calls of a kind are needed for a class: none, or those for which all the conditions hold.
    #[must_use]
    pub fn calls(&self, trap: Trap, kind: EventType) -> Option<Vec<ArgSet>> {
        let need = self.needs.get(&trap)?;
        let only = match need.kinds.get(&kind) {
            _ if need.all => None,
            Some(only) => only.clone(),
            None => return None,
        };
        let within = trap.within(kind);
        // A list of values was chosen among those of the class.
        let implied = only.as_ref().is_some_and(|only| {
            let lists =
                within.as_ref().is_some_and(|within| (within.arg, within.mask) == (only.arg, only.mask));
            lists && !only.except
        });
        Some(within.filter(|_| !implied).into_iter().chain(only).collect())
    }

    /// Whether it holds every call of a kind that belongs to a class and for which the condition holds. `false` where
    /// that cannot be told.
    #[must_use]
    pub fn covers(&self, trap: Trap, kind: EventType, only: Option<&ArgSet>) -> bool {
        let mut other = Self::default();
        other.add_calls(trap, kind, only.cloned(), "");
        let (Some(own), Some(other)) = (self.calls(trap, kind), other.calls(trap, kind)) else {
            return false;
        };
        own.iter().all(|own| other.iter().any(|other| own.union(other).as_ref() == Some(own)))
    }

    /// Each needed class with the names of those who need it.
    pub fn iter(&self) -> impl Iterator<Item = (Trap, &BTreeSet<String>)> {
        self.needs.iter().map(|(trap, need)| (*trap, &need.who))
    }

    /// Nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }
}

impl Need {
    fn add(&mut self, kind: EventType, only: Option<ArgSet>) {
        match self.kinds.get_mut(&kind) {
            None => {
                self.kinds.insert(kind, only);
            }
            Some(known) => {
                *known = match (&*known, &only) {
                    (Some(known), Some(only)) => known.union(only),
                    _ => None,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Trap, TrapSet};
    use crate::{ArgSet, EventType};

    #[test]
    fn every_observed_kind_but_exit_has_a_class_and_every_class_a_kind() {
        let mut found = BTreeSet::new();
        for kind in EventType::ALL {
            assert_eq!(
                Trap::of(*kind).is_empty(),
                !EventType::OBSERVED.contains(kind) || *kind == EventType::Procexit,
                "{kind:?}"
            );
            found.extend(Trap::of(*kind));
        }
        assert_eq!(found, BTreeSet::from(Trap::ALL));
    }

    #[test]
    fn hot_calls_are_in_no_class() {
        use EventType as E;
        for kind in [
            E::Read,
            E::Write,
            E::Close,
            E::Fork,
            E::Vfork,
            E::Clone3,
            E::Futex,
            E::Stat,
            E::Fstat,
            E::Wait4,
            E::Exit,
            E::Dup,
            E::Fcntl,
            E::Ioctl,
            E::Chdir,
            E::Lseek,
        ] {
            assert!(Trap::of(kind).is_empty(), "{kind:?}");
        }
        assert!(!Trap::CloneNamespace.within(E::Clone).unwrap().contains(0x0125_0011));
    }

    #[test]
    fn needs_add_up() {
        let mut set = TrapSet::default();
        set.add_calls(Trap::Ptrace, EventType::Ptrace, Some(ArgSet::one_of(0, [16])), "a");
        assert_eq!(set.calls(Trap::Ptrace, EventType::Ptrace), Some(vec![ArgSet::one_of(0, [16])]));
        assert_eq!(set.calls(Trap::Ptrace, EventType::ProcessVmWritev), None);
        set.add_calls(Trap::Ptrace, EventType::Ptrace, Some(ArgSet::one_of(0, [5])), "b");
        assert_eq!(set.calls(Trap::Ptrace, EventType::Ptrace), Some(vec![ArgSet::one_of(0, [5, 16])]));
        let mut other = TrapSet::default();
        other.add(Trap::Ptrace, "check 1");
        other.merge(&set);
        assert_eq!(other.calls(Trap::Ptrace, EventType::Ptrace), Some(vec![]));
        assert_eq!(other.calls(Trap::Ptrace, EventType::ProcessVmWritev), Some(vec![]));
        let ptrace = |values: &[u32]| {
            let only = ArgSet::one_of(0, values.iter().copied());
            set.covers(Trap::Ptrace, EventType::Ptrace, Some(&only))
        };
        assert!(ptrace(&[5]) && ptrace(&[5, 16]) && !ptrace(&[4]) && !ptrace(&[4, 5]));
        assert!(!set.covers(Trap::Ptrace, EventType::Ptrace, None));
        assert!(other.covers(Trap::Ptrace, EventType::Ptrace, None));
        assert!(!other.covers(Trap::OpenRead, EventType::Openat, None));
        set.add_calls(Trap::RareSocket, EventType::Socket, Some(ArgSet::one_of(0, [17])), "c");
        assert_eq!(set.calls(Trap::RareSocket, EventType::Socket), Some(vec![ArgSet::one_of(0, [17])]));
    }

    #[test]
    fn names_are_read_as_written() {
        for trap in Trap::ALL {
            assert_eq!(serde_json::from_value::<Trap>(trap.name().into()).unwrap(), trap);
        }
    }
}
