//! Lists of addresses and names, and places that findings are to be written to. They are kept for those who manage them
//! here, and do nothing: this server reads no lists and writes to no bucket, so a list cannot be activated, and a
//! destination is shown as stopped.

use std::collections::BTreeMap;

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{AwsError, body, list_coverage::epoch, tags};
use crate::arn::is_account;

/// A list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSet {
    /// For people.
    pub name: String,
    /// `TXT`, `STIX` and others.
    pub format: String,
    /// Where its text is.
    pub location: String,
    /// Who owns that place; empty where nobody has said.
    pub owner: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A place to write findings to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// ARN of a bucket.
    pub arn: String,
    /// ARN of the key that encrypts there.
    pub key: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    name: Option<String>,
    format: Option<String>,
    location: Option<String>,
    activate: Option<bool>,
    expected_bucket_owner: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    destination_type: Option<String>,
    destination_properties: Option<Properties>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Properties {
    destination_arn: Option<String>,
    kms_key_arn: Option<String>,
}

const FORMATS: [&str; 6] = ["TXT", "STIX", "OTX_CSV", "ALIEN_VAULT", "PROOF_POINT", "FIRE_EYE"];

fn text(member: &str, text: Option<String>) -> Result<Option<String>, AwsError> {
    match text {
        Some(text) if !(1..=300).contains(&text.chars().count()) || text.contains('\0') => {
            Err(AwsError::invalid(&format!("{member} must have 1 to 300 characters.")))
        }
        text => Ok(text),
    }
}

fn must_stay_inactive(activate: Option<bool>) -> Result<(), AwsError> {
    if activate == Some(true) {
        return Err(AwsError::bad_request(
            "The request is rejected because activating lists is not supported by this server: it reads none.",
        ));
    }
    Ok(())
}

impl ListSet {
    /// The list that a request makes.
    ///
    /// # Errors
    /// What cannot be, named.
    pub fn create(request: &[u8], now: Timestamp) -> Result<Self, AwsError> {
        let mut input: Input = body::read(request)?;
        let format = input.format.take().filter(|format| FORMATS.contains(&format.as_str()));
        let set = Self {
            name: String::new(),
            format: format.ok_or_else(|| AwsError::invalid("format is not one of GuardDuty's."))?,
            location: String::new(),
            owner: String::new(),
            tags: input.tags.take().unwrap_or_default(),
            created_at: now,
            updated_at: now,
        };
        tags::check(&set.tags)?;
        if input.name.is_none() || input.location.is_none() || input.activate.is_none() {
            return Err(AwsError::invalid("name, location and activate are needed."));
        }
        set.apply(input, now)
    }

    /// The list after a request that names what changes.
    ///
    /// # Errors
    /// What cannot be, named.
    pub fn update(self, request: &[u8], now: Timestamp) -> Result<Self, AwsError> {
        self.apply(body::read(request)?, now)
    }

    fn apply(mut self, input: Input, now: Timestamp) -> Result<Self, AwsError> {
        must_stay_inactive(input.activate)?;
        self.name = text("name", input.name)?.unwrap_or(self.name);
        self.location = text("location", input.location)?.unwrap_or(self.location);
        if let Some(owner) = input.expected_bucket_owner {
            if !is_account(&owner) {
                return Err(AwsError::invalid("expectedBucketOwner must be an account of twelve digits."));
            }
            self.owner = owner;
        }
        self.updated_at = now;
        Ok(self)
    }

    /// As it is shown; the newer kinds of lists have times.
    #[must_use]
    pub fn render(&self, with_times: bool) -> Value {
        let mut shown = json!({
            "name": self.name,
            "format": self.format,
            "location": self.location,
            "status": "INACTIVE",
            "tags": self.tags,
        });
        if !self.owner.is_empty() {
            shown["expectedBucketOwner"] = self.owner.as_str().into();
        }
        if with_times {
            shown["createdAt"] = epoch(self.created_at).into();
            shown["updatedAt"] = epoch(self.updated_at).into();
        }
        shown
    }
}

impl Destination {
    /// The place that a `CreatePublishingDestination` request makes.
    ///
    /// # Errors
    /// What cannot be, named.
    pub fn create(request: &[u8]) -> Result<Self, AwsError> {
        let mut input: Input = body::read(request)?;
        if input.destination_type.as_deref() != Some("S3") {
            return Err(AwsError::invalid("destinationType must be S3."));
        }
        if input.destination_properties.is_none() {
            return Err(AwsError::invalid("destinationProperties is needed."));
        }
        let tags = input.tags.take().unwrap_or_default();
        tags::check(&tags)?;
        Self { arn: String::new(), key: String::new(), tags }.apply(input)
    }

    /// The place after an `UpdatePublishingDestination` request.
    ///
    /// # Errors
    /// What cannot be, named.
    pub fn update(self, request: &[u8]) -> Result<Self, AwsError> {
        self.apply(body::read(request)?)
    }

    fn apply(mut self, input: Input) -> Result<Self, AwsError> {
        let properties = input.destination_properties.unwrap_or_default();
        self.arn = text("destinationArn", properties.destination_arn)?.unwrap_or(self.arn);
        self.key = text("kmsKeyArn", properties.kms_key_arn)?.unwrap_or(self.key);
        Ok(self)
    }

    /// As a list shows it.
    #[must_use]
    pub fn summary(id: &str) -> Value {
        json!({"destinationId": id, "destinationType": "S3", "status": "STOPPED"})
    }

    /// The answer to `DescribePublishingDestination`.
    #[must_use]
    pub fn render(&self, id: &str) -> Value {
        let mut properties = Map::new();
        for (member, text) in [("destinationArn", &self.arn), ("kmsKeyArn", &self.key)] {
            if !text.is_empty() {
                properties.insert(member.to_owned(), text.as_str().into());
            }
        }
        let mut shown = Self::summary(id);
        shown["publishingFailureStartTimestamp"] = 0.into();
        shown["destinationProperties"] = properties.into();
        shown["tags"] = json!(self.tags);
        shown
    }
}
