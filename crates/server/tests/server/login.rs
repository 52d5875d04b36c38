//! Browsers: sessions, links, requests from elsewhere.

use std::thread;

use crate::support::{Answer, Fixture, batch, detection};
use fargard_model::Timestamp;
use fargard_server::config::PresetTokens;
use fargard_store::{Token, TokenKind};
use sha2::{Digest, Sha256};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

fn session(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

fn log_in(fixture: &Fixture) -> String {
    let body = format!("token={}&next=%2Ffindings", fixture.admin);
    let answer = fixture.send("POST", "/login", &[FORM, OWN], body.as_bytes());
    assert_eq!((answer.status, answer.header("location")), (303, "/findings"), "{}", answer.body);
    session(&answer)
}

#[test]
fn the_form_gives_a_session_and_logging_out_ends_it() {
    let fixture = Fixture::start();
    let page = fixture.send("GET", "/findings?state=open", &[("accept", "text/html")], b"");
    assert_eq!((page.status, page.header("location")), (303, "/login?next=/findings%3Fstate%3Dopen"));
    let form = fixture.send("GET", page.header("location"), &[], b"");
    assert!(form.status == 200 && form.body.contains("/findings?state=open"), "{}", form.body);
    let cookie = log_in(&fixture);
    let overview = fixture.send("GET", "/api/v1/overview", &[("cookie", &cookie)], b"");
    assert_eq!(overview.status, 200, "{}", overview.body);
    let out = fixture.send("POST", "/logout", &[("cookie", &cookie), OWN], b"");
    assert_eq!((out.status, out.header("location")), (303, "/login"));
    assert_eq!(fixture.send("GET", "/api/v1/overview", &[("cookie", &cookie)], b"").status, 401);
}

#[test]
fn only_an_admin_token_logs_in() {
    let fixture = Fixture::start();
    let sensor = fixture.enrol();
    for shown in ["", "guess", fixture.enrolment.as_str(), sensor.as_str()] {
        let answer = fixture.send("POST", "/login", &[FORM, OWN], format!("token={shown}").as_bytes());
        assert_eq!(answer.status, 401, "{shown}");
        assert!(answer.header("set-cookie").is_empty());
    }
    assert_eq!(fixture.send("GET", "/api/v1/overview", &[("cookie", "fargard=guess")], b"").status, 401);
    assert_eq!(fixture.send("GET", "/api/v1/overview", &[], b"").status, 401);
    assert_eq!(fixture.send("GET", "/metrics", &[], b"").status, 401);
}

#[test]
fn many_failed_logins_make_an_address_wait() {
    let fixture = Fixture::start();
    let attempt =
        |token: &str| fixture.send("POST", "/login", &[FORM, OWN], format!("token={token}").as_bytes());
    for _ in 0..10 {
        assert_eq!(attempt("guess").status, 401);
    }
    let answer = attempt(&fixture.admin);
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 61);
    assert_eq!(fixture.send("GET", "/login?code=guess", &[], b"").status, 429);
    assert_eq!(fixture.get("/api/v1/overview").status, 200, "scripts with a token do not wait");
}

#[test]
fn a_one_time_link_works_once_even_for_many_at_the_same_time() {
    let fixture = Fixture::start();
    let url = fixture.runtime.block_on(fixture.running().one_time_login_url()).unwrap();
    let path = url.strip_prefix(&fixture.url).unwrap();
    let arrived: Vec<Answer> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| fixture.send("GET", path, &[], b""))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let inside: Vec<&Answer> = arrived.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(inside.len(), 1);
    let cookie = session(inside[0]);
    assert_eq!(fixture.send("GET", "/api/v1/overview", &[("cookie", &cookie)], b"").status, 200);
    assert_eq!(fixture.send("GET", path, &[], b"").status, 401);
}

#[test]
fn an_expired_session_or_link_is_none() {
    let fixture = Fixture::start();
    for (kind, text) in [(TokenKind::Session, "old-session"), (TokenKind::OneTime, "old-link")] {
        let hash = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let expires = Some(Timestamp(Timestamp::now().0 - 1));
        let token =
            Token { hash, kind, name: "n".into(), task_arn: String::new(), created: Timestamp(0), expires };
        fixture.runtime.block_on(fixture.running().store().put_token(&token)).unwrap();
    }
    let answer = fixture.send("GET", "/api/v1/overview", &[("cookie", "fargard=old-session")], b"");
    assert_eq!(answer.status, 401);
    assert_eq!(fixture.send("GET", "/login?code=old-link", &[], b"").status, 401);
}

