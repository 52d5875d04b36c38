//! The login page. Checking what it sends is `auth`'s work.

use askama::Template;
use axum::response::Html;

use super::{
    assets::{PATHS, Paths},
    text,
};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    error: String,
    next: String,
    assets: &'static Paths,
}

/// The form for a token, with what was wrong with the last one; leads to `next`.
pub(crate) fn login_page(error: Option<&str>, next: &str) -> Html<String> {
    let page = LoginPage {
        error: text::line(error.unwrap_or_default(), text::LONG),
        next: next.to_owned(),
        assets: &PATHS,
    };
    Html(page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "the login page could not be rendered");
        "The login page could not be rendered; the server's log says why.".to_owned()
    }))
}
