//! Descriptor tables, shared by the threads that share them.

use std::{collections::BTreeMap, sync::Arc};

use fargard_model::Fd;

use super::{Budget, Full};

/// Bytes of an entry of a table.
const SLOT: usize = 48;
/// Bytes of a descriptor beside its names.
const DESCRIPTOR: usize = 256;

/// A descriptor table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableId(u32);

#[derive(Debug, Default)]
struct Table {
    users: u32,
    /// Shared with the table of a process this one was forked from until one of them changes.
    open: Arc<BTreeMap<i64, Arc<Fd>>>,
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
                open.into_values().for_each(|fd| give_back(fd, budget));
            }
            self.free.push(table.0);
        }
    }

    pub(crate) fn get(&self, table: TableId, number: i64) -> Option<&Arc<Fd>> {
        self.table(table)?.open.get(&number)
    }

    pub(crate) fn set(&mut self, table: TableId, fd: Arc<Fd>, budget: &mut Budget) -> Result<(), Full> {
        let number = fd.num;
        let Some(open) = self.open_mut(table, budget)? else { return Ok(()) };
        budget.take(SLOT + if Arc::strong_count(&fd) == 1 { weight(&fd) } else { 0 })?;
        if let Some(old) = open.insert(number, fd) {
            give_back(old, budget);
        }
        Ok(())
    }

    pub(crate) fn close(&mut self, table: TableId, number: i64, budget: &mut Budget) -> Result<(), Full> {
        if self.get(table, number).is_none() {
            return Ok(());
        }
        if let Some(old) = self.open_mut(table, budget)?.and_then(|open| open.remove(&number)) {
            give_back(old, budget);
        }
        Ok(())
    }

    /// The table to change; one that is shared is copied first.
    fn open_mut(
        &mut self,
        table: TableId,
        budget: &mut Budget,
    ) -> Result<Option<&mut BTreeMap<i64, Arc<Fd>>>, Full> {
        let Some(found) = self.tables.get_mut(table.0 as usize) else { return Ok(None) };
        if Arc::strong_count(&found.open) > 1 {
            budget.take(found.open.len() * SLOT)?;
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

fn weight(fd: &Fd) -> usize {
    DESCRIPTOR + fd.name.len() + fd.nameraw.len()
}

fn give_back(fd: Arc<Fd>, budget: &mut Budget) {
    budget.give_back(SLOT);
    if let Some(fd) = Arc::into_inner(fd) {
        budget.give_back(weight(&fd));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fargard_model::Fd;

    use super::Files;
    use crate::state::Budget;

    fn file(number: i64) -> Arc<Fd> {
        Arc::new(Fd { num: number, name: format!("/f{number}"), ..Fd::default() })
    }

    #[test]
    fn forks_see_their_own_changes_only_and_threads_see_each_others() {
        let (mut files, mut budget) = (Files::default(), Budget::default());
        let parent = files.create();
        files.set(parent, file(3), &mut budget).unwrap();
        let child = files.fork(parent);
        let thread = files.share(parent);
        files.close(child, 3, &mut budget).unwrap();
        files.set(thread, file(4), &mut budget).unwrap();
        assert!(files.get(parent, 3).is_some() && files.get(parent, 4).is_some());
        assert!(files.get(child, 3).is_none() && files.get(child, 4).is_none());
        files.release(parent, &mut budget);
        assert!(files.get(thread, 4).is_some());
        files.release(thread, &mut budget);
        files.release(child, &mut budget);
        assert_eq!(files.create(), child, "places of tables nobody uses are used again");
    }
}
