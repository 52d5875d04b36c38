//! Which container may start, which no longer can, which is to be stopped next. No clock, no processes.

use fargard_taskdef::{Condition, TaskDefinition};

/// Where a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not started.
    Waiting,
    /// Being started.
    Starting,
    /// Its first process runs.
    Running,
    /// Its first process ended with this code.
    Stopped(i32),
    /// It never ran and never will.
    Failed,
}

/// The last word of its health check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Unknown,
    Healthy,
    Unhealthy,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    essential: bool,
    depends_on: Vec<(usize, Condition)>,
    phase: Phase,
    health: Health,
}

/// The state machine of a task's containers; containers are named by their index in the definition.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    entries: Vec<Entry>,
}

impl Schedule {
    pub(crate) fn new(definition: &TaskDefinition) -> Self {
        let position = |name: &str| definition.containers.iter().position(|other| other.name == name);
        let entries = definition.containers.iter().map(|container| Entry {
            name: container.name.clone(),
            essential: container.essential,
            depends_on: container
                .depends_on
                .iter()
                .filter_map(|dependency| Some((position(&dependency.container)?, dependency.condition)))
                .collect(),
            phase: Phase::Waiting,
            health: Health::Unknown,
        });
        Self { entries: entries.collect() }
    }

    pub(crate) fn phase(&self, index: usize) -> Phase {
        self.entries.get(index).map_or(Phase::Failed, |entry| entry.phase)
    }

    pub(crate) fn is_essential(&self, index: usize) -> bool {
        self.entries.get(index).is_some_and(|entry| entry.essential)
    }

    pub(crate) fn set_phase(&mut self, index: usize, phase: Phase) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.phase = phase;
        }
    }

    /// Records a health check's verdict; true if it is another one than before.
    pub(crate) fn set_health(&mut self, index: usize, health: Health) -> bool {
        self.entries
            .get_mut(index)
            .is_some_and(|entry| std::mem::replace(&mut entry.health, health) != health)
    }

    fn holds(&self, (index, condition): (usize, Condition)) -> bool {
        let Some(entry) = self.entries.get(index) else { return false };
        match condition {
            Condition::Start => matches!(entry.phase, Phase::Running | Phase::Stopped(_)),
            Condition::Complete => matches!(entry.phase, Phase::Stopped(_)),
            Condition::Success => entry.phase == Phase::Stopped(0),
            Condition::Healthy => entry.phase == Phase::Running && entry.health == Health::Healthy,
        }
    }

    fn can_never_hold(&self, (index, condition): (usize, Condition)) -> bool {
        match (self.phase(index), condition) {
            (Phase::Failed, _) | (Phase::Stopped(_), Condition::Healthy) => true,
            (Phase::Stopped(code), Condition::Success) => code != 0,
            _ => false,
        }
    }

    /// Containers whose conditions all hold and that were not started yet.
    pub(crate) fn startable(&self) -> Vec<usize> {
        self.indices(|_, entry| {
            entry.phase == Phase::Waiting && entry.depends_on.iter().all(|dependency| self.holds(*dependency))
        })
    }

    /// A container that waits for what can no longer happen, with the reason.
    pub(crate) fn hopeless(&self) -> Option<(usize, String)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.phase == Phase::Waiting).find_map(
            |(index, entry)| {
                let dead = entry.depends_on.iter().find(|dependency| self.can_never_hold(**dependency))?;
                Some((index, self.complaint(entry, *dead, "which can no longer happen")))
            },
        )
    }

    fn complaint(&self, entry: &Entry, (target, condition): (usize, Condition), end: &str) -> String {
        let target = self.entries.get(target).map_or("", |target| &target.name);
        format!("container {:?} depends on {target:?} being {}, {end}", entry.name, condition.name())
    }

    /// Containers that wait for that running container, as `startTimeout` is counted, with the reason.
    pub(crate) fn held_up_by(&self, index: usize) -> Option<(usize, String)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.phase == Phase::Waiting).find_map(
            |(waiting, entry)| {
                let held = entry.depends_on.iter().find(|dep| dep.0 == index && !self.holds(**dep))?;
                let end = "which did not happen within its startTimeout";
                Some((waiting, self.complaint(entry, *held, end)))
            },
        )
    }

    /// Live containers that no live container depends on: the next ones to stop.
    pub(crate) fn stoppable(&self) -> Vec<usize> {
        self.indices(|index, entry| {
            is_live(entry)
                && !self.entries.iter().any(|other| {
                    is_live(other) && other.depends_on.iter().any(|(target, _)| *target == index)
                })
        })
    }

    /// Every container was started, and possibly ended since, or could not be.
    pub(crate) fn all_started(&self) -> bool {
        self.entries.iter().all(|entry| !matches!(entry.phase, Phase::Waiting | Phase::Starting))
    }

    /// No container runs or is being started.
    pub(crate) fn none_live(&self) -> bool {
        !self.entries.iter().any(is_live)
    }

    fn indices(&self, wanted: impl Fn(usize, &Entry) -> bool) -> Vec<usize> {
        self.entries
            .iter()
            .enumerate()
            .filter(|(index, entry)| wanted(*index, entry))
            .map(|(index, _)| index)
            .collect()
    }
}

