//! Opening the stores a configuration asks for.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use fargard_store::{
    ComplianceStore, CoverageStore, EventLog, EventStore, PostgresStore, SqliteStore, StateStore,
};

use crate::{config::Config, retention::Retention, start::StartError};

/// Name of the SQLite file in the data directory.
const FILE: &str = "fargard.db";
/// Name of the file that is locked while a server uses the data directory. The kernel drops the lock with the process.
const LOCK: &str = "fargard.lock";

/// The three seams.
pub(crate) struct Stores {
    /// Findings, tasks, tokens.
    pub(crate) state: Arc<dyn StateStore>,
    /// Inventory, coverage, access keys; where the state is.
    pub(crate) coverage: Arc<dyn CoverageStore>,
    /// Compliance; where the state is.
    pub(crate) compliance: Arc<dyn ComplianceStore>,
    /// The queue.
    pub(crate) log: Arc<dyn EventLog>,
    /// Events.
    pub(crate) events: Arc<dyn EventStore>,
    /// What sweeps them.
    pub(crate) retention: Retention,
}

/// Makes the data directory, readable for the owner only, and takes it: as long as the file is open, no other server
/// can use it.
pub(crate) fn take_directory(path: &Path) -> Result<File, StartError> {
    let failed = |error| StartError::Data { path: path.to_owned(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let mut options = File::options();
    let lock = options.write(true).create(true).truncate(false).mode(0o600).open(path.join(LOCK));
    let lock = lock.map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(failed(io::Error::new(io::ErrorKind::ResourceBusy, "another fargard server uses it")))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Opens SQLite, and PostgreSQL if there is one.
pub(crate) async fn open(config: &Config) -> Result<Stores, StartError> {
    let path = config.data.join(FILE);
    let sqlite = SqliteStore::open(&path)
        .map_err(|error| StartError::Store { what: "the data directory's database".to_owned(), error })?;
    let sqlite = Arc::new(sqlite);
    let postgres = match &config.postgres {
        None => None,
        Some(url) => Some(Arc::new(PostgresStore::connect(url.reveal()).await.map_err(|error| {
            StartError::Store { what: "PostgreSQL (the postgres connection string)".to_owned(), error }
        })?)),
    };
    type Seams = (Arc<dyn StateStore>, Arc<dyn CoverageStore>, Arc<dyn ComplianceStore>);
    let (state, coverage, compliance): Seams = match &postgres {
        Some(postgres) => (postgres.clone(), postgres.clone(), postgres.clone()),
        None => (sqlite.clone(), sqlite.clone(), sqlite.clone()),
    };
    let retention = Retention { sqlite: sqlite.clone(), postgres, event_days: config.event_days };
    Ok(Stores { state, coverage, compliance, log: sqlite.clone(), events: sqlite, retention })
}

#[cfg(test)]
mod tests {
    use super::take_directory;

    #[test]
    fn a_data_directory_has_one_server() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let taken = take_directory(&data).unwrap();
        let error = take_directory(&data).unwrap_err().to_string();
        assert!(error.contains("another fargard server") && error.contains("data"), "{error}");
        drop(taken);
        take_directory(&data).unwrap();
    }
}
