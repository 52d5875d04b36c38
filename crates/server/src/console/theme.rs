//! The choice of colours: a form, so that it works without a script.

use axum::{
    extract::Form,
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    failed::PageError,
    frame::{Reader, THEME_COOKIE, Theme},
    links,
};

/// A year in seconds.
const YEAR: u32 = 31_536_000;

#[derive(Deserialize)]
pub(super) struct Choice {
    theme: String,
    back: String,
}

/// `POST /theme`: keeps the choice in a cookie and goes back.
pub(super) async fn choose(_reader: Reader, Form(choice): Form<Choice>) -> Result<Response, PageError> {
    let theme = Theme::of(&choice.theme)
        .ok_or_else(|| PageError::bad_request("theme: use one of auto, light, dark"))?;
    let mut response = Redirect::to(links::local(&choice.back)).into_response();
    let cookie = format!("{THEME_COOKIE}={}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax", theme.name());
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}
