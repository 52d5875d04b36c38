//! GuardDuty's API (REST-JSON 1, version 2017-11-28): what its clients ask, as typed requests, and answers as they
//! parse them. Shapes and limits are those of AWS's service model; what a model does not say is said where it is
//! decided.

mod body;
mod detector;
mod error;
mod filter;
mod findings;
mod list_coverage;
mod list_set;
mod member;
mod operation;
mod organization;
mod page_token;
mod route;
mod tags;
mod usage;

pub use body::{parameter, query_limit};
pub use detector::{Detector, Feature, FeatureState, create_detector, get_detector, update_detector};
pub use error::AwsError;
pub use filter::Filter;
pub use findings::{
    ARCHIVED, CURRENT, Condition, Criteria, Detail, FindingIds, FindingStatistics, ListFindings, MAX_FILTERS,
    Page, Sample, archive_input, arn_prefix, feedback_input, finding_statistics, get_findings, list_findings,
    partition, place_of, render_finding, sample_types, severity_of, type_of,
};
pub use list_coverage::{Statistics, coverage_statistics, list_coverage, render_page, render_statistics};
pub use list_set::{Destination, ListSet};
pub use member::{
    Member, Relationship, account_details, account_ids, admin_account, invitation, member_detector,
    unprocessed,
};
pub use operation::Operation;
pub use organization::{AutoEnable, Organization};
pub use page_token::{NameToken, Token};
pub use route::{Routed, route};
pub use tags::{owned_detector, tag_resource, untag_keys};
pub use usage::usage_statistics;

/// Largest body of a request.
pub const MAX_BODY: usize = 1 << 20;
/// The name of the service in signatures.
pub const SERVICE: &str = "guardduty";
