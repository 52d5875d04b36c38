//! Requests that the AWS CLI and boto3 really sent, signed with the example key of AWS's documentation.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking")]

use std::path::Path;

use fargard_coverage::sigv4::{AuthError, Claim, Request, claim, verify};
use fargard_model::{Secret, Timestamp};
use serde_json::Value;

struct Sent {
    case: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        }
    }

    fn check(&self, now: Timestamp) -> Result<(), AuthError> {
        let request = self.request();
        verify(&request, &claim(&request)?, &secret(), "guardduty", now)
    }
}

fn secret() -> Secret {
    Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}

fn captured() -> Vec<Sent> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/signed.json");
    let all: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter()
        .map(|one| {
            let target = text(&one["target"]);
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            Sent {
                case: text(&one["case"]),
                method: text(&one["method"]),
                path: path.to_owned(),
                query: query.to_owned(),
                headers: one["headers"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(name, value)| (name.clone(), text(value)))
                    .collect(),
                body: text(&one["body"]).into_bytes(),
            }
        })
        .collect()
}

fn time_of(sent: &Sent) -> Timestamp {
    let text = sent.request().header("x-amz-date").unwrap();
    Timestamp(u64::try_from(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond()).unwrap())
}

fn is_signed(sent: &Sent) -> bool {
    sent.request().header("authorization").is_some()
}

#[test]
fn all_captured_requests_are_recognised() {
    let all = captured();
    assert_eq!(all.len(), 68);
    for sent in all {
        if is_signed(&sent) {
            assert_eq!(sent.check(time_of(&sent)), Ok(()), "{}", sent.case);
        } else {
            assert_eq!(sent.check(Timestamp(0)), Err(AuthError::Missing), "{}", sent.case);
        }
    }
}

#[test]
fn a_change_of_any_signed_byte_is_noticed() {
    let change = |text: &mut String, at: usize| {
        let mut bytes = std::mem::take(text).into_bytes();
        bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        *text = String::from_utf8(bytes).unwrap();
    };
    let mut tried = 0;
    // One of each shape: whole paths, queries, encoded ARNs, bodies, a session token.
    for number in (0..captured().len()).step_by(3).chain([50, 51, 52, 53, 54, 55]) {
        let all = captured();
        let sent = &all[number];
        if !is_signed(sent) {
            continue;
        }
        let now = time_of(sent);
        let mut must_fail = |changed: &Sent| {
            let error = changed.check(now).expect_err(&sent.case);
            let names = ["InvalidSignatureException", "IncompleteSignatureException"];
            assert!(names.contains(&error.code()), "{}: {error:?}", sent.case);
            tried += 1;
        };
        let again = || captured().swap_remove(number);
        for at in 0..sent.path.len() {
            let mut changed = again();
            change(&mut changed.path, at);
            must_fail(&changed);
        }
        for at in 0..sent.query.len() {
            let mut changed = again();
            change(&mut changed.query, at);
            must_fail(&changed);
        }
        for at in 0..sent.body.len() {
            let mut changed = again();
            changed.body[at] ^= 1;
            must_fail(&changed);
        }
        for (header, (name, value)) in sent.headers.iter().enumerate() {
            let request = sent.request();
            let signed = claim(&request).unwrap().signed_headers.split(';').any(|each| each == name);
            for at in (0..value.len()).filter(|_| signed) {
                let mut changed = again();
                change(&mut changed.headers[header].1, at);
                must_fail(&changed);
            }
        }
        let mut changed = again();
        changed.method = if sent.method == "GET" { "POST".to_owned() } else { "GET".to_owned() };
        must_fail(&changed);
    }
    assert!(tried > 3000, "{tried}");
}

#[test]
fn clocks_may_be_a_quarter_of_an_hour_apart() {
    let all = captured();
    let sent = &all[0];
    let shifted = |seconds: i64| Timestamp(time_of(sent).0.saturating_add_signed(seconds * 1_000_000_000));
    for (seconds, message) in [
        (900, None),
        (-900, None),
        (901, Some("Signature expired: ")),
        (-901, Some("Signature not yet current: ")),
    ] {
        match (sent.check(shifted(seconds)), message) {
            (Ok(()), None) => {}
            (Err(AuthError::Invalid(text)), Some(message)) => assert!(text.starts_with(message), "{text}"),
            (answer, _) => panic!("{seconds}: {answer:?}"),
        }
    }
}

#[test]
fn scopes_and_headers_must_be_right() {
    let all = captured();
    let now = time_of(&all[0]);
    let request = all[0].request();
    let good = claim(&request).unwrap();
    let check = |claim: &Claim<'_>| verify(&request, claim, &secret(), "guardduty", now).unwrap_err();
    assert!(check(&Claim { service: "s3".into(), ..good.clone() }).to_string().contains("correct service"));
    assert_eq!(
        check(&Claim { region: "eu-west-1".into(), ..good.clone() }).code(),
        "InvalidSignatureException"
    );
    let with = |name: &str, value: &str| {
        let mut sent = captured().swap_remove(0);
        sent.headers.push((name.to_owned(), value.to_owned()));
        sent.check(now).unwrap_err().code()
    };
    assert_eq!(with("x-amz-security-token", "t"), "IncompleteSignatureException", "it is not signed");
    assert_eq!(with("host", "elsewhere"), "IncompleteSignatureException", "which one counts?");
    assert_eq!(with("authorization", "AWS4-HMAC-SHA256 "), "IncompleteSignatureException");
    for header in [
        "",
        "Bearer x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=A/20261121/r/guardduty/aws4_request, SignedHeaders=x-amz-date, Signature=0",
    ] {
        let mut sent = captured().swap_remove(0);
        sent.headers.retain(|(name, _)| name != "authorization");
        sent.headers.push(("authorization".to_owned(), header.to_owned()));
        assert_eq!(sent.check(now).unwrap_err().code(), "IncompleteSignatureException", "{header}");
    }
}

/// Made by botocore's `SigV4QueryAuth` for `GET http://127.0.0.1:5601/detector?maxResults=5`.
#[test]
fn presigned_urls_are_recognised_until_they_expire() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/presigned.txt");
    let url = std::fs::read_to_string(path).unwrap();
    let (path, query) = url.trim().split_once("5601").unwrap().1.split_once('?').unwrap();
    let sent = |query: &str| Sent {
        case: "presigned".to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("host".to_owned(), "127.0.0.1:5601".to_owned())],
        body: Vec::new(),
    };
    let date = query.split("X-Amz-Date=").nth(1).unwrap().get(..16).unwrap();
    let at = u64::try_from(date.parse::<jiff::Timestamp>().unwrap().as_second()).unwrap();
    let check = |query: &str, seconds: u64| sent(query).check(Timestamp(seconds * 1_000_000_000));
    assert_eq!(check(query, at), Ok(()));
    assert_eq!(check(query, at + 3600), Ok(()));
    assert!(check(query, at + 3601).unwrap_err().to_string().starts_with("Signature expired"));
    for (from, to) in
        [("maxResults=5", "maxResults=6"), ("Expires=3600", "Expires=9999"), ("us-east-1", "eu-west-1")]
    {
        assert_eq!(
            check(&query.replace(from, to), at).unwrap_err().code(),
            "InvalidSignatureException",
            "{from}"
        );
    }
    assert_eq!(
        check(&query.replace("3600", "9999999"), at).unwrap_err().code(),
        "IncompleteSignatureException"
    );
}
