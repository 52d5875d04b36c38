//! A server that is not there: the workload goes on, and everything arrives later, once.

use std::io::Read as _;

use crate::{
    server::{Place, agent, enrol, get, get_until, stop},
    support::{Running, fargard},
};

#[test]
fn what_happens_while_the_server_is_away_arrives_once_after_it_is_back() {
    let place = Place::new();
    let (running, tokens) = place.first_start();
    stop(running);

    // The watched shell acts while there is no server, then waits for us.
    let gate = tempfile::tempdir().expect("a directory");
    let fifo = gate.path().join("go");
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, mode, 0).expect("a fifo");
    let script = format!(
        "touch {0}/x; chmod u+s {0}/x; chmod u+s {0}/x; echo acted; read go < {1}; exit 5",
        gate.path().display(),
        fifo.display()
    );
    let mut watched = Running::start(
        fargard()
            .args(["watch", "--server", &place.url(), "--token", &tokens.enrolment, "--", "sh", "-c"])
            .arg(&script),
    );
    watched.wait_for(&["acted"]);
    watched.wait_for(&["Set setuid or setgid bit", "/x"]);

    let running = place.start();
    std::fs::write(&fifo, "go\n").expect("the shell reads");
    let (status, printed) = watched.finish();
    assert_eq!(status.code(), Some(5), "{printed}");

    let about_x =
        |finding: &&serde_json::Value| finding["summary"].as_str().is_some_and(|text| text.contains("/x"));
    let page = get_until(&agent(), &place.url(), &tokens.admin, "/api/v1/findings", |page| {
        page["findings"].as_array().is_some_and(|found| found.iter().any(|finding| finding["count"] == 2))
    });
    let found: Vec<_> = page["findings"].as_array().expect("findings").iter().filter(about_x).collect();
    assert_eq!(found.len(), 1, "{page:#}\n{printed}");
    assert_eq!(found[0]["count"], 2, "both acts fold into one finding, each counted once: {page:#}");
    stop(running);
}

#[test]
fn what_is_no_batch_or_has_no_right_is_refused_and_nothing_is_stored() {
    let place = Place::new();
    let (running, tokens) = place.first_start();
    let (agent, url) = (agent(), place.url());
    let post = |token: &str, body: &[u8]| {
        agent
            .post(format!("{url}/v1/batches"))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Encoding", "zstd")
            .header("Content-Type", "application/x-ndjson")
            .send(body)
            .expect("an answer")
            .status()
            .as_u16()
    };
    let bomb = zstd::encode_all(std::io::repeat(0).take(1 << 30), 3).expect("zstd compresses");
    assert!(bomb.len() < 1 << 20);
    let nonsense = zstd::encode_all(&b"hello"[..], 3).expect("zstd compresses");
    let token = enrol(&agent, &url, &tokens.enrolment, "local:test:1", "test");
    for (token, body, status) in [
        ("wrong", &b"x"[..], 401),
        (&tokens.enrolment, b"x", 401),
        (&token, &bomb, 413),
        (&token, b"not zstd", 400),
        (&token, &nonsense, 422),
    ] {
        assert_eq!(post(token, body), status);
    }
    assert_eq!(get(&agent, &url, &tokens.admin, "/api/v1/findings")["total"], 0);
    stop(running);
}

#[test]
fn what_could_not_be_sent_is_said_and_a_ca_file_that_cannot_be_used_stops_before_the_command() {
    let place = Place::new();
    let watch = |options: &[&str]| {
        let output = fargard()
            .args(["watch", "--server", &place.url(), "--token", "t"])
            .args(options)
            .args(["--", "echo", "ran"])
            .output()
            .expect("fargard starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), said)
    };
    // Nobody listens there.
    let (code, out, said) = watch(&[]);
    assert_eq!((code, out.as_str()), (Some(0), "ran\n"), "{said}");
    assert!(said.contains("could not be sent to"), "{said}");
    let spool = place.data().join("spool");
    let (code, _, said) = watch(&["--spool", spool.to_str().expect("made of ASCII")]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("wait in {}", spool.display())), "{said}");
    let (code, out, said) = watch(&["--ca-file", "/nonexistent.pem"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{said}");
    assert!(said.contains("--ca-file") && said.contains("/nonexistent.pem"), "{said}");
}
