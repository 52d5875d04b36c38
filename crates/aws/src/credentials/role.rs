//! Another role's credentials, by `sts:AssumeRole` (query protocol, answers in XML, version 2011-06-15).

use fargard_model::{Secret, Timestamp};

use super::{Credentials, Source};
use crate::{
    AwsError, CallError, CallFailure, Environment, Request, Role, Service, Transport,
    account::{account_of, authority},
    endpoint,
    sign::{self, Scope, Unsigned, encode},
};

/// Session name where none is given; it stands in CloudTrail.
pub(crate) const SESSION: &str = "fargard";
/// Seconds: an hour is the most when a role assumes a role.
const DURATION: u32 = 3600;

#[derive(Clone, Debug)]
pub(super) struct Assumed {
    base: Source,
    role: Role,
    region: String,
    url: String,
}

impl Assumed {
    pub(super) fn new(base: Source, role: Role, environment: &Environment, region: &str) -> Self {
        let url = endpoint(environment, Service::Sts, region);
        Self { base, role, region: region.to_owned(), url }
    }

    pub(super) fn load(&self, now: Timestamp) -> Result<Credentials, AwsError> {
        let asking = self.base.load(now)?;
        let (role, session) = (form(&self.role.arn), form(&self.role.session_name));
        let mut body = format!(
            "Action=AssumeRole&Version=2011-06-15&DurationSeconds={DURATION}&RoleArn={role}&RoleSessionName={session}"
        );
        if let Some(id) = &self.role.external_id {
            body.push_str(&format!("&ExternalId={}", form(id)));
        }
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("host".to_owned(), authority(&self.url).to_owned()),
        ];
        let unsigned =
            Unsigned { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        let scope = Scope { region: &self.region, service: "sts", at: now };
        let added = sign::sign(&unsigned, &asking, scope);
        headers.retain(|(name, _)| name != "host");
        headers.extend(added);
        let url = format!("{}/", self.url);
        let request = Request { method: "POST", url: &url, headers: &headers, body: body.as_bytes() };
        let answer = Transport::default()
            .exchange(&request)
            .map_err(|error| self.failed(None, CallFailure::Unreachable(error.reason)))?;
        let text = String::from_utf8_lossy(&answer.body);
        let id = answer.header("x-amzn-requestid").map(str::to_owned);
        if answer.status != 200 {
            let code = element(&text, "Code").unwrap_or("UnknownError").to_owned();
            let message = element(&text, "Message").unwrap_or_default().chars().take(500).collect();
            return Err(self.failed(id, CallFailure::Refused { status: answer.status, code, message }));
        }
        let keys = (|| {
            Some(Credentials {
                access_key_id: element(&text, "AccessKeyId")?.to_owned(),
                secret_access_key: Secret::new(element(&text, "SecretAccessKey")?),
                session_token: Some(Secret::new(element(&text, "SessionToken")?)),
                expires: Some(parse_time(element(&text, "Expiration")?)?),
            })
        })();
        keys.ok_or_else(|| self.failed(id, CallFailure::NotUnderstood("it holds no credentials".to_owned())))
    }

    fn failed(&self, request_id: Option<String>, failure: CallFailure) -> AwsError {
        AwsError::Call(Box::new(CallError {
            service: Service::Sts,
            operation: "AssumeRole",
            account: account_of(&self.role.arn).map(str::to_owned),
            region: self.region.clone(),
            request_id,
            attempts: 1,
            failure,
        }))
    }
}

fn form(text: &str) -> String {
    encode(text.as_bytes(), b"-_.~")
}

/// RFC 3339.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_nanosecond()).ok().map(Timestamp)
}

/// The text of the first element of that name. What STS puts into these needs no escapes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    (!text.contains('<')).then(|| text.trim())
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn reads_elements() {
        let xml = "<R><Credentials>\n<SessionToken>a+/=</SessionToken></Credentials><Code/></R>";
        assert_eq!(element(xml, "SessionToken"), Some("a+/="));
        assert_eq!((element(xml, "Credentials"), element(xml, "Code")), (None, None));
    }
}
