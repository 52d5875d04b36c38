//! Whether a claim is true.

use fargard_model::{Secret, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{
    AuthError, Claim, Request,
    canonical::{canonical, hex, sha256},
};

/// How far clocks may be apart, in seconds.
const SKEW: i64 = 15 * 60;

/// Checks that the owner of the secret signed this request, now, for this service.
///
/// # Errors
/// [`AuthError::Invalid`], with AWS's message.
pub fn verify(
    request: &Request<'_>,
    claim: &Claim<'_>,
    secret: &Secret,
    service: &str,
    now: Timestamp,
) -> Result<(), AuthError> {
    if claim.service != service {
        return Err(AuthError::Invalid(format!(
            "Credential should be scoped to correct service: '{service}'. "
        )));
    }
    let scope = format!("{}/{}/{}/aws4_request", claim.day, claim.region, claim.service);
    let request_hash = sha256(canonical(request, claim).as_bytes());
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{request_hash}", claim.time);
    let day_key = hmac(format!("AWS4{}", secret.reveal()).as_bytes(), claim.day.as_bytes());
    let region_key = hmac(&day_key, claim.region.as_bytes());
    let service_key = hmac(&region_key, claim.service.as_bytes());
    let signing_key = hmac(&service_key, b"aws4_request");
    let expected = hex(&hmac(&signing_key, to_sign.as_bytes()));
    // Before the clock, so that only the owner of the key learns the server's time.
    if !bool::from(expected.as_bytes().ct_eq(claim.signature.as_bytes())) {
        return Err(AuthError::mismatch());
    }
    timely(claim, now)
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key of any length is allowed, so there is no error to speak of.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mut mac| {
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        })
        .unwrap_or_default()
}

fn timely(claim: &Claim<'_>, now: Timestamp) -> Result<(), AuthError> {
    let Some(signed) = seconds(&claim.time) else {
        return Err(AuthError::Incomplete("X-Amz-Date is not of the form YYYYMMDDTHHMMSSZ"));
    };
    if claim.time.get(..8) != Some(claim.day.as_ref()) {
        return Err(AuthError::Invalid(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', \
             from '{}'.",
            claim.day,
            claim.time.get(..8).unwrap_or_default(),
            claim.time
        )));
    }
    let now = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    let last = claim.expires.map_or(SKEW, |expires| i64::try_from(expires).unwrap_or(i64::MAX));
    if now.saturating_sub(signed) > last {
        let (at, earliest) = (basic(now), basic(now.saturating_sub(last)));
        return Err(AuthError::Invalid(match claim.expires {
            Some(_) => format!(
                "Signature expired: the URL of {} was good for {last} seconds, now is {at}",
                claim.time
            ),
            None => {
                format!("Signature expired: {} is now earlier than {earliest} ({at} - 15 min.)", claim.time)
            }
        }));
    }
    if signed.saturating_sub(now) > SKEW {
        let (at, latest) = (basic(now), basic(now.saturating_add(SKEW)));
        return Err(AuthError::Invalid(format!(
            "Signature not yet current: {} is still later than {latest} ({at} + 15 min.)",
            claim.time
        )));
    }
    Ok(())
}

/// Seconds since the epoch of `YYYYMMDDTHHMMSSZ`.
fn seconds(text: &str) -> Option<i64> {
    if text.len() != 16 || !text.is_ascii() || !text.ends_with('Z') {
        return None;
    }
    let parsed: jiff::Timestamp = text.parse().ok()?;
    Some(parsed.as_second())
}

fn basic(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|at| at.to_string().chars().filter(|each| !matches!(each, '-' | ':')).collect())
        .unwrap_or_default()
}
