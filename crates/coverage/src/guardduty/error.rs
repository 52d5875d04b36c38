//! Errors as AWS's clients expect them: a status, the name in the header `x-amzn-errortype`, a JSON body.

use serde_json::{Value, json};

use crate::sigv4::AuthError;

/// What a client is told when it does not get what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// HTTP status.
    pub status: u16,
    /// Name of the exception.
    pub code: &'static str,
    /// `__type` of the body; for bad requests GuardDuty's own differs from the name.
    pub kind: &'static str,
    /// For people.
    pub message: String,
}

impl AwsError {
    /// 400 with a message of GuardDuty's form.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        let (code, kind) = ("BadRequestException", "InvalidInputException");
        Self { status: 400, code, kind, message: message.into() }
    }

    /// 400: this member of the input cannot be.
    #[must_use]
    pub fn invalid(what: &str) -> Self {
        Self::bad_request(format!(
            "The request is rejected because an invalid or out-of-range value is specified as an input parameter. \
             {what}"
        ))
    }

    /// 400, never 404, for a detector that does not exist; Terraform compares the message.
    #[must_use]
    pub fn not_owned() -> Self {
        Self::bad_request(
            "The request is rejected because the input detectorId is not owned by the current account.",
        )
    }

    /// 400: GuardDuty has this operation, this server does not.
    #[must_use]
    pub fn unsupported() -> Self {
        Self::bad_request("The request is rejected because this operation is not supported by this server.")
    }

    /// 403: the key may not.
    #[must_use]
    pub fn denied(message: impl Into<String>) -> Self {
        let code = "AccessDeniedException";
        Self { status: 403, code, kind: code, message: message.into() }
    }

    /// 500.
    #[must_use]
    pub fn internal() -> Self {
        let code = "InternalServerErrorException";
        Self { status: 500, code, kind: code, message: "Internal server error.".to_owned() }
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"__type": self.kind, "message": self.message})
    }
}

impl From<AuthError> for AwsError {
    fn from(error: AuthError) -> Self {
        Self { status: 403, code: error.code(), kind: error.code(), message: error.to_string() }
    }
}
