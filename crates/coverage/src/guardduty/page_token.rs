//! Page tokens: opaque, for one filter and order only, good for a day.

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{AwsError, body::parameter};
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

/// A token's text.
pub(super) fn encode<T: Serialize>(token: &T) -> String {
    let json = serde_json::to_vec(token).unwrap_or_default();
    json.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The token of a text.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    if text.len() > MAX_TOKEN || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    let bytes: Vec<u8> = pairs
        .map(|pair| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect::<Option<_>>()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether a token was made more than a day ago.
pub(super) fn is_old(made: u64, now: Timestamp) -> bool {
    now.0.saturating_sub(made) > AGE
}

/// What is said of a token that is none.
pub(super) fn bad() -> AwsError {
    AwsError::invalid("The nextToken is not one of this request's, or older than a day.")
}

impl Token {
    /// The token of a page of `query` that ended there.
    #[must_use]
    pub fn of(query: &CoverageQuery, after: &After, now: Timestamp) -> String {
        encode(&Self { v: after.value.clone(), a: after.arn.clone(), q: name(query), t: now.0 })
    }

    /// Where the page before ended. It gives no rights: what a page may show is decided anew for each.
    ///
    /// # Errors
    /// It is not one of this query's, or too old.
    pub fn read(text: &str, query: &CoverageQuery, now: Timestamp) -> Result<After, AwsError> {
        let token: Self = decode(text).ok_or_else(bad)?;
        if is_old(token.t, now) || token.q != name(query) || token.v.contains('\0') || token.a.contains('\0')
        {
            return Err(bad());
        }
        Ok(After { value: token.v, arn: token.a })
    }
}

/// Where a page of things that are listed by name ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameToken {
    /// The last name.
    n: String,
    /// The list.
    l: String,
    /// When it was made.
    t: u64,
}

impl NameToken {
    /// The token of a page of a list that ended with that name.
    #[must_use]
    pub fn of(list: &str, name: &str, now: Timestamp) -> String {
        encode(&Self { n: name.to_owned(), l: list.to_owned(), t: now.0 })
    }

    /// The last name of the page before, from a request's query; empty for the first page.
    ///
    /// # Errors
    /// The token is not one of this list's, or too old.
    pub fn read(query: &str, list: &str, now: Timestamp) -> Result<String, AwsError> {
        let Some(text) = parameter(query, "nextToken").filter(|text| !text.is_empty()) else {
            return Ok(String::new());
        };
        let token: Self = decode(&text).ok_or_else(bad)?;
        if is_old(token.t, now) || token.l != list || token.n.contains('\0') {
            return Err(bad());
        }
        Ok(token.n)
    }
}

/// A query's name: what decides which records there are, and in which order.
fn name(query: &CoverageQuery) -> String {
    let text = format!("{:?} {:?} {:?}", query.criteria, query.sort, query.descending);
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
