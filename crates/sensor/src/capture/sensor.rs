//! Which processes are the sensor's own, and which the app's.

use std::sync::atomic::Ordering::SeqCst;

use super::{
    denials::{Denial, Denials},
    layout::{Shared, Word},
    leased::LeasedFiles,
};

/// The processes at the sensor's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sensor(pub(super) Shared);

impl Sensor {
    /// The container's entry process: the one that became the app.
    pub(crate) fn app(&self) -> u32 {
        self.0.word(Word::AppPid).load(SeqCst) as u32
    }

    /// Whether a process is the keeper, the engine or the attacher.
    pub(crate) fn is_sensor(&self, pid: u32) -> bool {
        [Word::KeeperPid, Word::EnginePid, Word::AttacherPid]
            .iter()
            .any(|word| self.0.word(*word).load(SeqCst) == u64::from(pid))
    }

    /// Whether these are the calls that the keeper was told to deny when everything started.
    pub(crate) fn denies(&self, denials: &[Denial]) -> bool {
        Denials::of(denials).encode() == self.0.denials()
    }

    /// The table of files on which the engine holds leases, empty.
    pub(crate) fn leased_files(&self) -> LeasedFiles {
        LeasedFiles::new(self.0)
    }

    /// Memory of its own, for tests: the app's and the keeper's process ids.
    #[cfg(test)]
    pub(crate) fn made(app: u32, keeper: u32) -> Self {
        let shared = Shared::new(0).unwrap();
        shared.word(Word::AppPid).store(app.into(), SeqCst);
        shared.word(Word::KeeperPid).store(keeper.into(), SeqCst);
        Self(shared)
    }
}
