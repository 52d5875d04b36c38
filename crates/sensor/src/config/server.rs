//! The server a sensor sends to.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use fargard_model::{Secret, bounded};

use super::{ConfigError, refuse};

const MAX_TOKEN: usize = 4096;

/// A server and how to be admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Base URL without a final slash.
    pub url: String,
    /// Enrolment token.
    pub token: Secret,
    /// PEM file with the only authorities trusted.
    pub ca_file: Option<PathBuf>,
}

impl Server {
    /// A server from its base URL.
    ///
    /// # Errors
    /// The URL is not `https://host`, or `http://` of a loopback address.
    pub fn new(url: &str, token: Secret, ca_file: Option<PathBuf>) -> Result<Self, ConfigError> {
        check_url(url)?;
        if token.reveal().is_empty() || !token.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse(
                "FARGARD_TOKEN",
                "the enrolment token is empty or has blanks or control characters",
            );
        }
        Ok(Self { url: url.trim_end_matches('/').to_owned(), token, ca_file })
    }
}

/// Reads an enrolment token from a file, without surrounding blanks.
///
/// # Errors
/// The file cannot be read or is longer than any token.
pub fn token_from_file(path: &Path) -> Result<Secret, ConfigError> {
    match bounded::read_to_string(path, MAX_TOKEN) {
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(error) => refuse("FARGARD_TOKEN_FILE", format!("{}: {error}", path.display())),
    }
}

fn check_url(url: &str) -> Result<(), ConfigError> {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => {
            return refuse("FARGARD_SERVER", format!("{url:?} does not start with https:// or http://"));
        }
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') {
        return refuse("FARGARD_SERVER", format!("{url:?} names no host"));
    }
    if secure || is_loopback(authority) {
        return Ok(());
    }
    refuse(
        "FARGARD_SERVER",
        format!("{url:?} would send tokens in clear: use https:// (http:// is for loopback)"),
    )
}

/// `host`, `host:port`, `[v6]:port` that cannot leave the machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