fn is_live(entry: &Entry) -> bool {
    matches!(entry.phase, Phase::Starting | Phase::Running)
}

#[cfg(test)]
mod tests {
    use fargard_taskdef::{Condition, ContainerDefinition, Dependency, TaskDefinition};
    use proptest::prelude::*;

    use super::{Health, Phase, Schedule};

    fn schedule(containers: &[(&str, &[(&str, Condition)])]) -> Schedule {
        let containers = containers.iter().map(|(name, depends_on)| ContainerDefinition {
            name: (*name).to_owned(),
            essential: true,
            depends_on: depends_on
                .iter()
                .map(|(container, condition)| Dependency {
                    container: (*container).to_owned(),
                    condition: *condition,
                })
                .collect(),
            ..ContainerDefinition::default()
        });
        Schedule::new(&TaskDefinition { containers: containers.collect(), ..TaskDefinition::default() })
    }

    #[test]
    fn each_condition_waits_for_its_event() {
        for (condition, steps) in [
            (Condition::Start, &[Phase::Running][..]),
            (Condition::Complete, &[Phase::Running, Phase::Stopped(3)]),
            (Condition::Success, &[Phase::Running, Phase::Stopped(0)]),
        ] {
            let mut schedule = schedule(&[("app", &[("dep", condition)]), ("dep", &[])]);
            assert_eq!(schedule.startable(), [1]);
            for step in steps {
                assert!(!schedule.startable().contains(&0), "{condition:?}");
                schedule.set_phase(1, *step);
            }
            assert_eq!(schedule.startable(), [0], "{condition:?}");
        }
    }

    #[test]
    fn healthy_waits_for_health() {
        let mut schedule = schedule(&[("app", &[("dep", Condition::Healthy)]), ("dep", &[])]);
        schedule.set_phase(1, Phase::Running);
        assert!(schedule.set_health(1, Health::Unhealthy) && schedule.startable().is_empty());
        assert!(schedule.held_up_by(1).unwrap().1.contains("\"dep\" being HEALTHY"));
        assert!(schedule.set_health(1, Health::Healthy));
        assert_eq!(schedule.startable(), [0]);
        assert!(!schedule.set_health(1, Health::Healthy) && schedule.held_up_by(1).is_none());
    }

    #[test]
    fn what_can_no_longer_happen_is_said() {
        let mut failed = schedule(&[("app", &[("dep", Condition::Success)]), ("dep", &[])]);
        failed.set_phase(1, Phase::Stopped(1));
        let (index, reason) = failed.hopeless().unwrap();
        assert_eq!(index, 0);
        assert_eq!(reason, "container \"app\" depends on \"dep\" being SUCCESS, which can no longer happen");
    }

    #[test]
    fn stopping_goes_against_the_dependencies() {
        let mut schedule = schedule(&[
            ("app", &[("proxy", Condition::Start)]),
            ("proxy", &[("log", Condition::Start)]),
            ("log", &[]),
        ]);
        (0..3).for_each(|index| schedule.set_phase(index, Phase::Running));
        for index in 0..3 {
            assert_eq!(schedule.stoppable(), [index]);
            schedule.set_phase(index, Phase::Stopped(0));
        }
        assert!(schedule.none_live());
    }

    proptest! {
        /// Without circles and with every condition fulfilled, every container starts, and never before all it
        /// depends on.
        #[test]
        fn every_acyclic_task_starts_in_order(
            edges in proptest::collection::vec((0_usize..8, 0_usize..8, 0_usize..4), 0..24),
        ) {
            let conditions = [Condition::Start, Condition::Complete, Condition::Success, Condition::Healthy];
            let names = ["0", "1", "2", "3", "4", "5", "6", "7"];
            let mut depends_on: Vec<Vec<(&str, Condition)>> = vec![Vec::new(); names.len()];
            for (from, to, kind) in edges {
                if to < from {
                    depends_on[from].push((names[to], conditions[kind]));
                }
            }
            let containers: Vec<_> =
                names.iter().zip(&depends_on).map(|(name, list)| (*name, list.as_slice())).collect();
            let mut schedule = schedule(&containers);
            let wanted_healthy = |index: usize| {
                depends_on.iter().flatten().any(|(to, kind)| *to == names[index] && *kind == Condition::Healthy)
            };
            let mut started = Vec::new();
            while started.len() < names.len() {
                let next = schedule.startable();
                // A dependency cannot be both healthy and ended: that pair is a task that never starts.
                if next.is_empty() {
                    let conflict = (0..names.len()).any(wanted_healthy);
                    prop_assert!(conflict && started.len() < names.len());
                    break;
                }
                for index in next {
                    for (to, _) in &depends_on[index] {
                        prop_assert!(started.contains(&to.parse::<usize>().unwrap()));
                    }
                    schedule.set_phase(index, Phase::Running);
                    if wanted_healthy(index) {
                        schedule.set_health(index, Health::Healthy);
                    } else {
                        schedule.set_phase(index, Phase::Stopped(0));
                    }
                    started.push(index);
                }
            }
        }
    }
}
