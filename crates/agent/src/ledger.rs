//! What was tried, kept in a file: a service is changed once for a source and settings, whatever becomes of it.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use fargard_model::{Timestamp, bounded};
use serde::{Deserialize, Serialize};

/// Largest file: 5,000 services with all their attempts are about 40 MiB.
const MAX_FILE: usize = 64 << 20;
/// Attempts kept for a service; the oldest go first.
const MAX_ATTEMPTS: usize = 20;

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptState {
    /// The revision is registered, the service not yet changed.
    Registered,
    /// The service was told to run it.
    RolledOut,
    /// It was taken back, by ECS, by a person or by the agent, or ECS refused it. It is not tried again.
    Quarantined,
}

/// One try to give a service the sensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Source and settings.
    pub identity: String,
    /// ARN of the revision the service ran.
    pub source: String,
    /// ARN of the revision with the sensor; empty if there is none.
    pub revision: String,
    /// How far it came.
    pub state: AttemptState,
    /// When it last changed.
    pub at: Timestamp,
    /// Why it is quarantined; else empty.
    #[serde(default)]
    pub reason: String,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("state file {}: {reason}", path.display())]
pub struct LedgerError {
    path: PathBuf,
    reason: String,
}

/// All attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// By service's ARN, the newest last.
    attempts: BTreeMap<String, Vec<Attempt>>,
    /// Registered revisions by identity: services that share a definition share it.
    revisions: BTreeMap<String, String>,
}

impl Ledger {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// It cannot be read, or is not what the agent wrote. It is not overwritten then: without it, quarantined services
    /// would be tried again.
    pub fn read(path: &Path) -> Result<Self, LedgerError> {
        let failed = |reason: String| LedgerError { path: path.to_owned(), reason };
        match bounded::read(path, MAX_FILE) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                failed(format!("not written by the agent: {error}; move it away to begin anew"))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Replaces the file as a whole, durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LedgerError> {
        let failed = |error: io::Error| LedgerError { path: path.to_owned(), reason: error.to_string() };
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = std::fs::File::create(&new).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&new, path).map_err(failed)
    }

    /// The attempt with that identity.
    #[must_use]
    pub fn attempt(&self, service: &str, identity: &str) -> Option<&Attempt> {
        self.attempts.get(service)?.iter().rev().find(|attempt| attempt.identity == identity)
    }

    /// Records an attempt, or what became of it.
    pub fn record(&mut self, service: &str, attempt: Attempt) {
        if !attempt.revision.is_empty() {
            self.revisions.insert(attempt.identity.clone(), attempt.revision.clone());
        }
        let attempts = self.attempts.entry(service.to_owned()).or_default();
        attempts.retain(|known| known.identity != attempt.identity);
        if attempts.len() == MAX_ATTEMPTS {
            attempts.remove(0);
        }
        attempts.push(attempt);
    }

    /// The revision registered for that identity.
    #[must_use]
    pub fn revision(&self, identity: &str) -> Option<&str> {
        self.revisions.get(identity).map(String::as_str)
    }

    /// Forgets a revision that is no longer there.
    pub fn forget_revision(&mut self, identity: &str) {
        self.revisions.remove(identity);
    }

    /// Attempts that were quarantined since then.
    #[must_use]
    pub fn quarantined_since(&self, then: Timestamp) -> usize {
        let all = self.attempts.values().flatten();
        all.filter(|attempt| attempt.state == AttemptState::Quarantined && attempt.at >= then).count()
    }
}
