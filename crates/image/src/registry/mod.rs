//! Registries that speak the distribution API (distribution-spec 1.1), and how to log in to them.
//!
//! `https` with the usual certificates, plain `http` on loopback alone. What a registry answers is bounded in size and
//! time, checked against its digest, and a redirect never carries credentials to another host.

mod auth;
mod cache;
mod challenge;
mod client;
mod credentials;
mod ecr;
mod helper;
mod http;
mod image;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use fargard_aws::Environment;

use self::client::Client;
pub use self::credentials::Login;
use crate::{Image, ImageError, Platform, Reference};

/// How registries are reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// Certificates to trust instead of the usual ones, in PEM form.
    pub ca_file: Option<PathBuf>,
    /// Addresses to use for hosts, as `docker.io` at `https://mirror.internal`.
    pub endpoints: BTreeMap<String, String>,
    /// Directory of Docker's `config.json`; `None` asks for no credentials but AWS's.
    pub docker_config: Option<PathBuf>,
    /// Logins by host that count before those of Docker's configuration.
    pub logins: BTreeMap<String, Login>,
    /// Where AWS's credentials and endpoints are looked for, for ECR and Secrets Manager.
    pub environment: Environment,
    /// Directory that keeps documents by digest; they are checked again when read.
    pub cache: Option<PathBuf>,
    /// Ask nobody: what is pinned and kept is all there is.
    pub offline: bool,
    /// Time for one document, with all redirects and logins.
    pub timeout: Duration,
    /// Most time to wait because a registry says "later".
    pub patience: Duration,
}

impl Default for Options {
    /// As Docker's and AWS's tools: from `DOCKER_CONFIG`, or `.docker` in the home directory, and the environment.
    fn default() -> Self {
        let configured = std::env::var_os("DOCKER_CONFIG").filter(|path| !path.is_empty());
        let home = || std::env::home_dir().map(|home| home.join(".docker"));
        Self {
            ca_file: None,
            endpoints: BTreeMap::new(),
            docker_config: configured.map(PathBuf::from).or_else(home),
            logins: BTreeMap::new(),
            environment: Environment::of_process(),
            cache: None,
            offline: false,
            timeout: Duration::from_secs(60),
            patience: Duration::from_secs(30),
        }
    }
}

/// Registries, with the logins that they gave so far.
#[derive(Clone)]
pub struct Registry {
    client: Arc<Client>,
}

/// Why a registry did not give what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryProblem {
    /// The login is missing or not accepted.
    #[error("it does not exist there or wants other credentials ({0}); log in with `docker login`")]
    Unauthorized(String),
    /// The login is accepted, but may not do this.
    #[error("the login may not read it ({0}); ask for the right to pull")]
    Forbidden(String),
    /// Too many requests, and waiting longer than allowed.
    #[error("too many requests{}; try later, log in, or use a lock file", again(.0))]
    RateLimited(Option<Duration>),
    /// No answer, or none in time.
    #[error("{0}; see whether it can be reached from here")]
    Unreachable(String),
    /// Nobody may be asked.
    #[error("it is not kept here, and nobody may be asked; look it up once without --offline")]
    Offline,
    /// An answer that the API does not know.
    #[error("unexpected answer: {0}")]
    Answer(String),
    /// Credentials cannot be had.
    #[error("{0}")]
    Credentials(String),
}

fn again(after: &Option<Duration>) -> String {
    after.map(|after| format!(" (again in {} s)", after.as_secs())).unwrap_or_default()
}

impl Registry {
    /// Makes the connections' settings; nothing is asked yet.
    ///
    /// # Errors
    /// The file of certificates cannot be used.
    pub fn new(options: Options) -> Result<Self, ImageError> {
        Ok(Self { client: Arc::new(Client::new(options)?) })
    }

    /// The image for a platform.
    ///
    /// # Errors
    /// The registry cannot be reached, refuses, does not have it, or gives something else than was asked for.
    pub fn open(&self, reference: &Reference, platform: &Platform) -> Result<Image, ImageError> {
        image::open(&self.client, reference, None, platform)
    }

    /// The image for a platform, with the login that a secret of Secrets Manager holds, where one is wanted
    /// (`repositoryCredentials.credentialsParameter` of a container).
    ///
    /// # Errors
    /// As [`Registry::open`]; [`RegistryProblem::Credentials`] when the secret cannot be read.
    pub fn open_with(
        &self,
        reference: &Reference,
        secret: &str,
        platform: &Platform,
    ) -> Result<Image, ImageError> {
        image::open(&self.client, reference, Some(secret), platform)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}
