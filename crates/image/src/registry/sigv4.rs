//! Signature Version 4 of AWS for one kind of request: a POST to `/` with a JSON body.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::AwsCredentials;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signing<'a> {
    pub(super) credentials: &'a AwsCredentials,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) host: &'a str,
    /// `20150830T123600Z`
    pub(super) time: &'a str,
    /// Names in lower case, sorted, without `host`, `x-amz-date` and the token.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

/// The headers to add: date, token, authorization.
pub(super) fn sign(signing: &Signing<'_>) -> Vec<(&'static str, String)> {
    let mut headers: Vec<(&str, &str)> = signing.headers.to_vec();
    headers.extend([("host", signing.host), ("x-amz-date", signing.time)]);
    let token = signing.credentials.session_token.as_ref().map(|token| token.reveal());
    headers.extend(token.map(|token| ("x-amz-security-token", token)));
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut request = "POST\n/\n\n".to_owned();
    for (name, value) in &headers {
        // Writing to a string cannot fail.
        let _ = writeln!(request, "{name}:{}", value.trim());
    }
    let _ = write!(request, "\n{names}\n{}", hex(&Sha256::digest(signing.body)));

    let day = signing.time.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/{}/aws4_request", signing.region, signing.service);
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", signing.time, hex(&Sha256::digest(&request)));
    let secret = format!("AWS4{}", signing.credentials.secret_key.reveal());
    let key = [day, signing.region, signing.service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part.as_bytes()));
    let signature = hex(&mac(&key, text.as_bytes()));
    let access = &signing.credentials.access_key;
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}");
    let mut added = vec![("x-amz-date", signing.time.to_owned()), ("authorization", authorization)];
    added.extend(token.map(|token| ("x-amz-security-token", token.to_owned())));
    added
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // Any length is a key.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use fargard_model::Secret;

    use super::{Signing, sign};
    use crate::registry::AwsCredentials;

    fn credentials(token: Option<&str>) -> AwsCredentials {
        AwsCredentials {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: token.map(Secret::new),
        }
    }

    fn authorization(signing: &Signing<'_>) -> String {
        sign(signing).into_iter().find(|(name, _)| *name == "authorization").unwrap().1
    }

    /// `post-vanilla` of AWS's own test suite for signers.
    #[test]
    fn the_signature_is_that_of_awss_test_suite() {
        let header = authorization(&Signing {
            credentials: &credentials(None),
            region: "us-east-1",
            service: "service",
            host: "example.amazonaws.com",
            time: "20150830T123600Z",
            headers: &[],
            body: b"",
        });
        assert_eq!(
            header,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
    }

    #[test]
    fn botocore_signs_the_same() {
        const SIGN: &str = r#"
import datetime, botocore.auth as auth, botocore.awsrequest as r, botocore.credentials as c
class D(datetime.datetime):
    @classmethod
    def utcnow(cls): return cls(2026, 5, 1, 1, 2, 3)
    @classmethod
    def now(cls, tz=None): return cls(2026, 5, 1, 1, 2, 3, tzinfo=tz)
auth.datetime = datetime.datetime if not hasattr(auth, "get_current_datetime") else auth.datetime
if hasattr(auth, "get_current_datetime"): auth.get_current_datetime = lambda *a, **k: D(2026, 5, 1, 1, 2, 3)
else: auth.datetime.datetime = D
q = r.AWSRequest("POST", "https://api.ecr.eu-central-1.amazonaws.com/", data=b"{}",
    headers={"content-type": "application/x-amz-json-1.1", "x-amz-target": "T.GetAuthorizationToken"})
auth.SigV4Auth(c.Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "tok/en"), "ecr", "eu-central-1").add_auth(q)
print(q.headers["X-Amz-Date"], q.headers["Authorization"])
"#;
        let Ok(output) = Command::new("python3").arg("-c").arg(SIGN).output() else {
            println!("skipped: no python3");
            return;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        let Some((time, expected)) = text.trim().split_once(' ').filter(|_| output.status.success()) else {
            println!("skipped: no botocore: {}", String::from_utf8_lossy(&output.stderr));
            return;
        };
        let ours = authorization(&Signing {
            credentials: &credentials(Some("tok/en")),
            region: "eu-central-1",
            service: "ecr",
            host: "api.ecr.eu-central-1.amazonaws.com",
            time,
            headers: &[
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", "T.GetAuthorizationToken"),
            ],
            body: b"{}",
        });
        assert_eq!(ours, expected);
    }
}
