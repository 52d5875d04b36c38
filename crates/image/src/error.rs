//! Why an image could not be read.

use std::io;

use crate::{Digest, Mismatch, Platform, ReferenceError, RegistryProblem};

/// Why an image could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file, or a part of it.
    #[error("cannot read {what}: {error}")]
    Io {
        /// What was read.
        what: String,
        /// Why not.
        error: io::Error,
    },
    /// Something is not what its format demands.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// Which document or archive.
        what: String,
        /// Why, with line and column for JSON.
        reason: String,
    },
    /// Content is not what its digest or its size promises.
    #[error("{what} was changed or damaged: {mismatch}")]
    Changed {
        /// Which content.
        what: String,
        /// What was promised and what was found.
        mismatch: Mismatch,
    },
    /// A format that is not read.
    #[error("{what} is {found}, which is not supported; {instead}")]
    Unsupported {
        /// Which document.
        what: String,
        /// What it is.
        found: String,
        /// What to do.
        instead: &'static str,
    },
    /// The source does not hold what was asked for.
    #[error("{wanted} is not in {place}{}", if available.is_empty() { String::new() } else { format!("; it holds {available}") })]
    NotFound {
        /// The image, tag or blob.
        wanted: String,
        /// Where it was looked for.
        place: String,
        /// What is there instead; empty where that is not known.
        available: String,
    },
    /// The image is not made for the platform.
    #[error("the image has no variant for {wanted}; it has {available}")]
    Platform {
        /// What was asked for.
        wanted: Platform,
        /// What there is, as `linux/amd64, linux/arm64/v8`.
        available: String,
    },
    /// Several images, none of them named.
    #[error("{place} holds several images; name one of {available}")]
    Ambiguous {
        /// The archive or layout.
        place: String,
        /// Their names.
        available: String,
    },
    /// A limit of what is read.
    #[error("{what} goes beyond the limit of {limit}")]
    Limit {
        /// What it is that is too much.
        what: String,
        /// The limit with its unit.
        limit: String,
    },
    /// A registry did not give what it was asked for.
    #[error("registry {host}: {problem}")]
    Registry {
        /// Its host.
        host: String,
        /// Why.
        problem: RegistryProblem,
    },
    /// No reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

impl ImageError {
    pub(crate) fn malformed(what: impl Into<String>, reason: &(impl ToString + ?Sized)) -> Self {
        Self::Malformed { what: what.into(), reason: reason.to_string() }
    }

    /// An error of a stream: a mismatch with its digest is told apart.
    pub(crate) fn reading(what: impl Into<String>, error: io::Error) -> Self {
        let what = what.into();
        match error.downcast::<Mismatch>() {
            Ok(mismatch) => Self::Changed { what, mismatch },
            Err(error) => Self::Io { what, error },
        }
    }

    pub(crate) fn missing_blob(digest: &Digest, place: impl Into<String>) -> Self {
        Self::NotFound { wanted: digest.to_string(), place: place.into(), available: String::new() }
    }
}
