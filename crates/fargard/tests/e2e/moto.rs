//! moto, an imitation of AWS that is not ours (<https://docs.getmoto.org>), for queues, buses and roles.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::server::agent;

pub(crate) const ACCOUNT: &str = "123456789012";

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
        let mut answer = agent()
            .post(format!("{}/", self.1))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", operation)
            .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"))
            .send(input.to_string())
            .expect("an answer");
        let text = answer.body_mut().read_to_string().expect("text");
        assert_eq!(answer.status(), 200, "{operation} {input}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
    }

    /// Makes a queue; its URL.
    pub(crate) fn queue(&self, name: &str, attributes: &Value) -> String {
        let input = json!({"QueueName": name, "Attributes": attributes});
        let made = self.call("sqs", "AmazonSQS.CreateQueue", &input);
        made["QueueUrl"].as_str().expect("a URL").to_owned()
    }

    /// A queue into which a rule puts the default bus's events of a source; its URL.
    pub(crate) fn queue_of(&self, source: &str, name: &str, attributes: &Value) -> String {
        let url = self.queue(name, attributes);
        let pattern = json!({"source": [source]}).to_string();
        self.call("events", "AWSEvents.PutRule", &json!({"Name": name, "EventPattern": pattern}));
        let targets = json!([{"Id": "1", "Arn": format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}")}]);
        self.call("events", "AWSEvents.PutTargets", &json!({"Rule": name, "Targets": targets}));
        url
    }

    /// Puts an event as AWS delivers it onto the default bus, as its service would.
    pub(crate) fn put_event(&self, event: &Value) {
        let entry = json!({"Source": event["source"], "DetailType": event["detail-type"],
            "Resources": event["resources"], "Detail": event["detail"].to_string()});
        let answer = self.call("events", "AWSEvents.PutEvents", &json!({"Entries": [entry]}));
        assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
    }

    /// Bodies of at most ten messages of a queue, which are then hidden.
    pub(crate) fn receive(&self, url: &str) -> Vec<String> {
        let input = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0});
        let answer = self.call("sqs", "AmazonSQS.ReceiveMessage", &input);
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["Body"].as_str().expect("a body").to_owned()).collect()
    }

    /// Messages in a queue: those that can be received, and those that are hidden.
    pub(crate) fn counts(&self, url: &str) -> (u64, u64) {
        let input = json!({"QueueUrl": url, "AttributeNames": ["All"]});
        let answer = self.call("sqs", "AmazonSQS.GetQueueAttributes", &input);
        let count =
            |name: &str| answer["Attributes"][name].as_str().expect("a count").parse().expect("a number");
        (count("ApproximateNumberOfMessages"), count("ApproximateNumberOfMessagesNotVisible"))
    }

    /// What a program needs to ask here.
    pub(crate) fn environment(&self) -> [(&'static str, String); 7] {
        [
            ("AWS_ENDPOINT_URL", self.1.clone()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_DEFAULT_REGION", "eu-west-1".to_owned()),
            ("AWS_CONFIG_FILE", "/nonexistent".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent".to_owned()),
        ]
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
