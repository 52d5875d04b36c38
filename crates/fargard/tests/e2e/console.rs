//! The console in a real browser: a finding appears while a person looks.

use std::{io, net::SocketAddr, path::Path, process::Command};

use fargard_server::{Config, Server};

use crate::support::{Running, fargard, repository};

/// The rule whose finding appears.
const RULE: &str = "Set setuid or setgid bit";

#[test]
fn a_person_sees_the_finding_appear_in_a_browser() -> io::Result<()> {
    let browser = repository().join("tests/browser");
    if !Path::new("/usr/bin/chromium").exists() || !browser.join("node_modules").is_dir() {
        eprintln!("skipped: needs Chromium and `npm ci` in tests/browser (cargo xtask test sets them up)");
        return Ok(());
    }
    let data = tempfile::tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: data.path().to_owned(),
        ..Config::default()
    };
    let server = runtime.block_on(Server::start(config)).expect("the server starts");
    let login = runtime.block_on(server.one_time_login_url()).expect("a link");
    let token = runtime.block_on(server.enrolment_token("test")).expect("a token");

    let mut person = Running::start(
        Command::new("node")
            .args(["findings.mjs", "--base", &server.url(), "--login", &login, "--finding", RULE])
            .current_dir(&browser),
    );
    person.wait_for(&["READY"]);
    let target = data.path().join("program");
    let script = format!("touch {0}; chmod u+s {0}", target.display());
    let watched = fargard()
        .args(["watch", "--server", &server.url(), "--token", token.reveal(), "--", "sh", "-c", &script])
        .output()?;
    assert!(watched.status.success(), "{}", String::from_utf8_lossy(&watched.stderr));
    let (status, said) = person.finish();
    assert!(status.success(), "{said}\n{}", String::from_utf8_lossy(&watched.stderr));
    runtime.block_on(server.stop());
    Ok(())
}
