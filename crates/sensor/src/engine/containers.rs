//! Which container a process is in. Processes of other containers are seen where containers share their process
//! numbers (`pidMode: task`); each container has a mount namespace of its own.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use fargard_model::Container;

use super::{accounts::Accounts, procfs::Procfs};

/// Most other containers that are told apart: a task definition has at most ten.
const MAX_OTHERS: usize = 32;
/// Most processes that are looked at for a container's first one.
const MAX_LOOKED_AT: usize = 8192;
const METADATA: &str = "ECS_CONTAINER_METADATA_URI_V4=";

/// A mount namespace's number.
pub(super) type Place = u64;

/// The containers of the task as far as their processes were seen.
#[derive(Debug)]
pub(super) struct Containers {
    here: Place,
    /// The program of this container, the oldest process of it in this namespace.
    entry: u32,
    /// Those the metadata endpoint lists.
    listed: Vec<Container>,
    others: HashMap<Place, Other>,
}

#[derive(Debug)]
struct Other {
    container: Arc<Container>,
    accounts: Accounts,
    entry: u32,
    /// Found in the list.
    known: bool,
}

impl Containers {
    /// Those of a sensor whose app is that process.
    pub(super) fn new(procfs: &Procfs, app: u32) -> Self {
        let mut entry = app;
        while let Some(stat) = procfs.stat(entry).filter(|stat| stat.ppid != 0 && entry != 0) {
            entry = stat.ppid;
        }
        let here = procfs.mount_namespace(std::process::id()).unwrap_or(0);
        Self { here, entry, listed: Vec::new(), others: HashMap::new() }
    }

    /// The containers the metadata endpoint lists.
    pub(super) fn set_listed(&mut self, listed: Vec<Container>) {
        self.listed = listed;
        self.others.retain(|_, other| other.known);
    }

    /// Where a process is: `None` for this container.
    pub(super) fn place(&mut self, procfs: &Procfs, pid: u32) -> Option<Place> {
        let place = procfs.mount_namespace(pid).filter(|place| *place != self.here && self.here != 0)?;
        if !self.others.contains_key(&place) {
            if self.others.len() >= MAX_OTHERS {
                return None;
            }
            let other = self.look(procfs, place, pid);
            self.others.insert(place, other);
        }
        Some(place)
    }

    /// Whether a process without a parent is the program of its container.
    pub(super) fn is_entry(&self, pid: u32, place: Option<Place>) -> bool {
        let entry = match place {
            None => Some(self.entry),
            Some(place) => self.others.get(&place).map(|other| other.entry),
        };
        entry == Some(pid)
    }

    /// The container of another place.
    pub(super) fn container(&self, place: Place) -> Option<&Arc<Container>> {
        self.others.get(&place).map(|other| &other.container)
    }

    /// The program of another place.
    pub(super) fn entry(&self, place: Place) -> Option<u32> {
        self.others.get(&place).map(|other| other.entry)
    }

    /// The container with that id, where it is another.
    pub(super) fn by_id(&self, id: &str) -> Option<&Arc<Container>> {
        self.others.values().map(|other| &other.container).find(|container| container.id == id)
    }

    /// The users and groups of another place.
    pub(super) fn accounts(&mut self, place: Place) -> Option<&mut Accounts> {
        self.others.get_mut(&place).map(|other| &mut other.accounts)
    }

    fn look(&self, procfs: &Procfs, place: Place, pid: u32) -> Other {
        let entry = oldest(procfs, place).unwrap_or(pid);
        let listed = self.identify(procfs, entry);
        let started_at = procfs.stat(entry).map_or(0, |stat| procfs.time_of(stat.start));
        let id = format!("mnt:[{place}]");
        let unknown = Container { id, name: "unknown".to_owned(), started_at, ..Container::default() };
        Other {
            known: listed.is_some(),
            container: Arc::new(listed.unwrap_or(unknown)),
            accounts: Accounts::of_root(&PathBuf::from(format!("/proc/{entry}/root"))),
            entry,
        }
    }

    /// The listed container whose id the process's control group ends with or, where control groups are hidden, its
    /// environment names: that the container's program could have changed, within the task's containers.
    fn identify(&self, procfs: &Procfs, entry: u32) -> Option<Container> {
        let ends_with = |text: &str| {
            self.listed.iter().find(|container| !container.id.is_empty() && text.ends_with(&container.id))
        };
        let by_group = procfs.control_groups(entry).lines().find_map(ends_with).cloned();
        by_group.or_else(|| {
            let environment = procfs.environ(entry)?;
            environment.iter().find_map(|variable| ends_with(variable.strip_prefix(METADATA)?)).cloned()
        })
    }
}

/// The oldest process without a parent in that mount namespace.
fn oldest(procfs: &Procfs, place: Place) -> Option<u32> {
    let candidates = procfs.processes(MAX_LOOKED_AT).into_iter().filter_map(|pid| {
        let stat = procfs.stat(pid).filter(|stat| stat.ppid == 0)?;
        (procfs.mount_namespace(pid) == Some(place)).then_some((stat.start, pid))
    });
    candidates.min().map(|(_, pid)| pid)
}
