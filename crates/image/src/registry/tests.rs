use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fargard_model::Secret;
use serde_json::json;

use super::{AwsCredentials, Login, Options, Registry};
use crate::{
    Digest, Image, Limits, Platform, Reference,
    made::{self, archive, file, gzip},
    manifest::media_type::{OCI_INDEX, OCI_MANIFEST},
};

/// A request as it came.
#[derive(Clone, Debug)]
struct Asked {
    line: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Asked {
    fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is answered.
#[derive(Clone, Debug, Default)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Bytes after which the connection is cut.
    cut: Option<usize>,
    /// Whether there is no answer at all, until the asker goes.
    silent: bool,
}

fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply { status, body: body.into(), ..Reply::default() }
}

impl Reply {
    fn with(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

type Handler = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A server on loopback that answers as it is told and remembers what it was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let handler: Arc<Handler> = Arc::new(Box::new(handler));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
                thread::spawn(move || serve(stream.unwrap(), &handler, &seen));
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn paths(&self) -> Vec<String> {
        self.asked().iter().map(|asked| asked.path().to_owned()).collect()
    }
}

fn serve(stream: impl Read + Write, handler: &Handler, seen: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked = Asked { line: line.trim_end().to_owned(), headers, body: String::from_utf8(body).unwrap() };
    seen.lock().unwrap().push(asked.clone());
    let reply = handler(&asked);
    let stream = reader.get_mut();
    if reply.silent {
        let _ = stream.read(&mut [0]);
        return;
    }
    let mut text = format!(
        "HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        text += &format!("{name}: {value}\r\n");
    }
    let _ = stream.write_all(format!("{text}\r\n").as_bytes());
    let _ = stream.write_all(&reply.body[..reply.cut.unwrap_or(reply.body.len())]);
    let _ = stream.flush();
}

/// As [`Server`], with a certificate for `localhost`; its port and the certificate.
fn start_tls(content: Content) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (config, seen) = (Arc::new(config), Mutex::default());
    thread::spawn(move || {
        let handler: Handler = Box::new(move |asked| content.answer(asked));
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
            if tls.conn.complete_io(&mut tls.sock).is_ok() {
                serve(&mut tls, &handler, &seen);
                tls.conn.send_close_notify();
                let _ = tls.conn.complete_io(&mut tls.sock);
            }
        }
    });
    (port, made.cert.pem())
}

#[test]
fn certificates_are_checked_against_the_given_ones_or_the_usual_ones() {
    let (port, certificate) = start_tls(Content::new());
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("ca.pem");
    std::fs::write(&file, certificate).unwrap();
    let with = |ca_file: Option<std::path::PathBuf>| {
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

/// Documents and blobs of an image for two platforms, by path below the repository.
#[derive(Clone, Default)]
struct Content {
    paths: BTreeMap<String, (String, Vec<u8>)>,
    index: String,
}

impl Content {
    fn new() -> Self {
        let mut content = Self::default();
        let mut manifests = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let layers = [archive(&[file("etc/os-release", "x"), file(format!("bin/{architecture}"), "y")])];
            let config = String::from_utf8(made::config(&layers)).unwrap().replace("amd64", architecture);
            let config =
                content.put("blobs", "application/vnd.oci.image.config.v1+json", config.into_bytes());
            let layer = content.put("blobs", "application/vnd.oci.image.layer.v1.tar+gzip", gzip(&layers[0]));
            let manifest =
                json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
            let mut manifest = content.put("manifests", OCI_MANIFEST, serde_json::to_vec(&manifest).unwrap());
            manifest["platform"] = json!({"os": "linux", "architecture": architecture});
            manifests.push(manifest);
        }
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
        let index = content.put("manifests", OCI_INDEX, serde_json::to_vec(&index).unwrap());
        content.index = index["digest"].as_str().unwrap().to_owned();
        content
    }

    fn put(&mut self, kind: &str, media_type: &str, bytes: Vec<u8>) -> serde_json::Value {
        let digest = Digest::of(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.paths.insert(format!("{kind}/{digest}"), (media_type.to_owned(), bytes));
        descriptor
    }

    /// As a registry answers for `/v2/team/app/`, with the tag `1`.
    fn answer(&self, asked: &Asked) -> Reply {
        let rest = asked.path().trim_start_matches("/v2/team/app/").to_owned();
        let rest = if rest == "manifests/1" { format!("manifests/{}", self.index) } else { rest };
        match self.paths.get(&rest) {
            Some((media_type, bytes)) => reply(200, bytes.clone())
                .with("Content-Type", media_type)
                .with("Docker-Content-Digest", rest.rsplit('/').next().unwrap()),
            None => reply(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
        }
    }
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
fn refusals_say_why() {
    let refused = |status: u16, code: &str| {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"because"}}]}}"#);
        let server = Server::start(move |_| reply(status, body.clone()));
        open(&server, "team/app:1").unwrap_err()
    };
    assert!(refused(403, "DENIED").contains("the login may not read it (403 Forbidden, DENIED: because)"));
    assert!(refused(418, "TEA").contains("unexpected answer: 418 I'm a teapot, TEA: because"));
    assert!(refused(500, r"\u001b[31m").contains(r"500 Internal Server Error, \u{1b}[31m: because"));
    assert!(refused(200, "x").contains("neither a manifest nor an index"));
}

