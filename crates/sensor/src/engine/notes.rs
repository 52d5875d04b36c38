//! What a watcher says of what it sees and does not see; heartbeats carry it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The latest statements, by watcher.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<BTreeMap<&'static str, Vec<String>>>);

impl Notes {
    /// Replaces what a watcher said before.
    pub(super) fn set(&self, watcher: &'static str, statements: Vec<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(watcher, statements);
    }

    /// What all of them say.
    pub(super) fn all(&self) -> Vec<String> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.values().flatten().cloned().collect()
    }
}
