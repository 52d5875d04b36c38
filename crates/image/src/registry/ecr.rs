//! Logins that AWS gives: ECR's own, and those that Secrets Manager keeps for other registries.

use fargard_aws::{AwsError, CallFailure, RegistryLogin};

use super::{RegistryProblem, client::Client, credentials::Login};

/// A login to the registry of that region.
pub(super) fn login(client: &Client, region: &str) -> Result<Login, RegistryProblem> {
    let options = &client.options;
    fargard_aws::ecr_login(&options.environment, region, options.timeout).map(Login::from).map_err(|error| {
        let otherwise = match &error {
            AwsError::NoCredentials(_) | AwsError::Configuration { .. } => {
                ", or run `aws ecr get-login-password | docker login`"
            }
            _ => "",
        };
        RegistryProblem::Credentials(format!("no login to ECR: {error}{otherwise}"))
    })
}

/// The login in a secret.
pub(super) fn in_secret(client: &Client, secret: &str) -> Result<Login, RegistryProblem> {
    let options = &client.options;
    fargard_aws::login_in_secret(&options.environment, secret, options.timeout).map(Login::from).map_err(
        |error| {
            let advice = match &error {
                AwsError::Call(call) if matches!(call.failure, CallFailure::Refused { .. }) => {
                    " (the execution role may read it; who embeds needs that right too)"
                }
                _ => "",
            };
            RegistryProblem::Credentials(format!("repositoryCredentials: {error}{advice}"))
        },
    )
}

impl From<RegistryLogin> for Login {
    fn from(login: RegistryLogin) -> Self {
        Self { username: login.username, password: login.password, identity_token: None }
    }
}
