//! Our signatures are botocore's.

use std::process::Command;

use fargard_aws::{
    Credentials,
    sign::{Scope, Unsigned, sign},
};
use fargard_model::{Secret, Timestamp};

const SIGN: &str = "
import datetime, sys, json
try:
    from botocore import auth, awsrequest, credentials
    from unittest import mock
except ImportError:
    print('missing'); sys.exit()
at = datetime.datetime(2026, 11, 21, 19, 53, 16)
for method, path, body, token in json.load(sys.stdin):
    request = awsrequest.AWSRequest(method=method, url='http://127.0.0.1:8080' + path, data=body,
        headers={'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'A.B'})
    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return at
        @classmethod
        def now(cls, tz=None):
            return at.replace(tzinfo=tz)
    signer = auth.SigV4Auth(credentials.Credentials('AKID', 'se/cret', token), 'ecs', 'eu-west-1')
    request.context['timestamp'] = at.strftime('%Y%m%dT%H%M%SZ')
    with mock.patch.object(auth, 'get_current_datetime', lambda *a, **k: at, create=True), \\
         mock.patch('datetime.datetime', Clock):
        signer.add_auth(request)
    print(request.headers['Authorization'])
";

/// A program with those that `cargo xtask test` installs found first.
fn tool(name: &str) -> Command {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python/bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{own}:{path}"));
    command
}

#[test]
fn botocore_signs_the_same() {
    let table = [
        ("POST", "/", "{\"cluster\":\"a\"}", None),
        ("POST", "/", "", Some("to/ken+=")),
        ("GET", "/v1/a%2Fb/c~d%20e", "", None),
        ("GET", "/tags/arn%3Aaws%3Aecs?b=2&a=1&a=%20x&empty=&c=%2B", "", None),
    ];
    let input = serde_json::to_vec(&table).unwrap();
    let mut child = tool("python3")
        .args(["-c", SIGN])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    if text.trim() == "missing" {
        eprintln!("skipped: python3 has no botocore");
        return;
    }
    let expected: Vec<&str> = text.lines().collect();
    assert_eq!(expected.len(), table.len());
    for ((method, target, body, token), expected) in table.into_iter().zip(expected) {
        let credentials = Credentials {
            access_key_id: "AKID".to_owned(),
            secret_access_key: Secret::new("se/cret"),
            session_token: token.map(Secret::new),
            expires: None,
        };
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", "127.0.0.1:8080"),
            ("x-amz-target", "A.B"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Unsigned { method, path, query, headers: &headers, body: body.as_bytes() };
        let scope = Scope { region: "eu-west-1", service: "ecs", at: Timestamp(1_795_290_796_000_000_000) };
        let added = sign(&request, &credentials, scope);
        assert_eq!(added.last().unwrap().1, expected, "{method} {target}");
    }
}
