//! Which processes are to be held.

use super::Follower;
use crate::capture::attach::{
    Scope,
    kin::Kin,
    look::{self, Status},
};

/// Longest chain of parents that is followed.
const MAX_DEPTH: usize = 64;

impl Follower<'_> {
    /// A process that came from outside, and is no sensor's.
    pub(super) fn is_meant(&mut self, pid: u32) -> bool {
        if self.link.is_sensor(pid) {
            return false;
        }
        match self.family.kin(pid, look::parent) {
            Some(Kin::Foreign) => !self.is_sensor_of_another(pid),
            Some(Kin::Orphan) => {
                self.attach.scope == Scope::Task && pid != 1 && look::mount_namespace(pid) != self.here
            }
            Some(Kin::Own) | None => false,
        }
    }

    /// Keeper and engine of another container's sensor: they run this program and have a parent in the namespace.
    fn is_sensor_of_another(&self, pid: u32) -> bool {
        self.program.is_some()
            && look::program(pid) == self.program
            && look::parent(pid).is_some_and(|parent| parent != 0)
    }

    /// Whether the process has the app's filter because it, or an ancestor, was given it.
    pub(super) fn is_covered(&self, pid: u32) -> bool {
        if self.injected.is_empty() {
            return false;
        }
        let parent = |pid: &u32| look::parent(*pid).filter(|parent| *parent > 1);
        let mut lineage = std::iter::successors(Some(pid), parent).take(MAX_DEPTH);
        lineage.any(|one| self.injected.contains(&one))
            && Status::of(pid).is_some_and(|status| status.filters > self.filters)
    }

    /// Whether what runs there is none of this sensor's business: another container, with a sensor of its own.
    pub(super) fn is_elsewhere(&self, pid: u32) -> bool {
        self.attach.scope == Scope::Container
            && self.family.is_shared()
            && look::mount_namespace(pid) != self.here
    }
}
