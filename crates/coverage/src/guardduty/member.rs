//! Members of an administrator's account, and what their requests say.

use fargard_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AwsError, Detector, body, detector::iso, get_detector};
use crate::arn::is_account;

/// Most accounts of a request.
const MAX: usize = 50;

/// How a member stands to its administrator; GuardDuty's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relationship {
    /// Named, nothing more.
    Created,
    /// Asked to become a member.
    Invited,
    /// A member.
    Enabled,
    /// A member whose monitoring the administrator has stopped.
    Disabled,
    /// The administrator has let it go.
    Removed,
    /// It has gone.
    Resigned,
}

impl Relationship {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Invited => "Invited",
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::Removed => "Removed",
            Self::Resigned => "Resigned",
        }
    }

    /// Whether it is listed without asking for others too.
    #[must_use]
    pub fn is_associated(self) -> bool {
        matches!(self, Self::Invited | Self::Enabled | Self::Disabled)
    }
}

/// A member, as its administrator knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its account.
    pub account: String,
    /// Its administrator's account.
    pub administrator: String,
    /// Its mail address; empty where nobody has named one.
    pub email: String,
    /// How it stands.
    pub status: Relationship,
    /// Id of the invitation, once there was one.
    pub invitation: String,
    /// When it was invited.
    pub invited_at: Option<Timestamp>,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

impl Member {
    /// One that is a member because the server knows its account.
    #[must_use]
    pub fn known(account: &str, administrator: &str, since: Timestamp) -> Self {
        Self {
            account: account.to_owned(),
            administrator: administrator.to_owned(),
            email: String::new(),
            status: Relationship::Enabled,
            invitation: String::new(),
            invited_at: None,
            updated_at: since,
        }
    }

    /// As its administrator sees it.
    #[must_use]
    pub fn render(&self, detector: Option<&str>) -> Value {
        let mut shown = json!({
            "accountId": self.account,
            "masterId": self.administrator,
            "administratorId": self.administrator,
            "email": self.email,
            "relationshipStatus": self.status.name(),
            "updatedAt": iso(self.updated_at),
        });
        if let Some(detector) = detector {
            shown["detectorId"] = detector.into();
        }
        if let Some(invited) = self.invited_at {
            shown["invitedAt"] = iso(invited).into();
        }
        shown
    }

    /// Its administrator, or the invitation of one, as the member sees it.
    #[must_use]
    pub fn render_administrator(&self) -> Value {
        let mut shown = json!({"accountId": self.administrator, "relationshipStatus": self.status.name()});
        if !self.invitation.is_empty() {
            shown["invitationId"] = self.invitation.as_str().into();
        }
        if let Some(invited) = self.invited_at {
            shown["invitedAt"] = iso(invited).into();
        }
        shown
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    account_ids: Option<Vec<String>>,
    account_details: Option<Vec<Account>>,
    administrator_id: Option<String>,
    master_id: Option<String>,
    invitation_id: Option<String>,
    admin_account_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Account {
    account_id: String,
    email: String,
}

/// The accounts a request names.
///
/// # Errors
/// What cannot be, named.
pub fn account_ids(request: &[u8]) -> Result<Vec<String>, AwsError> {
    let input: Input = body::read(request)?;
    let ids = input.account_ids.unwrap_or_default();
    if !(1..=MAX).contains(&ids.len()) || !ids.iter().all(|id| is_account(id)) {
        return Err(AwsError::invalid("accountIds must hold 1 to 50 accounts of twelve digits."));
    }
    Ok(ids)
}

/// The accounts a `CreateMembers` request names, with their mail addresses.
///
/// # Errors
/// What cannot be, named.
pub fn account_details(request: &[u8]) -> Result<Vec<(String, String)>, AwsError> {
    let input: Input = body::read(request)?;
    let details = input.account_details.unwrap_or_default();
    let fits = |one: &Account| {
        is_account(&one.account_id) && (1..=64).contains(&one.email.len()) && !one.email.contains('\0')
    };
    if !(1..=MAX).contains(&details.len()) || !details.iter().all(fits) {
        return Err(AwsError::invalid(
            "accountDetails must hold 1 to 50 accounts of twelve digits with an email of 1 to 64 characters.",
        ));
    }
    Ok(details.into_iter().map(|one| (one.account_id, one.email)).collect())
}

/// Administrator and invitation that a request accepts.
///
/// # Errors
/// One is missing.
pub fn invitation(request: &[u8]) -> Result<(String, String), AwsError> {
    let input: Input = body::read(request)?;
    let administrator = input.administrator_id.or(input.master_id);
    administrator
        .zip(input.invitation_id)
        .ok_or_else(|| AwsError::invalid("The administrator's account and invitationId are needed."))
}

/// The account that is to administer an organization, or not to.
///
/// # Errors
/// It is no account.
pub fn admin_account(request: &[u8]) -> Result<String, AwsError> {
    let input: Input = body::read(request)?;
    let account = input.admin_account_id.filter(|account| is_account(account));
    account.ok_or_else(|| AwsError::invalid("adminAccountId must be an account of twelve digits."))
}

/// An account that nothing was done with.
#[must_use]
pub fn unprocessed(account: &str, why: &str) -> Value {
    json!({"accountId": account, "result": format!("The request is rejected because {why}.")})
}

/// A member's detector, as `GetMemberDetectors` shows it.
#[must_use]
pub fn member_detector(detector: &Detector) -> Value {
    /// Features that only an account's own detector shows.
    const OWN: [&str; 4] = ["CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS", "AI_ANALYST"];
    let mut shown = get_detector(detector);
    let mut features = shown["features"].take();
    if let Some(features) = features.as_array_mut() {
        features.retain(|feature| feature["name"].as_str().is_none_or(|name| !OWN.contains(&name)));
    }
    json!({"accountId": detector.account, "dataSources": shown["dataSources"], "features": features})
}
