//! What can go wrong between this program and AWS.

use std::fmt;

use crate::Service;

/// Why AWS could not be asked, or what it answered instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// No source of credentials has any.
    #[error(
        "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with a profile in \
         ~/.aws, or run where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is set (looked at: {0})"
    )]
    NoCredentials(String),
    /// No region is named.
    #[error("no AWS region: set AWS_REGION, or region in the profile, or give --region")]
    NoRegion,
    /// A setting cannot be used.
    #[error("{what}: {reason}")]
    Configuration {
        /// The variable, file or profile.
        what: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A source of credentials failed.
    #[error("credentials from {origin}: {reason}")]
    Credentials {
        /// Where they were looked for.
        origin: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Box<CallError>),
}

impl AwsError {
    /// AWS's name of the error, if AWS answered one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Call(call) => match &call.failure {
                CallFailure::Refused { code, .. } => Some(code),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The service.
    pub service: Service,
    /// The operation: `DescribeTasks`.
    pub operation: &'static str,
    /// Account, where known.
    pub account: Option<String>,
    /// Region.
    pub region: String,
    /// AWS's identification of the request, for their support.
    pub request_id: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// What failed.
    pub failure: CallFailure,
}

/// What failed in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// AWS answered an error.
    Refused {
        /// HTTP status.
        status: u16,
        /// AWS's name: `AccessDeniedException`.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// No answer; whether the call was carried out is not known if it had been sent.
    Unreachable(String),
    /// An answer of another form than AWS's.
    NotUnderstood(String),
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in {}", self.service.title(), self.operation, self.region)?;
        if let Some(account) = &self.account {
            write!(f, " of account {account}")?;
        }
        match &self.failure {
            CallFailure::Refused { status, code, message } => write!(f, ": {code} ({status}): {message}")?,
            CallFailure::Unreachable(reason) => write!(f, ": no answer: {reason}")?,
            CallFailure::NotUnderstood(reason) => write!(f, ": the answer is not understood: {reason}")?,
        }
        if self.attempts > 1 {
            write!(f, " (tried {} times)", self.attempts)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        match self.advice() {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl CallError {
    /// What to do about it.
    fn advice(&self) -> Option<String> {
        let CallFailure::Refused { code, .. } = &self.failure else {
            return Some("check the region, the network and AWS_ENDPOINT_URL".to_owned());
        };
        Some(match code.as_str() {
            "AccessDeniedException" | "AccessDenied" => {
                format!("allow {}:{} to this identity", self.service.name(), self.operation)
            }
            "UnrecognizedClientException" | "InvalidClientTokenId" => {
                "the access key is unknown: is it of another partition, or deleted?".to_owned()
            }
            "ExpiredTokenException" | "ExpiredToken" => "log in again: the session has ended".to_owned(),
            "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => {
                "check the secret key and this machine's clock".to_owned()
            }
            "ThrottlingException" | "Throttling" => {
                "the account's request budget is used up by somebody: try later".to_owned()
            }
            "QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" => {
                "check the queue's URL and the region".to_owned()
            }
            "NotAuthorizedForSourceException" => {
                "only AWS sends events whose source begins with aws.".to_owned()
            }
            "ResourceNotFoundException" if self.service == Service::SecretsManager => {
                "check the secret's ARN and region".to_owned()
            }
            "ClusterNotFoundException" => "check the cluster's name and the region".to_owned(),
            _ => return None,
        })
    }
}
