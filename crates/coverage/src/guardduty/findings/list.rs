//! `ListFindings` and the operations that name findings.

use std::cmp::Ordering;

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::criteria::{Criteria, Scalar, needs_detail, values};
use crate::guardduty::{AwsError, body, page_token};

/// Most findings of a page or of a request.
const MAX: usize = 50;
/// Longest comment on findings.
const MAX_COMMENT: usize = 4096;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    finding_criteria: Option<Value>,
    sort_criteria: Option<SortCriteria>,
    max_results: Option<i64>,
    next_token: Option<String>,
    finding_ids: Option<Vec<String>>,
    feedback: Option<String>,
    comments: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SortCriteria {
    attribute_name: Option<String>,
    order_by: Option<String>,
}

/// Values of what findings are sorted by; what has none comes last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Key {
    Number(f64),
    Text(String),
    Missing,
}

/// Where a finding stands in the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    k: Key,
    id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    p: Place,
    q: String,
    t: u64,
}

/// What a `ListFindings` request wants.
#[derive(Clone, Debug, PartialEq)]
pub struct ListFindings {
    /// Which.
    pub criteria: Criteria,
    sort: String,
    descending: bool,
    limit: usize,
    after: Option<Place>,
}

/// Ids of findings, and the token of the next page.
pub type FindingIds = (Vec<String>, Option<String>);

/// What a `ListFindings` request wants; without an order the latest first.
///
/// # Errors
/// What cannot be, named.
pub fn list_findings(request: &[u8], now: Timestamp) -> Result<ListFindings, AwsError> {
    let input: Input = body::read(request)?;
    let criteria = Criteria::read(input.finding_criteria.as_ref(), false)?;
    let (sort, descending) = order(input.sort_criteria)?;
    let limit = body::limit(input.max_results, MAX, MAX)?;
    let mut list = ListFindings { criteria, sort, descending, limit, after: None };
    if let Some(token) = input.next_token.filter(|token| !token.is_empty()) {
        let token: Token = page_token::decode(&token).ok_or_else(page_token::bad)?;
        if token.q != list.name() || page_token::is_old(token.t, now) {
            return Err(page_token::bad());
        }
        list.after = Some(token.p);
    }
    Ok(list)
}

fn order(sort: Option<SortCriteria>) -> Result<(String, bool), AwsError> {
    let Some(sort) = sort else { return Ok(("updatedAt".to_owned(), true)) };
    let descending = match sort.order_by.as_deref() {
        None | Some("ASC") => false,
        Some("DESC") => true,
        Some(other) => return Err(AwsError::invalid(&format!("orderBy cannot be {other:.64?}."))),
    };
    let name = sort.attribute_name.unwrap_or_else(|| "updatedAt".to_owned());
    // The names are those of criteria; one that is none is told as there.
    Criteria::read(Some(&json!({"criterion": {name.as_str(): {"notEquals": [""]}}})), false)?;
    Ok((name, descending))
}

