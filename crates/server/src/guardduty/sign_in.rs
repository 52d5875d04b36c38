//! Who asks: the owner of an access key of this server.

use fargard_coverage::{
    guardduty::{AwsError, SERVICE},
    sigv4::{AuthError, Request, claim, verify},
};
use fargard_model::Timestamp;
use fargard_store::AccessKey;

use super::answer::failed;
use crate::state::AppState;

/// Somebody whose signature is right.
#[derive(Debug)]
pub(super) struct Caller {
    /// The key.
    pub(super) key: AccessKey,
    /// The region asked for.
    pub(super) region: String,
}

/// Checks a request's signature.
pub(super) async fn sign_in(
    state: &AppState,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Caller, AwsError> {
    let claim = claim(request)?;
    let key = state.coverage.access_key(&claim.key).await.map_err(failed)?;
    // Session tokens are AWS's own, and this server gives out none.
    let key = key.filter(|_| !claim.has_token).ok_or(AuthError::Unrecognized)?;
    let secret = state.seal.open_sealed(&key.sealed, &key.id).map_err(|error| {
        tracing::error!(%error, key = key.id, "an access key cannot be used");
        AwsError::internal()
    })?;
    verify(request, &claim, &secret, SERVICE, now)?;
    let is_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if claim.region.len() > 32 || !claim.region.bytes().all(is_region) {
        return Err(AuthError::Invalid("Credential should be scoped to a valid region. ".to_owned()).into());
    }
    let region = claim.region.into_owned();
    Ok(Caller { key, region })
}
