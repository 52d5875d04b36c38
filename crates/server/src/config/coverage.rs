//! What an operator can set about coverage: `[coverage]` and `[notify]`.

use std::time::Duration;

use fargard_coverage::{arn::is_account, notice::SOURCE};
use fargard_model::Secret;
use serde::Deserialize;

use super::{ConfigError, secret};

/// Queues that are read at most.
const MAX_QUEUES: usize = 64;
/// Shortest secret of a webhook, in bytes.
const MIN_SECRET: usize = 16;

/// The `[coverage]` table: one layer of settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverageSettings {
    /// URLs of SQS queues with ECS's events.
    #[serde(default)]
    pub queues: Vec<String>,
    /// See [`Coverage::silence`].
    pub silence_seconds: Option<u64>,
    /// See [`Coverage::stopped`].
    pub stopped_minutes: Option<u64>,
    /// Account and region, `111122223333/eu-west-1`; see [`Coverage::anonymous`].
    pub anonymous: Option<String>,
}

/// The `[notify]` table: one layer of settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifySettings {
    /// See [`Notify::hold`].
    pub hold_seconds: Option<u64>,
    /// See [`Notify::log`].
    pub log: Option<bool>,
    /// URL of [`Notify::webhook`].
    pub webhook: Option<String>,
    /// Its secret.
    #[serde(default, deserialize_with = "secret")]
    pub webhook_secret: Option<Secret>,
    /// See [`Notify::event_bus`].
    pub event_bus: Option<String>,
    /// See [`Notify::source`].
    pub source: Option<String>,
}

/// How coverage is judged, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// URLs of SQS queues with ECS's events.
    pub queues: Vec<String>,
    /// How long a heartbeat lasts.
    pub silence: Duration,
    /// How long a stopped task counts.
    pub stopped: Duration,
    /// Who asks GuardDuty's API without a signature, from this machine; nobody may where this is not set.
    pub anonymous: Option<Anonymous>,
}

/// Whom requests without a signature count for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anonymous {
    /// Twelve digits.
    pub account: String,
    /// Region.
    pub region: String,
}

/// Who is told of changes of coverage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// How long a status must have lasted before it is told.
    pub hold: Duration,
    /// The server's log.
    pub log: bool,
    /// A receiver of HTTP requests.
    pub webhook: Option<Webhook>,
    /// Name or ARN of an event bus of EventBridge.
    pub event_bus: Option<String>,
    /// `source` of the events.
    pub source: String,
}

/// A receiver of HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where they are sent.
    pub url: String,
    /// Signs them.
    pub secret: Secret,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            silence: Duration::from_secs(45),
            stopped: Duration::from_secs(3600),
            anonymous: None,
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(30),
            log: true,
            webhook: None,
            event_bus: None,
            source: SOURCE.to_owned(),
        }
    }
}

fn bad(name: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Setting { name, reason: reason.into() }
}

impl CoverageSettings {
    pub(super) fn over(self, weaker: Self) -> Self {
        Self {
            queues: if self.queues.is_empty() { weaker.queues } else { self.queues },
            silence_seconds: self.silence_seconds.or(weaker.silence_seconds),
            stopped_minutes: self.stopped_minutes.or(weaker.stopped_minutes),
            anonymous: self.anonymous.or(weaker.anonymous),
        }
    }

    pub(super) fn resolve(self) -> Result<Coverage, ConfigError> {
        let usual = Coverage::default();
        if self.queues.len() > MAX_QUEUES {
            return Err(bad("coverage.queues", format!("at most {MAX_QUEUES} queues are read")));
        }
        let silence = self.silence_seconds.map_or(usual.silence, Duration::from_secs);
        // Sensors send one every ten seconds.
        if !(30..=3600).contains(&silence.as_secs()) {
            return Err(bad("coverage.silence_seconds", "it must be between 30 and 3600"));
        }
        let stopped = self
            .stopped_minutes
            .map_or(usual.stopped, |minutes| Duration::from_secs(minutes.saturating_mul(60)));
        if !(60..=86_400).contains(&stopped.as_secs()) {
            return Err(bad("coverage.stopped_minutes", "it must be between 1 and 1440"));
        }
        let anonymous = self.anonymous.as_deref().map(Anonymous::parse).transpose()?;
        Ok(Coverage { queues: self.queues, silence, stopped, anonymous })
    }
}

impl Anonymous {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let is_region = |region: &str| {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=32).contains(&region.len()) && region.bytes().all(fits)
        };
        match text.split_once('/') {
            Some((account, region)) if is_account(account) && is_region(region) => {
                Ok(Self { account: account.to_owned(), region: region.to_owned() })
            }
            _ => Err(bad("coverage.anonymous", "it is an account and a region: 111122223333/eu-west-1")),
        }
    }
}

