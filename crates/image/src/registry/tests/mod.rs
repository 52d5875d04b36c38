mod aws;
mod faults;
mod server;

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fargard_model::Secret;
use serde_json::json;

use self::server::{Content, Reply, Server, reply, start_tls};
use super::{Login, Options, Registry};
use crate::{Image, Limits, Platform, Reference};

#[test]
fn certificates_are_checked_against_the_given_ones_or_the_usual_ones() {
    let (port, certificate) = start_tls(Content::new());
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("ca.pem");
    std::fs::write(&file, certificate).unwrap();
    let with = |ca_file: Option<PathBuf>| {
        let endpoints = BTreeMap::from([("r.example".to_owned(), format!("https://localhost:{port}"))]);
        let options = Options { ca_file, endpoints, ..options() };
        open_with(options, "r.example/team/app:1", &Platform::linux_amd64())
    };
    assert_eq!(paths(&with(Some(file.clone())).unwrap()).len(), 4);
    let error = with(None).unwrap_err();
    assert!(error.contains("no answer from localhost") && error.contains("certificate"), "{error}");
    std::fs::write(&file, "no certificate").unwrap();
    let error = Registry::new(Options { ca_file: Some(file), ..options() }).unwrap_err().to_string();
    assert!(error.contains("holds no certificate in PEM form"), "{error}");
}

fn options() -> Options {
    Options { docker_config: None, timeout: Duration::from_secs(20), ..Options::default() }
}

fn open_with(options: Options, reference: &str, platform: &Platform) -> Result<Image, String> {
    let reference: Reference = reference.parse().unwrap();
    Registry::new(options).unwrap().open(&reference, platform).map_err(|error| error.to_string())
}

fn open(server: &Server, reference: &str) -> Result<Image, String> {
    open_with(options(), &format!("127.0.0.1:{}/{reference}", server.port), &Platform::linux_amd64())
}

fn paths(image: &Image) -> Vec<String> {
    let scanned = image.scan(&Limits::default(), &mut ()).unwrap();
    assert_eq!(scanned.report.incomplete(), None);
    scanned.tree.iter().map(|entry| String::from_utf8(entry.path()).unwrap()).collect()
}

#[test]
fn the_platforms_image_is_found_and_its_layers_are_read() {
    let content = Content::new();
    let index = content.index.clone();
    let server = Server::start(move |asked| content.answer(asked));
    for (platform, program) in
        [(Platform::linux_amd64(), "/bin/amd64"), (Platform::linux_arm64(), "/bin/arm64")]
    {
        for target in [":1".to_owned(), format!("@{index}")] {
            let reference = format!("127.0.0.1:{}/team/app{target}", server.port);
            let image = open_with(options(), &reference, &platform).unwrap();
            assert_eq!(image.config.platform, platform);
            assert_eq!(image.digest.as_ref().unwrap().to_string(), index);
            assert!(paths(&image).contains(&program.to_owned()));
        }
    }
    let reference = format!("127.0.0.1:{}/team/app:1", server.port);
    let error = open_with(options(), &reference, &"linux/s390x".parse().unwrap()).unwrap_err();
    assert_eq!(error, "the image has no variant for linux/s390x; it has linux/amd64, linux/arm64");
    let error = open(&server, "team/app:2").unwrap_err();
    assert_eq!(error, format!("2 is not in 127.0.0.1:{}/team/app", server.port));
}

