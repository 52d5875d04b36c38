//! The one form of a request that both sides hash.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Claim, Request};

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The canonical request.
pub(super) fn canonical(request: &Request<'_>, claim: &Claim<'_>) -> String {
    let mut text = format!("{}\n{}\n{}\n", request.method, path(request.path), query(request.query));
    for name in claim.signed_headers.split(';') {
        let value = request.header(name).unwrap_or_default();
        let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
        let _ = writeln!(text, "{name}:{}", words.join(" "));
    }
    let _ = write!(text, "\n{}\n{}", claim.signed_headers, sha256(request.body));
    text
}

/// The path as it came, encoded once more, as every service but S3 wants it.
fn path(raw: &str) -> String {
    if raw.is_empty() { "/".to_owned() } else { encode(raw.as_bytes(), b"-_.~/") }
}

/// The pairs, encoded the same way whoever wrote them, in order; without the signature itself.
fn query(raw: &str) -> String {
    let mut pairs: Vec<(String, String)> = pairs(raw)
        .filter(|(name, _)| name != b"X-Amz-Signature")
        .map(|(name, value)| (encode(&name, b"-_.~"), encode(&value, b"-_.~")))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The decoded pairs of a query.
pub(crate) fn pairs(raw: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// Percent-decoding; what is no escape stays.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    while let Some((first, rest)) = bytes.split_first() {
        let escaped = match rest {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                bytes = rest.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                bytes = rest;
            }
        }
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn encode(bytes: &[u8], kept: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
