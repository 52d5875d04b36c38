//! `findingCriteria`: which findings are wanted.
//!
//! Attributes must all hold, and so must the parts of a condition. Values of `equals` are alternatives, those of
//! `notEquals` are all excluded; texts are compared exactly, numbers by value. Times are compared in milliseconds since the
//! epoch. An attribute with several values holds when one of them does, and is unequal when all are. A finding without the
//! attribute equals nothing, is unequal to everything, and is neither less nor greater than anything.

use std::collections::BTreeMap;

use fargard_model::{FindingState, Priority, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ARCHIVED, CURRENT, kinds::SEVERITIES};
use crate::{ecs::parse_time, guardduty::AwsError};

/// Attributes that AWS's documentation of `CreateFilter` names.
const ATTRIBUTES: &str = include_str!("attributes.txt");
/// Most attributes.
const MAX_ATTRIBUTES: usize = 50;
/// Most values of a condition.
const MAX_VALUES: usize = 200;
/// Longest value.
const MAX_VALUE: usize = 512;
/// Most patterns of a condition.
const MAX_PATTERNS: usize = 5;
/// Most filters of a detector.
pub const MAX_FILTERS: usize = 100;

/// What must hold of an attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// One of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub equals: Vec<String>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_equals: Vec<String>,
    /// Above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greater_than: Option<i64>,
    /// Not below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greater_than_or_equal: Option<i64>,
    /// Below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub less_than: Option<i64>,
    /// Not above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub less_than_or_equal: Option<i64>,
    /// Like one of these, where `*` stands for any text and `?` for a character.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// Like none of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_matches: Vec<String>,
}

/// Which findings are wanted; without attributes, all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Criteria {
    /// By attribute's name.
    pub criterion: BTreeMap<String, Condition>,
}

impl Criteria {
    /// Reads `findingCriteria`. Patterns are for filters only.
    ///
    /// # Errors
    /// What cannot be, named.
    pub fn read(value: Option<&Value>, patterns: bool) -> Result<Self, AwsError> {
        let mut criteria = Self::default();
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(criteria) };
        let all = match value.get("criterion") {
            None | Some(Value::Null) if value.is_object() => return Ok(criteria),
            Some(Value::Object(all)) => all,
            _ => return Err(AwsError::invalid("findingCriteria must hold criterion, a map of conditions.")),
        };
        if all.len() > MAX_ATTRIBUTES {
            return Err(AwsError::invalid("criterion holds at most 50 attributes."));
        }
        for (name, condition) in all {
            if !ATTRIBUTES.lines().any(|known| known == name) {
                return Err(AwsError::invalid(&format!("There is no attribute {:.64?}.", name)));
            }
            criteria.criterion.insert(name.clone(), read_condition(name, condition, patterns)?);
        }
        Ok(criteria)
    }

    /// Whether a finding, as it is shown, is wanted.
    #[must_use]
    pub fn hold(&self, finding: &Value) -> bool {
        self.criterion.iter().all(|(name, condition)| condition.holds(&values(finding, name)))
    }

    /// Whether only a finding's details can tell.
    #[must_use]
    pub fn need_detail(&self) -> bool {
        self.criterion.keys().any(|name| needs_detail(name))
    }

    /// The states a wanted finding has; empty for any.
    #[must_use]
    pub fn states(&self) -> &'static [FindingState] {
        let archived = self.criterion.get("service.archived").map(|condition| condition.equals.as_slice());
        match archived {
            Some([one]) if one == "true" => &ARCHIVED,
            Some([one]) if one == "false" => &CURRENT,
            _ => &[],
        }
    }

    /// The priorities a wanted finding has; empty for any.
    #[must_use]
    pub fn priorities(&self) -> Vec<Priority> {
        let Some(condition) = self.criterion.get("severity") else { return Vec::new() };
        let all = SEVERITIES.iter();
        let held = all.filter(|(_, severity)| condition.holds(&[Scalar::Number(*severity)]));
        let held: Vec<Priority> = held.map(|(priority, _)| *priority).collect();
        // That none is possible is left to the comparison of findings.
        if held.len() == SEVERITIES.len() { Vec::new() } else { held }
    }

    /// The time from which a wanted finding was last seen.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        let condition = self.criterion.get("updatedAt")?;
        let from = condition.greater_than_or_equal.max(condition.greater_than)?;
        Some(Timestamp(u64::try_from(from).unwrap_or_default().saturating_mul(1_000_000)))
    }

    /// The ids a wanted finding has; empty for any.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        self.criterion.get("id").map_or(&[], |condition| &condition.equals)
    }
}

