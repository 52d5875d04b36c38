//! Lambda: starts the program with its Runtime API, gives it events and takes what it answers.

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use crate::http::{self, Answer, Request};

/// Longest wait for the program; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// A function that runs.
pub(crate) struct Lambda {
    child: Child,
    events: Sender<(String, Duration)>,
    answers: Receiver<(String, String)>,
    _scratch: tempfile::TempDir,
}

impl Lambda {
    /// Starts the program with these variables and no others.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let (events, waiting) = mpsc::channel::<(String, Duration)>();
        let (answered, answers) = mpsc::channel();
        let waiting = Mutex::new(waiting);
        let address = http::serve(move |request: &Request| -> Answer {
            let path = request.path.strip_prefix("/2018-06-01/runtime/").expect("the API's version");
            if path == "invocation/next" {
                // As Lambda: no answer until there is an event.
                let (event, time) = waiting.lock().unwrap().recv().ok()?;
                let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time;
                let headers = [
                    ("Lambda-Runtime-Aws-Request-Id", "call-1".to_owned()),
                    ("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string()),
                ];
                let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
                return Some((200, headers, event.into_bytes()));
            }
            answered.send((path.to_owned(), String::from_utf8(request.body.clone()).unwrap())).ok()?;
            Some((202, Vec::new(), Vec::new()))
        });
        let scratch = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_fargard-macro"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("TMPDIR", scratch.path())
            .envs(variables.iter().copied())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { child, events, answers, _scratch: scratch }
    }

    /// Calls the function; path and body of what it posts.
    pub(crate) fn call(&self, event: &str, time: Duration) -> (String, String) {
        self.events.send((event.to_owned(), time)).unwrap();
        self.posted()
    }

    pub(crate) fn posted(&self) -> (String, String) {
        self.answers.recv_timeout(PATIENCE).expect("the function answers")
    }

    /// Calls the macro and gives its response.
    pub(crate) fn respond(&self, event: &Value) -> Value {
        let (path, body) = self.call(&event.to_string(), Duration::from_secs(60));
        assert_eq!(path, "invocation/call-1/response", "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Whether it ended by itself, and with which code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
