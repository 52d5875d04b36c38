//! Users, groups and containers.

use std::{collections::HashMap, sync::Arc};

use fargard_model::Container;

use super::{Budget, Full};

/// Bytes an entry takes beside its text.
const ENTRY: usize = 64;

/// A user.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// Users and groups by number, containers by id.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    users: HashMap<u32, User>,
    groups: HashMap<u32, String>,
    containers: HashMap<String, Arc<Container>>,
    /// Counts changes of the containers.
    change: u64,
}

impl Accounts {
    pub(crate) fn user(&self, uid: u32) -> Option<&User> {
        self.users.get(&uid)
    }

    pub(crate) fn group(&self, gid: u32) -> &str {
        self.groups.get(&gid).map_or("", String::as_str)
    }

    pub(crate) fn set_user(&mut self, uid: u32, user: User, budget: &mut Budget) -> Result<(), Full> {
        budget.take(ENTRY + user.name.len() + user.home.len() + user.shell.len())?;
        self.users.insert(uid, user);
        Ok(())
    }

    pub(crate) fn set_group(&mut self, gid: u32, name: String, budget: &mut Budget) -> Result<(), Full> {
        budget.take(ENTRY + name.len())?;
        self.groups.insert(gid, name);
        Ok(())
    }

    pub(crate) fn forget_user(&mut self, uid: u32) {
        self.users.remove(&uid);
    }

    pub(crate) fn forget_group(&mut self, gid: u32) {
        self.groups.remove(&gid);
    }

    /// The container of that id; one that only has its id where the capture said no more of it.
    pub(crate) fn container(&mut self, id: &str, budget: &mut Budget) -> Result<Arc<Container>, Full> {
        if !self.containers.contains_key(id) {
            let container = Container { id: id.to_owned(), ..Container::default() };
            budget.take(ENTRY + id.len())?;
            self.containers.insert(id.to_owned(), Arc::new(container));
        }
        Ok(self.containers.get(id).map(Arc::clone).unwrap_or_default())
    }

    /// Changes when something is said of a container.
    pub(crate) fn containers_change(&self) -> u64 {
        self.change
    }

    pub(crate) fn set_container(&mut self, container: Container, budget: &mut Budget) -> Result<(), Full> {
        let labels = container.labels.iter().map(|(name, value)| ENTRY + name.len() + value.len());
        let mounts = container.mounts.iter().flatten();
        let mounts = mounts.map(|mount| ENTRY + mount.source.len() + mount.destination.len());
        let names = container.id.len() + container.name.len() + container.image.len();
        budget.take(ENTRY + names + labels.sum::<usize>() + mounts.sum::<usize>())?;
        self.change += 1;
        self.containers.insert(container.id.clone(), Arc::new(container));
        Ok(())
    }
}

/// Length to which Docker's ids are cut.
const SHORT_ID: usize = 12;

/// The container's id in the names of a process's control groups: 64 hexadecimal digits, Falco cuts them to 12.
pub(crate) fn container_id<'c>(cgroups: impl Iterator<Item = &'c [u8]>) -> Option<&'c str> {
    for group in cgroups {
        for part in group.split(|byte| matches!(byte, b'/' | b'-' | b'.' | b':')) {
            if part.len() == 64 && part.iter().all(u8::is_ascii_hexdigit) {
                return std::str::from_utf8(part).ok()?.get(..SHORT_ID);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::container_id;

    #[test]
    fn ids_of_containers_are_found_in_control_groups() {
        let id = "5ea7330683035ea7330683035ea7330683035ea7330683035ea7330683031234";
        for group in [
            format!("cpuset=/docker/{id}"),
            format!("memory=/kubepods/besteffort/pod1/{id}"),
            format!("cpu=/system.slice/docker-{id}.scope"),
            format!("cpu=/kubepods.slice/cri-containerd:{id}"),
        ] {
            assert_eq!(container_id([group.as_bytes()].into_iter()), Some("5ea733068303"), "{group}");
        }
        assert_eq!(container_id([&b"cpu=/user.slice/user-1000.slice"[..]].into_iter()), None);
    }
}