fn read_condition(name: &str, value: &Value, patterns: bool) -> Result<Condition, AwsError> {
    let Some(parts) = value.as_object() else {
        return Err(AwsError::invalid(&format!("The condition of {name} is no object.")));
    };
    let mut condition = Condition::default();
    for (operator, value) in parts.iter().filter(|(_, value)| !value.is_null()) {
        match operator.as_str() {
            "equals" | "eq" => condition.equals.extend(texts(name, value, MAX_VALUES)?),
            "notEquals" | "neq" => condition.not_equals.extend(texts(name, value, MAX_VALUES)?),
            "greaterThan" | "gt" => condition.greater_than = Some(number(name, value)?),
            "greaterThanOrEqual" | "gte" => condition.greater_than_or_equal = Some(number(name, value)?),
            "lessThan" | "lt" => condition.less_than = Some(number(name, value)?),
            "lessThanOrEqual" | "lte" => condition.less_than_or_equal = Some(number(name, value)?),
            "matches" if patterns => condition.matches = texts(name, value, MAX_PATTERNS)?,
            "notMatches" if patterns => condition.not_matches = texts(name, value, MAX_PATTERNS)?,
            "matches" | "notMatches" => {
                return Err(AwsError::invalid(&format!("{operator} is for filters only.")));
            }
            other => return Err(AwsError::invalid(&format!("There is no condition {other:.32?}."))),
        }
    }
    if condition == Condition::default() {
        return Err(AwsError::invalid(&format!("The condition of {name} is empty.")));
    }
    Ok(condition)
}

fn texts(name: &str, value: &Value, most: usize) -> Result<Vec<String>, AwsError> {
    let wrong = || AwsError::invalid(&format!("The values of {name} must be at most {most} texts."));
    let all = value.as_array().filter(|all| all.len() <= most).ok_or_else(wrong)?;
    all.iter()
        .map(|one| match one {
            Value::String(text) if text.len() <= MAX_VALUE && !text.contains('\0') => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(yes) => Ok(yes.to_string()),
            _ => Err(wrong()),
        })
        .collect()
}

fn number(name: &str, value: &Value) -> Result<i64, AwsError> {
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.ok_or_else(|| AwsError::invalid(&format!("The number of {name} cannot be read.")))
}

/// Whether an attribute is only in a finding's details.
pub(super) fn needs_detail(name: &str) -> bool {
    const DETAILED: [&str; 18] = [
        "service.runtimeDetails",
        "service.action",
        "service.additionalInfo",
        "service.evidence",
        "service.userFeedback",
        "resource.ecsClusterDetails.status",
        "resource.ecsClusterDetails.tags",
        "resource.ecsClusterDetails.activeServicesCount",
        "resource.ecsClusterDetails.registeredContainerInstancesCount",
        "resource.ecsClusterDetails.runningTasksCount",
        "resource.ecsClusterDetails.taskDetails.startedBy",
        "resource.ecsClusterDetails.taskDetails.version",
        "resource.ecsClusterDetails.taskDetails.createdAt",
        "resource.ecsClusterDetails.taskDetails.startedAt",
        "resource.ecsClusterDetails.taskDetails.group",
        "resource.ecsClusterDetails.taskDetails.launchType",
        "resource.ecsClusterDetails.taskDetails.definitionArn",
        "resource.ecsClusterDetails.taskDetails.tags",
    ];
    DETAILED.iter().any(|detailed| name.starts_with(detailed))
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Number(f64),
    Text(String),
}

/// The values an attribute has in a finding.
pub(super) fn values(finding: &Value, name: &str) -> Vec<Scalar> {
    let mut found = Vec::new();
    let information = name.strip_prefix("service.additionalInfo.");
    match information.filter(|member| !matches!(*member, "type" | "value")) {
        // They are in a text of JSON.
        Some(member) => {
            let text = finding.pointer("/service/additionalInfo/value").and_then(Value::as_str);
            let value: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
            value.iter().for_each(|value| walk(value, member, &mut found));
        }
        None => walk(finding, name, &mut found),
    }
    let is_time =
        ["createdAt", "startedAt", "startTime", "modifiedAt"].iter().any(|time| name.ends_with(time));
    if is_time {
        for value in &mut found {
            if let Scalar::Number(seconds) = value {
                *seconds *= 1000.0;
            }
        }
    }
    found
}

fn walk(value: &Value, path: &str, found: &mut Vec<Scalar>) {
    if let Value::Array(all) = value {
        all.iter().for_each(|one| walk(one, path, found));
        return;
    }
    let (member, rest) = path.split_once('.').unwrap_or((path, ""));
    if !path.is_empty() {
        value.get(member).into_iter().for_each(|value| walk(value, rest, found));
        return;
    }
    match value {
        Value::String(text) => found.push(Scalar::Text(text.clone())),
        Value::Bool(yes) => found.push(Scalar::Text(yes.to_string())),
        Value::Number(number) => found.extend(number.as_f64().map(Scalar::Number)),
        _ => {}
    }
}

impl Scalar {
    fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Text(text) => text == wanted,
            Self::Number(number) => wanted.parse() == Ok(*number),
        }
    }

    /// As a number; a time in milliseconds.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => parse_time(text).map(|time| (time.0 / 1_000_000) as f64),
        }
    }

    fn is_like(&self, pattern: &str) -> bool {
        match self {
            Self::Text(text) => is_like(text, pattern),
            Self::Number(number) => is_like(&number.to_string(), pattern),
        }
    }
}

