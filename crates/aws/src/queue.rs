//! A queue of SQS (API version 2012-11-05, JSON protocol): what EventBridge puts there is read, and deleted by the
//! reader when it is done with it. A message that is not deleted comes again after the queue's visibility timeout,
//! until the queue's redrive policy puts it aside.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Account, AccountOptions, AwsError, CallError, CallFailure, Service,
    account::{Api, Operation},
    limit::Group,
};

/// Messages of one call, SQS's most.
const AT_ONCE: usize = 10;
/// Longest that SQS waits for a message.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Longest URL of a queue.
const MAX_URL: usize = 1024;

const SQS: Api = Api { service: Service::Sqs, target: "AmazonSQS", version: "1.0" };

const fn operation(name: &'static str) -> Operation {
    Operation { api: SQS, name, group: Group::Messages, repeatable: true }
}

const RECEIVE: Operation = operation("ReceiveMessage");
const DELETE: Operation = operation("DeleteMessageBatch");
const EXTEND: Operation = operation("ChangeMessageVisibilityBatch");

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    account: Arc<Account>,
    url: String,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// SQS's identification of it.
    pub id: String,
    /// Names this delivery of it; needed to delete it.
    pub receipt: String,
    /// What was sent.
    pub body: String,
    /// How often it was given out, this time included; 0 where SQS does not say.
    pub received: u32,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Received {
    message_id: String,
    receipt_handle: String,
    body: String,
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Attributes {
    approximate_receive_count: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Failed {
    code: String,
    message: String,
}

impl Queue {
    /// The queue of that URL, as `https://sqs.eu-west-1.amazonaws.com/111122223333/fargard`. Its region counts unless
    /// the options name one. It is asked where `AWS_ENDPOINT_URL_SQS` says, else at SQS's public endpoint of the region.
    ///
    /// # Errors
    /// The URL is none of a queue, or something is missing or broken in the configuration.
    pub fn open(url: &str, mut options: AccountOptions) -> Result<Self, AwsError> {
        let host = host_of_queue(url).ok_or_else(|| AwsError::Configuration {
            what: format!("queue {:?}", url.chars().take(MAX_URL).collect::<String>()),
            reason: "a queue's URL is like https://sqs.eu-west-1.amazonaws.com/111122223333/NAME".to_owned(),
        })?;
        if options.region.is_none() {
            options.region = region_of(host).map(str::to_owned);
        }
        Ok(Self { account: Arc::new(Account::open(options)?), url: url.to_owned() })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// At most ten messages, waiting for the first as long as that (20 s at most).
    ///
    /// # Errors
    /// The call fails.
    pub fn receive(&self, wait: Duration) -> Result<Vec<Message>, AwsError> {
        let given = json!({
            "QueueUrl": self.url,
            "MaxNumberOfMessages": AT_ONCE,
            "WaitTimeSeconds": wait.min(LONGEST_WAIT).as_secs(),
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        });
        let mut answer = self.account.call(RECEIVE, &given)?;
        let received: Vec<Received> = self.list(RECEIVE, &mut answer, "Messages")?;
        let messages = received.into_iter().filter(|message| !message.receipt_handle.is_empty());
        Ok(messages
            .map(|message| Message {
                id: message.message_id,
                receipt: message.receipt_handle,
                body: message.body,
                received: message.attributes.approximate_receive_count.parse().unwrap_or(0),
            })
            .collect())
    }

    /// Deletes messages: they do not come again.
    ///
    /// # Errors
    /// A call fails, or SQS could not delete some; those come again.
    pub fn delete(&self, receipts: &[String]) -> Result<(), AwsError> {
        self.each(DELETE, receipts, None)
    }

    /// Keeps messages from coming again for so long, from now on (12 hours at most).
    ///
    /// # Errors
    /// A call fails, or SQS could not keep some back.
    pub fn keep_back(&self, receipts: &[String], time: Duration) -> Result<(), AwsError> {
        self.each(EXTEND, receipts, Some(time.as_secs().min(43_200)))
    }

    fn each(
        &self,
        operation: Operation,
        receipts: &[String],
        visibility: Option<u64>,
    ) -> Result<(), AwsError> {
        for some in receipts.chunks(AT_ONCE) {
            let entries: Vec<Value> = (0..)
                .zip(some)
                .map(|(number, receipt): (u8, &String)| match visibility {
                    None => json!({"Id": number.to_string(), "ReceiptHandle": receipt}),
                    Some(seconds) => {
                        json!({"Id": number.to_string(), "ReceiptHandle": receipt, "VisibilityTimeout": seconds})
                    }
                })
                .collect();
            let given = json!({"QueueUrl": self.url, "Entries": entries});
            let mut answer = self.account.call(operation, &given)?;
            let failed: Vec<Failed> = self.list(operation, &mut answer, "Failed")?;
            if let Some(Failed { code, message }) = failed.into_iter().next() {
                return Err(self.failed(operation, CallFailure::Refused { status: 200, code, message }));
            }
        }
        Ok(())
    }

    /// A list of an answer; none is an empty one.
    fn list<T: serde::de::DeserializeOwned>(
        &self,
        operation: Operation,
        answer: &mut Value,
        member: &str,
    ) -> Result<Vec<T>, AwsError> {
        match answer.get_mut(member).map(Value::take) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(list) => serde_json::from_value(list).map_err(|error| {
                self.failed(operation, CallFailure::NotUnderstood(format!("member {member}: {error}")))
            }),
        }
    }

    fn failed(&self, operation: Operation, failure: CallFailure) -> AwsError {
        AwsError::Call(Box::new(CallError {
            service: Service::Sqs,
            operation: operation.name,
            account: None,
            region: self.account.region.clone(),
            request_id: None,
            attempts: 1,
            failure,
        }))
    }
}

/// Host of a queue's URL; `None` when it is none.
fn host_of_queue(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    let (account, name) = path.split_once('/')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = url.len() <= MAX_URL
        && !host.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=80).contains(&name.len())
        && name.bytes().all(is_name);
    fits.then_some(host)
}

/// The region in a host of SQS's.
fn region_of(host: &str) -> Option<&str> {
    host.strip_prefix("sqs.")?.split_once(".amazonaws.com").map(|(region, _)| region)
}

#[cfg(test)]
mod tests {
    use super::{host_of_queue, region_of};

    #[test]
    fn urls_of_queues_are_told_from_others() {
        let host = host_of_queue("https://sqs.eu-west-1.amazonaws.com/111122223333/ecs-events.fifo");
        assert_eq!(host.and_then(region_of), Some("eu-west-1"));
        let host = host_of_queue("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/a");
        assert_eq!(host.and_then(region_of), Some("cn-north-1"));
        assert_eq!(host_of_queue("http://127.0.0.1:5000/111122223333/a").map(region_of), Some(None));
        for bad in [
            "arn:aws:sqs:eu-west-1:111122223333:a",
            "https://sqs.eu-west-1.amazonaws.com/a",
            "https:///111122223333/a",
            "https://h/11112222333/a",
            "https://h/111122223333/a/b",
            "https://h/111122223333/",
            "https://h/111122223333/a?b",
        ] {
            assert_eq!(host_of_queue(bad), None, "{bad}");
        }
    }
}
