//! What changed, told to whoever listens.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;
use tokio::sync::broadcast;

/// Updates a listener may fall behind before it is told that it lost some.
const BUFFER: usize = 1024;

/// A finding or a task that is new or changed. It carries the identity only: a listener asks for what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Update {
    /// A finding, by id.
    Finding {
        /// [`fargard_model::Finding::id`].
        id: String,
    },
    /// A task, by ARN.
    Task {
        /// [`fargard_model::Task::arn`].
        arn: String,
    },
}

/// The live stream of updates; clones share it.
#[derive(Clone, Debug)]
pub struct Updates {
    sender: broadcast::Sender<(u64, Update)>,
    sent: Arc<AtomicU64>,
}

impl Default for Updates {
    fn default() -> Self {
        Self { sender: broadcast::channel(BUFFER).0, sent: Arc::default() }
    }
}

impl Updates {
    /// Listens from now on. Each update comes with its number; numbers count from 1 since the server's start.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<(u64, Update)> {
        self.sender.subscribe()
    }

    /// Number of the latest update, 0 before the first.
    #[must_use]
    pub fn latest(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Tells listeners about a task and the findings touched with it, each once.
    pub(crate) fn publish(&self, task_arn: &str, findings: impl IntoIterator<Item = String>) {
        let unique: BTreeSet<String> = findings.into_iter().collect();
        for id in unique {
            self.send(Update::Finding { id });
        }
        if !task_arn.is_empty() {
            self.send(Update::Task { arn: task_arn.to_owned() });
        }
    }

    fn send(&self, update: Update) {
        let number = self.sent.fetch_add(1, Ordering::AcqRel) + 1;
        // An error only says that nobody listens.
        let _ = self.sender.send((number, update));
    }
}
