//! Requests that another site's page makes in the name of a logged-in person are refused.
//!
//! `SameSite=Strict` keeps the cookie from them already; this is the second lock, on what the browser itself says
//! about the request's origin.

use axum::http::{HeaderMap, Method, header};

use crate::error::ApiError;

/// Refuses a request that changes something and comes by cookie, unless the browser says that the page it comes
/// from is our own: by `Sec-Fetch-Site`, or by `Origin` where a browser does not send that.
pub(crate) fn check(
    method: &Method,
    headers: &HeaderMap,
    by_cookie: bool,
    tls: bool,
) -> Result<(), ApiError> {
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || !by_cookie || is_same_origin(headers, tls) {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "cross_origin",
        "a request that changes something must come from this server's own pages; scripts use an admin token",
    ))
}

fn is_same_origin(headers: &HeaderMap, tls: bool) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
    let scheme = if tls { "https://" } else { "http://" };
    origin.strip_prefix(scheme).is_some_and(|origin_host| origin_host.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::check;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_our_own_pages_change_things_by_cookie() {
        for (pairs, allowed) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "http://127.0.0.1:8440"), ("host", "127.0.0.1:8440")], true),
            (&[("origin", "http://127.0.0.1:8441"), ("host", "127.0.0.1:8440")], false),
            (&[("origin", "https://127.0.0.1:8440"), ("host", "127.0.0.1:8440")], false),
            (&[("origin", "null"), ("host", "127.0.0.1:8440")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")], false),
            (&[("host", "127.0.0.1:8440")], false),
        ] {
            let headers = headers(pairs);
            assert_eq!(check(&Method::POST, &headers, true, false).is_ok(), allowed, "{pairs:?}");
            assert!(check(&Method::GET, &headers, true, false).is_ok());
            assert!(check(&Method::POST, &headers, false, false).is_ok());
        }
    }
}
