//! Signature Version 4 of AWS, from the side that checks: the `Authorization` header, or the query of a presigned URL.
//!
//! The algorithm is AWS's, <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>.

pub(crate) mod canonical;
mod claim;
mod verify;

pub use claim::{Claim, claim};
pub use verify::verify;

/// A request as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, not decoded.
    pub path: &'a str,
    /// What follows the question mark, not decoded.
    pub query: &'a str,
    /// Names in lower case, with their values.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The only value of that header; `None` also when there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values =
            self.headers.iter().filter(|(each, _)| each == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() { None } else { value }
    }
}

/// Why a request is not let in; AWS's own names and messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It is not signed at all.
    #[error("Missing Authentication Token")]
    Missing,
    /// Parts of the signature are missing or malformed.
    #[error("Authorization header or query is not a complete AWS Signature Version 4: {0}")]
    Incomplete(&'static str),
    /// The key is not known, or has no such session token.
    #[error("The security token included in the request is invalid.")]
    Unrecognized,
    /// It was signed with another key, for other content, or for another place.
    #[error("{0}")]
    Invalid(String),
}

impl AuthError {
    /// AWS's name of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Unrecognized => "UnrecognizedClientException",
            Self::Invalid(_) => "InvalidSignatureException",
        }
    }

    /// The signature is not the one of this request.
    pub(super) fn mismatch() -> Self {
        Self::Invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details."
                .to_owned(),
        )
    }
}
