//! Reading bodies and the queries of lists.

use serde::de::DeserializeOwned;

use super::AwsError;
use crate::sigv4::canonical::pairs;

/// Reads a body; an empty one is an empty object.
pub(super) fn read<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, AwsError> {
    if body.is_empty() {
        return Ok(T::default());
    }
    // A list would do for an object's members in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(AwsError::invalid("The body cannot be read: it must be an object."));
    }
    serde_json::from_slice(body)
        .map_err(|error| AwsError::invalid(&format!("The body cannot be read: {error}.")))
}

/// `maxResults`: how many results are wanted.
pub(super) fn limit(wanted: Option<i64>, usual: usize, most: usize) -> Result<usize, AwsError> {
    match wanted {
        None => Ok(usual),
        Some(wanted) => usize::try_from(wanted)
            .ok()
            .filter(|wanted| (1..=most).contains(wanted))
            .ok_or_else(|| AwsError::invalid(&format!("maxResults must be between 1 and {most}."))),
    }
}

/// The only value of a query's parameter, decoded.
#[must_use]
pub fn parameter(query: &str, name: &str) -> Option<String> {
    pairs(query)
        .find(|(each, _)| each == name.as_bytes())
        .and_then(|(_, value)| String::from_utf8(value).ok())
}

/// `maxResults` of a query, 50 at most and by default.
///
/// # Errors
/// It is no such number.
pub fn query_limit(query: &str) -> Result<usize, AwsError> {
    let wanted = parameter(query, "maxResults")
        .map(|text| text.parse().map_err(|_| AwsError::invalid("maxResults must be between 1 and 50.")))
        .transpose()?;
    limit(wanted, 50, 50)
}
