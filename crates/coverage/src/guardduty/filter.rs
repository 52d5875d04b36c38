//! Filters of findings. One with the action `ARCHIVE` archives what it matches when it comes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AwsError, Criteria, body, list_coverage::epoch, tags};
use fargard_model::Timestamp;

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Its name, unique in its detector.
    pub name: String,
    /// For people.
    pub description: String,
    /// Findings it matches are archived when they come.
    pub archives: bool,
    /// Its place among the detector's filters, from 1.
    pub rank: u64,
    /// What it matches.
    pub criteria: Criteria,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// The account of its detector.
    pub account: String,
    /// The region of its detector.
    pub region: String,
    /// It was made by an administrator, and holds for members' findings too.
    pub of_administrator: bool,
    /// Grows with every change, from 1.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    name: Option<String>,
    description: Option<String>,
    action: Option<String>,
    rank: Option<i64>,
    finding_criteria: Option<Value>,
    tags: Option<BTreeMap<String, String>>,
}

impl Filter {
    fn apply(&mut self, input: Input, now: Timestamp) -> Result<(), AwsError> {
        if let Some(description) = input.description {
            if description.chars().count() > 512 {
                return Err(AwsError::invalid("description has at most 512 characters."));
            }
            self.description = description;
        }
        match input.action.as_deref() {
            None => {}
            Some("NOOP") => self.archives = false,
            Some("ARCHIVE") => self.archives = true,
            Some(other) => return Err(AwsError::invalid(&format!("action cannot be {other:.64?}."))),
        }
        if let Some(rank) = input.rank {
            self.rank = u64::try_from(rank)
                .ok()
                .filter(|rank| (1..=100).contains(rank))
                .ok_or_else(|| AwsError::invalid("rank must be between 1 and 100."))?;
        }
        if let Some(criteria) = input.finding_criteria {
            self.criteria = Criteria::read(Some(&criteria), true)?;
            if self.criteria.criterion.is_empty() {
                return Err(AwsError::invalid("findingCriteria must hold a criterion."));
            }
        }
        self.updated_at = now;
        self.version += 1;
        Ok(())
    }

    /// The filter that a `CreateFilter` request makes, without an owner.
    ///
    /// # Errors
    /// What cannot be, named.
    pub fn create(request: &[u8], now: Timestamp) -> Result<Self, AwsError> {
        let mut input: Input = body::read(request)?;
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        let name =
            input.name.take().filter(|name| (3..=64).contains(&name.len()) && name.chars().all(allowed));
        let name = name.ok_or_else(|| {
            AwsError::invalid("name must have 3 to 64 letters, digits, dots, underscores and hyphens.")
        })?;
        if input.finding_criteria.is_none() {
            return Err(AwsError::invalid("findingCriteria is needed."));
        }
        let mut filter = Self {
            name,
            description: String::new(),
            archives: false,
            rank: 1,
            criteria: Criteria::default(),
            tags: input.tags.take().unwrap_or_default(),
            account: String::new(),
            region: String::new(),
            of_administrator: false,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        tags::check(&filter.tags)?;
        filter.apply(input, now)?;
        Ok(filter)
    }

    /// The filter after an `UpdateFilter` request, which names only what changes.
    ///
    /// # Errors
    /// What cannot be, named.
    pub fn update(mut self, request: &[u8], now: Timestamp) -> Result<Self, AwsError> {
        let input: Input = body::read(request)?;
        self.apply(input, now)?;
        Ok(self)
    }

    /// The answer to `GetFilter`.
    #[must_use]
    pub fn render(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "action": if self.archives { "ARCHIVE" } else { "NOOP" },
            "rank": self.rank,
            "findingCriteria": self.criteria,
            "tags": self.tags,
            "createdAt": epoch(self.created_at),
            "updatedAt": epoch(self.updated_at),
            "version": self.version,
        })
    }
}