#[test]
fn too_many_requests_are_waited_for_within_reason() {
    let content = Content::new();
    let tries = Mutex::new(0);
    let server = Server::start(move |asked| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        match *tries {
            1 => reply(429, "").with("Retry-After", "0"),
            2 => reply(503, "").with("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),
            _ => content.answer(asked),
        }
    });
    assert!(open(&server, "team/app:1").is_ok());
    let server = Server::start(|_| reply(429, "").with("Retry-After", "3600"));
    let start = Instant::now();
    let error = open(&server, "team/app:1").unwrap_err();
    assert!(error.contains("too many requests (again in 3600 s); try later"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10) && server.asked().len() == 1);
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
fn other_content_than_was_asked_for_is_refused() {
    let content = Content::new();
    let changed = |part: &'static str, change: fn(Reply) -> Reply| {
        let content = content.clone();
        let server = Server::start(move |asked| {
            let answer = content.answer(asked);
            if asked.path().contains(part) { change(answer) } else { answer }
        });
        open(&server, "team/app:1")
            .map(|image| image.scan(&Limits::default(), &mut ()).unwrap().report.incomplete())
    };
    let spoil = |mut answer: Reply| {
        answer.body.push(b' ');
        answer
    };
    let error = changed("/manifests/1", spoil).unwrap_err();
    assert!(error.contains("was changed or damaged: its digest is sha256:"), "{error}");
    assert!(changed("/manifests/sha256", spoil).unwrap_err().contains("was changed or damaged"));
    assert!(changed("/blobs/", spoil).unwrap_err().contains("the image configuration"));
    let huge = changed("/manifests/1", |_| reply(200, vec![b' '; 5 << 20])).unwrap_err();
    assert!(huge.contains("longer than the limit of 4194304 bytes"), "{huge}");
    let old = changed("/manifests/1", |_| reply(200, r#"{"schemaVersion":1,"fsLayers":[]}"#)).unwrap_err();
    assert!(old.contains("schema 1, which is not supported"), "{old}");
}

#[test]
fn cut_and_silent_connections_end_in_time() {
    let content = Content::new();
    let cut = content.clone();
    let server = Server::start(move |asked| {
        let answer = cut.answer(asked);
        Reply { cut: (asked.path() == "/v2/team/app/manifests/1").then_some(20), ..answer }
    });
    assert!(open(&server, "team/app:1").unwrap_err().contains("the answer broke off"));
    let layers = content;
    let server = Server::start(move |asked| {
        let answer = layers.answer(asked);
        let is_layer = answer.body.starts_with(&[0x1f, 0x8b]);
        Reply { cut: is_layer.then_some(40), ..answer }
    });
    let image = open(&server, "team/app:1").unwrap();
    let report = image.scan(&Limits::default(), &mut ()).unwrap().report;
    assert!(report.incomplete().unwrap().starts_with("layer 1: "), "{report:?}");

    let silent = Server::start(|_| Reply { silent: true, ..Reply::default() });
    let options = Options { timeout: Duration::from_millis(300), ..options() };
    let start = Instant::now();
    let reference = format!("127.0.0.1:{}/team/app:1", silent.port);
    let error = open_with(options, &reference, &Platform::linux_amd64()).unwrap_err();
    assert!(error.contains("no answer from 127.0.0.1") && error.contains("timeout"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error =
        open_with(super::tests::options(), &format!("127.0.0.1:{nobody}/a:1"), &Platform::linux_amd64());
    assert!(error.unwrap_err().contains("see whether it can be reached from here"));
}

#[test]
fn ecr_is_logged_in_to_with_aws_credentials() {
    let content = Content::new();
    let server = Server::start(move |asked| {
        if asked.path() == "/" {
            let signed = asked.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIAX/");
            let right =
                asked.header("x-amz-target") == "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
            if !signed || !right || asked.header("x-amz-security-token") != "session" {
                return reply(400, r#"{"message":"no signature"}"#);
            }
            let token = STANDARD.encode("AWS:ticket");
            return reply(
                200,
                json!({"authorizationData": [{"authorizationToken": token, "expiresAt": 1.0}]}).to_string(),
            );
        }
        if asked.header("authorization") != format!("Basic {}", STANDARD.encode("AWS:ticket")) {
            return reply(401, "Not Authorized")
                .with("Www-Authenticate", r#"Basic realm="https://x/",service="ecr.amazonaws.com""#);
        }
        content.answer(asked)
    });
    let host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let url = format!("http://127.0.0.1:{}", server.port);
    let with = |token: Option<&str>| Options {
        endpoints: BTreeMap::from([(host.to_owned(), url.clone())]),
        ecr_endpoint: Some(url.clone()),
        aws: Some(AwsCredentials {
            access_key: "AKIAX".to_owned(),
            secret_key: Secret::new("secret"),
            session_token: token.map(Secret::new),
        }),
        ..options()
    };
    let image =
        open_with(with(Some("session")), &format!("{host}/team/app:1"), &Platform::linux_amd64()).unwrap();
    assert_eq!(paths(&image).len(), 4);
    assert_eq!(server.paths().iter().filter(|path| *path == "/").count(), 1);
    let error = open_with(with(None), &format!("{host}/team/app:1"), &Platform::linux_amd64()).unwrap_err();
    assert!(error.contains("ECR gave no token: 400 Bad Request, no signature"), "{error}");
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
