//! moto, an imitation of AWS that is not ours (<https://docs.getmoto.org>).

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use fargard_aws::{AccountOptions, Request, Transport};
use serde_json::{Value, json};

/// The server, ended with the test.
pub(crate) struct Moto(Child, String);

impl Moto {
    /// `None`, said visibly, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let started = Self::spawn();
        if started.is_none() {
            eprintln!("skipped: moto_server does not start here");
        }
        started
    }

    fn spawn() -> Option<Self> {
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/judges/bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut child = Command::new("moto_server")
            .env("PATH", format!("{path}:{own}"))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(child.stderr.take()?).lines();
        let found = lines
            .find_map(|line| line.ok()?.split_once("http://127.0.0.1:").map(|(_, port)| port.to_owned()));
        // It must not stop for want of a reader.
        std::thread::spawn(move || lines.for_each(drop));
        match found {
            Some(port) => Some(Self(child, format!("http://127.0.0.1:{}", port.trim()))),
            None => {
                let _ = child.wait();
                None
            }
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.1
    }

    /// Asks in a JSON protocol, as `AmazonSQS.SendMessage`.
    pub(crate) fn call(&self, service: &str, operation: &str, input: &Value) -> Value {
        let scope = format!("Credential=AKID/20261121/eu-west-1/{service}/aws4_request");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", operation),
            ("authorization", &format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0")),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let body = input.to_string();
        let url = format!("{}/", self.1);
        let request = Request { method: "POST", url: &url, headers: &headers, body: body.as_bytes() };
        let answer = Transport::default().exchange(&request).unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{operation} {input}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Makes a queue with these attributes; its URL.
    pub(crate) fn queue(&self, name: &str, attributes: &Value) -> String {
        let made =
            self.call("sqs", "AmazonSQS.CreateQueue", &json!({"QueueName": name, "Attributes": attributes}));
        made["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Options for an account of eu-west-1 that asks here.
    pub(crate) fn options(&self) -> AccountOptions {
        let environment = [
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        AccountOptions {
            region: Some("eu-west-1".to_owned()),
            environment: environment.into_iter().collect(),
            ..AccountOptions::default()
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
