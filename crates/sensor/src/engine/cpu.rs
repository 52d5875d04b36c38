//! The CPU budget: how much of one CPU the engine may use on average, and what it gives up to stay within.
//!
//! Time that is not used is saved, up to that of ten seconds, so that a burst costs nothing. When it is used up the
//! engine takes one step after another, each at least a second after the last; when it is all saved again, one step
//! back. A step back that has to be taken again at once is not tried again for twice as long: the load is steady, and
//! the engine does not swing.

use std::time::Duration;

/// What the engine does without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Nothing.
    #[default]
    Full,
    /// Looks at what became of calls on files.
    FileLooks,
    /// Looks at what became of any call.
    Looks,
    /// Events about files in timelines.
    FileEvents,
    /// Rules about opens for reading.
    Reads,
    /// Rules about files. Those about executions, rights and connections are always evaluated.
    Files,
}

impl Step {
    const ALL: [Self; 6] =
        [Self::Full, Self::FileLooks, Self::Looks, Self::FileEvents, Self::Reads, Self::Files];

    fn next(self) -> Self {
        Self::ALL.into_iter().find(|step| *step > self).unwrap_or(self)
    }

    fn previous(self) -> Self {
        Self::ALL.into_iter().rev().find(|step| *step < self).unwrap_or(self)
    }

    /// What is given up, for people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Full => "everything is done",
            Self::FileLooks => "results of calls on files are not looked up",
            Self::Looks => "results are not looked up",
            Self::FileEvents => "results are not looked up, timelines lack events about files",
            Self::Reads => "no results, no events about files, no rules about opens for reading",
            Self::Files => "no results, no events and no rules about files",
        }
    }
}

/// How much time is saved at most, in seconds of the budget.
const SAVED: f64 = 10.0;
/// Time between two steps that give up more.
const PAUSE: Duration = Duration::from_secs(1);
/// Shortest time at a step before one back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest.
const MAX_PATIENCE: Duration = Duration::from_secs(640);
/// A step that has to be taken again within this time of its undoing was undone too early.
const TOO_EARLY: Duration = Duration::from_secs(60);

/// Keeps the engine within its budget.
#[derive(Debug)]
pub(crate) struct Governor {
    /// Share of one CPU.
    budget: f64,
    /// Seconds of CPU that are saved.
    saved: f64,
    step: Step,
    /// When the step was taken.
    since: Duration,
    /// When a step was last undone.
    undone: Option<Duration>,
    patience: Duration,
    /// Time and CPU time at the last look.
    last: Option<(Duration, Duration)>,
}

impl Governor {
    /// A governor that lets the engine use that share of one CPU.
    pub(crate) fn new(budget: f64) -> Self {
        Self {
            budget,
            saved: SAVED * budget,
            step: Step::Full,
            since: Duration::ZERO,
            undone: None,
            patience: PATIENCE,
            last: None,
        }
    }

    /// The step the engine is at.
    pub(crate) fn step(&self) -> Step {
        self.step
    }

    /// The share of one CPU the engine may use.
    pub(crate) fn budget(&self) -> f64 {
        self.budget
    }

    /// The engine has used `used` of CPU time at `now`, both from any beginning. Returns whether the step changed.
    pub(crate) fn update(&mut self, now: Duration, used: Duration) -> bool {
        let (before, used_before) = self.last.replace((now, used)).unwrap_or((now, used));
        let elapsed = now.saturating_sub(before).as_secs_f64();
        let spent = used.saturating_sub(used_before).as_secs_f64();
        let most = SAVED * self.budget;
        self.saved = (self.budget.mul_add(elapsed, self.saved) - spent).clamp(-most, most);
        let at_step = now.saturating_sub(self.since);
        if self.saved < 0.0 && self.step != Step::Files && (at_step >= PAUSE || self.step == Step::Full) {
            if self.undone.is_some_and(|undone| now.saturating_sub(undone) < TOO_EARLY) {
                self.patience = (self.patience * 2).min(MAX_PATIENCE);
            }
            self.go(self.step.next(), now);
            self.undone = None;
            // The new step is judged by what it uses, not by what the one before did.
            self.saved = 0.0;
            return true;
        }
        if self.step != Step::Full && at_step >= self.patience && self.saved >= 0.9 * most {
            self.go(self.step.previous(), now);
            self.undone = Some(now);
            return true;
        }
        if self.step == Step::Full && at_step >= MAX_PATIENCE {
            self.patience = PATIENCE;
        }
        false
    }

    fn go(&mut self, step: Step, now: Duration) {
        (self.step, self.since) = (step, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Governor, Step};

    /// Runs for so many seconds under a load that uses that share of a CPU at each step; gives the changes.
    fn run(
        governor: &mut Governor,
        clock: &mut (f64, f64),
        seconds: f64,
        load: [f64; 6],
    ) -> Vec<(f64, Step)> {
        let mut changes = Vec::new();
        let end = clock.0 + seconds;
        while clock.0 < end {
            clock.0 += 0.1;
            clock.1 += 0.1 * load[governor.step() as usize];
            if governor.update(Duration::from_secs_f64(clock.0), Duration::from_secs_f64(clock.1)) {
                changes.push((clock.0, governor.step()));
            }
        }
        changes
    }

    #[test]
    fn within_the_budget_nothing_is_given_up_and_a_burst_is_free() {
        let mut governor = Governor::new(0.1);
        let mut clock = (0.0, 0.0);
        assert!(run(&mut governor, &mut clock, 600.0, [0.09; 6]).is_empty());
        assert!(run(&mut governor, &mut clock, 0.9, [1.0; 6]).is_empty());
        assert!(run(&mut governor, &mut clock, 600.0, [0.05; 6]).is_empty());
    }

    #[test]
    fn a_flood_takes_step_after_step_and_they_are_taken_back_when_it_is_over() {
        let mut governor = Governor::new(0.1);
        let mut clock = (0.0, 0.0);
        let steps: Vec<Step> =
            run(&mut governor, &mut clock, 20.0, [1.0; 6]).into_iter().map(|(_, step)| step).collect();
        assert_eq!(steps, [Step::FileLooks, Step::Looks, Step::FileEvents, Step::Reads, Step::Files]);
        let back = run(&mut governor, &mut clock, 300.0, [0.01; 6]);
        assert_eq!(governor.step(), Step::Full);
        assert_eq!(back.len(), 5);
        for pair in back.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= 9.9, "{back:?}");
        }
    }

    #[test]
    fn under_a_steady_load_it_does_not_swing() {
        let mut governor = Governor::new(0.1);
        let mut clock = (0.0, 0.0);
        // Looks are too much, without them it fits well.
        let load = [0.5, 0.4, 0.02, 0.02, 0.02, 0.02];
        let first = run(&mut governor, &mut clock, 30.0, load);
        assert!(first.iter().all(|(_, step)| *step <= Step::Looks), "{first:?}");
        let changes = run(&mut governor, &mut clock, 3600.0, load);
        assert!(changes.len() <= 24, "{} changes: {changes:?}", changes.len());
        let late: Vec<_> = changes.iter().filter(|(time, _)| *time > 1800.0).collect();
        assert!(late.len() <= 8, "{late:?}");
        // The average stays within the budget.
        assert!(clock.1 / clock.0 < 0.1, "{}", clock.1 / clock.0);
    }

    #[test]
    fn a_clock_that_stands_still_changes_nothing() {
        let mut governor = Governor::new(0.1);
        for _ in 0..100 {
            assert!(!governor.update(Duration::from_secs(5), Duration::from_secs(1)));
        }
    }
}
