//! Query strings into the stores' queries. Parameters have the names of the facets; a repeated parameter gives
//! alternatives; an unknown one is an error that names it.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use fargard_coverage::{
    guardduty,
    query::{Column, CoverageQuery, SortKey},
};
use fargard_model::Timestamp;
use fargard_store::{EventQuery, FindingQuery, TaskQuery, query::MAX_PAGE};

use crate::{
    compliance::{self, ListQuery},
    error::ApiError,
};

/// Most parameters in a query string.
const MAX_PARAMS: usize = 100;
/// Longest value of a parameter, bytes.
const MAX_VALUE: usize = 2048;

/// The decoded parameters of a query string, in their order. As a handler's argument it refuses query strings
/// that cannot be decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

/// How a list is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON, the default.
    #[default]
    Json,
    /// Comma-separated values.
    Csv,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|error| {
            ApiError::bad_request("bad_query", format!("the query string cannot be read: {error}"))
        })?;
        Self(pairs).checked()
    }
}

impl Params {
    fn checked(self) -> Result<Self, ApiError> {
        if self.0.len() > MAX_PARAMS {
            return Err(ApiError::bad_request("bad_query", format!("more than {MAX_PARAMS} parameters")));
        }
        if let Some((name, _)) =
            self.0.iter().find(|(_, value)| value.len() > MAX_VALUE || value.contains('\0'))
        {
            let name: String = name.chars().take(64).collect();
            return Err(ApiError::bad_request(
                "bad_parameter",
                format!("parameter {name:?} is longer than {MAX_VALUE} bytes or contains a NUL"),
            ));
        }
        Ok(self)
    }

    /// Takes a parameter of the route's own out of the list: its last value.
    pub(crate) fn take(&mut self, wanted: &str) -> Option<String> {
        let value = self.0.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        self.0.retain(|(name, _)| name != wanted);
        value
    }

    /// Takes `format=json|csv` out of the list.
    pub(crate) fn take_format(&mut self) -> Result<Format, ApiError> {
        match self.take("format").as_deref() {
            None | Some("json") => Ok(Format::Json),
            Some("csv") => Ok(Format::Csv),
            Some(other) => Err(bad_parameter("format", other, "use json or csv")),
        }
    }

    /// No parameters are left.
    pub(crate) fn finish(&self) -> Result<(), ApiError> {
        self.0.first().map_or(Ok(()), |(name, _)| Err(unknown(name, "none")))
    }

    /// Findings wanted: `state`, `kind`, `priority`, `title`, `cluster`, `family`, `task`, `image`, `tag`,
    /// `standard` (each may be repeated), `text`, `since` (RFC 3339, or back from now as `90s`, `15m`, `24h`, `7d`), `limit`,
    /// `cursor`.
    pub(crate) fn findings(&self, now: Timestamp) -> Result<FindingQuery, ApiError> {
        let mut query = FindingQuery::default();
        for (name, value) in &self.0 {
            match name.as_str() {
                "state" => query.states.push(parse(name, value)?),
                "kind" => query.kinds.push(parse(name, value)?),
                "priority" => query.priorities.push(parse(name, value)?),
                "title" => query.titles.push(value.clone()),
                "cluster" => query.clusters.push(value.clone()),
                "family" => query.families.push(value.clone()),
                "task" => query.tasks.push(value.clone()),
                "image" => query.images.push(value.clone()),
                "tag" => query.tags.push(value.clone()),
                "standard" => query.standards.push(value.clone()),
                "text" => query.text.clone_from(value),
                "since" => query.since = time(name, value, now)?,
                "limit" => query.limit = limit(value)?,
                "cursor" => query.cursor = Some(value.clone()),
                _ => return Err(unknown(name, FINDING_PARAMS)),
            }
        }
        Ok(query)
    }

    /// Tasks wanted: `cluster`, `family` (each may be repeated), `text`, `limit`, `cursor`.
    pub(crate) fn tasks(&self) -> Result<TaskQuery, ApiError> {
        let mut query = TaskQuery::default();
        for (name, value) in &self.0 {
            match name.as_str() {
                "cluster" => query.clusters.push(value.clone()),
                "family" => query.families.push(value.clone()),
                "text" => query.text.clone_from(value),
                "limit" => query.limit = limit(value)?,
                "cursor" => query.cursor = Some(value.clone()),
                _ => return Err(unknown(name, "cluster, family, text, limit, cursor")),
            }
        }
        Ok(query)
    }

