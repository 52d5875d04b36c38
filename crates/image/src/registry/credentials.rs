//! Whose name and password: given ones, Docker's configuration with its helpers, and AWS's for ECR.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fargard_model::{Secret, bounded};
use serde::Deserialize;

use super::{RegistryProblem, client::Client, ecr, helper};
use crate::{DOCKER_HUB, Reference, RegistryKind};

/// Longest configuration read.
const MAX_CONFIG: usize = 1 << 20;
/// Docker Hub's name in Docker's configuration.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password; not used where there is an identity token.
    pub password: Secret,
    /// A token to get tokens with.
    pub identity_token: Option<Secret>,
}

/// The part of Docker's `config.json` that is about logins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    #[serde(rename = "credHelpers")]
    cred_helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    creds_store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// The login for a reference's registry, where a secret is named the one in it; `None` where there is none.
pub(super) fn find(
    client: &Client,
    reference: &Reference,
    secret: Option<&str>,
) -> Result<Option<Login>, RegistryProblem> {
    let options = &client.options;
    if let Some(secret) = secret {
        return ecr::in_secret(client, secret).map(Some);
    }
    if let Some(login) = options.logins.get(reference.host()) {
        return Ok(Some(login.clone()));
    }
    let configured = match &options.docker_config {
        Some(directory) => from_docker(&directory.join("config.json"), reference.host()),
        None => Ok(None),
    };
    match (configured, reference.registry()) {
        (Ok(Some(login)), _) => Ok(Some(login)),
        (_, RegistryKind::Ecr { region, .. }) => ecr::login(client, &region).map(Some),
        (configured, _) => configured,
    }
}

fn from_docker(path: &Path, host: &str) -> Result<Option<Login>, RegistryProblem> {
    let failed = |reason: String| RegistryProblem::Credentials(format!("{}: {reason}", path.display()));
    let text = match bounded::read(path, MAX_CONFIG) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    // What the parser says could hold part of a password.
    let config: Config = serde_json::from_slice(&text)
        .map_err(|error| failed(format!("malformed in line {} column {}", error.line(), error.column())))?;
    let key = if host == DOCKER_HUB { HUB_KEY } else { host };
    let named = config.cred_helpers.iter().find(|(name, _)| bare(name) == bare(key));
    if let Some(helper) = named.map(|(_, helper)| helper).or(config.creds_store.as_ref())
        && let Some(login) = helper::get(helper, key)?
    {
        return Ok(Some(login));
    }
    let auth = config
        .auths
        .get(key)
        .or_else(|| config.auths.iter().find(|(name, _)| bare(name) == bare(key)).map(|(_, auth)| auth));
    match auth {
        Some(auth) => auth.login().map_err(failed),
        None => Ok(None),
    }
}

/// A registry's name without scheme and path, as Docker compares them.
fn bare(name: &str) -> &str {
    let name = name.trim_start_matches("https://").trim_start_matches("http://");
    let host = name.split('/').next().unwrap_or(name);
    if host == "index.docker.io" { DOCKER_HUB } else { host }
}

impl Auth {
    fn login(&self) -> Result<Option<Login>, String> {
        let identity_token = self.identitytoken.clone().filter(|token| !token.is_empty()).map(Secret::new);
        let (username, password) = match &self.auth {
            Some(auth) if !auth.is_empty() => {
                let wrong = || "an `auth` that is not NAME:PASSWORD in base64".to_owned();
                let pair = STANDARD.decode(auth).map_err(|_| wrong())?;
                let pair = String::from_utf8(pair).map_err(|_| wrong())?;
                let (username, password) = pair.split_once(':').ok_or_else(wrong)?;
                (username.to_owned(), password.trim_end_matches('\0').to_owned())
            }
            _ => (self.username.clone().unwrap_or_default(), self.password.clone().unwrap_or_default()),
        };
        let empty = username.is_empty() && identity_token.is_none();
        Ok((!empty).then(|| Login { username, password: Secret::new(password), identity_token }))
    }
}

#[cfg(test)]
mod tests {
    use super::from_docker;

    fn found(config: &str, host: &str) -> Result<Option<(String, String, bool)>, String> {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("config.json");
        std::fs::write(&path, config).unwrap();
        let login = from_docker(&path, host).map_err(|problem| problem.to_string())?;
        Ok(login.map(|l| (l.username.clone(), l.password.reveal().to_owned(), l.identity_token.is_some())))
    }

    #[test]
    fn logins_are_found_under_the_names_docker_writes() {
        // `printf user:pass | base64`
        let config = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNz"},
            "https://ghcr.io":{"username":"u","password":"p"},"quay.io":{},
            "r.example":{"auth":"dXNlcjpwYXNz","identitytoken":"t"},"bad.example":{"auth":"?"}}}"#;
        let pair = |a: &str, b: &str, token| Ok(Some((a.to_owned(), b.to_owned(), token)));
        assert_eq!(found(config, "docker.io"), pair("user", "pass", false));
        assert_eq!(found(config, "ghcr.io"), pair("u", "p", false));
        assert_eq!(found(config, "r.example"), pair("user", "pass", true));
        assert_eq!((found(config, "quay.io"), found(config, "other.example")), (Ok(None), Ok(None)));
        assert!(found(config, "bad.example").unwrap_err().contains("not NAME:PASSWORD"));
        let error = found(r#"{"auths":{"ghcr.io":{"password":7secret}}}"#, "ghcr.io").unwrap_err();
        assert!(error.contains("malformed in line 1") && !error.contains("secret"), "{error}");
        assert!(found(r#"{"credsStore":"../x"}"#, "ghcr.io").unwrap_err().contains("no name of a helper"));
    }
}
