//! Logins to image registries: ECR's, which it gives for 12 hours, and those that Secrets Manager keeps
//! (`repositoryCredentials` of a task definition).

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fargard_model::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Account, AccountOptions, AwsError, Environment, Service,
    account::{Api, Operation},
    limit::Group,
};

const ECR: Api =
    Api { service: Service::Ecr, target: "AmazonEC2ContainerRegistry_V20150921", version: "1.1" };
const SECRETS_MANAGER: Api =
    Api { service: Service::SecretsManager, target: "secretsmanager", version: "1.1" };
const GET_AUTHORIZATION_TOKEN: Operation =
    Operation { api: ECR, name: "GetAuthorizationToken", group: Group::Logins, repeatable: true };
const GET_SECRET_VALUE: Operation =
    Operation { api: SECRETS_MANAGER, name: "GetSecretValue", group: Group::Logins, repeatable: true };
/// Longest name or ARN of a secret.
const MAX_NAME: usize = 2048;

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryLogin {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryLogin").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The secret's value, as ECS wants it.
#[derive(Deserialize)]
struct Kept {
    username: String,
    password: String,
}

/// A login to the private registry of a region, asked for with the credentials of `environment`. Takes about `time` at
/// most.
///
/// # Errors
/// There are no credentials, or ECR gives no login for them.
pub fn ecr_login(environment: &Environment, region: &str, time: Duration) -> Result<RegistryLogin, AwsError> {
    let answer = account(environment, Some(region), time)?.call(GET_AUTHORIZATION_TOKEN, &json!({}))?;
    let token = answer.pointer("/authorizationData/0/authorizationToken").and_then(Value::as_str);
    token.and_then(pair).ok_or_else(|| AwsError::Credentials {
        origin: "ECR".to_owned(),
        reason: "its token is not NAME:PASSWORD in base64".to_owned(),
    })
}

/// The login that a secret of Secrets Manager holds, named by its ARN, or by its name in the environment's region. Takes
/// about `time` at most.
///
/// # Errors
/// There are no credentials, they may not read the secret, or it holds something else.
pub fn login_in_secret(
    environment: &Environment,
    secret: &str,
    time: Duration,
) -> Result<RegistryLogin, AwsError> {
    let wrong = |reason: &str| AwsError::Credentials {
        origin: format!("secret {:?}", secret.chars().take(MAX_NAME).collect::<String>()),
        reason: reason.to_owned(),
    };
    if secret.len() > MAX_NAME {
        return Err(wrong("this is too long for the name of a secret"));
    }
    let answer = account(environment, region_of(secret), time)?
        .call(GET_SECRET_VALUE, &json!({"SecretId": secret}))?;
    let text = answer.get("SecretString").and_then(Value::as_str);
    // What a parser says could hold part of the password.
    let kept: Option<Kept> = text.and_then(|text| serde_json::from_str(text).ok());
    let Kept { username, password } = kept.filter(|kept| !kept.username.is_empty()).ok_or_else(|| {
        wrong("it holds no JSON object with username and password, as ECS wants it for repositoryCredentials")
    })?;
    Ok(RegistryLogin { username, password: Secret::new(password) })
}

fn account(environment: &Environment, region: Option<&str>, time: Duration) -> Result<Account, AwsError> {
    let options = AccountOptions {
        region: region.map(str::to_owned),
        environment: environment.clone(),
        ..AccountOptions::default()
    };
    Ok(Account::open(options)?.once_within(time))
}

/// The region of a secret's ARN.
fn region_of(secret: &str) -> Option<&str> {
    let rest = secret.strip_prefix("arn:")?;
    rest.split(':').nth(2).filter(|region| !region.is_empty())
}

/// `NAME:PASSWORD` in base64.
fn pair(token: &str) -> Option<RegistryLogin> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(RegistryLogin { username: username.to_owned(), password: Secret::new(password) })
}