/// A registry that wants a token, which its `/token` gives to whoever knows the password, or to anybody.
fn with_token(anonymous: bool) -> Server {
    let content = Content::new();
    Server::start(move |asked| {
        if asked.path().starts_with("/token") {
            let known = asked.header("authorization") == format!("Basic {}", STANDARD.encode("user:pass"));
            let refreshed = asked.body.contains("grant_type=refresh_token")
                && asked.body.contains("refresh_token=t%2Fok");
            return if known || refreshed || (anonymous && asked.header("authorization").is_empty()) {
                reply(200, r#"{"token":"granted","expires_in":300}"#)
            } else {
                reply(401, r#"{"details":"incorrect username or password"}"#)
            };
        }
        if asked.header("authorization") != "Bearer granted" {
            let realm = format!("http://{}/token", asked.header("host"));
            let wants =
                format!(r#"Bearer realm="{realm}",service="the registry",scope="repository:team/app:pull""#);
            return reply(401, r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#)
                .with("WWW-Authenticate", &wants);
        }
        content.answer(asked)
    })
}

fn login(username: &str, password: &str) -> Login {
    Login { username: username.to_owned(), password: Secret::new(password), identity_token: None }
}

#[test]
fn a_token_is_fetched_once_and_used_for_all() {
    let server = with_token(true);
    let image = open(&server, "team/app:1").unwrap();
    assert_eq!(paths(&image).len(), 4);
    let asked = server.paths();
    let tokens: Vec<_> = asked.iter().filter(|path| path.starts_with("/token")).collect();
    assert_eq!(tokens, ["/token?service=the%20registry&scope=repository%3Ateam%2Fapp%3Apull"]);
    assert_eq!(asked.len(), 6, "{asked:?}");
}

#[test]
fn credentials_are_used_where_they_are_wanted() {
    let server = with_token(false);
    let host = format!("127.0.0.1:{}", server.port);
    let reference = format!("{host}/team/app:1");
    let with = |login: Login| Options { logins: BTreeMap::from([(host.clone(), login)]), ..options() };
    let amd64 = Platform::linux_amd64();
    assert!(open_with(with(login("user", "pass")), &reference, &amd64).is_ok());
    let token = Login { identity_token: Some(Secret::new("t/ok")), ..login("", "") };
    assert!(open_with(with(token), &reference, &amd64).is_ok());
    for wrong in [Some(login("user", "wrong")), None] {
        let options = wrong.map_or_else(options, with);
        let error = open_with(options, &reference, &amd64).unwrap_err();
        assert_eq!(
            error,
            format!(
                "registry {host}: it does not exist there or wants other credentials (401 Unauthorized, incorrect username or password); log in with `docker login`"
            )
        );
    }
    assert!(server.asked().iter().all(
        |asked| asked.path().starts_with("/token") || !asked.header("authorization").starts_with("Basic")
    ));
}

/// Programs of one's own on the path are no business of a test that runs beside others, so the helper has a name.
#[test]
fn dockers_configuration_and_its_helpers_are_asked() {
    let server = with_token(false);
    let host = format!("127.0.0.1:{}", server.port);
    let scratch = tempfile::tempdir().unwrap();
    let reference = format!("{host}/team/app:1");
    let amd64 = Platform::linux_amd64();
    let open = |config: serde_json::Value| {
        std::fs::write(scratch.path().join("config.json"), config.to_string()).unwrap();
        let options = Options { docker_config: Some(scratch.path().to_owned()), ..options() };
        open_with(options, &reference, &amd64)
    };
    assert!(open(json!({"auths": {host.as_str(): {"auth": STANDARD.encode("user:pass")}}})).is_ok());
    let error = open(json!({"credsStore": "fargard-none"})).unwrap_err();
    assert!(error.contains("docker-credential-fargard-none: cannot be started"), "{error}");
    let name = format!("fargard-test-{}", std::process::id());
    let Some(directory) = std::env::split_paths(&std::env::var("PATH").unwrap_or_default())
        .find(|path| std::fs::write(path.join(format!("docker-credential-{name}")), "").is_ok())
    else {
        println!("skipped: no directory of PATH can be written");
        return;
    };
    let program = directory.join(format!("docker-credential-{name}"));
    let helper = |script: &str| {
        std::fs::write(&program, format!("#!/bin/sh\nread server\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        open(json!({"credHelpers": {host.as_str(): name.as_str()}}))
    };
    let good = helper(&format!(
        r#"[ "$1 $server" = "get {host}" ] && echo '{{"ServerURL":"x","Username":"user","Secret":"pass"}}'"#
    ));
    let token = helper(r#"echo '{"ServerURL":"x","Username":"<token>","Secret":"t/ok"}'"#);
    let unknown = helper("echo 'credentials not found in native keychain'; exit 1");
    let broken = helper("echo locked; exit 1");
    let endless = helper("yes");
    std::fs::remove_file(&program).unwrap();
    assert!(good.is_ok() && token.is_ok(), "{good:?} {token:?}");
    assert!(unknown.unwrap_err().contains("wants other credentials"));
    assert!(broken.unwrap_err().contains("exit status: 1: locked"));
    assert!(endless.unwrap_err().contains("longer than the limit"));
}

#[test]
fn a_realm_elsewhere_gets_no_credentials_in_the_clear() {
    let server = Server::start(|_| {
        reply(401, "").with("WWW-Authenticate", r#"Bearer realm="http://192.0.2.1/token""#)
    });
    let error = open(&server, "team/app:1").unwrap_err();
    assert!(error.contains("is not encrypted, which is allowed on loopback only"), "{error}");
    let none = Server::start(|_| reply(401, "").with("WWW-Authenticate", "Negotiate"));
    assert!(open(&none, "team/app:1").unwrap_err().contains("wants other credentials (401 Unauthorized)"));
    let basic = Server::start(|_| reply(401, "").with("WWW-Authenticate", r#"Basic realm="x""#));
    assert!(open(&basic, "team/app:1").unwrap_err().contains("no credentials for 127.0.0.1"));
}

#[test]
fn redirects_carry_no_credentials_to_another_host() {
    let content = Content::new();
    let blobs = content.clone();
    let storage = Server::start(move |asked| {
        assert_eq!(asked.header("authorization"), "");
        blobs.answer(asked)
    });
    let target = format!("http://localhost:{}", storage.port);
    let server = Server::start(move |asked| {
        if asked.header("authorization").is_empty() {
            return reply(401, "").with("WWW-Authenticate", "Basic realm=x");
        }
        if asked.path().contains("/blobs/") {
            return reply(307, "").with("Location", &format!("{target}{}", asked.path()));
        }
        content.answer(asked)
    });
    let host = format!("127.0.0.1:{}", server.port);
    let options = Options { logins: BTreeMap::from([(host.clone(), login("u", "p"))]), ..options() };
    let image = open_with(options, &format!("{host}/team/app:1"), &Platform::linux_amd64()).unwrap();
    assert_eq!(paths(&image).len(), 4);
    assert_eq!(storage.asked().len(), 2);

    let round = Server::start(|asked| reply(302, "").with("Location", asked.path()));
    assert!(open(&round, "team/app:1").unwrap_err().contains("more than 5 redirects"));
    assert_eq!(round.asked().len(), 6);
    let metadata =
        Server::start(|_| reply(302, "").with("Location", "http://169.254.169.254/latest/meta-data/"));
    assert!(open(&metadata, "team/app:1").unwrap_err().contains("is not encrypted"));
}

#[test]
fn docker_hubs_names_go_to_its_endpoint() {
    let client = super::client::Client::new(options()).unwrap();
    assert_eq!(client.endpoint("docker.io"), "https://registry-1.docker.io");
    assert_eq!(client.endpoint("ghcr.io"), "https://ghcr.io");
    assert_eq!(client.endpoint("localhost:5000"), "http://localhost:5000");
    assert_eq!(client.endpoint("[::1]:5000"), "http://[::1]:5000");
    let server = with_token(true);
    let options = Options {
        endpoints: BTreeMap::from([("docker.io".to_owned(), format!("http://127.0.0.1:{}/", server.port))]),
        ..options()
    };
    assert!(open_with(options, "team/app:1", &Platform::linux_amd64()).is_ok());
}

#[test]
fn what_is_kept_is_not_fetched_again() {
    let content = Content::new();
    let index = content.index.clone();
    let server = Server::start(move |asked| {
        let answer = content.answer(asked);
        if asked.line.starts_with("HEAD") { Reply { cut: Some(0), ..answer } } else { answer }
    });
    let scratch = tempfile::tempdir().unwrap();
    let host = format!("127.0.0.1:{}", server.port);
    let open = |offline: bool, target: &str| {
        let options = Options { cache: Some(scratch.path().to_owned()), offline, ..options() };
        open_with(options, &format!("{host}/team/app{target}"), &Platform::linux_amd64())
    };
    let first = open(false, ":1").unwrap();
    let fetched = server.asked().len();
    assert_eq!(fetched, 4, "{:?}", server.asked());
    let second = open(false, ":1").unwrap();
    assert_eq!((second.config, second.digest), (first.config, first.digest));
    assert_eq!(
        server.asked()[fetched..].iter().map(|asked| asked.line.clone()).collect::<Vec<_>>(),
        ["HEAD /v2/team/app/manifests/1 HTTP/1.1"]
    );
    assert!(open(true, &format!("@{index}")).is_ok());
    let error = open(true, ":1").unwrap_err();
    assert!(error.contains("nobody may be asked"), "{error}");
    assert_eq!(server.asked().len(), fetched + 1);
    // A changed file is as good as none.
    let kept = scratch.path().join("sha256").join(index.trim_start_matches("sha256:"));
    std::fs::write(&kept, "changed").unwrap();
    assert!(open(true, &format!("@{index}")).is_err());
}