/// Whether the text is like the pattern; in time of one's length times the other's.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut next, mut star) = (0, 0, None);
    while let Some(letter) = text.get(at) {
        match pattern.get(next) {
            Some('*') => {
                star = Some((at, next));
                next += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => {
                at += 1;
                next += 1;
            }
            _ => match &mut star {
                Some((from, star)) => {
                    *from += 1;
                    (at, next) = (*from, *star + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(next).all(|rest| *rest == '*')
}

impl Condition {
    fn holds(&self, values: &[Scalar]) -> bool {
        let any = |wanted: &[String]| wanted.iter().any(|wanted| values.iter().any(|value| value.is(wanted)));
        let like =
            |wanted: &[String]| wanted.iter().any(|wanted| values.iter().any(|value| value.is_like(wanted)));
        let compares = |bound: Option<i64>, holds: fn(f64, f64) -> bool| {
            // A bound beyond 2^53 is none that a time or a severity comes near to.
            bound.is_none_or(|bound| {
                values.iter().filter_map(Scalar::number).any(|value| holds(value, bound as f64))
            })
        };
        (self.equals.is_empty() || any(&self.equals))
            && !any(&self.not_equals)
            && (self.matches.is_empty() || like(&self.matches))
            && !like(&self.not_matches)
            && compares(self.greater_than, |value, bound| value > bound)
            && compares(self.greater_than_or_equal, |value, bound| value >= bound)
            && compares(self.less_than, |value, bound| value < bound)
            && compares(self.less_than_or_equal, |value, bound| value <= bound)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Criteria, is_like};

    fn holds(criterion: &Value) -> bool {
        let finding = json!({"severity": 8.0, "type": "Execution:Runtime/ReverseShell",
            "updatedAt": "2026-01-02T03:04:05.678Z", "service": {"archived": false, "count": 3,
            "additionalInfo": {"type": "default", "value": "{\"sample\":true}"}},
            "resource": {"ecsClusterDetails": {"taskDetails": {"createdAt": 1_767_323_045.678,
            "containers": [{"name": "app"}, {"name": "log"}]}}}});
        Criteria::read(Some(&json!({"criterion": criterion})), true).unwrap().hold(&finding)
    }

    #[test]
    fn conditions_hold_or_not() {
        let containers = "resource.ecsClusterDetails.taskDetails.containers.name";
        let time = 1_767_323_045_678_i64;
        for (criterion, wanted) in [
            (json!({}), true),
            (json!({"severity": {"eq": ["8"]}, "service.archived": {"eq": ["false"]}}), true),
            (json!({"severity": {"equals": ["8.0"]}}), true),
            (json!({"severity": {"equals": ["7", "9"]}}), false),
            (json!({"severity": {"notEquals": ["8"]}}), false),
            (json!({"severity": {"gte": "4"}}), true),
            (json!({"severity": {"greaterThan": 8}}), false),
            (json!({"severity": {"greaterThanOrEqual": 8, "lessThan": 9}}), true),
            (json!({"severity": {"greaterThanOrEqual": 4}, "type": {"equals": ["x"]}}), false),
            (json!({"type": {"equals": ["execution:runtime/reverseshell"]}}), false),
            (json!({"type": {"matches": ["Execution:*Shell"]}}), true),
            (json!({"type": {"notMatches": ["*Reverse*"]}}), false),
            (json!({"updatedAt": {"greaterThanOrEqual": time, "lessThanOrEqual": time}}), true),
            (json!({"updatedAt": {"greaterThan": time}}), false),
            (json!({"resource.ecsClusterDetails.taskDetails.createdAt": {"lt": time + 1}}), true),
            (json!({containers: {"equals": ["log"]}}), true),
            (json!({containers: {"notEquals": ["log"]}}), false),
            (json!({"confidence": {"notEquals": ["1"]}}), true),
            (json!({"confidence": {"lessThan": 9}}), false),
            (json!({"service.additionalInfo.sample": {"equals": ["true"]}}), true),
        ] {
            assert_eq!(holds(&criterion), wanted, "{criterion}");
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (criterion, patterns, said) in [
            (json!({"colour": {"eq": ["red"]}}), true, "no attribute"),
            (json!({"severity": {}}), true, "is empty"),
            (json!({"severity": {"is": ["8"]}}), true, "no condition"),
            (json!({"severity": {"gte": "high"}}), true, "cannot be read"),
            (json!({"severity": {"equals": "8"}}), true, "texts"),
            (json!({"type": {"matches": ["*"]}}), false, "filters only"),
            (json!({"type": {"matches": ["a", "b", "c", "d", "e", "f"]}}), true, "at most 5"),
            (json!([]), true, "a map"),
        ] {
            let error = Criteria::read(Some(&json!({"criterion": criterion})), patterns).unwrap_err();
            assert!(error.message.contains(said), "{criterion}: {}", error.message);
        }
    }

    #[test]
    fn patterns_take_bounded_time() {
        for (text, pattern, wanted) in
            [("", "", true), ("a", "?", true), ("abc", "a*c", true), ("abc", "*b", false), ("", "**", true)]
        {
            assert_eq!(is_like(text, pattern), wanted, "{text} {pattern}");
        }
        assert!(!is_like(&"a".repeat(4000), &format!("{}b", "*a".repeat(200))));
    }
}
