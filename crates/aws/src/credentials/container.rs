//! The credentials of a task's role, from the endpoint that ECS names in the environment:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.

use std::{net::IpAddr, path::PathBuf};

use fargard_model::{Secret, bounded};
use serde::Deserialize;

use super::Credentials;
use crate::{AwsError, Environment, Request, Transport};

/// Where `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is relative to.
const ECS: &str = "http://169.254.170.2";
const MAX_TOKEN: usize = 64 << 10;
/// Plain HTTP is only spoken to these and to loopback: ECS's and EKS's own addresses.
const LINK_LOCAL: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    url: String,
    token: Token,
}

#[derive(Clone, Debug)]
enum Token {
    None,
    Value(Secret),
    File(PathBuf),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    expiration: Option<String>,
}

impl Endpoint {
    /// The endpoint the environment names, if any.
    pub(super) fn of(environment: &Environment) -> Result<Option<Self>, AwsError> {
        const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        let url = match environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            Some(path) if path.starts_with('/') => format!("{ECS}{path}"),
            Some(path) => return Err(failed(&format!("{path:?} does not begin with a slash"))),
            None => match environment.get(FULL) {
                Some(url) if is_safe(url) => url.to_owned(),
                Some(_) => {
                    let reason = "must be https, or http to loopback or the container's link-local address";
                    return Err(AwsError::Configuration { what: FULL.to_owned(), reason: reason.to_owned() });
                }
                None => return Ok(None),
            },
        };
        let token = match environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(path) => Token::File(path.into()),
            None => environment
                .get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
                .map_or(Token::None, |token| Token::Value(Secret::new(token))),
        };
        Ok(Some(Self { url, token }))
    }

    pub(super) fn load(&self) -> Result<Credentials, AwsError> {
        let token = match &self.token {
            Token::None => None,
            Token::Value(token) => Some(token.reveal().to_owned()),
            Token::File(path) => Some(
                bounded::read_to_string(path, MAX_TOKEN)
                    .map_err(|error| failed(&format!("token file {}: {error}", path.display())))?
                    .trim()
                    .to_owned(),
            ),
        };
        let headers: Vec<(String, String)> =
            token.into_iter().map(|token| ("authorization".to_owned(), token)).collect();
        let request = Request { method: "GET", url: &self.url, headers: &headers, body: b"" };
        let answer = Transport::direct().exchange(&request).map_err(|error| failed(&error.reason))?;
        if answer.status != 200 {
            return Err(failed(&format!("answers {}; has the task a task role?", answer.status)));
        }
        // The answer is a secret, so a parser's complaint that quotes it is not passed on.
        let keys: Keys = serde_json::from_slice(&answer.body)
            .map_err(|_| failed("answers something else than credentials"))?;
        let expires = keys.expiration.as_deref().and_then(super::role::parse_time);
        Ok(Credentials {
            access_key_id: keys.access_key_id,
            secret_access_key: Secret::new(keys.secret_access_key),
            session_token: keys.token.map(Secret::new),
            expires,
        })
    }
}

fn failed(reason: &str) -> AwsError {
    AwsError::Credentials { origin: "the container endpoint".to_owned(), reason: reason.to_owned() }
}

/// Whether a secret may be asked for there.
fn is_safe(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("http") && (loopback || LINK_LOCAL.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn plain_http_only_where_nobody_listens_in() {
        for safe in
            ["https://x.example/a", "http://127.0.0.1:8/a", "http://[::1]/a", "http://169.254.170.2/a"]
        {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_url in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://169.254.169.254/",
            "ftp://127.0.0.1/",
            "",
        ] {
            assert!(!is_safe(unsafe_url), "{unsafe_url}");
        }
    }
}
