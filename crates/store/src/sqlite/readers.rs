//! Connections that read, each used by one caller at a time.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection::{failed, open_reader};
use crate::StoreError;

const READ: &str = "read from the store";
const CONNECTIONS: usize = 4;

/// The connections that are not in use, as many as the semaphore has permits.
pub(super) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    path: PathBuf,
}

impl Readers {
    /// Opens them all.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connections = (0..CONNECTIONS).map(|_| open_reader(path)).collect::<Result<_, _>>()?;
        Ok(Self {
            free: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
            path: path.to_owned(),
        })
    }

    /// Reads one snapshot of the store on a thread that may block.
    pub(super) async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let broken = |reason: &dyn std::fmt::Display| StoreError::Backend {
            operation: READ,
            reason: reason.to_string(),
        };
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|error| broken(&error))?;
        let (free, path) = (Arc::clone(&self.free), self.path.clone());
        let task = tokio::task::spawn_blocking(move || {
            let connection = free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            // One is missing only after a reader panicked.
            let mut connection = connection.map_or_else(|| open_reader(&path), Ok)?;
            let result = snapshot(&mut connection, read);
            free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
            result
        });
        task.await.map_err(|error| broken(&error))?
    }
}

fn snapshot<T>(
    connection: &mut Connection,
    read: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction().map_err(failed(READ))?;
    read(&transaction)
}
