//! People: scripts with an admin token, browsers with a session.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use fargard_store::TokenKind;

use super::token;
use crate::{error::ApiError, state::AppState};

/// Somebody who may do everything. As a handler's argument it makes the handler refuse everybody else: browsers
/// are sent to `/login`, requests below `/api/` get 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admin {
    /// Name of the token that was used; goes into the history of what is changed.
    pub(crate) name: String,
    /// Came by cookie, so the request may have been made by another site's page.
    pub(crate) by_cookie: bool,
}

/// Name of the session cookie. The prefix makes browsers accept it only from this very host over TLS.
pub(crate) fn cookie_name(tls: bool) -> &'static str {
    if tls { "__Host-fargard" } else { "fargard" }
}

impl FromRequestParts<AppState> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        if let Some(admin) = parts.extensions.get::<Self>() {
            return Ok(admin.clone());
        }
        match authenticate(&parts.headers, state).await {
            Ok(Some(admin)) => {
                super::origin::check(&parts.method, &parts.headers, admin.by_cookie, state.tls)
                    .map_err(IntoResponse::into_response)?;
                parts.extensions.insert(admin.clone());
                Ok(admin)
            }
            Ok(None) => Err(turn_away(parts)),
            Err(error) => Err(error.into_response()),
        }
    }
}

/// Middleware for pages: lets nobody in without a login, except to `/assets/`.
pub(crate) async fn require_login(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/assets/") && request.method() == Method::GET {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match Admin::from_request_parts(&mut parts, &state).await {
        Ok(_) => next.run(Request::from_parts(parts, body)).await,
        Err(response) => response,
    }
}

async fn authenticate(headers: &HeaderMap, state: &AppState) -> Result<Option<Admin>, ApiError> {
    if headers.contains_key(header::AUTHORIZATION) {
        let Some(text) = bearer(headers) else { return Ok(None) };
        let found = token::find(&*state.store, text, TokenKind::Admin).await?;
        return Ok(found.map(|token| Admin { name: token.name, by_cookie: false }));
    }
    let Some(text) = cookie(headers, cookie_name(state.tls)) else { return Ok(None) };
    let found = token::find(&*state.store, text, TokenKind::Session).await?;
    Ok(found.map(|token| Admin { name: token.name, by_cookie: true }))
}

fn turn_away(parts: &Parts) -> Response {
    let path = parts.uri.path();
    if path.starts_with("/api/") || path == "/metrics" {
        return ApiError::unauthorized("an admin token (Authorization: Bearer ...) or a login is needed")
            .into_response();
    }
    let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
    let next = if parts.method == Method::GET && here.len() <= super::login::MAX_NEXT { here } else { "/" };
    Redirect::to(&super::login::path(next)).into_response()
}

/// The text after `Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, text) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|line| {
        line.split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    })
}
