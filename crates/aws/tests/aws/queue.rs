//! Reading a queue, against moto's.

use std::{collections::BTreeSet, time::Duration};

use fargard_aws::{AccountOptions, Queue};
use serde_json::json;

use crate::moto::Moto;

const NOW: Duration = Duration::ZERO;

fn send(moto: &Moto, url: &str, bodies: impl IntoIterator<Item = String>) {
    for body in bodies {
        moto.call("sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": url, "MessageBody": body}));
    }
}

#[test]
fn messages_come_until_they_are_deleted() {
    let Some(moto) = Moto::start() else { return };
    let url = moto.queue("events", &json!({"VisibilityTimeout": "600"}));
    let queue = Queue::open(&url, moto.options()).unwrap();
    assert_eq!(queue.receive(NOW).unwrap(), []);
    let text = |number: usize| format!("{{\"number\": {number}, \"text\": \"ä&<\u{1f600}\"}}");
    send(&moto, &url, (0..23).map(text));
    let (mut bodies, mut receipts) = (BTreeSet::new(), Vec::new());
    while bodies.len() < 23 {
        let messages = queue.receive(NOW).unwrap();
        assert!((1..=10).contains(&messages.len()));
        for message in messages {
            assert_eq!(message.received, 1, "{message:?}");
            assert!(bodies.insert(message.body), "given out twice");
            receipts.push(message.receipt);
        }
    }
    assert_eq!(bodies, (0..23).map(text).collect());
    queue.delete(&receipts[1..]).unwrap();
    assert_eq!(queue.receive(NOW).unwrap(), [], "the one that is left is not visible");
    // Made visible at once, it comes again, and says that it does.
    queue.keep_back(&receipts[..1], NOW).unwrap();
    let again = queue.receive(Duration::from_secs(20)).unwrap();
    assert_eq!(again.iter().map(|message| message.received).collect::<Vec<_>>(), [2]);
    queue.delete(&[again[0].receipt.clone()]).unwrap();
    let error = queue.delete(&["no such receipt".to_owned()]).unwrap_err().to_string();
    assert!(error.starts_with("SQS DeleteMessageBatch in eu-west-1"), "{error}");
}

#[test]
fn what_is_never_deleted_is_put_aside_by_the_redrive_policy() {
    let Some(moto) = Moto::start() else { return };
    let aside = moto.queue("aside", &json!({}));
    let policy =
        json!({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:aside", "maxReceiveCount": 2});
    let url = moto.queue("events", &json!({"VisibilityTimeout": "0", "RedrivePolicy": policy.to_string()}));
    let queue = Queue::open(&url, moto.options()).unwrap();
    send(&moto, &url, ["poison".to_owned()]);
    let mut counts = Vec::new();
    while let Some(message) = queue.receive(NOW).unwrap().pop() {
        counts.push(message.received);
    }
    assert_eq!(counts, [1, 2]);
    let put_aside = Queue::open(&aside, moto.options()).unwrap().receive(NOW).unwrap();
    assert_eq!(put_aside[0].body, "poison");
}

#[test]
fn errors_say_which_queue_and_what_to_do() {
    let Some(moto) = Moto::start() else { return };
    let error = Queue::open("arn:aws:sqs:eu-west-1:123456789012:a", moto.options()).unwrap_err().to_string();
    assert!(error.contains("https://sqs.eu-west-1.amazonaws.com/111122223333/NAME"), "{error}");
    let queue = Queue::open(&format!("{}/123456789012/none", moto.url()), moto.options()).unwrap();
    let error = queue.receive(NOW).unwrap_err();
    assert!(
        error
            .code()
            .is_some_and(|code| code.contains("QueueDoesNotExist") || code.contains("NonExistentQueue"))
    );
    let error = error.to_string();
    assert!(
        error.contains("SQS ReceiveMessage in eu-west-1")
            && error.ends_with("check the queue's URL and the region"),
        "{error}"
    );
    // The URL's own region counts where none is given.
    let options = AccountOptions { region: None, ..moto.options() };
    let url = "https://sqs.ap-southeast-2.amazonaws.com/123456789012/a";
    assert_eq!(Queue::open(url, options).unwrap().account().region(), "ap-southeast-2");
}
