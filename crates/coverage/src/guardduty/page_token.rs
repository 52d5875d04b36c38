//! Page tokens: opaque, for one filter and order only, good for a day.

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::AwsError;
use crate::query::{After, CoverageQuery};

/// How long a token is good, in nanoseconds.
const AGE: u64 = 24 * 3600 * 1_000_000_000;
/// Longest token looked at.
const MAX_TOKEN: usize = 4096;

/// Where a page ended, and of which query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Value of the sort key.
    v: String,
    /// ARN.
    a: String,
    /// The query it belongs to.
    q: String,
    /// When it was made, in nanoseconds since the epoch.
    t: u64,
}

impl Token {
    /// The token of a page of `query` that ended there.
    #[must_use]
    pub fn of(query: &CoverageQuery, after: &After, now: Timestamp) -> String {
        let token = Self { v: after.value.clone(), a: after.arn.clone(), q: name(query), t: now.0 };
        let json = serde_json::to_vec(&token).unwrap_or_default();
        json.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Where the page before ended. It gives no rights: what a page may show is decided anew for each.
    ///
    /// # Errors
    /// It is not one of this query's, or too old.
    pub fn read(text: &str, query: &CoverageQuery, now: Timestamp) -> Result<After, AwsError> {
        let bad = || AwsError::invalid("The nextToken is not one of this request's, or older than a day.");
        if text.len() > MAX_TOKEN || !text.len().is_multiple_of(2) || !text.is_ascii() {
            return Err(bad());
        }
        let bytes = text
            .as_bytes()
            .chunks(2)
            .map(|pair| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
        let bytes: Vec<u8> = bytes.collect::<Option<_>>().ok_or_else(bad)?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        let is_old = now.0.saturating_sub(token.t) > AGE;
        if is_old || token.q != name(query) || token.v.contains('\0') || token.a.contains('\0') {
            return Err(bad());
        }
        Ok(After { value: token.v, arn: token.a })
    }
}

/// A query's name: what decides which records there are, and in which order.
fn name(query: &CoverageQuery) -> String {
    let text = format!("{:?} {:?} {:?}", query.criteria, query.sort, query.descending);
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