#[test]
fn another_sites_page_changes_nothing() {
    let fixture = Fixture::start();
    let token = fixture.enrol();
    fixture.deliver(&token, &batch(1, vec![detection(1, "/tmp/x", "out")]));
    let id = fixture.wait_for(1)[0].id.clone();
    let path = format!("/api/v1/findings/{id}/state");
    let cookie = log_in(&fixture);
    let json = ("content-type", "application/json");
    let host = fixture.url.strip_prefix("http://").unwrap().to_owned();
    let change = |origin: &[(&str, &str)]| {
        let mut headers = vec![("cookie", cookie.as_str()), json];
        headers.extend_from_slice(origin);
        fixture.send("POST", &path, &headers, br#"{"state":"closed"}"#)
    };
    for origin in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[],
    ] {
        let answer = change(origin);
        assert_eq!((answer.status, answer.code().as_str()), (403, "cross_origin"), "{origin:?}");
    }
    assert_eq!(fixture.wait_for(1)[0].state.name(), "open");
    let login = fixture.send("POST", "/login", &[FORM], format!("token={}", fixture.admin).as_bytes());
    assert_eq!(login.status, 403, "another site cannot log a browser in either");
    assert_eq!(change(&[("origin", &fixture.url), ("host", &host)]).status, 200);
    assert_eq!(fixture.wait_for(1)[0].state.name(), "closed");
}

#[test]
fn pages_need_a_login_and_take_changes_only_from_themselves() {
    let fixture = Fixture::start();
    for path in ["/", "/findings", "/findings/x", "/tasks", "/tasks/x", "/rules"] {
        let answer = fixture.send("GET", path, &[], b"");
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").starts_with("/login"), "{path}");
    }
    for path in ["/findings/state", "/theme"] {
        let answer = fixture.send("POST", path, &[FORM, OWN], b"");
        assert_eq!((answer.status, answer.header("location")), (303, "/login"), "{path}");
    }
    let cookie = log_in(&fixture);
    for path in ["/", "/findings", "/tasks", "/rules"] {
        assert_eq!(fixture.send("GET", path, &[("cookie", &cookie)], b"").status, 200, "{path}");
    }
    let answer = fixture.send("POST", "/findings/state", &[("cookie", &cookie), FORM], b"id=x&state=closed");
    assert_eq!(answer.status, 403, "{}", answer.body);
}

#[test]
fn answers_carry_the_security_headers() {
    let fixture = Fixture::start();
    for path in ["/login", "/healthz", "/api/v1/overview", "/nowhere"] {
        let answer = fixture.send("GET", path, &[], b"");
        assert!(
            answer.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'")
        );
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

#[test]
fn tokens_that_the_owner_made_are_valid_as_long_as_they_are_told() {
    let secret = |letter: &str| Some(fargard_model::Secret::new(letter.repeat(40)));
    let status = |fixture: &Fixture, path: &str, token: &str, body: &str| {
        let json = [("content-type", "application/json")];
        fixture.post(path, &token.repeat(40), &json, body.as_bytes()).status
    };
    let sees = |fixture: &Fixture, token: &str| {
        let bearer = format!("Bearer {}", token.repeat(40));
        fixture.send("GET", "/api/v1/overview", &[("authorization", &bearer)], b"").status == 200
    };
    let enrols = |fixture: &Fixture, token: &str| {
        let body = r#"{"task": {"arn": "local:laptop:1"}, "producer": "p"}"#;
        status(fixture, "/v1/enrol", token, body) == 200
    };
    let tells = |fixture: &Fixture, token: &str| {
        let body = r#"{"account": "111122223333", "region": "eu-west-1", "startedAt": 1763697600}"#;
        status(fixture, "/v1/inventory", token, body) == 200
    };
    let fixture = Fixture::with(|config| {
        config.tokens = PresetTokens { admin: secret("a"), enrolment: secret("e"), inventory: secret("i") };
    });
    assert!(fixture.running().first_tokens().is_none(), "nothing is printed");
    assert!(sees(&fixture, "a") && enrols(&fixture, "e") && tells(&fixture, "i"));
    assert!(!sees(&fixture, "e") && !enrols(&fixture, "a") && !tells(&fixture, "e"));
    let data = fixture.stop();

    let mut config = fargard_server::Config::local(data.path());
    config.tokens = PresetTokens { admin: secret("b"), enrolment: secret("e"), inventory: None };
    let fixture = Fixture::on(data, config);
    assert!(sees(&fixture, "b") && enrols(&fixture, "e"));
    assert!(!sees(&fixture, "a") && !tells(&fixture, "i"), "told otherwise, and no longer");
    fixture.stop();
}

#[test]
fn first_tokens_are_made_until_they_were_shown() {
    let data = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = fargard_server::Config::local(data.path());
        let running = fargard_server::Server::start(config.clone()).await.unwrap();
        let first = running.first_tokens().cloned().unwrap();
        running.stop().await;
        let running = fargard_server::Server::start(config.clone()).await.unwrap();
        let second = running.first_tokens().cloned().unwrap();
        assert_ne!(first, second, "nobody saw the first");
        running.first_tokens_shown().await.unwrap();
        running.stop().await;
        let running = fargard_server::Server::start(config).await.unwrap();
        assert!(running.first_tokens().is_none());
        running.stop().await;
    });
    assert!(data.path().join("fargard.db").exists());
    for entry in std::fs::read_dir(data.path()).unwrap() {
        // SQLite's side files go away when the store closes.
        let Ok(bytes) = fargard_model::bounded::read(&entry.unwrap().path(), 1 << 26) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("fargard_admin_"), "a token's text is on disk");
    }
}
