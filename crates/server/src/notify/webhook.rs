//! HTTP requests that tell of a change, signed as <https://www.standardwebhooks.com> says: the headers `webhook-id`,
//! `webhook-timestamp` (seconds) and `webhook-signature`: `v1,` and the base64 of an HMAC-SHA256 over
//! `ID.TIMESTAMP.BODY`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fargard_aws::{Request, Transport};
use fargard_model::Timestamp;
use ring::hmac;

use crate::config;

/// What a secret begins with whose rest is base64.
const ENCODED: &str = "whsec_";

/// An HTTP endpoint.
pub(crate) struct Webhook {
    url: String,
    key: hmac::Key,
    transport: Transport,
}

/// The URL may hold a secret too.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

impl Webhook {
    /// The one of a configuration.
    pub(super) fn new(given: &config::Webhook, patience: Duration) -> Self {
        let text = given.secret.reveal();
        let decoded = text.strip_prefix(ENCODED).and_then(|rest| STANDARD.decode(rest).ok());
        let secret = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
        Self {
            url: given.url.clone(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            transport: Transport::within(patience),
        }
    }

    fn signature(&self, id: &str, timestamp: &str, body: &str) -> String {
        let tag = hmac::sign(&self.key, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }

    /// Sends; any status from 200 to 299 says that it was taken. Redirects are not followed.
    pub(super) fn send(&self, id: &str, body: &str, now: Timestamp) -> Result<(), String> {
        let timestamp = now.seconds().to_string();
        let signature = self.signature(id, &timestamp, body);
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request { method: "POST", url: &self.url, headers: &headers, body: body.as_bytes() };
        let answer = self.transport.exchange(&request).map_err(|error| format!("no answer: {error}"))?;
        match answer.status {
            200..=299 => Ok(()),
            status => Err(format!("it answered {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fargard_model::Secret;

    use super::Webhook;
    use crate::config;

    /// The worked example of the specification's reference libraries.
    #[test]
    fn signs_as_the_specification_does() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let given = config::Webhook { url: "https://a/".to_owned(), secret };
        let webhook = Webhook::new(&given, Duration::from_secs(1));
        let signature =
            webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
