//! From a tool's request to ECS's answer.

use std::sync::{Arc, Mutex, PoisonError};

use fargard_aws::{
    self as aws, Clock, Credentials, Environment, Provider, Service, Transport, endpoint,
    sign::{Scope, Unsigned, sign},
};
use fargard_coverage::sigv4::{self, AuthError};
use fargard_taskdef::embed::{ImageLookup, Settings};

use super::{
    http::{Request, Response},
    rewrite::rewrite,
};

const REGISTER: &str = "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition";
/// Headers of one connection only, or made anew for ECS's.
const NOT_FORWARDED: [&str; 13] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
];

pub(super) struct Forwarder {
    pub(super) settings: Settings,
    pub(super) require: bool,
    pub(super) provider: Provider,
    pub(super) environment: Environment,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lookup: Mutex<Box<dyn ImageLookup + Send>>,
    pub(super) tell: Box<dyn Fn(&str) + Send + Sync>,
    pub(super) transport: Transport,
}

impl Forwarder {
    /// ECS's answer, or an error in ECS's form.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let credentials = match self.provider.credentials() {
            Ok(credentials) => credentials,
            Err(error) => {
                (self.tell)(&error.to_string());
                return Response::error(503, "ServerException", &format!("fargard embed proxy: {error}"));
            }
        };
        let region = match self.authenticate(request, &credentials) {
            Ok(region) => region,
            Err(refusal) => return refusal,
        };
        let body = match self.body(request) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        self.forward(request, body.as_deref().unwrap_or(&request.body), &credentials, &region)
    }

    /// The region that a request of ours is for.
    fn authenticate(&self, request: &Request, credentials: &Credentials) -> Result<String, Response> {
        let seen = sigv4::Request {
            method: &request.method,
            path: &request.path,
            query: &request.query,
            headers: &request.headers,
            body: &request.body,
        };
        let refused = |error: &AuthError| Response::error(400, error.code(), &error.to_string());
        let claim = sigv4::claim(&seen).map_err(|error| refused(&error))?;
        if claim.key != credentials.access_key_id {
            let message = "fargard embed proxy signs again what the credentials it was started with have signed; this \
                           request is signed with others. Start it with the same profile or role";
            (self.tell)(message);
            return Err(Response::error(400, AuthError::Unrecognized.code(), message));
        }
        let secret = &credentials.secret_access_key;
        sigv4::verify(&seen, &claim, secret, "ecs", self.clock.now()).map_err(|error| refused(&error))?;
        let region = claim.region.into_owned();
        // It becomes part of a host name.
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if region.is_empty() || !region.chars().all(fits) {
            return Err(Response::error(400, "InvalidSignatureException", "the region's name is malformed"));
        }
        Ok(region)
    }

    /// The new body of a registration; `None` for everything that stays as it is.
    fn body(&self, request: &Request) -> Result<Option<Vec<u8>>, Response> {
        if request.header("x-amz-target") != Some(REGISTER) {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&request.body);
        let rewritten = {
            let lookup = self.lookup.lock().unwrap_or_else(PoisonError::into_inner);
            rewrite(&text, &self.settings, &**lookup)
        };
        rewritten.notes.iter().for_each(|note| (self.tell)(note));
        if !rewritten.unprotected.is_empty() {
            let reasons = rewritten.unprotected.join("; ");
            if self.require {
                let message = format!(
                    "fargard embed proxy --require: not registered, as it stays unprotected: {reasons}"
                );
                (self.tell)(&message);
                return Err(Response::error(400, "ClientException", &message));
            }
            if rewritten.notes.is_empty() {
                (self.tell)(&format!("warning: registered without the sensor: {reasons}"));
            }
        }
        Ok(rewritten.body.map(String::into_bytes))
    }

    fn forward(&self, request: &Request, body: &[u8], credentials: &Credentials, region: &str) -> Response {
        let base = endpoint(&self.environment, Service::Ecs, region);
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .filter(|(name, _)| !NOT_FORWARDED.contains(&name.as_str()))
            .cloned()
            .collect();
        let authority = base.split_once("://").map_or(&*base, |(_, rest)| rest).trim_end_matches('/');
        let is_signed = |name: &str| name == "content-type" || name.starts_with("x-amz-");
        let mut signed: Vec<(String, String)> =
            headers.iter().filter(|(name, _)| is_signed(name)).cloned().collect();
        signed.push(("host".to_owned(), authority.to_owned()));
        let unsigned = Unsigned {
            method: &request.method,
            path: &request.path,
            query: &request.query,
            headers: &signed,
            body,
        };
        headers.extend(sign(&unsigned, credentials, Scope { region, service: "ecs", at: self.clock.now() }));
        // What is passed on must not be decompressed on the way.
        headers.push(("accept-encoding".to_owned(), "identity".to_owned()));
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let url = format!("{base}{}{query}", request.path);
        let asked = aws::Request { method: &request.method, url: &url, headers: &headers, body };
        match self.transport.exchange(&asked) {
            Ok(answer) => Response {
                status: answer.status,
                headers: answer
                    .headers
                    .into_iter()
                    .filter(|(name, _)| name != "content-encoding" && !NOT_FORWARDED.contains(&name.as_str()))
                    .collect(),
                body: answer.body,
            },
            Err(error) => {
                let message = format!("fargard embed proxy: no answer from {base}: {error}");
                (self.tell)(&message);
                Response::error(503, "ServerException", &message)
            }
        }
    }
}
