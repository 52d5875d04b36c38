//! Compliance: standards, images of tasks and before deployment, and the policy with its editors.

mod collections;
mod exceptions;
mod form;
mod image;
mod images;
mod rules;
mod standards;

use axum::{Router, routing::get};

use crate::state::AppState;

/// Pages of compliance.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/compliance", get(standards::page))
        .route("/compliance/images", get(images::page))
        .route("/compliance/images/{id}", get(image::page))
        .route("/compliance/rules", get(rules::page).post(rules::change))
        .route("/compliance/collections", get(collections::page).post(collections::change))
        .route("/compliance/exceptions", get(exceptions::page).post(exceptions::change))
}

/// A part of compliance, as the second row of navigation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Standards,
    Deployed,
    Ci,
    Rules,
    Collections,
    Exceptions,
}

/// The second row of navigation.
struct Tabs(Tab);

impl Tabs {
    /// Title, link, whether it is the present one.
    fn entries(&self) -> [(&'static str, &'static str, bool); 6] {
        [
            ("By standard", "/compliance", Tab::Standards),
            ("Images › Deployed", "/compliance/images", Tab::Deployed),
            ("Images › Before deployment", "/compliance/images?stage=ci", Tab::Ci),
            ("Rules", "/compliance/rules", Tab::Rules),
            ("Collections", "/compliance/collections", Tab::Collections),
            ("Exceptions", "/compliance/exceptions", Tab::Exceptions),
        ]
        .map(|(title, href, tab)| (title, href, tab == self.0))
    }
}