    /// Clusters wanted: `account`, `region`, `cluster`, `status`, `management`, `issue` (each may be repeated), `sort`
    /// (`cluster`, `account`, `status`, `issue`, `updated`), `order` (`asc`, `desc`), `limit`, `cursor`. An empty value
    /// (as forms send it) is no restriction.
    pub(crate) fn coverage(&self, now: Timestamp) -> Result<CoverageQuery, ApiError> {
        let mut query = CoverageQuery::default();
        let mut cursor = None;
        let mut wanted: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, value) in self.0.iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "account" | "region" | "cluster" | "status" | "management" | "issue" => {
                    wanted.entry(name).or_default().push(value.clone());
                }
                "sort" => query.sort = sort_key(value)?,
                "order" if value == "asc" || value == "desc" => query.descending = value == "desc",
                "order" => return Err(bad_parameter(name, value, "use asc or desc")),
                "limit" => query.limit = limit(value)?,
                "cursor" => cursor = Some(value),
                _ => return Err(unknown(name, COVERAGE_PARAMS)),
            }
        }
        for (name, column) in [
            ("account", Column::Account),
            ("region", Column::Region),
            ("cluster", Column::Cluster),
            ("status", Column::Status),
            ("management", Column::Management),
            ("issue", Column::Issue),
        ] {
            if let Some(values) = wanted.remove(name) {
                query = query.only(column, values);
            }
        }
        if let Some(cursor) = cursor {
            let after = guardduty::Token::read(cursor, &query, now);
            let after = after.map_err(|_| {
                ApiError::bad_request(
                    "bad_cursor",
                    "the cursor is not one of this query's, or older than a day",
                )
            })?;
            query.after = Some(after);
        }
        Ok(query)
    }

    /// Images wanted: `stage` (`deployed`, which is the default, `ci`, `any`), `host`, `cluster`, `account`, `family`,
    /// `service`, `image`, `check` (numbers of checks that failed), `app_embedded` (`true`: of Fargate tasks), `rule`,
    /// `collection`, `severity`, `status` (`alerted`, `ignored`, `clean`), `life` (`running`, `ended`), `text`, `limit`,
    /// `cursor`; all but `stage`, `app_embedded`, `life`, `text`, `limit` and `cursor` may be repeated. An empty value (as
    /// forms send it) is no restriction.
    pub(crate) fn compliance(&self) -> Result<ListQuery, ApiError> {
        let mut query = ListQuery::default();
        query.stored.deployed = Some(true);
        for (name, value) in self.0.iter().filter(|(_, value)| !value.is_empty()) {
            let stored = &mut query.stored;
            match name.as_str() {
                "stage" => stored.deployed = choice(name, value, STAGES)?,
                "host" => stored.hosts.push(value.clone()),
                "cluster" => stored.clusters.push(value.clone()),
                "account" => stored.accounts.push(value.clone()),
                "family" => stored.families.push(value.clone()),
                "service" => stored.services.push(value.clone()),
                "image" => stored.images.push(value.clone()),
                "check" => stored.failed.push(parse(name, value)?),
                "app_embedded" => {
                    let wanted = choice(name, value, [("true", true), ("false", false)])?;
                    stored.launch_types = if wanted { vec!["FARGATE".to_owned()] } else { Vec::new() };
                }
                "rule" => query.rules.push(value.clone()),
                "collection" => query.collections.push(value.clone()),
                "severity" => query.severities.push(parse(name, value)?),
                "status" => query.statuses.push(choice(name, value, compliance::WANTED)?),
                "life" => query.ended = Some(choice(name, value, [("running", false), ("ended", true)])?),
                "text" => stored.text.clone_from(value),
                "limit" => stored.limit = limit(value)?,
                "cursor" => stored.cursor = Some(value.clone()),
                _ => return Err(unknown(name, COMPLIANCE_PARAMS)),
            }
        }
        Ok(query)
    }

    /// Events wanted: `task` (needed), `from`, `to`, `limit`, `cursor`.
    pub(crate) fn events(&self, now: Timestamp) -> Result<EventQuery, ApiError> {
        let mut query = EventQuery::default();
        for (name, value) in &self.0 {
            match name.as_str() {
                "task" => query.task.clone_from(value),
                "from" => query.from = time(name, value, now)?,
                "to" => query.to = time(name, value, now)?,
                "limit" => query.limit = limit(value)?,
                "cursor" => query.cursor = Some(value.clone()),
                _ => return Err(unknown(name, "task, from, to, limit, cursor")),
            }
        }
        if query.task.is_empty() {
            return Err(ApiError::bad_request("missing_parameter", "parameter \"task\" (an ARN) is needed"));
        }
        Ok(query)
    }
}

const COMPLIANCE_PARAMS: &str = "stage, host, cluster, account, family, service, image, check, app_embedded, rule, \
    collection, severity, status, life, text, limit, cursor";
const STAGES: [(&str, Option<bool>); 3] = [("deployed", Some(true)), ("ci", Some(false)), ("any", None)];

/// The value of a word.
fn choice<T, const N: usize>(name: &str, value: &str, words: [(&str, T); N]) -> Result<T, ApiError> {
    let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let reason = format!("use one of {}", allowed.join(", "));
    let found = words.into_iter().find(|(word, _)| *word == value);
    found.map(|(_, meaning)| meaning).ok_or_else(|| bad_parameter(name, value, reason))
}

