//! GuardDuty's API (REST-JSON 1, version 2017-11-28): what its clients ask, as typed requests, and answers as they
//! parse them. Shapes and limits are those of AWS's service model; what a model does not say is said where it is
//! decided.

mod detector;
mod error;
mod list_coverage;
mod page_token;
mod route;
mod tags;

pub use detector::{Detector, Feature, FeatureState, create_detector, get_detector, update_detector};
pub use error::AwsError;
pub use list_coverage::{Statistics, coverage_statistics, list_coverage, render_page, render_statistics};
pub use page_token::Token;
pub use route::{Operation, Routed, route};
pub use tags::{owned_detector, tag_resource, untag_keys};

/// Largest body of a request.
pub const MAX_BODY: usize = 1 << 20;
/// The name of the service in signatures.
pub const SERVICE: &str = "guardduty";
