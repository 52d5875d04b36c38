//! Asking registries, logged in where they want it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use ureq::{
    Body,
    http::{Response, StatusCode, header},
};

use super::{
    Options, RegistryProblem,
    auth::{self, Grant},
    cache::Cache,
    challenge,
    http::{self, Http, Request},
};
use crate::{DOCKER_HUB, ImageError, Reference};

/// Where Docker Hub's registry is.
const HUB_ENDPOINT: &str = "https://registry-1.docker.io";
/// Logins remembered.
const MAX_GRANTS: usize = 1000;

/// Registries and what they have granted.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) options: Options,
    pub(super) http: Http,
    pub(super) cache: Cache,
    grants: Mutex<HashMap<Key, Grant>>,
}

/// What something is granted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    host: String,
    repository: String,
    /// The secret that holds the login, where one is named.
    secret: Option<String>,
}

impl Client {
    pub(super) fn new(options: Options) -> Result<Self, ImageError> {
        Ok(Self {
            http: Http::new(&options)?,
            cache: Cache::new(options.cache.clone()),
            options,
            grants: Mutex::default(),
        })
    }

    /// Asks for `/v2/REPOSITORY/REST`: the answer if it is 200; `None` if it is 404. A login that is wanted is taken
    /// from the secret, if one is named.
    pub(super) fn ask(
        &self,
        reference: &Reference,
        secret: Option<&str>,
        rest: &str,
        request: Request<'_>,
    ) -> Result<Option<Response<Body>>, RegistryProblem> {
        if self.options.offline {
            return Err(RegistryProblem::Offline);
        }
        let url = format!("{}/v2/{}/{rest}", self.endpoint(reference.host()), reference.repository());
        let key = Key {
            host: reference.host().to_owned(),
            repository: reference.repository().to_owned(),
            secret: secret.map(str::to_owned),
        };
        let granted = self.granted(&key);
        let ask = |authorization: Option<&str>| self.http.send(&url, Request { authorization, ..request });
        let mut answer = ask(granted.as_deref())?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            let headers = answer.headers().get_all(header::WWW_AUTHENTICATE);
            let wanted = challenge::parse(headers.iter().filter_map(|value| value.to_str().ok()));
            let Some(wanted) = wanted else {
                return Err(RegistryProblem::Unauthorized(http::problem(answer)));
            };
            let grant = auth::log_in(self, reference, secret, &wanted)?;
            answer = ask(Some(&grant.header))?;
            if answer.status().is_success() {
                self.remember(key, grant);
            }
        }
        match answer.status() {
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::UNAUTHORIZED => Err(RegistryProblem::Unauthorized(http::problem(answer))),
            StatusCode::FORBIDDEN => Err(RegistryProblem::Forbidden(http::problem(answer))),
            _ => Err(RegistryProblem::Answer(http::problem(answer))),
        }
    }

    /// Where a host's registry is reached.
    pub(super) fn endpoint(&self, host: &str) -> String {
        if let Some(endpoint) = self.options.endpoints.get(host) {
            return endpoint.trim_end_matches('/').to_owned();
        }
        if host == DOCKER_HUB {
            return HUB_ENDPOINT.to_owned();
        }
        let plain = format!("http://{host}");
        let loopback = plain.parse().is_ok_and(|uri| http::is_loopback(&uri));
        if loopback { plain } else { format!("https://{host}") }
    }

    fn granted(&self, key: &Key) -> Option<String> {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.get(key).filter(|grant| grant.until > Instant::now()).map(|grant| grant.header.clone())
    }

    fn remember(&self, key: Key, grant: Grant) {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        if grants.len() >= MAX_GRANTS {
            grants.clear();
        }
        grants.insert(key, grant);
    }
}
