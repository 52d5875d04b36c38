//! Logins that AWS gives: for ECR, and from Secrets Manager.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fargard_taskdef::embed::{self, FailureKind, ImageLookup};
use serde_json::json;

use super::{
    Options, open_with, options, paths,
    server::{Asked, Content, Reply, Server, reply},
};
use crate::{LockFile, Lookup, Origin, Platform, Registry};

const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:pull-x1y2z3";

fn is_signed_for(asked: &Asked, target: &str, scope: &str) -> bool {
    let authorization = asked.header("authorization");
    authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAX/")
        && authorization.contains(scope)
        && asked.header("x-amz-target") == target
        && asked.header("x-amz-security-token") == "session"
}

/// A registry that wants this name and password.
fn guarded(content: &Content, asked: &Asked, pair: &str) -> Reply {
    if asked.header("authorization") == format!("Basic {}", STANDARD.encode(pair)) {
        return content.answer(asked);
    }
    reply(401, "Not Authorized").with("Www-Authenticate", r#"Basic realm="https://x/",service="x""#)
}

/// Limits with the credentials and endpoints of AWS at a server.
fn at(server: &Server, session: &str) -> Options {
    let url = format!("http://127.0.0.1:{}", server.port);
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIAX"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", session),
        ("AWS_ENDPOINT_URL", &*url),
    ];
    Options {
        endpoints: BTreeMap::from([(HOST.to_owned(), url.clone())]),
        environment: variables.into_iter().collect(),
        ..options()
    }
}

#[test]
fn ecr_is_logged_in_to_with_aws_credentials() {
    let content = Content::new();
    let server = Server::start(move |asked| {
        if asked.path() != "/" {
            return guarded(&content, asked, "AWS:ticket");
        }
        let target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
        if !is_signed_for(asked, target, "/eu-central-1/ecr/aws4_request") {
            return reply(400, r#"{"__type":"AccessDeniedException","message":"no"}"#);
        }
        let token = STANDARD.encode("AWS:ticket");
        let data = json!({"authorizationData": [{"authorizationToken": token, "expiresAt": 1.0}]});
        reply(200, data.to_string())
    });
    let reference = format!("{HOST}/team/app:1");
    let image = open_with(at(&server, "session"), &reference, &Platform::linux_amd64()).unwrap();
    assert_eq!(paths(&image).len(), 4);
    assert_eq!(server.paths().iter().filter(|path| *path == "/").count(), 1);
    let error = open_with(at(&server, "other"), &reference, &Platform::linux_amd64()).unwrap_err();
    let wanted = "no login to ECR: ECR GetAuthorizationToken in eu-central-1: AccessDeniedException (400): no; allow \
                  ecr:GetAuthorizationToken to this identity";
    assert!(error.contains(wanted), "{error}");
    let nobody = Options { environment: [("HOME", "/nonexistent")].into_iter().collect(), ..at(&server, "") };
    let error = open_with(nobody, &reference, &Platform::linux_amd64()).unwrap_err();
    assert!(error.contains("no AWS credentials") && error.contains("docker login"), "{error}");
}

/// What the secret holds, what comes of it: the image, or the kind of failure and a part of its words.
#[test]
fn repository_credentials_are_taken_from_the_secret() {
    let good = json!({"SecretString": r#"{"username":"user","password":"pass"}"#}).to_string();
    let wrong = json!({"SecretString": r#"{"username":"user","password":"hunter2"}"#}).to_string();
    let other = json!({"SecretString": r#"{"token":"hunter2"}"#}).to_string();
    let denied = r#"{"__type":"AccessDeniedException","Message":"User is not authorized"}"#;
    let missing = r#"{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find it"}"#;
    for (status, answer, failure) in [
        (200, good.as_str(), None),
        (200, &wrong, Some((FailureKind::Unauthorized, "wants other credentials"))),
        (200, &other, Some((FailureKind::Credentials, "no JSON object with username and password"))),
        (200, r#"{"SecretBinary":"AAAA"}"#, Some((FailureKind::Credentials, "no JSON object"))),
        (
            400,
            denied,
            Some((FailureKind::Credentials, "allow secretsmanager:GetSecretValue to this identity")),
        ),
        (400, missing, Some((FailureKind::Credentials, "check the secret's ARN and region"))),
    ] {
        let content = Content::new();
        let answer = answer.to_owned();
        let server = Server::start(move |asked| {
            if asked.path() != "/" {
                return guarded(&content, asked, "user:pass");
            }
            assert!(is_signed_for(
                asked,
                "secretsmanager.GetSecretValue",
                "/eu-west-3/secretsmanager/aws4_request"
            ));
            assert_eq!(asked.body, json!({"SecretId": SECRET}).to_string());
            reply(status, answer.clone())
        });
        let image = format!("127.0.0.1:{}/team/app:1", server.port);
        let registry = Registry::new(at(&server, "session")).unwrap();
        let lookup = Lookup::new(LockFile::default(), vec![Origin::Registry], registry);
        let amd64 = embed::Platform::linux(None);
        // Who names no secret gets no login of one.
        let without = lookup.config(&image, &amd64).unwrap_err();
        assert_eq!(
            (without.kind, server.paths().contains(&"/".to_owned())),
            (FailureKind::Unauthorized, false)
        );
        let found = lookup.config_with(&image, &amd64, Some(SECRET));
        match (failure, found) {
            (None, Ok(config)) => assert_eq!(config.entrypoint, ["/app"]),
            (Some((kind, words)), Err(failure)) => {
                assert_eq!(failure.kind, kind, "{failure}");
                assert!(failure.message.contains(words) && !failure.message.contains("hunter2"), "{failure}");
            }
            (wanted, found) => panic!("{wanted:?}: {found:?}"),
        }
    }
}
