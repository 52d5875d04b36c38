//! An account in a region, ready to be asked.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;

use crate::{
    AwsError, CallError, CallFailure, Clock, Environment, Provider, Request, Service, SystemClock, Transport,
    credentials::Profiles,
    endpoint,
    limit::{Group, Limiter},
    retry::{self, Attempt},
    sign::{self, Scope, Unsigned},
};

/// A role to take on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy asks for.
    pub external_id: Option<String>,
    /// Stands in CloudTrail beside what is done.
    pub session_name: String,
}

/// What to open.
#[derive(Clone, Debug)]
pub struct AccountOptions {
    /// Region; `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile's where absent.
    pub region: Option<String>,
    /// A role to take on, for another account.
    pub role: Option<Role>,
    /// Where credentials and endpoints are looked for.
    pub environment: Environment,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Default for AccountOptions {
    /// This process's own.
    fn default() -> Self {
        Self {
            region: None,
            role: None,
            environment: Environment::of_process(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// An account in a region. Asking is blocking.
pub struct Account {
    pub(crate) region: String,
    pub(crate) clock: Arc<dyn Clock>,
    provider: Provider,
    transport: Transport,
    environment: Environment,
    limiter: Mutex<Limiter>,
    number: Option<String>,
    /// Tries of one call.
    attempts: u32,
}

/// A service that is asked in one of AWS's JSON protocols.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api {
    pub(crate) service: Service,
    /// What its `X-Amz-Target` begins with.
    pub(crate) target: &'static str,
    /// The protocol's version: `1.1`.
    pub(crate) version: &'static str,
}

/// A call in a JSON protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) api: Api,
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    /// Twice is as good as once.
    pub(crate) repeatable: bool,
}

impl Account {
    /// Finds credentials, region and endpoints; asks nobody yet.
    ///
    /// # Errors
    /// Something is missing or broken in the configuration.
    pub fn open(options: AccountOptions) -> Result<Self, AwsError> {
        let environment = &options.environment;
        let given = options
            .region
            .or_else(|| environment.get("AWS_REGION").map(str::to_owned))
            .or_else(|| environment.get("AWS_DEFAULT_REGION").map(str::to_owned));
        let region = match given {
            Some(region) => region,
            None => Profiles::read(environment)?.region().ok_or(AwsError::NoRegion)?.to_owned(),
        };
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if region.is_empty() || region.len() > 64 || !region.chars().all(fits) {
            let reason = "a region is named like eu-west-1".to_owned();
            return Err(AwsError::Configuration { what: format!("region {region:?}"), reason });
        }
        let mut provider = Provider::find(environment, &region, Arc::clone(&options.clock))?;
        let number = options.role.as_ref().and_then(|role| account_of(&role.arn)).map(str::to_owned);
        if let Some(role) = &options.role {
            provider = provider.assume(role, environment, &region);
        }
        Ok(Self {
            provider,
            number,
            region,
            clock: options.clock,
            environment: options.environment,
            transport: Transport::default(),
            limiter: Mutex::default(),
            attempts: retry::MAX_ATTEMPTS,
        })
    }

    /// Makes each call once, in that time, for callers who try again by themselves.
    #[must_use]
    pub(crate) fn once_within(mut self, time: Duration) -> Self {
        self.transport = Transport::within(time);
        self.attempts = 1;
        self
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Twelve digits, where the role that was taken on names it.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Asks a service, with Fargard's share of the rate, again where that may help.
    pub(crate) fn call(&self, operation: Operation, input: &Value) -> Result<Value, AwsError> {
        let body = input.to_string();
        let mut attempts = 0;
        loop {
            self.hold_back(operation.group);
            attempts += 1;
            let error = match self.attempt(operation, body.as_bytes())? {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let outcome = match (&error.failure, error.not_sent) {
                (CallFailure::Refused { status, code, .. }, _) => Attempt::Refused { status: *status, code },
                (_, true) => Attempt::NotSent,
                (_, false) => Attempt::Cut,
            };
            if attempts >= self.attempts || !retry::worth_it(outcome, operation.repeatable) {
                return Err(AwsError::Call(Box::new(CallError {
                    service: operation.api.service,
                    operation: operation.name,
                    account: self.number.clone(),
                    region: self.region.clone(),
                    request_id: error.request_id,
                    attempts,
                    failure: error.failure,
                })));
            }
            self.clock.wait(retry::wait(attempts));
        }
    }

    fn hold_back(&self, group: Group) {
        let wait = self.limiter.lock().unwrap_or_else(PoisonError::into_inner).take(group, self.clock.now());
        if !wait.is_zero() {
            self.clock.wait(wait);
        }
    }

    fn attempt(&self, operation: Operation, body: &[u8]) -> Result<Result<Value, Failed>, AwsError> {
        let Api { service, target, version } = operation.api;
        let base = endpoint(&self.environment, service, &self.region);
        let mut headers = vec![
            ("content-type".to_owned(), format!("application/x-amz-json-{version}")),
            ("x-amz-target".to_owned(), format!("{target}.{}", operation.name)),
            ("host".to_owned(), authority(&base).to_owned()),
        ];
        let unsigned = Unsigned { method: "POST", path: "/", query: "", headers: &headers, body };
        let scope = Scope { region: &self.region, service: service.name(), at: self.clock.now() };
        let added = sign::sign(&unsigned, &self.provider.credentials()?, scope);
        headers.retain(|(name, _)| name != "host");
        headers.extend(added);
        let url = format!("{base}/");
        let request = Request { method: "POST", url: &url, headers: &headers, body };
        Ok(match self.transport.exchange(&request) {
            Ok(answer) => read(&answer),
            Err(error) => Err(Failed {
                request_id: None,
                not_sent: error.not_sent,
                failure: CallFailure::Unreachable(error.reason),
            }),
        })
    }
}

/// Neither credentials nor connections are worth printing.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Account");
        text.field("region", &self.region).field("number", &self.number).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Failed {
    request_id: Option<String>,
    not_sent: bool,
    failure: CallFailure,
}

fn read(answer: &crate::Answer) -> Result<Value, Failed> {
    let request_id = answer.header("x-amzn-requestid").map(|id| id.chars().take(80).collect());
    let failed = |failure| Failed { request_id: request_id.clone(), not_sent: false, failure };
    let parsed: Option<Value> = serde_json::from_slice(&answer.body).ok();
    if answer.status == 200 {
        return match parsed {
            Some(value @ Value::Object(_)) => Ok(value),
            _ => Err(failed(CallFailure::NotUnderstood("it is no JSON object".to_owned()))),
        };
    }
    let member = |name: &str| parsed.as_ref().and_then(|value| value.get(name)).and_then(Value::as_str);
    let code = member("__type").or_else(|| answer.header("x-amzn-errortype")).unwrap_or("UnknownError");
    // `com.amazonaws.ecs#ClientException:http://...`
    let code = code.rsplit('#').next().unwrap_or(code);
    let code = code.split(':').next().unwrap_or(code).chars().take(100).collect();
    let message = member("message").or_else(|| member("Message")).unwrap_or("no message");
    let message = message.chars().take(1000).collect();
    Err(failed(CallFailure::Refused { status: answer.status, code, message }))
}

/// Host and port of a URL.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// The account in an ARN.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|number| number.len() == 12)
}
