//! Signature Version 4, from the side that signs:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>.

use std::fmt::Write as _;

use fargard_model::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::Credentials;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// The method.
    pub method: &'a str,
    /// The path as it goes over the wire.
    pub path: &'a str,
    /// What follows the question mark, as it goes over the wire.
    pub query: &'a str,
    /// The headers that are signed, `host` among them; names in lower case.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// For whom it is signed.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Region.
    pub region: &'a str,
    /// The service's name in signatures: `ecs`.
    pub service: &'a str,
    /// When.
    pub at: Timestamp,
}

/// The headers to add: `x-amz-date`, `x-amz-security-token` with temporary credentials, `authorization`.
#[must_use]
pub fn sign(request: &Unsigned<'_>, credentials: &Credentials, scope: Scope<'_>) -> Vec<(String, String)> {
    let time = amz_date(scope.at);
    let day = time.get(..8).unwrap_or_default();
    let mut added = vec![("x-amz-date".to_owned(), time.clone())];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token".to_owned(), token.reveal().to_owned()));
    }
    let mut headers: Vec<&(String, String)> = request.headers.iter().chain(&added).collect();
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let mut canonical = format!("{}\n{}\n{}\n", request.method, path(request.path), query(request.query));
    for (name, value) in headers {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        let _ = writeln!(canonical, "{name}:{}", words.join(" "));
    }
    let _ = write!(canonical, "\n{names}\n{}", hex(&Sha256::digest(request.body)));
    let scope_text = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{time}\n{scope_text}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let mut key = hmac(format!("AWS4{}", credentials.secret_access_key.reveal()).as_bytes(), day);
    for part in [scope.region, scope.service, "aws4_request"] {
        key = hmac(&key, part);
    }
    let signature = hex(&hmac(&key, &to_sign));
    let id = &credentials.access_key_id;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={id}/{scope_text}, SignedHeaders={names}, Signature={signature}"
    );
    added.push(("authorization".to_owned(), authorization));
    added
}

/// `20261121T195316Z`.
fn amz_date(at: Timestamp) -> String {
    let second = i64::try_from(at.seconds()).unwrap_or_default();
    jiff::Timestamp::from_second(second).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length is allowed, so there is no error to speak of.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mut mac| {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        })
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The path, encoded once more, as every service but S3 wants it.
fn path(raw: &str) -> String {
    if raw.is_empty() { "/".to_owned() } else { encode(raw.as_bytes(), b"-_.~/") }
}

/// The pairs in order, encoded the same way whoever wrote them.
fn query(raw: &str) -> String {
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(&decode(name), b"-_.~"), encode(&decode(value), b"-_.~"))
        })
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Percent-encoding of all but letters, digits and `kept`.
pub(crate) fn encode(bytes: &[u8], kept: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn decode(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        decoded.push(escaped.map_or(*first, |(high, low)| high << 4 | low));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use fargard_model::{Secret, Timestamp};

    use super::{Scope, Unsigned, sign};
    use crate::Credentials;

    /// The worked example of AWS's documentation (IAM ListUsers).
    #[test]
    fn signs_as_the_documentation_does() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            expires: None,
        };
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Unsigned {
            method: "GET",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &headers,
            body: b"",
        };
        let at = Timestamp(1_440_938_160_000_000_000);
        let added = sign(&request, &credentials, Scope { region: "us-east-1", service: "iam", at });
        assert_eq!(added[0], ("x-amz-date".to_owned(), "20150830T123600Z".to_owned()));
        assert!(
            added[1].1.ends_with(
                "SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
            ),
            "{added:?}"
        );
    }
}
