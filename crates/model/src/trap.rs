//! Which calls have to be observed. Rules and checks state their need as [`Trap`]s; the sensor turns the set
//! into a filter that stops nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

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
    /// mount, umount2, setns, unshare, chroot.
    Mount,
    /// memfd_create.
    MemfdCreate,
    /// dup2, dup3 onto descriptors 0, 1 or 2.
    DupStdio,
    /// bpf, init_module, finit_module, userfaultfd, io_uring_setup.
    Kernel,
}

/// The calls to observe and who needs each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrapSet {
    needs: BTreeMap<Trap, BTreeSet<String>>,
}

impl TrapSet {
    /// Adds a need; `who` is a rule's name or `check 426`.
    pub fn add(&mut self, trap: Trap, who: &str) {
        self.needs.entry(trap).or_default().insert(who.to_owned());
    }

    /// Adds all needs of another set.
    pub fn merge(&mut self, other: &Self) {
        for (trap, who) in &other.needs {
            self.needs.entry(*trap).or_default().extend(who.iter().cloned());
        }
    }

    /// Whether that class is needed.
    #[must_use]
    pub fn contains(&self, trap: Trap) -> bool {
        self.needs.contains_key(&trap)
    }

    /// Each needed class with the names of those who need it.
    pub fn iter(&self) -> impl Iterator<Item = (Trap, &BTreeSet<String>)> {
        self.needs.iter().map(|(trap, who)| (*trap, who))
    }

    /// Nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }
}
