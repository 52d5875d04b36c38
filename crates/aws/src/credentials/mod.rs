//! Who asks: access keys and where they come from.

mod container;
mod profile;
mod role;

use std::sync::{Arc, Mutex, PoisonError};

use fargard_model::{Secret, Timestamp};

use crate::{AwsError, Clock, Environment, Role};

pub(crate) use profile::Profiles;

/// Seconds before their end at which temporary credentials are exchanged.
const EARLY: u64 = 300;

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `AKIA...` or `ASIA...`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
    /// The session of temporary credentials.
    pub session_token: Option<Secret>,
    /// When they end; `None` for lasting ones.
    pub expires: Option<Timestamp>,
}

/// Where credentials come from.
#[derive(Clone, Debug)]
enum Source {
    /// Given once.
    Fixed(Credentials),
    /// The endpoint that ECS gives a task.
    Container(container::Endpoint),
    /// Another role's, by STS.
    Role(Box<role::Assumed>),
}

/// Gives credentials, and new ones before they end.
#[derive(Debug)]
pub struct Provider {
    source: Source,
    clock: Arc<dyn Clock>,
    current: Mutex<Option<Credentials>>,
}

impl Provider {
    /// What AWS's own tools would use: the environment's keys, the profile's (also a role with a source profile), the
    /// container's.
    ///
    /// # Errors
    /// No source has credentials, or the one that counts is broken.
    pub fn find(environment: &Environment, region: &str, clock: Arc<dyn Clock>) -> Result<Self, AwsError> {
        let source = Source::find(environment, region)?;
        Ok(Self { source, clock, current: Mutex::new(None) })
    }

    /// Always these.
    #[must_use]
    pub fn fixed(credentials: Credentials, clock: Arc<dyn Clock>) -> Self {
        Self { source: Source::Fixed(credentials), clock, current: Mutex::new(None) }
    }

    /// A role's, for which the given ones ask.
    #[must_use]
    pub(crate) fn assume(self, role: &Role, environment: &Environment, region: &str) -> Self {
        let assumed = role::Assumed::new(self.source, role.clone(), environment, region);
        Self { source: Source::Role(Box::new(assumed)), clock: self.clock, current: Mutex::new(None) }
    }

    /// Credentials that hold for at least some minutes.
    ///
    /// # Errors
    /// The source does not give any.
    pub fn credentials(&self) -> Result<Credentials, AwsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let fresh =
            |known: &Credentials| known.expires.is_none_or(|end| end.seconds() > now.seconds() + EARLY);
        if let Some(known) = current.as_ref().filter(|known| fresh(known)) {
            return Ok(known.clone());
        }
        match self.source.load(now) {
            Ok(new) => {
                *current = Some(new.clone());
                Ok(new)
            }
            // Those at hand may still hold for their last minutes.
            Err(error) => match current.as_ref().filter(|known| known.expires.is_some_and(|end| end > now)) {
                Some(known) => Ok(known.clone()),
                None => Err(error),
            },
        }
    }
}

impl Source {
    fn find(environment: &Environment, region: &str) -> Result<Self, AwsError> {
        if let Some(credentials) = of_environment(environment)? {
            return Ok(Self::Fixed(credentials));
        }
        let profiles = Profiles::read(environment)?;
        if let Some(source) = profiles.source(environment, region)? {
            return Ok(source);
        }
        match container::Endpoint::of(environment)? {
            Some(endpoint) => Ok(Self::Container(endpoint)),
            None => Err(AwsError::NoCredentials(format!(
                "environment, profile {:?}, container endpoint",
                profiles.name
            ))),
        }
    }

    fn load(&self, now: Timestamp) -> Result<Credentials, AwsError> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Container(endpoint) => endpoint.load(),
            Self::Role(assumed) => assumed.load(now),
        }
    }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
fn of_environment(environment: &Environment) -> Result<Option<Credentials>, AwsError> {
    let (id, secret) = (environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY"));
    match (id, secret) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: environment.get("AWS_SESSION_TOKEN").map(Secret::new),
            expires: None,
        })),
        _ => Err(AwsError::Credentials {
            origin: "the environment".to_owned(),
            reason: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both, or neither".to_owned(),
        }),
    }
}
