//! File integrity monitoring in the engine: where its policy comes from, where its changes and baselines go.

use std::{path::PathBuf, sync::Arc, thread::JoinHandle, time::Duration};

use fargard_model::FileChange;

use super::{
    announce::say,
    sighting::{Intake, Sighting},
    threads::Common,
};
use crate::{
    config::{Config, FimChoice},
    fim::{
        Baseline, Fim, Host, Keeper, Start,
        policy::{Policy, PolicyError},
        stored::Place,
    },
};

/// How long the stored baseline waits for the name of the task it belongs to.
const IDENTITY: Duration = Duration::from_secs(10);

/// The policy that is asked for.
pub(super) fn policy(config: &Config) -> Result<Option<Policy>, PolicyError> {
    match &config.fim {
        FimChoice::Off => Ok(None),
        FimChoice::BuiltIn => Policy::built_in().map(Some),
        FimChoice::File(path) => Policy::load(path).map(Some),
    }
}

/// Starts monitoring this container's files.
pub(super) fn start(
    policy: Policy,
    config: &Arc<Config>,
    common: &Arc<Common>,
    intake: &Intake,
    started: u64,
) -> Option<Fim> {
    let host = Reporter { intake: intake.clone(), common: Arc::clone(common) };
    let shelf =
        Shelf { policy: policy.clone(), config: Arc::clone(config), common: Arc::clone(common), place: None };
    let start = Start { root: PathBuf::from("/"), policy, started };
    match Fim::start(start, host, shelf) {
        Ok(fim) => Some(fim),
        Err(error) => {
            say(&format!("file integrity monitoring cannot start: {error}; files are not monitored"));
            common.outbox.add_lost("fim_off", 1);
            None
        }
    }
}

/// Whether all of the threads have ended.
pub(super) fn have_ended(threads: &[JoinHandle<()>]) -> bool {
    threads.iter().all(JoinHandle::is_finished)
}

struct Reporter {
    intake: Intake,
    common: Arc<Common>,
}

impl Host for Reporter {
    fn change(&mut self, change: FileChange) {
        self.intake.put(Sighting::FileChange(Box::new(change)), "fim_changes");
    }

    fn lost(&mut self, class: &'static str, number: u64) {
        self.common.outbox.add_lost(class, number);
    }

    fn say(&mut self, line: &str) {
        say(line);
    }
}

/// Where baselines are stored: with the spool, if there is one.
struct Shelf {
    policy: Policy,
    config: Arc<Config>,
    common: Arc<Common>,
    place: Option<Place>,
}

impl Keeper for Shelf {
    fn load(&mut self, host: &mut dyn Host) -> Option<Baseline> {
        let directory = &self.config.spool.as_ref()?.directory;
        self.common.identity.wait(IDENTITY);
        let (task, container) = self.common.identity.arcs();
        let token = self.config.server.as_ref().map(|server| &server.token);
        let place = self.place.insert(Place::new(directory, token, &task, &container));
        match place.load(&self.policy) {
            Ok(baseline) => baseline,
            Err(error) => {
                let path = place.path().display();
                host.say(&format!("the stored baseline {path} is not used: {error}"));
                host.lost("fim_baseline_refused", 1);
                None
            }
        }
    }

    fn store(&mut self, host: &mut dyn Host, baseline: &Baseline) {
        let Some(place) = &self.place else { return };
        if let Err(error) = place.store(&self.policy.sha256, baseline) {
            host.say(&format!("the baseline is not stored in {}: {error}", place.path().display()));
            host.lost("fim_baseline_unstored", 1);
        }
    }
}
