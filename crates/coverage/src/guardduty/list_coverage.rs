//! `ListCoverage` and `GetCoverageStatistics`.
//!
//! Where the service model is silent: criteria must all hold; values of `equals` are alternatives, those of
//! `notEquals` are all excluded; matches are exact; a page has 50 records unless asked for fewer; the order is by
//! cluster's name unless asked for another.

use fargard_model::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{AwsError, Token, body};
use crate::{
    query::{After, Column, CoverageQuery, Criterion, SortKey},
    row::CoverageRow,
};

/// Most criteria, and most records of a page.
const MAX: usize = 50;
/// Most values in a condition.
const MAX_VALUES: usize = 200;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    next_token: Option<String>,
    max_results: Option<i64>,
    filter_criteria: Option<FilterCriteria>,
    sort_criteria: Option<SortCriteria>,
    statistics_type: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FilterCriteria {
    filter_criterion: Option<Vec<FilterCriterion>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FilterCriterion {
    criterion_key: Option<String>,
    filter_condition: Option<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Condition {
    equals: Option<Vec<String>>,
    not_equals: Option<Vec<String>>,
    /// What AWS's documentation writes, and its own clients refuse to send.
    equals_value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SortCriteria {
    attribute_name: Option<String>,
    order_by: Option<String>,
}

/// The records a `ListCoverage` request wants.
///
/// # Errors
/// What cannot be, named.
pub fn list_coverage(request: &[u8], now: Timestamp) -> Result<CoverageQuery, AwsError> {
    let input: Input = body::read(request)?;
    let (sort, descending) = order(&input.sort_criteria.unwrap_or_default())?;
    let limit = body::limit(input.max_results, MAX, MAX)?;
    let mut query =
        CoverageQuery { criteria: criteria(input.filter_criteria)?, sort, descending, after: None, limit };
    query.after = match input.next_token.as_deref() {
        None | Some("") => None,
        Some(token) => Some(Token::read(token, &query, now)?),
    };
    Ok(query)
}

fn order(sort: &SortCriteria) -> Result<(SortKey, bool), AwsError> {
    let key = match sort.attribute_name.as_deref() {
        None | Some("ECS_CLUSTER_NAME") => SortKey::Cluster,
        Some("ACCOUNT_ID") => SortKey::Account,
        Some("COVERAGE_STATUS") => SortKey::Status,
        Some("ISSUE") => SortKey::Issue,
        Some("UPDATED_AT") => SortKey::UpdatedAt,
        // No record of an ECS cluster has these.
        Some("ADDON_VERSION" | "CLUSTER_NAME" | "EKS_CLUSTER_NAME" | "INSTANCE_ID") => SortKey::Arn,
        Some(other) => return Err(unknown("attributeName", other)),
    };
    match sort.order_by.as_deref() {
        None | Some("ASC") => Ok((key, false)),
        Some("DESC") => Ok((key, true)),
        Some(other) => Err(unknown("orderBy", other)),
    }
}

fn unknown(member: &str, value: &str) -> AwsError {
    let value: String = value.chars().take(64).collect();
    AwsError::invalid(&format!("{member} cannot be {value:?}."))
}

fn criteria(filter: Option<FilterCriteria>) -> Result<Vec<Criterion>, AwsError> {
    let wanted = filter.and_then(|filter| filter.filter_criterion).unwrap_or_default();
    if wanted.len() > MAX {
        return Err(AwsError::invalid("filterCriterion holds at most 50 criteria."));
    }
    wanted.into_iter().map(criterion).collect()
}

fn criterion(criterion: FilterCriterion) -> Result<Criterion, AwsError> {
    let key = criterion.criterion_key.unwrap_or_default();
    let (column, values): (Column, &[&str]) = match key.as_str() {
        "ACCOUNT_ID" => (Column::Account, &[]),
        "RESOURCE_TYPE" => (Column::ResourceType, &["EKS", "ECS", "EC2"]),
        "COVERAGE_STATUS" => (Column::Status, &["HEALTHY", "UNHEALTHY"]),
        "MANAGEMENT_TYPE" => (Column::Management, &["AUTO_MANAGED", "MANUAL", "DISABLED"]),
        "ECS_CLUSTER_NAME" => (Column::Cluster, &[]),
        "CLUSTER_ARN" => (Column::Arn, &[]),
        "ADDON_VERSION" | "CLUSTER_NAME" | "EKS_CLUSTER_NAME" | "AGENT_VERSION" | "INSTANCE_ID" => {
            (Column::Absent, &[])
        }
        other => return Err(unknown("criterionKey", other)),
    };
    let condition = criterion.filter_condition.unwrap_or_default();
    let mut equals = condition.equals.unwrap_or_default();
    equals.extend(condition.equals_value);
    let not_equals = condition.not_equals.unwrap_or_default();
    if equals.is_empty() && not_equals.is_empty() {
        return Err(AwsError::invalid(&format!("filterCondition of {key} must hold equals or notEquals.")));
    }
    if equals.len() + not_equals.len() > MAX_VALUES {
        return Err(AwsError::invalid(&format!(
            "filterCondition of {key} holds at most {MAX_VALUES} values."
        )));
    }
    for value in equals.iter().chain(&not_equals) {
        if value.len() > 512
            || value.contains('\0')
            || (!values.is_empty() && !values.contains(&value.as_str()))
        {
            return Err(unknown(&key, value));
        }
    }
    Ok(Criterion { column, equals, not_equals })
}

/// The answer to `ListCoverage`.
#[must_use]
pub fn render_page(
    rows: &[CoverageRow],
    after: Option<&After>,
    query: &CoverageQuery,
    detector: &str,
    now: Timestamp,
) -> Value {
    let resources: Vec<Value> = rows.iter().map(|row| resource(row, detector)).collect();
    let mut answer = json!({"resources": resources});
    if let Some(after) = after {
        answer["nextToken"] = Token::of(query, after, now).into();
    }
    answer
}

/// Epoch seconds with milliseconds: Rust's and JavaScript's clients refuse any other form, or read it as another year.
pub(super) fn epoch(time: Timestamp) -> f64 {
    // Milliseconds since the epoch have 41 bits, so the number is exact.
    (time.0 / 1_000_000) as f64 / 1000.0
}

fn resource(row: &CoverageRow, detector: &str) -> Value {
    let issues: Vec<String> = row.issues.iter().map(|issue| issue.text()).collect();
    let mut resource = json!({
        "resourceId": row.arn,
        "detectorId": detector,
        "accountId": row.account,
        "resourceDetails": {
            "resourceType": "ECS",
            "ecsClusterDetails": {
                "clusterName": row.cluster,
                "fargateDetails": {"issues": issues, "managementType": row.management.name()},
                "containerInstanceDetails": {
                    "coveredContainerInstances": row.covered_instances,
                    "compatibleContainerInstances": row.compatible_instances,
                },
            },
        },
        "coverageStatus": row.status.name(),
        "updatedAt": epoch(row.updated_at),
    });
    if !row.issue().is_empty() {
        resource["issue"] = row.issue().into();
    }
    resource
}

/// Which counts a `GetCoverageStatistics` request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Of these records.
    pub query: CoverageQuery,
    /// `COUNT_BY_RESOURCE_TYPE`.
    pub by_type: bool,
    /// `COUNT_BY_COVERAGE_STATUS`.
    pub by_status: bool,
}

/// The counts a `GetCoverageStatistics` request wants.
///
/// # Errors
/// What cannot be, named.
pub fn coverage_statistics(request: &[u8]) -> Result<Statistics, AwsError> {
    let input: Input = body::read(request)?;
    let query = CoverageQuery { criteria: criteria(input.filter_criteria)?, ..CoverageQuery::default() };
    let mut wanted = Statistics { query, by_type: false, by_status: false };
    let kinds = input.statistics_type.unwrap_or_default();
    if kinds.is_empty() {
        return Err(AwsError::invalid("statisticsType is needed."));
    }
    for kind in kinds {
        match kind.as_str() {
            "COUNT_BY_RESOURCE_TYPE" => wanted.by_type = true,
            "COUNT_BY_COVERAGE_STATUS" => wanted.by_status = true,
            other => return Err(unknown("statisticsType", other)),
        }
    }
    Ok(wanted)
}

/// The answer to `GetCoverageStatistics`; a count that was asked for and is zero everywhere is an empty map.
#[must_use]
pub fn render_statistics(wanted: &Statistics, healthy: u64, unhealthy: u64) -> Value {
    let map = |pairs: &[(&str, u64)]| -> Value {
        let pairs = pairs.iter().filter(|(_, count)| *count > 0);
        pairs.map(|(name, count)| ((*name).to_owned(), Value::from(*count))).collect::<Map<_, _>>().into()
    };
    let mut statistics = Map::new();
    if wanted.by_type {
        statistics.insert("countByResourceType".to_owned(), map(&[("ECS", healthy + unhealthy)]));
    }
    if wanted.by_status {
        let by_status = map(&[("HEALTHY", healthy), ("UNHEALTHY", unhealthy)]);
        statistics.insert("countByCoverageStatus".to_owned(), by_status);
    }
    json!({"coverageStatistics": statistics})
}