impl NotifySettings {
    pub(super) fn over(self, weaker: Self) -> Self {
        Self {
            hold_seconds: self.hold_seconds.or(weaker.hold_seconds),
            log: self.log.or(weaker.log),
            webhook: self.webhook.or(weaker.webhook),
            webhook_secret: self.webhook_secret.or(weaker.webhook_secret),
            event_bus: self.event_bus.or(weaker.event_bus),
            source: self.source.or(weaker.source),
        }
    }

    pub(super) fn resolve(self) -> Result<Notify, ConfigError> {
        let usual = Notify::default();
        let hold = self.hold_seconds.map_or(usual.hold, Duration::from_secs);
        if hold.as_secs() > 86_400 {
            return Err(bad("notify.hold_seconds", "it must be at most 86400"));
        }
        let source = self.source.unwrap_or(usual.source);
        if source.is_empty() || source.len() > 256 {
            return Err(bad("notify.source", "it must have 1 to 256 characters"));
        }
        if self.event_bus.is_some() && source.starts_with("aws.") {
            return Err(bad("notify.source", "EventBridge refuses sources that begin with aws."));
        }
        let webhook = match (self.webhook, self.webhook_secret) {
            (None, None) => None,
            (Some(url), Some(secret)) => Some(webhook(url, secret)?),
            (Some(_), None) => {
                let reason = "the webhook's requests are signed: set FARGARD_NOTIFY_WEBHOOK_SECRET";
                return Err(bad("notify.webhook_secret", reason));
            }
            (None, Some(_)) => return Err(bad("notify.webhook", "there is a secret but no URL")),
        };
        Ok(Notify { hold, log: self.log.unwrap_or(usual.log), webhook, event_bus: self.event_bus, source })
    }
}

fn webhook(url: String, secret: Secret) -> Result<Webhook, ConfigError> {
    if secret.reveal().len() < MIN_SECRET {
        return Err(bad("notify.webhook_secret", format!("it needs at least {MIN_SECRET} characters")));
    }
    let uri: hyper::Uri = url.parse().map_err(|_| bad("notify.webhook", "it is no URL"))?;
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address: Option<std::net::IpAddr> = bare.parse().ok();
    let is_loopback = bare == "localhost" || address.is_some_and(|address| address.is_loopback());
    let is_link_local = match address {
        Some(std::net::IpAddr::V4(address)) => address.is_link_local(),
        Some(std::net::IpAddr::V6(address)) => address.is_unicast_link_local(),
        None => false,
    };
    if is_link_local {
        return Err(bad("notify.webhook", "link-local addresses are those of credentials and metadata"));
    }
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(Webhook { url, secret }),
        Some("http") if is_loopback => Ok(Webhook { url, secret }),
        Some("http") => Err(bad("notify.webhook", "it must be https, unless it is on this machine")),
        _ => Err(bad("notify.webhook", "it must begin with https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::{CoverageSettings, NotifySettings};

    fn notify(text: &str) -> Result<super::Notify, String> {
        let settings: NotifySettings = toml::from_str(text).unwrap();
        settings.resolve().map_err(|error| error.to_string())
    }

    #[test]
    fn what_must_not_be_notified_says_why() {
        let secret = "webhook_secret = 'sixteen-characters'\n";
        for (text, part) in [
            ("webhook = 'https://a/'".to_owned(), "FARGARD_NOTIFY_WEBHOOK_SECRET"),
            (secret.to_owned(), "no URL"),
            ("webhook = 'https://a/'\nwebhook_secret = 'short'".to_owned(), "at least 16"),
            (format!("{secret}webhook = 'http://example.org/'"), "must be https"),
            (format!("{secret}webhook = 'http://10.0.0.1/'"), "must be https"),
            (format!("{secret}webhook = 'https://169.254.169.254/'"), "link-local"),
            (format!("{secret}webhook = 'https://[fe80::1]/'"), "link-local"),
            (format!("{secret}webhook = 'ftp://a/'"), "https://"),
            (format!("{secret}webhook = 'a b'"), "no URL"),
            ("hold_seconds = 86401".to_owned(), "at most 86400"),
            ("event_bus = 'default'\nsource = 'aws.guardduty'".to_owned(), "EventBridge refuses"),
        ] {
            let error = notify(&text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("sixteen"), "{error}");
        }
        for url in
            ["https://hooks.example.org/x?y=1", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"]
        {
            assert!(notify(&format!("{secret}webhook = '{url}'")).is_ok(), "{url}");
        }
        assert!(notify("source = 'aws.guardduty'").is_ok(), "a log may name any source");
    }

    #[test]
    fn what_coverage_must_not_be_told_says_why() {
        for (text, part) in [
            ("silence_seconds = 29", "between 30 and 3600"),
            ("stopped_minutes = 0", "between 1 and 1440"),
            ("anonymous = '1/eu-west-1'", "111122223333/eu-west-1"),
            ("anonymous = '111122223333/EU WEST'", "111122223333/eu-west-1"),
        ] {
            let settings: CoverageSettings = toml::from_str(text).unwrap();
            let error = settings.resolve().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
