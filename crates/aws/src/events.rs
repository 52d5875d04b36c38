//! Sending events to EventBridge (`PutEvents`, API version 2015-10-07).

use std::{sync::Arc, time::Duration};

use fargard_model::Timestamp;
use serde_json::json;

use crate::{
    Account, AccountOptions, AwsError, CallError, CallFailure, Service,
    account::{Api, Operation},
    limit::Group,
};

const EVENTS: Api = Api { service: Service::Events, target: "AWSEvents", version: "1.1" };
/// An event may be delivered twice: it says by an id of its own that it is the same.
const PUT: Operation = Operation { api: EVENTS, name: "PutEvents", group: Group::Messages, repeatable: true };

/// A bus of events.
#[derive(Clone, Debug)]
pub struct EventBus {
    account: Arc<Account>,
    name: String,
}

/// An event.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Who sends it; not `aws.` and something.
    pub source: &'a str,
    /// What it is.
    pub detail_type: &'a str,
    /// When it happened; EventBridge keeps seconds.
    pub time: Timestamp,
    /// ARNs.
    pub resources: &'a [String],
    /// A JSON object.
    pub detail: &'a str,
}

impl EventBus {
    /// The bus of that name or ARN; its ARN's region counts unless the options name one. An event is sent once, in
    /// `patience`: the caller tries again.
    ///
    /// # Errors
    /// It is no name of a bus, or something is missing or broken in the configuration.
    pub fn open(name: &str, mut options: AccountOptions, patience: Duration) -> Result<Self, AwsError> {
        let is_name =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':');
        if name.is_empty() || name.len() > 1600 || !name.bytes().all(is_name) {
            return Err(AwsError::Configuration {
                what: format!("event bus {:?}", name.chars().take(80).collect::<String>()),
                reason: "give the name of a bus (default) or its ARN".to_owned(),
            });
        }
        if options.region.is_none() && name.starts_with("arn:") {
            options.region = name.split(':').nth(3).map(str::to_owned);
        }
        Ok(Self { account: Arc::new(Account::open(options)?.once_within(patience)), name: name.to_owned() })
    }

    /// Its name or ARN.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends an event. When the answer is lost it may have been sent.
    ///
    /// # Errors
    /// The call fails, or EventBridge refuses the event.
    pub fn put(&self, event: Event<'_>) -> Result<(), AwsError> {
        let entry = json!({
            "EventBusName": self.name,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Time": event.time.seconds(),
            "Resources": event.resources,
            "Detail": event.detail,
        });
        let answer = self.account.call(PUT, &json!({"Entries": [entry]}))?;
        let text = |member: &str| {
            answer.pointer(&format!("/Entries/0/{member}")).and_then(serde_json::Value::as_str)
        };
        let failure = match (text("EventId"), text("ErrorCode")) {
            (Some(_), None) => return Ok(()),
            (_, Some(code)) => CallFailure::Refused {
                status: 200,
                code: code.chars().take(100).collect(),
                message: text("ErrorMessage").unwrap_or("no message").chars().take(1000).collect(),
            },
            (None, None) => CallFailure::NotUnderstood("it names no event".to_owned()),
        };
        Err(AwsError::Call(Box::new(CallError {
            service: Service::Events,
            operation: PUT.name,
            account: None,
            region: self.account.region.clone(),
            request_id: None,
            attempts: 1,
            failure,
        })))
    }
}