impl ListFindings {
    /// A query's name: what decides which findings there are, and in which order.
    fn name(&self) -> String {
        let text = format!("{:?} {} {}", self.criteria, self.sort, self.descending);
        Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether only a finding's details can tell whether it is wanted, and where it stands.
    #[must_use]
    pub fn need_detail(&self) -> bool {
        self.criteria.need_detail() || needs_detail(&self.sort)
    }

    fn place(&self, finding: &Value) -> Place {
        let id = finding["id"].as_str().unwrap_or_default().to_owned();
        let k = match values(finding, &self.sort).into_iter().next() {
            None => Key::Missing,
            Some(Scalar::Text(text)) => Key::Text(text),
            Some(Scalar::Number(number)) => Key::Number(number),
        };
        Place { k, id }
    }

    fn compare(&self, one: &Place, other: &Place) -> Ordering {
        let keys = match (&one.k, &other.k) {
            (Key::Missing, Key::Missing) => Ordering::Equal,
            (Key::Missing, _) => return Ordering::Greater,
            (_, Key::Missing) => return Ordering::Less,
            (Key::Number(one), Key::Number(other)) => one.total_cmp(other),
            (Key::Text(one), Key::Text(other)) => one.cmp(other),
            (Key::Number(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        };
        let both = keys.then_with(|| one.id.cmp(&other.id));
        if self.descending { both.reverse() } else { both }
    }
}

/// The page that is being gathered from findings in any order; holds no more than it needs.
#[derive(Debug)]
pub struct Page<'q> {
    query: &'q ListFindings,
    best: Vec<Place>,
}

impl<'q> Page<'q> {
    /// An empty one.
    #[must_use]
    pub fn new(query: &'q ListFindings) -> Self {
        Self { query, best: Vec::new() }
    }

    /// Takes a finding, as it is shown, if it is wanted and belongs to the page.
    pub fn offer(&mut self, finding: &Value) {
        if !self.query.criteria.hold(finding) {
            return;
        }
        let place = self.query.place(finding);
        if self
            .query
            .after
            .as_ref()
            .is_some_and(|after| self.query.compare(&place, after) != Ordering::Greater)
        {
            return;
        }
        let at = self.best.partition_point(|known| self.query.compare(known, &place) == Ordering::Less);
        // One more than wanted tells that there is a next page.
        if at <= self.query.limit {
            self.best.insert(at, place);
            self.best.truncate(self.query.limit + 1);
        }
    }

    /// The ids, and the token of the next page.
    #[must_use]
    pub fn finish(mut self, now: Timestamp) -> FindingIds {
        let more = self.best.len() > self.query.limit;
        self.best.truncate(self.query.limit);
        let last = self.best.last().filter(|_| more);
        let token =
            last.map(|last| page_token::encode(&Token { p: last.clone(), q: self.query.name(), t: now.0 }));
        (self.best.into_iter().map(|place| place.id).collect(), token)
    }
}

fn ids(ids: Option<Vec<String>>) -> Result<Vec<String>, AwsError> {
    let ids = ids.ok_or_else(|| AwsError::invalid("findingIds is needed."))?;
    if ids.len() > MAX || ids.iter().any(|id| id.is_empty() || id.len() > 300 || id.contains('\0')) {
        return Err(AwsError::invalid("findingIds holds at most 50 ids of 1 to 300 characters."));
    }
    Ok(ids)
}

/// Ids of a `GetFindings` request, and the order the findings are to have, if any: an empty list to sort them by.
///
/// # Errors
/// What cannot be, named.
pub fn get_findings(request: &[u8]) -> Result<(Vec<String>, Option<ListFindings>), AwsError> {
    let input: Input = body::read(request)?;
    let sorted = input.sort_criteria.map(|sort| order(Some(sort))).transpose()?;
    let sorted = sorted.map(|(sort, descending)| ListFindings {
        criteria: Criteria::default(),
        sort,
        descending,
        limit: MAX,
        after: None,
    });
    Ok((ids(input.finding_ids)?, sorted))
}

/// Ids of an `ArchiveFindings` or `UnarchiveFindings` request.
///
/// # Errors
/// What cannot be, named.
pub fn archive_input(request: &[u8]) -> Result<Vec<String>, AwsError> {
    let input: Input = body::read(request)?;
    ids(input.finding_ids)
}

/// Ids, feedback and comment of an `UpdateFindingsFeedback` request.
///
/// # Errors
/// What cannot be, named.
pub fn feedback_input(request: &[u8]) -> Result<(Vec<String>, String, String), AwsError> {
    let input: Input = body::read(request)?;
    let feedback = input.feedback.filter(|feedback| matches!(feedback.as_str(), "USEFUL" | "NOT_USEFUL"));
    let feedback = feedback.ok_or_else(|| AwsError::invalid("feedback must be USEFUL or NOT_USEFUL."))?;
    let comments = input.comments.unwrap_or_default();
    if comments.len() > MAX_COMMENT {
        return Err(AwsError::invalid("comments are longer than 4096 bytes."));
    }
    Ok((ids(input.finding_ids)?, feedback, comments))
}
