//! Image configurations from registries, within the time that a call has.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use fargard_image::{LockFile, Lookup, Origin, Registry};
use fargard_taskdef::embed::{FailureKind, ImageConfig, ImageLookup, LookupFailure, Platform};

/// Most time for one image.
const ONE: Duration = Duration::from_secs(15);

/// Answers by image, platform, and the secret that holds the login to the registry.
type Answers = HashMap<(String, Platform, Option<String>), Result<ImageConfig, LookupFailure>>;

/// Asks registries, each image once, and no longer than until a moment.
#[derive(Debug)]
pub(crate) struct Images<'r> {
    registry: &'r Registry,
    until: Instant,
    answers: RefCell<Answers>,
}

impl<'r> Images<'r> {
    pub(crate) fn new(registry: &'r Registry, until: Instant) -> Self {
        Self { registry, until, answers: RefCell::default() }
    }

    /// Asks in a thread of its own: a registry that gives a byte now and then must not hold the call up. Such a thread
    /// ends by the limits that requests have.
    fn ask(
        &self,
        image: &str,
        platform: &Platform,
        secret: Option<&str>,
    ) -> Result<ImageConfig, LookupFailure> {
        let time = self.until.saturating_duration_since(Instant::now()).min(ONE);
        let late = || unreachable(format!("no answer within {:.0?}, which is all the macro waits", time));
        if time.is_zero() {
            return Err(late());
        }
        let (tell, told) = mpsc::channel();
        let (registry, image, platform) = (self.registry.clone(), image.to_owned(), platform.clone());
        let secret = secret.map(str::to_owned);
        let asking = thread::Builder::new().name("registry".to_owned()).spawn(move || {
            let lookup = Lookup::new(LockFile::default(), vec![Origin::Registry], registry);
            // Nobody may be waiting any more.
            let _ = tell.send(lookup.config_with(&image, &platform, secret.as_deref()));
        });
        asking.map_err(|error| unreachable(format!("no thread to ask from: {error}")))?;
        told.recv_timeout(time).unwrap_or_else(|error| {
            Err(match error {
                RecvTimeoutError::Timeout => late(),
                RecvTimeoutError::Disconnected => unreachable("asking broke off".to_owned()),
            })
        })
    }
}

fn unreachable(message: String) -> LookupFailure {
    LookupFailure { kind: FailureKind::Unreachable, message }
}

impl ImageLookup for Images<'_> {
    fn config(&self, image: &str, platform: &Platform) -> Result<ImageConfig, LookupFailure> {
        self.config_with(image, platform, None)
    }

    fn config_with(
        &self,
        image: &str,
        platform: &Platform,
        secret: Option<&str>,
    ) -> Result<ImageConfig, LookupFailure> {
        let key = (image.to_owned(), platform.clone(), secret.map(str::to_owned));
        if let Some(known) = self.answers.borrow().get(&key) {
            return known.clone();
        }
        let answer = self.ask(image, platform, secret);
        self.answers.borrow_mut().insert(key, answer.clone());
        answer
    }
}
