//! Descriptor tables, shared by the threads that share them.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use fargard_model::Fd;

use super::{Budget, Full};

/// Bytes of an entry of a table beside its name.
const SLOT: usize = 120;
/// Bytes of what sockets have in addition.
const SOCKET: usize = 128;

/// A descriptor table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableId(u32);

/// A descriptor, small: there are many, and most are never looked at again.
#[derive(Clone, Debug)]
struct Slot {
    name: Arc<str>,
    /// The name as given, where it differs.
    raw: Option<Arc<str>>,
    socket: Option<Box<Socket>>,
    ino: Option<u64>,
    dev: Option<u32>,
    typechar: Option<char>,
    upper_layer: Option<bool>,
}

#[derive(Clone, Debug)]
struct Socket {
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    client: Option<bool>,
    l4proto: Option<String>,
}

impl Slot {
    fn of(fd: &Fd) -> Self {
        let name: Arc<str> = fd.name.as_str().into();
        let plain = fd.local.is_none() && fd.remote.is_none() && fd.client.is_none() && fd.l4proto.is_none();
        let socket =
            || Socket { local: fd.local, remote: fd.remote, client: fd.client, l4proto: fd.l4proto.clone() };
        Self {
            raw: (fd.nameraw != fd.name).then(|| fd.nameraw.as_str().into()),
            name,
            socket: (!plain).then(|| Box::new(socket())),
            ino: fd.ino,
            dev: fd.dev,
            typechar: fd.typechar,
            upper_layer: fd.upper_layer,
        }
    }

    fn fd(&self, num: i64) -> Fd {
        let mut fd = Fd {
            num,
            typechar: self.typechar,
            name: self.name.as_ref().to_owned(),
            nameraw: self.raw.as_ref().unwrap_or(&self.name).as_ref().to_owned(),
            dev: self.dev,
            ino: self.ino,
            upper_layer: self.upper_layer,
            ..Fd::default()
        };
        if let Some(socket) = &self.socket {
            (fd.local, fd.remote, fd.client) = (socket.local, socket.remote, socket.client);
            fd.l4proto.clone_from(&socket.l4proto);
        }
        fd
    }

    fn weight(&self) -> usize {
        let raw = self.raw.as_ref().map_or(0, |raw| raw.len());
        SLOT + self.name.len() + raw + if self.socket.is_some() { SOCKET } else { 0 }
    }
}

#[derive(Debug, Default)]
struct Table {
    users: u32,
    /// Shared with the table of a process this one was forked from until one of them changes.
    open: Arc<BTreeMap<i64, Slot>>,
}

/// All tables.
#[derive(Debug, Default)]
pub(crate) struct Files {
    tables: Vec<Table>,
    free: Vec<u32>,
}

impl Files {
    pub(crate) fn create(&mut self) -> TableId {
        self.place(Table { users: 1, ..Table::default() })
    }

    /// A copy of a table, for a new process.
    pub(crate) fn fork(&mut self, of: TableId) -> TableId {
        let open = self.table(of).map(|table| Arc::clone(&table.open)).unwrap_or_default();
        self.place(Table { users: 1, open })
    }

    /// The table itself, for a new thread.
    pub(crate) fn share(&mut self, table: TableId) -> TableId {
        if let Some(found) = self.tables.get_mut(table.0 as usize) {
            found.users += 1;
        }
        table
    }

    /// One thread less uses the table.
    pub(crate) fn release(&mut self, table: TableId, budget: &mut Budget) {
        let Some(found) = self.tables.get_mut(table.0 as usize) else { return };
        found.users = found.users.saturating_sub(1);
        if found.users == 0 {
            // What others share is given back with the last of them.
            if let Some(open) = Arc::into_inner(std::mem::take(&mut found.open)) {
                budget.give_back(open.values().map(Slot::weight).sum());
            }
            self.free.push(table.0);
        }
    }

    pub(crate) fn get(&self, table: TableId, number: i64) -> Option<Fd> {
        Some(self.table(table)?.open.get(&number)?.fd(number))
    }

    /// Path or name of a descriptor.
    pub(crate) fn name(&self, table: TableId, number: i64) -> Option<&str> {
        Some(&*self.table(table)?.open.get(&number)?.name)
    }

    pub(crate) fn set(&mut self, table: TableId, fd: &Fd, budget: &mut Budget) -> Result<(), Full> {
        let Some(open) = self.open_mut(table, budget)? else { return Ok(()) };
        let slot = Slot::of(fd);
        budget.take(slot.weight())?;
        if let Some(old) = open.insert(fd.num, slot) {
            budget.give_back(old.weight());
        }
        Ok(())
    }

    /// Takes a descriptor out; what it was.
    pub(crate) fn close(
        &mut self,
        table: TableId,
        number: i64,
        budget: &mut Budget,
    ) -> Result<Option<Fd>, Full> {
        if self.name(table, number).is_none() {
            return Ok(None);
        }
        let Some(old) = self.open_mut(table, budget)?.and_then(|open| open.remove(&number)) else {
            return Ok(None);
        };
        budget.give_back(old.weight());
        Ok(Some(old.fd(number)))
    }

    /// The table to change; one that is shared is copied first.
    fn open_mut(
        &mut self,
        table: TableId,
        budget: &mut Budget,
    ) -> Result<Option<&mut BTreeMap<i64, Slot>>, Full> {
        let Some(found) = self.tables.get_mut(table.0 as usize) else { return Ok(None) };
        if Arc::strong_count(&found.open) > 1 {
            budget.take(found.open.values().map(Slot::weight).sum())?;
        }
        Ok(Some(Arc::make_mut(&mut found.open)))
    }

    fn table(&self, table: TableId) -> Option<&Table> {
        self.tables.get(table.0 as usize)
    }

    fn place(&mut self, table: Table) -> TableId {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.tables.get_mut(index as usize)
        {
            *place = table;
            return TableId(index);
        }
        let index = u32::try_from(self.tables.len()).unwrap_or(u32::MAX);
        self.tables.push(table);
        TableId(index)
    }
}

#[cfg(test)]
mod tests {
    use fargard_model::Fd;

    use super::Files;
    use crate::state::Budget;

    fn file(num: i64) -> Fd {
        Fd { num, name: format!("/f{num}"), nameraw: "f".into(), client: Some(true), ..Fd::default() }
    }

    #[test]
    fn forks_see_their_own_changes_only_and_threads_see_each_others() {
        let (mut files, mut budget) = (Files::default(), Budget::default());
        let parent = files.create();
        files.set(parent, &file(3), &mut budget).unwrap();
        let child = files.fork(parent);
        let thread = files.share(parent);
        assert_eq!(files.close(child, 3, &mut budget).unwrap(), Some(file(3)));
        files.set(thread, &file(4), &mut budget).unwrap();
        assert_eq!((files.get(parent, 3), files.get(parent, 4)), (Some(file(3)), Some(file(4))));
        assert_eq!((files.get(child, 3), files.get(child, 4)), (None, None));
        files.release(parent, &mut budget);
        assert_eq!(files.get(thread, 4), Some(file(4)));
        files.release(thread, &mut budget);
        files.release(child, &mut budget);
        assert_eq!(files.create(), child, "places of tables nobody uses are used again");
    }
}
