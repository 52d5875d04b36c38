//! What a registry or the network may do wrong: the image all the same, or an error that says what it was, in the time
//! that the client's own limits allow.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use super::{
    Options, login, open_with, options,
    server::{Asked, Content, Reply, Server, reply},
};
use crate::{Limits, Platform};

const HALF_A_SECOND: Duration = Duration::from_millis(500);
/// Time for one document, where running out of it is not what is tested.
const ENOUGH: Duration = Duration::from_secs(20);
/// Where it is.
const SHORT: Duration = Duration::from_millis(300);
/// Most documents of an image's lookup: index, manifest, configuration, and a login.
const DOCUMENTS: u32 = 4;

/// What comes of it.
#[derive(Clone, Copy)]
enum Outcome {
    Image,
    Error(&'static str),
}
use Outcome::{Error, Image};

type Answer = dyn Fn(&Content, &Asked, usize) -> Reply + Send + Sync;

/// A fault: what is answered, also by the number of the request.
struct Fault {
    name: &'static str,
    answer: Box<Answer>,
    outcome: Outcome,
    timeout: Duration,
}

fn fault(
    name: &'static str,
    outcome: Outcome,
    answer: impl Fn(&Content, &Asked, usize) -> Reply + Send + Sync + 'static,
) -> Fault {
    Fault { name, answer: Box::new(answer), outcome, timeout: ENOUGH }
}

/// One whose time runs out.
fn endless(
    name: &'static str,
    answer: impl Fn(&Content, &Asked, usize) -> Reply + Send + Sync + 'static,
) -> Fault {
    Fault { timeout: SHORT, ..fault(name, Error("timeout"), answer) }
}

/// The registry is right but for what is asked below a path.
fn changed(part: &'static str, change: fn(Reply) -> Reply) -> impl Fn(&Content, &Asked, usize) -> Reply {
    move |content, asked, _| {
        let answer = content.answer(asked);
        if asked.path().contains(part) { change(answer) } else { answer }
    }
}

fn spoiled(mut answer: Reply) -> Reply {
    answer.body.push(b' ');
    answer
}

fn trickling(answer: Reply) -> Reply {
    Reply { pace: Some(Duration::from_millis(10)), ..answer }
}

fn refused(status: u16, code: &str) -> Reply {
    reply(status, format!(r#"{{"errors":[{{"code":"{code}","message":"because"}}]}}"#))
}

fn wants_token(asked: &Asked) -> Reply {
    let realm = format!(r#"Bearer realm="http://{}/token""#, asked.header("host"));
    refused(401, "UNAUTHORIZED").with("WWW-Authenticate", &realm)
}

fn faults() -> Vec<Fault> {
    vec![
        // Refusals.
        fault(
            "401, and no login helps",
            Error("wants other credentials (401 Unauthorized, wrong password)"),
            |_, asked, _| {
                if asked.path().starts_with("/token") {
                    reply(401, r#"{"details":"wrong password"}"#)
                } else {
                    wants_token(asked)
                }
            },
        ),
        fault(
            "401 with a token that does not count",
            Error("wants other credentials (401 Unauthorized, UNAUTHORIZED: because)"),
            |_, asked, _| {
                if asked.path().starts_with("/token") {
                    reply(200, r#"{"token":"t"}"#)
                } else {
                    wants_token(asked)
                }
            },
        ),
        fault(
            "401 in words that are not known",
            Error("wants other credentials (401 Unauthorized)"),
            |_, _, _| reply(401, "").with("WWW-Authenticate", "Negotiate"),
        ),
        fault("403", Error("the login may not read it (403 Forbidden, DENIED: because)"), |_, _, _| {
            refused(403, "DENIED")
        }),
        fault("418", Error("unexpected answer: 418 I'm a teapot, TEA: because"), |_, _, _| {
            refused(418, "TEA")
        }),
        fault(
            "500 with a terminal's codes",
            Error(r"500 Internal Server Error, \u{1b}[31m: because"),
            |_, _, _| refused(500, r"\u001b[31m"),
        ),
        // Patience.
        fault("429 with Retry-After 0, then 503 with a date in the past", Image, |content, asked, number| {
            match number {
                0 => reply(429, "").with("Retry-After", "0"),
                1 => reply(503, "").with("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),
                _ => content.answer(asked),
            }
        }),
        fault(
            "429 with Retry-After 3600",
            Error("too many requests (again in 3600 s); try later"),
            |_, _, number| {
                assert_eq!(number, 0, "nobody waits for that");
                reply(429, "").with("Retry-After", "3600")
            },
        ),
        fault("429 for ever", Error("too many requests (again in 0 s)"), |_, _, number| {
            assert!(number < 3, "it is given up");
            reply(429, "").with("Retry-After", "0")
        }),
        fault(
            "503 with nonsense in Retry-After, more than patience",
            Error("503 Service Unavailable"),
            |_, _, number| {
                assert_eq!(number, 0);
                reply(503, "").with("Retry-After", "soon")
            },
        ),
        // Not there, or something else.
        fault("no such tag", Error("1 is not in 127.0.0.1:"), |_, _, _| refused(404, "MANIFEST_UNKNOWN")),
        fault(
            "no such configuration",
            Error("is not in 127.0.0.1:"),
            changed("/blobs/", |_| refused(404, "BLOB_UNKNOWN")),
        ),
        fault(
            "the tag's manifest has another digest",
            Error("was changed or damaged: its digest is sha256:"),
            changed("/manifests/1", spoiled),
        ),
        fault(
            "a manifest of the index has another digest",
            Error("was changed or damaged"),
            changed("/manifests/sha256", spoiled),
        ),
        fault(
            "the configuration has another digest",
            Error("the image configuration"),
            changed("/blobs/", spoiled),
        ),
        fault(
            "a manifest without end",
            Error("longer than the limit of 4194304 bytes"),
            changed("/manifests/1", |_| reply(200, vec![b' '; 5 << 20])),
        ),
        fault(
            "a manifest of schema 1",
            Error("schema 1, which is not supported"),
            changed("/manifests/1", |_| reply(200, r#"{"schemaVersion":1,"fsLayers":[]}"#)),
        ),
        fault(
            "no manifest at all",
            Error("neither a manifest nor an index"),
            changed("/manifests/1", |_| reply(200, "{}")),
        ),
        // Slow, cut and silent.
        fault(
            "half a second before each answer",
            Image,
            changed("/", |answer| Reply { delay: HALF_A_SECOND, ..answer }),
        ),
        fault(
            "cut in the manifest",
            Error("the answer broke off"),
            changed("/manifests/1", |answer| Reply { cut: Some(20), ..answer }),
        ),
        fault(
            "cut in the configuration",
            Error("the answer broke off"),
            changed("/blobs/", |answer| Reply { cut: Some(20), ..answer }),
        ),
        endless("silent", |_, _, _| Reply { silent: true, ..Reply::default() }),
        endless("a manifest that trickles", changed("/manifests/1", trickling)),
        endless("a configuration that trickles", changed("/blobs/", trickling)),
        endless("a login that trickles", |_, asked, _| {
            if asked.path().starts_with("/token") {
                trickling(reply(200, r#"{"token":"t"}"#))
            } else {
                wants_token(asked)
            }
        }),
        // Sent elsewhere.
        fault("redirects in a circle", Error("more than 5 redirects"), |_, asked, number| {
            assert!(number < 6);
            reply(302, "").with("Location", asked.path())
        }),
        fault(
            "redirected to the metadata of the machine",
            Error("is not encrypted, which is allowed on loopback only"),
            |_, _, _| reply(302, "").with("Location", "http://169.254.169.254/latest/meta-data/"),
        ),
        fault("redirected to another protocol", Error("is neither https nor http"), |_, _, _| {
            reply(302, "").with("Location", "ftp://127.0.0.1/x")
        }),
    ]
}

#[test]
fn each_fault_gives_the_image_or_a_clear_error_in_bounded_time() {
    for Fault { name, answer, outcome, timeout } in faults() {
        let content = Content::new();
        let number = AtomicUsize::new(0);
        let server = Server::start(move |asked| answer(&content, asked, number.fetch_add(1, SeqCst)));
        let limits = Options { timeout, patience: HALF_A_SECOND, ..options() };
        let most = limits.timeout * DOCUMENTS + limits.patience;
        let start = Instant::now();
        let reference = format!("127.0.0.1:{}/team/app:1", server.port);
        let found = open_with(limits, &reference, &Platform::linux_amd64());
        let took = start.elapsed();
        match (outcome, found) {
            (Image, Ok(_)) => {}
            (Error(part), Err(error)) => assert!(error.contains(part), "{name}: {error}"),
            (Image, Err(error)) => panic!("{name}: {error}"),
            (Error(_), Ok(_)) => panic!("{name}: an image"),
        }
        // Beside the client's limits there is what a loaded machine takes to start threads.
        assert!(took < most + Duration::from_secs(5), "{name}: {took:?}, limits {most:?}");
    }
}

#[test]
fn a_cut_layer_is_told_of_with_its_number() {
    let layers = Content::new();
    let server = Server::start(move |asked| {
        let answer = layers.answer(asked);
        let is_layer = answer.body.starts_with(&[0x1f, 0x8b]);
        Reply { cut: is_layer.then_some(40), ..answer }
    });
    let reference = format!("127.0.0.1:{}/team/app:1", server.port);
    let image = open_with(options(), &reference, &Platform::linux_amd64()).unwrap();
    let report = image.scan(&Limits::default(), &mut ()).unwrap().report;
    assert!(report.incomplete().unwrap().starts_with("layer 1: "), "{report:?}");
}

#[test]
fn nobody_listens() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = open_with(options(), &format!("127.0.0.1:{nobody}/a:1"), &Platform::linux_amd64());
    assert!(error.unwrap_err().contains("see whether it can be reached from here"));
}

/// Whom a registry sends us to, for instance to fetch a layer, gets no credentials: neither those of the registry, nor by
/// asking for a login of its own.
#[test]
fn who_is_redirected_to_gets_no_credentials_by_asking_for_them() {
    for challenge in ["Basic realm=x", "Bearer realm=\"http://127.0.0.1:PORT/token\""] {
        let asked: Arc<AtomicUsize> = Arc::default();
        let tokens = Arc::clone(&asked);
        let elsewhere = Server::start(move |asked| {
            assert_eq!(asked.header("authorization"), "", "{}", asked.line);
            if asked.path().starts_with("/token") {
                tokens.fetch_add(1, SeqCst);
            }
            let port = asked.header("host").rsplit(':').next().unwrap_or_default().to_owned();
            reply(401, "").with("WWW-Authenticate", &challenge.replace("PORT", &port))
        });
        let target = format!("http://localhost:{}/", elsewhere.port);
        let server = Server::start(move |_| reply(307, "").with("Location", &target));
        let host = format!("127.0.0.1:{}", server.port);
        let limits = Options { logins: BTreeMap::from([(host.clone(), login("u", "p"))]), ..options() };
        let error = open_with(limits, &format!("{host}/team/app:1"), &Platform::linux_amd64()).unwrap_err();
        assert!(error.contains("to which the registry redirects, wants a login"), "{error}");
        assert_eq!((asked.load(SeqCst), elsewhere.asked().len()), (0, 1));
    }
}