const COVERAGE_PARAMS: &str =
    "account, region, cluster, status, management, issue, sort, order, limit, cursor";

fn sort_key(value: &str) -> Result<SortKey, ApiError> {
    match value {
        "cluster" => Ok(SortKey::Cluster),
        "account" => Ok(SortKey::Account),
        "status" => Ok(SortKey::Status),
        "issue" => Ok(SortKey::Issue),
        "updated" => Ok(SortKey::UpdatedAt),
        _ => Err(bad_parameter("sort", value, "use cluster, account, status, issue or updated")),
    }
}

const FINDING_PARAMS: &str =
    "state, kind, priority, title, cluster, family, task, image, tag, standard, text, since, limit, cursor";

fn unknown(name: &str, known: &str) -> ApiError {
    let name: String = name.chars().take(64).collect();
    ApiError::bad_request("unknown_parameter", format!("unknown parameter {name:?}; known here: {known}"))
}

fn bad_parameter(name: &str, value: &str, reason: impl Display) -> ApiError {
    let value: String = value.chars().take(64).collect();
    ApiError::bad_request("bad_parameter", format!("parameter {name:?} has the value {value:?}: {reason}"))
}

fn parse<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, ApiError> {
    value.parse().map_err(|error| bad_parameter(name, value, error))
}

fn limit(value: &str) -> Result<usize, ApiError> {
    value
        .parse()
        .ok()
        .filter(|rows| (1..=MAX_PAGE).contains(rows))
        .ok_or_else(|| bad_parameter("limit", value, format!("use a number from 1 to {MAX_PAGE}")))
}

/// An empty value (as forms send it) is no restriction.
fn time(name: &str, value: &str, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    if value.is_empty() {
        return Ok(None);
    }
    let bad =
        || bad_parameter(name, value, "use RFC 3339 (2026-11-21T06:40:00Z) or a span back from now (24h)");
    if let Some(seconds) = span(value) {
        return Ok(Some(Timestamp(now.0.saturating_sub(seconds.saturating_mul(1_000_000_000)))));
    }
    let at: jiff::Timestamp = value.parse().map_err(|_| bad())?;
    u64::try_from(at.as_nanosecond()).map(|nanoseconds| Some(Timestamp(nanoseconds))).map_err(|_| bad())
}

/// Seconds of `90s`, `15m`, `24h`, `7d`.
fn span(value: &str) -> Option<u64> {
    let unit = match value.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    value.get(..value.len() - 1)?.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use axum::{extract::FromRequestParts, http::Request};
    use fargard_model::{FindingState, Priority, Timestamp};
    use proptest::prelude::*;

    use super::Params;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn repeated_parameters_are_alternatives() {
        let now = Timestamp(100_000_000_000_000);
        let query = params(&[("state", "open"), ("state", "closed"), ("priority", "info"), ("since", "15m")])
            .findings(now)
            .unwrap();
        assert_eq!(query.states, [FindingState::Open, FindingState::Closed]);
        assert_eq!(query.priorities, [Priority::Informational]);
        assert_eq!(query.since, Some(Timestamp(99_100_000_000_000)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let now = Timestamp(0);
        for (pair, part) in [
            (("sate", "open"), "unknown parameter \"sate\""),
            (("state", "opened"), "use one of open, acknowledged, suppressed, closed"),
            (("limit", "0"), "from 1 to 500"),
            (("limit", "501"), "from 1 to 500"),
            (("since", "yesterday"), "RFC 3339"),
            (("since", "1900-01-01T00:00:00Z"), "RFC 3339"),
            (("since", "99999999999999999999d"), "RFC 3339"),
        ] {
            let error = params(&[pair]).findings(now).unwrap_err();
            assert!(error.message().contains(part), "{error:?}");
        }
        assert!(params(&[]).events(now).unwrap_err().message().contains("\"task\""));
    }

    proptest! {
        #[test]
        fn any_query_string_is_read_or_refused_by_name(
            query in "((state|since|limit|tag|from|x)=(%[0-9a-f]{2}|[0-9a-zé%+]){0,6}&?){0,5}"
        ) {
            let Ok(request) = Request::builder().uri(format!("/?{}", query.replace('é', "%C3%A9"))).body(()) else {
                return Ok(());
            };
            let mut parts = request.into_parts().0;
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let Ok(params) = runtime.block_on(Params::from_request_parts(&mut parts, &())) else { return Ok(()) };
            for refused in [
                params.findings(Timestamp(1 << 60)).err(),
                params.tasks().err(),
                params.events(Timestamp(1 << 60)).err(),
            ].into_iter().flatten() {
                prop_assert!(refused.message().contains("parameter"), "{}", refused.message());
            }
        }
    }
}
