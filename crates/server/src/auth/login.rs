//! How a browser gets a session: by the form, or by a link that works once.

use axum::{
    Form, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use fargard_model::{Secret, Timestamp};
use fargard_store::{Token, TokenKind};
use serde::Deserialize;

use super::{
    admin::{Admin, cookie, cookie_name},
    origin, token,
};
use crate::{console, error::ApiError, query::Params, serve::Peer, state::AppState};

/// Longest path a login leads back to.
pub(super) const MAX_NEXT: usize = 1024;
/// How long a session lasts, in seconds.
const SESSION: u64 = 12 * 3600;
/// How long a one-time link works, in seconds.
const LINK: u64 = 600;
const NANOSECONDS: u64 = 1_000_000_000;

/// `/login` and `/logout`.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/login", get(show).post(submit)).route("/logout", post(logout))
}

/// Makes a link's code for the person of that name.
pub(crate) async fn one_time_code(state: &AppState, name: &str) -> Result<Secret, ApiError> {
    issue(state, TokenKind::OneTime, name, LINK).await
}

#[derive(Deserialize)]
struct Credentials {
    token: String,
    #[serde(default)]
    next: String,
}

async fn show(State(state): State<AppState>, peer: Peer, mut params: Params) -> Response {
    let next = params.take("next").unwrap_or_default();
    let next = safe_next(&next);
    let Some(code) = params.take("code") else {
        return console::login_page(None, next).into_response();
    };
    if let Err(error) = state.attempts.check(peer.0) {
        return refused(&error, next);
    }
    match redeem(&state, &code).await {
        Ok(Some(session)) => arrive(&state, &session, next),
        Ok(None) => {
            state.attempts.failed(peer.0);
            refused(&ApiError::unauthorized("This link was used already, is too old, or is not ours."), next)
        }
        Err(error) => refused(&error, next),
    }
}

async fn submit(
    State(state): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Response {
    let next = safe_next(&form.next);
    let allowed =
        origin::check(&Method::POST, &headers, true, state.tls).and_then(|()| state.attempts.check(peer.0));
    if let Err(error) = allowed {
        return refused(&error, next);
    }
    let found = match token::find(&*state.store, form.token.trim(), TokenKind::Admin).await {
        Ok(found) => found,
        Err(error) => return refused(&error.into(), next),
    };
    let Some(admin) = found else {
        state.attempts.failed(peer.0);
        tracing::warn!(peer = %peer.0, "login refused");
        return refused(&ApiError::unauthorized("This is not an admin token of this server."), next);
    };
    match issue(&state, TokenKind::Session, &admin.name, SESSION).await {
        Ok(session) => {
            let cookie = set_cookie(state.tls, session.reveal(), SESSION);
            ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response()
        }
        Err(error) => refused(&error, next),
    }
}

async fn logout(State(state): State<AppState>, admin: Admin, headers: HeaderMap) -> Response {
    if let Some(text) = cookie(&headers, cookie_name(state.tls)) {
        if let Err(error) = state.store.take_token(&token::hash(text)).await {
            return ApiError::from(error).into_response();
        }
        tracing::info!(name = admin.name, "logged out");
    }
    ([(header::SET_COOKIE, set_cookie(state.tls, "", 0))], Redirect::to("/login")).into_response()
}

/// Takes the code; of all who show it at the same time only one gets a session.
async fn redeem(state: &AppState, code: &str) -> Result<Option<Secret>, ApiError> {
    let Some(link) = token::find(&*state.store, code, TokenKind::OneTime).await? else { return Ok(None) };
    if !state.store.take_token(&link.hash).await? {
        return Ok(None);
    }
    issue(state, TokenKind::Session, &link.name, SESSION).await.map(Some)
}

async fn issue(state: &AppState, kind: TokenKind, name: &str, seconds: u64) -> Result<Secret, ApiError> {
    let secret = token::mint(kind)?;
    let now = Timestamp::now();
    let token = Token {
        hash: token::hash(secret.reveal()),
        kind,
        name: name.to_owned(),
        task_arn: String::new(),
        created: now,
        expires: Some(Timestamp(now.0.saturating_add(seconds * NANOSECONDS))),
    };
    state.store.put_token(&token).await?;
    Ok(secret)
}

/// Goes on by a page of our own instead of a redirect: a `SameSite=Strict` cookie does not follow redirects that
/// began on another site, as a link in a mail reader's page does.
fn arrive(state: &AppState, session: &Secret, next: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0; url={next}\">\
         <title>Fargard</title><p><a href=\"{next}\">Go on</a></p></html>"
    );
    ([(header::SET_COOKIE, set_cookie(state.tls, session.reveal(), SESSION))], Html(page)).into_response()
}

fn refused(error: &ApiError, next: &str) -> Response {
    let mut response = (error.status(), console::login_page(Some(error.message()), next)).into_response();
    if error.status() == StatusCode::TOO_MANY_REQUESTS
        && let Some(seconds) = error.retry_after_seconds()
    {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn set_cookie(tls: bool, value: &str, seconds: u64) -> String {
    let secure = if tls { "; Secure" } else { "" };
    let name = cookie_name(tls);
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// Only a path of this server, in characters that mean nothing in a header or in HTML; otherwise the first page.
fn safe_next(next: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/?&=%+:,".contains(&byte);
    let is_path = next.starts_with('/') && !next.starts_with("//");
    if is_path && next.len() <= MAX_NEXT && next.bytes().all(plain) { next } else { "/" }
}

/// The login page's path that leads back to `next` afterwards.
pub(super) fn path(next: &str) -> String {
    if next == "/" { "/login".to_owned() } else { format!("/login?next={}", encode(next)) }
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn a_login_leads_to_our_own_pages_only() {
        for (next, expected) in [
            ("/findings?state=open&task=arn%3Aaws", "/findings?state=open&task=arn%3Aaws"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\"><script>", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(safe_next(next), expected);
        }
    }
}
