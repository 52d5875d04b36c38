//! Docker's credential helpers: `docker-credential-NAME get` reads a server's name and writes a login as JSON.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use fargard_model::{Secret, bounded, foreign::shown};
use serde::Deserialize;

use super::{RegistryProblem, credentials::Login};

/// Time a helper has.
const TIME: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 64 << 10;
/// What helpers say when they know no login, with exit code 1.
const UNKNOWN: &str = "credentials not found";
/// The name that marks the secret as an identity token.
const TOKEN: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a helper for the login to a server.
pub(super) fn get(name: &str, server: &str) -> Result<Option<Login>, RegistryProblem> {
    let program = format!("docker-credential-{name}");
    let failed =
        |reason: String| RegistryProblem::Credentials(format!("{}: {reason}", shown(program.as_bytes(), 80)));
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Err(failed("no name of a helper".to_owned()));
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}; install it or log in again")))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that reads nothing is judged by what it writes.
        let _ = input.write_all(server.as_bytes());
    }
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || sender.send(bounded::read_from(output, MAX_ANSWER)));
    }
    let Ok(written) = receiver.recv_timeout(TIME) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(format!("no answer within {} s", TIME.as_secs())));
    };
    if written.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    let written = written.map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&written);
        return if said.contains(UNKNOWN) {
            Ok(None)
        } else {
            Err(failed(format!("{status}: {}", shown(said.trim().as_bytes(), 200))))
        };
    }
    let answer: Answer =
        serde_json::from_slice(&written).map_err(|_| failed("its answer is malformed".to_owned()))?;
    let secret = Secret::new(answer.secret);
    Ok(Some(if answer.username == TOKEN {
        Login { username: String::new(), password: Secret::new(""), identity_token: Some(secret) }
    } else {
        Login { username: answer.username, password: secret, identity_token: None }
    }))
}
