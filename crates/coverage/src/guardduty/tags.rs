//! Tags of detectors.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{AwsError, body};
use crate::sigv4::canonical::pairs;

/// AWS's limits.
const MAX_TAGS: usize = 200;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    tags: Option<BTreeMap<String, String>>,
}

/// The id of the detector whose ARN this is, if it is of that account and region.
///
/// # Errors
/// It is not.
pub fn owned_detector(arn: &str, account: &str, region: &str) -> Result<String, AwsError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "guardduty", its_region, its_account, rest]
            if partition.starts_with("aws") && *its_region == region && *its_account == account =>
        {
            let id = rest.strip_prefix("detector/").filter(|id| !id.is_empty() && !id.contains('/'));
            id.map(str::to_owned).ok_or_else(|| AwsError::invalid("Only detectors have tags here."))
        }
        _ => Err(AwsError::invalid("The resource ARN is not one of this account and region.")),
    }
}

/// Checks tags against AWS's limits.
pub(super) fn check(tags: &BTreeMap<String, String>) -> Result<(), AwsError> {
    let fits = |(key, value): (&String, &String)| {
        (1..=MAX_KEY).contains(&key.chars().count())
            && value.chars().count() <= MAX_VALUE
            && !key.starts_with("aws:")
            && !key.contains('\0')
            && !value.contains('\0')
    };
    if tags.len() <= MAX_TAGS && tags.iter().all(fits) {
        return Ok(());
    }
    Err(AwsError::invalid(
        "At most 200 tags; keys of 1 to 128 characters, not beginning with aws:; values of at most 256.",
    ))
}

/// The tags after a `TagResource` request.
///
/// # Errors
/// What cannot be, named.
pub fn tag_resource(
    mut tags: BTreeMap<String, String>,
    request: &[u8],
) -> Result<BTreeMap<String, String>, AwsError> {
    let input: Input = body::read(request)?;
    tags.extend(input.tags.ok_or_else(|| AwsError::invalid("tags is needed."))?);
    check(&tags)?;
    Ok(tags)
}

/// The keys an `UntagResource` request names in its query.
#[must_use]
pub fn untag_keys(query: &str) -> Vec<String> {
    pairs(query)
        .filter(|(name, _)| name == b"tagKeys")
        .filter_map(|(_, value)| String::from_utf8(value).ok())
        .collect()
}
