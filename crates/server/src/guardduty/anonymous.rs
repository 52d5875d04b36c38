//! Requests without a signature (`--no-sign-request`), where the operator lets programs on this machine in so.
//!
//! They may read as an administrator of the account and region that were set. A browser on this machine is kept out,
//! whatever page it shows: it says where a request comes from, and under which name it knows this server.

use std::net::IpAddr;

use axum::http::{header, request::Parts};
use fargard_model::Timestamp;
use fargard_store::{AccessKey, KeyRole};

use super::sign_in::Caller;
use crate::{config::Anonymous, serve::Peer};

/// Headers that browsers add.
const OF_BROWSERS: [&str; 3] = ["origin", "sec-fetch-site", "sec-fetch-mode"];

/// Who asks without a signature; nobody unless it was allowed.
pub(super) fn caller(allowed: Option<&Anonymous>, parts: &Parts) -> Option<Caller> {
    let Anonymous { account, region } = allowed?;
    let is_signed = parts.headers.contains_key(header::AUTHORIZATION)
        || parts.uri.query().is_some_and(|query| query.contains("X-Amz-"));
    let is_here = parts.extensions.get::<Peer>().is_some_and(|peer| peer.0.is_loopback());
    let by_browser = OF_BROWSERS.iter().any(|name| parts.headers.contains_key(*name));
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_signed || !is_here || by_browser || !is_loopback(host) {
        return None;
    }
    let key = AccessKey {
        id: "anonymous".to_owned(),
        sealed: String::new(),
        name: "anonymous".to_owned(),
        account: account.clone(),
        role: KeyRole::Administrator,
        read_only: true,
        created: Timestamp(0),
    };
    Some(Caller { key, region: region.clone() })
}

/// Whether a host and port name this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::caller;
    use crate::{config::Anonymous, serve::Peer};

    #[test]
    fn only_programs_on_this_machine_need_no_signature() {
        let allowed = Anonymous { account: "111122223333".to_owned(), region: "eu-west-1".to_owned() };
        let ask = |peer: &str, uri: &str, headers: &[(&str, &str)]| {
            let mut request = Request::builder().uri(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            parts.extensions.insert(Peer(peer.parse().unwrap()));
            assert!(caller(None, &parts).is_none());
            caller(Some(&allowed), &parts)
        };
        let host = ("host", "127.0.0.1:8440");
        let found = ask("127.0.0.1", "/detector", &[host]).unwrap();
        assert!(found.key.read_only && found.key.account == "111122223333" && found.region == "eu-west-1");
        for host in ["localhost:8440", "[::1]:8440", "127.0.0.1"] {
            assert!(ask("::1", "/detector", &[("host", host)]).is_some(), "{host}");
        }
        for (peer, uri, headers) in [
            ("10.0.0.1", "/detector", &[host][..]),
            ("127.0.0.1", "/detector", &[]),
            ("127.0.0.1", "/detector", &[("host", "evil.example:8440")]),
            ("127.0.0.1", "/detector", &[("host", "localhost.evil.example")]),
            ("127.0.0.1", "/detector", &[host, ("origin", "http://evil.example")]),
            ("127.0.0.1", "/detector", &[host, ("sec-fetch-site", "cross-site")]),
            ("127.0.0.1", "/detector", &[host, ("authorization", "AWS4-HMAC-SHA256 x")]),
            ("127.0.0.1", "/detector?X-Amz-Signature=1", &[host]),
        ] {
            assert!(ask(peer, uri, headers).is_none(), "{peer} {uri} {headers:?}");
        }
    }
}
