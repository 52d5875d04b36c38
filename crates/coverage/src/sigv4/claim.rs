//! What a request says of its signature.

use std::borrow::Cow;

use super::{AuthError, Request, canonical::pairs};

/// What a request claims: by which key, when, for where. Nothing of it is true before [`super::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The access key's id.
    pub key: Cow<'a, str>,
    /// Day of the scope, `YYYYMMDD`.
    pub day: Cow<'a, str>,
    /// Region of the scope.
    pub region: Cow<'a, str>,
    /// Service of the scope.
    pub service: Cow<'a, str>,
    /// Names of the signed headers, separated by semicolons.
    pub signed_headers: Cow<'a, str>,
    /// The signature, hexadecimal.
    pub signature: Cow<'a, str>,
    /// When it was signed, `YYYYMMDDTHHMMSSZ`.
    pub time: Cow<'a, str>,
    /// A session token came with it.
    pub has_token: bool,
    /// Seconds a presigned URL is good for; `None` when the signature is in a header.
    pub expires: Option<u64>,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Longest time a presigned URL may be good for: a week.
const MAX_EXPIRES: u64 = 604_800;

/// Reads the claim of a request.
///
/// # Errors
/// [`AuthError::Missing`] when it has none, [`AuthError::Incomplete`] when it cannot be read.
pub fn claim<'a>(request: &Request<'a>) -> Result<Claim<'a>, AuthError> {
    let presigned = pairs(request.query).any(|(name, _)| name == b"X-Amz-Algorithm");
    let count = request.headers.iter().filter(|(name, _)| name == "authorization").count();
    let claim = match (count, presigned) {
        (0, false) => Err(AuthError::Missing),
        (1, false) => in_header(request),
        (0, true) => in_query(request),
        _ => Err(AuthError::Incomplete("it is signed twice")),
    }?;
    let names: Vec<&str> = claim.signed_headers.split(';').collect();
    if !names.is_sorted() || names.len() > 64 || !names.contains(&"host") {
        return Err(AuthError::Incomplete("SignedHeaders must be sorted and name host"));
    }
    // What the signature does not cover must not count, and what it covers must be there once.
    for (name, _) in request.headers.iter().filter(|(name, _)| name.starts_with("x-amz-")) {
        if !names.contains(&name.as_str()) {
            return Err(AuthError::Incomplete("every x-amz- header must be signed"));
        }
    }
    if names.iter().any(|name| request.header(name).is_none()) {
        return Err(AuthError::Incomplete("a signed header is missing or there twice"));
    }
    Ok(claim)
}

fn in_header<'a>(request: &Request<'a>) -> Result<Claim<'a>, AuthError> {
    let header = request.header("authorization").unwrap_or_default();
    let parts = header
        .strip_prefix(ALGORITHM)
        .ok_or(AuthError::Incomplete("the algorithm is not AWS4-HMAC-SHA256"))?;
    let part =
        |name: &str| parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let scope = scope(part("Credential").ok_or(AuthError::Incomplete("Credential is missing"))?)?;
    let signed = part("SignedHeaders").ok_or(AuthError::Incomplete("SignedHeaders is missing"))?;
    let signature = part("Signature").ok_or(AuthError::Incomplete("Signature is missing"))?;
    let time = request.header("x-amz-date").ok_or(AuthError::Incomplete("X-Amz-Date is missing"))?;
    let [key, day, region, service] = scope.map(Cow::Borrowed);
    Ok(Claim {
        key,
        day,
        region,
        service,
        signed_headers: signed.into(),
        signature: signature.into(),
        time: time.into(),
        has_token: request.headers.iter().any(|(name, _)| name == "x-amz-security-token"),
        expires: None,
    })
}

fn in_query<'a>(request: &Request<'a>) -> Result<Claim<'a>, AuthError> {
    let all: Vec<(Vec<u8>, Vec<u8>)> = pairs(request.query).collect();
    let find = |wanted: &str| -> Result<String, AuthError> {
        let mut values = all.iter().filter(|(name, _)| name == wanted.as_bytes()).map(|(_, value)| value);
        let missing = AuthError::Incomplete("a parameter X-Amz- is missing or there twice");
        match (values.next(), values.next()) {
            (Some(value), None) => String::from_utf8(value.clone()).map_err(|_| missing),
            _ => Err(missing),
        }
    };
    if find("X-Amz-Algorithm")? != ALGORITHM {
        return Err(AuthError::Incomplete("the algorithm is not AWS4-HMAC-SHA256"));
    }
    let expires = find("X-Amz-Expires")?.parse().ok().filter(|expires| (1..=MAX_EXPIRES).contains(expires));
    let expires = expires.ok_or(AuthError::Incomplete("X-Amz-Expires must be 1 to 604800 seconds"))?;
    let credential = find("X-Amz-Credential")?;
    let [key, day, region, service] = scope(&credential)?.map(|part| Cow::Owned(part.to_owned()));
    Ok(Claim {
        key,
        day,
        region,
        service,
        signed_headers: find("X-Amz-SignedHeaders")?.into(),
        signature: find("X-Amz-Signature")?.into(),
        time: find("X-Amz-Date")?.into(),
        has_token: all.iter().any(|(name, _)| name == b"X-Amz-Security-Token"),
        expires: Some(expires),
    })
}

/// `KEY/DAY/REGION/SERVICE/aws4_request`.
fn scope(credential: &str) -> Result<[&str; 4], AuthError> {
    let malformed = AuthError::Incomplete("Credential is not KEY/YYYYMMDD/REGION/SERVICE/aws4_request");
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        [key, day, region, service, "aws4_request"]
            if parts.iter().all(|part| (1..=128).contains(&part.len())) =>
        {
            Ok([key, day, region, service])
        }
        _ => Err(malformed),
    }
}
