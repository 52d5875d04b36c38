//! AWS credentials as AWS's tools find them: the environment, the shared file, the container's endpoint.

use std::{env, path::PathBuf};

use fargard_model::{Secret, bounded};
use serde::Deserialize;

use super::{
    RegistryProblem,
    http::{self, Http, Request},
};

const MAX_FILE: usize = 1 << 20;
const MAX_ANSWER: usize = 64 << 10;
/// Where ECS gives a task its role's credentials.
const ECS_ENDPOINT: &str = "http://169.254.170.2";

/// What requests to AWS are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCredentials {
    /// Access key id, as `AKIA...`.
    pub access_key: String,
    /// Secret access key.
    pub secret_key: Secret,
    /// Session token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// The answer of the container's endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Served {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

/// Looks for credentials.
pub(super) fn find(http: &Http) -> Result<AwsCredentials, RegistryProblem> {
    if let Some(found) = from_environment() {
        return Ok(found);
    }
    let profile = variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    let path = variable("AWS_SHARED_CREDENTIALS_FILE")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".aws/credentials")));
    let text = path.and_then(|path| bounded::read_to_string(&path, MAX_FILE).ok());
    if let Some(found) = text.and_then(|text| from_file(&text, &profile)) {
        return Ok(found);
    }
    from_container(http)?.ok_or_else(|| {
        RegistryProblem::Credentials(
            "no AWS credentials for ECR; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (as `aws configure \
             export-credentials --format env` prints them), or a profile with keys, or run `aws ecr get-login-password | docker login`"
                .to_owned(),
        )
    })
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn from_environment() -> Option<AwsCredentials> {
    Some(AwsCredentials {
        access_key: variable("AWS_ACCESS_KEY_ID")?,
        secret_key: Secret::new(variable("AWS_SECRET_ACCESS_KEY")?),
        session_token: variable("AWS_SESSION_TOKEN").map(Secret::new),
    })
}

/// The keys of a profile in `~/.aws/credentials`.
fn from_file(text: &str, profile: &str) -> Option<AwsCredentials> {
    let mut inside = false;
    let (mut access, mut secret, mut token) = (None, None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = name.trim() == profile;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
            let value = Some(value.trim().to_owned());
            match key.trim() {
                "aws_access_key_id" => access = value,
                "aws_secret_access_key" => secret = value,
                "aws_session_token" => token = value,
                _ => {}
            }
        }
    }
    Some(AwsCredentials {
        access_key: access?,
        secret_key: Secret::new(secret?),
        session_token: token.map(Secret::new),
    })
}

/// The credentials of the task's role, where this runs in a task.
fn from_container(http: &Http) -> Result<Option<AwsCredentials>, RegistryProblem> {
    let Some(path) = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").filter(|path| path.starts_with('/'))
    else {
        return Ok(None);
    };
    let answer = http.link_local(&format!("{ECS_ENDPOINT}{path}"), Request::default())?;
    if !answer.status().is_success() {
        return Err(RegistryProblem::Credentials(format!("the task's role: {}", http::problem(answer))));
    }
    let served: Served = serde_json::from_slice(&http::body(answer, MAX_ANSWER)?)
        .map_err(|_| RegistryProblem::Credentials("the task's role: a malformed answer".to_owned()))?;
    Ok(Some(AwsCredentials {
        access_key: served.access_key_id,
        secret_key: Secret::new(served.secret_access_key),
        session_token: served.token.map(Secret::new),
    }))
}

#[cfg(test)]
mod tests {
    use super::from_file;

    #[test]
    fn a_profile_has_its_own_keys() {
        let text = "[default]\naws_access_key_id = A\naws_secret_access_key=S/+=\n# [x]\n[ci]\naws_access_key_id=B\n\
                    aws_secret_access_key=T\naws_session_token = tok=\n[half]\naws_access_key_id=C\n";
        let keys = |profile| {
            from_file(text, profile).map(|c| {
                let token = c.session_token.map(|token| token.reveal().to_owned());
                (c.access_key.clone(), c.secret_key.reveal().to_owned(), token)
            })
        };
        assert_eq!(keys("default"), Some(("A".to_owned(), "S/+=".to_owned(), None)));
        assert_eq!(keys("ci"), Some(("B".to_owned(), "T".to_owned(), Some("tok=".to_owned()))));
        assert_eq!((keys("half"), keys("none")), (None, None));
    }
}
