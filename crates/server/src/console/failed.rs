//! Pages for what went wrong.

use askama::Template;
use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use fargard_store::StoreError;

use super::{
    frame::{DONE_COOKIE, Frame, Reader, Section, cookie},
    text,
};
use crate::{auth::Admin, error::ApiError};

/// Ends [`DONE_COOKIE`].
const DONE_SHOWN: &str = "fargard_done=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict";

/// Why there is an error page instead of the page.
#[derive(Clone, Debug)]
pub(super) struct PageError {
    status: StatusCode,
    message: String,
}

impl PageError {
    /// 404, with what was looked for.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self { status: error.status(), message: error.message().to_owned() }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be rendered");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: "The page could not be rendered; the server's log says why.".to_owned(),
        }
    }
}

impl IntoResponse for PageError {
    /// An empty answer that [`dress`] makes a page of.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A page, or why there is none.
pub(super) type Page = Result<Html<String>, PageError>;

/// Renders a page.
pub(super) fn render(page: &impl Template) -> Page {
    Ok(Html(page.render()?))
}

#[derive(Template)]
#[template(path = "failed.html")]
struct FailedPage {
    frame: Frame,
    status: u16,
    heading: &'static str,
    message: String,
}

/// Middleware: gives failed requests a page in the look of the others, and takes back the cookie that a page has
/// shown.
pub(super) async fn dress(request: Request, next: Next) -> Response {
    let (method, headers, uri) = (request.method().clone(), request.headers().clone(), request.uri().clone());
    let who = request.extensions().get::<Admin>().map(|admin| admin.name.clone());
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<PageError>() {
        let reader = Reader::of(&headers, &uri, who.unwrap_or_default(), false);
        response = failed(&reader, &error);
    }
    if method == Method::GET && is_page(&response) && cookie(&headers, DONE_COOKIE).is_some() {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(DONE_SHOWN));
    }
    response
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

fn failed(reader: &Reader, error: &PageError) -> Response {
    let heading = match error.status {
        StatusCode::NOT_FOUND => "Not found",
        status if status.is_client_error() => "This request cannot be answered",
        StatusCode::SERVICE_UNAVAILABLE => "The store does not answer",
        _ => "Something went wrong",
    };
    let page = FailedPage {
        frame: reader.frame_with(None, heading, Section::Other),
        status: error.status.as_u16(),
        heading,
        message: text::line(&error.message, text::LONG),
    };
    match page.render() {
        Ok(html) => (error.status, Html(html)).into_response(),
        Err(_) => (error.status, error.message.clone()).into_response(),
    }
}

/// The page for a path that leads nowhere.
pub(super) fn missing(reader: &Reader, path: &str) -> Response {
    failed(reader, &PageError::not_found(format!("There is nothing at {path}.")))
}
