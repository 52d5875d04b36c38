//! `GetFindingsStatistics`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Criteria;
use crate::{
    ecs::parse_time,
    guardduty::{AwsError, body, list_coverage::epoch},
};
use fargard_model::Timestamp;

/// Most groups of an answer, and how many there are unless asked for fewer or more.
const MAX: usize = 100;
const USUAL: usize = 25;
/// Groups that are counted; findings of later ones are left out.
const MAX_GROUPS: usize = 100_000;
/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    finding_statistic_types: Option<Vec<String>>,
    finding_criteria: Option<Value>,
    group_by: Option<String>,
    order_by: Option<String>,
    max_results: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The old form: a map by severity.
    Count,
    Account,
    Date,
    Type,
    Resource,
    Severity,
}

/// Counts of findings, being made from findings as they are shown.
#[derive(Debug)]
pub struct Statistics {
    /// Of these.
    pub criteria: Criteria,
    by: By,
    descending: bool,
    limit: usize,
    groups: BTreeMap<String, Group>,
}

#[derive(Debug)]
struct Group {
    /// The group's own members.
    members: Map<String, Value>,
    total: u64,
    /// Milliseconds since the epoch.
    latest: u64,
}

/// The counts a `GetFindingsStatistics` request wants.
///
/// # Errors
/// What cannot be, named.
pub fn finding_statistics(request: &[u8]) -> Result<Statistics, AwsError> {
    let input: Input = body::read(request)?;
    let types = input.finding_statistic_types.unwrap_or_default();
    if types.iter().any(|each| each != "COUNT_BY_SEVERITY") {
        return Err(AwsError::invalid("findingStatisticTypes must be COUNT_BY_SEVERITY."));
    }
    let by = match (input.group_by.as_deref(), types.is_empty()) {
        (Some(_), false) | (None, true) => {
            return Err(AwsError::invalid("Either groupBy or findingStatisticTypes is needed."));
        }
        (None, false) => By::Count,
        (Some("ACCOUNT"), _) => By::Account,
        (Some("DATE"), _) => By::Date,
        (Some("FINDING_TYPE"), _) => By::Type,
        (Some("RESOURCE"), _) => By::Resource,
        (Some("SEVERITY"), _) => By::Severity,
        (Some(other), _) => return Err(AwsError::invalid(&format!("groupBy cannot be {other:.64?}."))),
    };
    let descending = match input.order_by.as_deref() {
        None | Some("DESC") => true,
        Some("ASC") => false,
        Some(other) => return Err(AwsError::invalid(&format!("orderBy cannot be {other:.64?}."))),
    };
    let criteria = Criteria::read(input.finding_criteria.as_ref(), false)?;
    let limit = body::limit(input.max_results, USUAL, MAX)?;
    Ok(Statistics { criteria, by, descending, limit, groups: BTreeMap::new() })
}

impl Statistics {
    /// Counts a finding, if it is wanted.
    pub fn offer(&mut self, finding: &Value) {
        if !self.criteria.hold(finding) {
            return;
        }
        let latest = finding["updatedAt"].as_str().and_then(parse_time).map_or(0, |time| time.0 / 1_000_000);
        let members = self.members(finding, latest);
        let name = Value::from(members.clone()).to_string();
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&name) {
            return;
        }
        let group = self.groups.entry(name).or_insert(Group { members, total: 0, latest: 0 });
        group.total += 1;
        group.latest = group.latest.max(latest);
    }

    fn members(&self, finding: &Value, latest: u64) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |member: &str, value: &Value| members.insert(member.to_owned(), value.clone());
        match self.by {
            By::Account => {
                put("accountId", &finding["accountId"]);
            }
            By::Type => {
                put("findingType", &finding["type"]);
            }
            By::Resource => {
                put("accountId", &finding["accountId"]);
                put("resourceType", &finding["resource"]["resourceType"]);
                put("resourceId", &finding["resource"]["ecsClusterDetails"]["arn"]);
            }
            By::Date => {
                put("date", &epoch(Timestamp(latest / DAY * DAY * 1_000_000)).into());
                put("severity", &finding["severity"]);
            }
            By::Count | By::Severity => {
                put("severity", &finding["severity"]);
            }
        }
        members
    }

    /// The answer: the groups with most findings first, or last.
    #[must_use]
    pub fn finish(self) -> Value {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        if self.by == By::Count {
            let counts: Map<String, Value> = groups
                .iter()
                .map(|group| {
                    let severity = group.members.get("severity").and_then(Value::as_f64).unwrap_or_default();
                    (format!("{severity:.1}"), group.total.into())
                })
                .collect();
            return json!({"findingStatistics": {"countBySeverity": counts}});
        }
        groups.sort_by_key(|group| group.total);
        if self.descending {
            groups.reverse();
        }
        groups.truncate(self.limit);
        let groups: Vec<Value> = groups
            .into_iter()
            .map(|mut group| {
                group.members.insert("totalFindings".to_owned(), group.total.into());
                let latest = epoch(Timestamp(group.latest * 1_000_000));
                group.members.insert("lastGeneratedAt".to_owned(), latest.into());
                group.members.into()
            })
            .collect();
        let member = match self.by {
            By::Account => "groupedByAccount",
            By::Date => "groupedByDate",
            By::Type => "groupedByFindingType",
            By::Resource => "groupedByResource",
            By::Severity | By::Count => "groupedBySeverity",
        };
        json!({"findingStatistics": {member: groups}})
    }
}
