//! Members of an administrator: the accounts this server knows, and those it was told of.

use std::collections::BTreeSet;

use fargard_coverage::guardduty::{
    AutoEnable, AwsError, Detector, Member, NameToken, Relationship, account_details, account_ids,
    member_detector, parameter, query_limit, unprocessed, update_detector,
};
use fargard_store::{KeyRole, ObjectKey, ObjectKind};
use serde_json::{Value, json};

use super::{
    answer::{Answer, failed},
    lists::listed,
    operations::Own,
};

/// Accounts read at once.
const AT_ONCE: usize = 200;
/// What is said of an account that is none of the administrator's.
const NO_MEMBER: &str = "the given account ID is not an associated member of account the current account";

/// What is to become of members.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Invite,
    Disassociate,
    Stop,
    Start,
    Delete,
}

impl Own<'_> {
    /// The detector of an administrator.
    pub(super) async fn administrator(&self, id: &str) -> Result<Detector, AwsError> {
        let detector = self.detector(id).await?;
        if self.caller.key.role == KeyRole::Administrator {
            return Ok(detector);
        }
        Err(AwsError::bad_request(
            "The request is rejected because the current account is not an administrator of other accounts.",
        ))
    }

    /// Whether the server has heard of an account in this region.
    async fn is_known(&self, account: &str) -> Result<bool, AwsError> {
        let store = &self.state.coverage;
        let region = &self.caller.region;
        if store.detector_of(account, region).await.map_err(failed)?.is_some() {
            return Ok(true);
        }
        let before = account.parse::<u64>().unwrap_or_default().checked_sub(1);
        let before = before.map_or_else(String::new, |before| format!("{before:012}"));
        let next = store.accounts(region, &before, 1).await.map_err(failed)?;
        Ok(next.first().is_some_and(|next| next == account))
    }

    /// How an account stands to an administrator, if at all.
    pub(super) async fn member(&self, of: &Detector, account: &str) -> Result<Option<Member>, AwsError> {
        if account == of.account {
            return Ok(None);
        }
        let key = ObjectKey::new(ObjectKind::Member, &of.id, account);
        if let Some(body) = self.state.coverage.object(&key).await.map_err(failed)? {
            return read(body).map(Some);
        }
        if self.organization(of).await?.auto_enable == AutoEnable::None || !self.is_known(account).await? {
            return Ok(None);
        }
        Ok(Some(Member::known(account, &of.account, of.created_at)))
    }

    /// Keeps what an administrator's detector holds of a member.
    pub(super) async fn keep_member(&self, detector: &str, member: &Member) -> Result<(), AwsError> {
        self.put(&ObjectKey::new(ObjectKind::Member, detector, &member.account), member).await
    }

    pub(super) async fn create_members(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.administrator(id).await?;
        let mut not_done = Vec::new();
        for (account, email) in account_details(body)? {
            if account == detector.account {
                not_done.push(unprocessed(&account, "an account cannot be a member of itself"));
                continue;
            }
            let known = self.member(&detector, &account).await?;
            let mut member = known.unwrap_or_else(|| Member::known(&account, &detector.account, self.now));
            let is_new = !member.status.is_associated() || member.email.is_empty();
            if is_new {
                let is_known = self.is_known(&account).await?;
                member.status = if is_known { Relationship::Enabled } else { Relationship::Created };
                member.updated_at = self.now;
            }
            member.email = email;
            self.keep_member(&detector.id, &member).await?;
        }
        Ok(json!({"unprocessedAccounts": not_done}).into())
    }

    pub(super) async fn list_members(&self, id: &str, query: &str) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let limit = query_limit(query)?;
        let only_associated = match parameter(query, "onlyAssociated").as_deref() {
            None | Some("true" | "True" | "TRUE") => true,
            Some("false" | "False" | "FALSE") => false,
            Some(_) => return Err(AwsError::invalid("onlyAssociated must be true or false.")),
        };
        if self.caller.key.role == KeyRole::Member {
            return Ok(json!({"members": []}).into());
        }
        let list = format!("members {id} {only_associated}");
        let mut after = NameToken::read(query, &list, self.now)?;
        let mut members: Vec<Member> = Vec::new();
        let mut more = true;
        while more && members.len() <= limit {
            let (accounts, last) = self.accounts_after(&detector, &after).await?;
            more = last.is_some();
            after = last.unwrap_or_default();
            for account in accounts {
                let member = self.member(&detector, &account).await?;
                members.extend(member.filter(|one| !only_associated || one.status.is_associated()));
            }
        }
        let is_last = members.len() <= limit;
        members.truncate(limit);
        let next = members.last().filter(|_| !is_last);
        let next = next.map(|last| NameToken::of(&list, &last.account, self.now));
        let shown = self.render(&members).await?;
        Ok(listed("members", shown.into(), next))
    }

    /// Accounts after one, in order, that may be members, and the last of them when there may be more.
    pub(super) async fn accounts_after(
        &self,
        of: &Detector,
        after: &str,
    ) -> Result<(Vec<String>, Option<String>), AwsError> {
        let (store, region) = (&self.state.coverage, &self.caller.region);
        let known = store.accounts(region, after, AT_ONCE).await.map_err(failed)?;
        let detectors = store.detectors(region, after, AT_ONCE).await.map_err(failed)?;
        let told = store.objects(ObjectKind::Member, &of.id, after, AT_ONCE).await.map_err(failed)?;
        let lists: [Vec<String>; 3] = [
            known,
            detectors.into_iter().map(|detector| detector.account).collect(),
            told.into_iter().map(|object| object.name).collect(),
        ];
        // Beyond the end of a full list there may be others that are not here.
        let full = lists.iter().filter(|list| list.len() >= AT_ONCE);
        let end = full.filter_map(|list| list.last()).min().cloned();
        let all: BTreeSet<String> = lists.into_iter().flatten().collect();
        let all = all.into_iter().filter(|account| end.as_ref().is_none_or(|end| account <= end)).collect();
        Ok((all, end))
    }

    async fn render(&self, members: &[Member]) -> Result<Vec<Value>, AwsError> {
        let mut shown = Vec::new();
        for member in members {
            let detector = self.state.coverage.detector_of(&member.account, &self.caller.region);
            let detector = detector.await.map_err(failed)?.map(|detector| detector.id);
            shown.push(member.render(detector.as_deref()));
        }
        Ok(shown)
    }

    pub(super) async fn get_members(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let (mut members, mut not_done) = (Vec::new(), Vec::new());
        for account in account_ids(body)? {
            let known = match self.caller.key.role {
                KeyRole::Administrator => self.member(&detector, &account).await?,
                KeyRole::Member => None,
            };
            match known {
                Some(member) => members.push(member),
                None => not_done.push(unprocessed(&account, NO_MEMBER)),
            }
        }
        let shown = self.render(&members).await?;
        Ok(json!({"members": shown, "unprocessedAccounts": not_done}).into())
    }

    pub(super) async fn change_members(
        &self,
        id: &str,
        body: &[u8],
        change: Change,
    ) -> Result<Answer, AwsError> {
        let detector = self.administrator(id).await?;
        let mut not_done = Vec::new();
        for account in account_ids(body)? {
            let why = match self.member(&detector, &account).await? {
                Some(member) => self.change_member(&detector, member, change).await?,
                None => Some(NO_MEMBER),
            };
            not_done.extend(why.map(|why| unprocessed(&account, why)));
        }
        Ok(json!({"unprocessedAccounts": not_done}).into())
    }

    /// Changes a member; why not, if it cannot be.
    async fn change_member(
        &self,
        of: &Detector,
        mut member: Member,
        change: Change,
    ) -> Result<Option<&'static str>, AwsError> {
        use Relationship::{Created, Disabled, Enabled, Invited, Removed};
        member.updated_at = self.now;
        match (change, member.status) {
            (Change::Invite, Enabled | Disabled) | (Change::Start, Enabled) | (Change::Stop, Disabled) => {}
            (Change::Invite, _) => {
                member.status = Invited;
                member.invitation = uuid::Uuid::now_v7().simple().to_string();
                member.invited_at = Some(self.now);
                self.keep_member(&of.id, &member).await?;
            }
            (Change::Disassociate, _) => {
                member.status = Removed;
                self.keep_member(&of.id, &member).await?;
            }
            (Change::Delete, Enabled | Disabled) => {
                return Ok(Some("the account is an associated member; disassociate it first"));
            }
            (Change::Delete, _) => {
                let key = ObjectKey::new(ObjectKind::Member, &of.id, &member.account);
                self.state.coverage.remove_object(&key).await.map_err(failed)?;
            }
            (Change::Stop, Enabled) | (Change::Start, Disabled) => {
                let starts = matches!(change, Change::Start);
                member.status = if starts { Enabled } else { Disabled };
                self.keep_member(&of.id, &member).await?;
                self.switch(&member.account, &json!({"enable": starts})).await?;
            }
            (Change::Stop | Change::Start, Created | Invited | Removed | Relationship::Resigned) => {
                return Ok(Some(NO_MEMBER));
            }
        }
        Ok(None)
    }

    /// Updates an account's detector in this region; `false` when it has none.
    async fn switch(&self, account: &str, change: &Value) -> Result<bool, AwsError> {
        let (store, region) = (&self.state.coverage, &self.caller.region);
        let Some(detector) = store.detector_of(account, region).await.map_err(failed)? else {
            return Ok(false);
        };
        let changed = update_detector(detector, change.to_string().as_bytes(), self.now)?;
        self.keep_of(&changed).await?;
        Ok(true)
    }

    /// Keeps an account's changed detector, and has what it decides judged anew.
    pub(super) async fn keep_of(&self, detector: &Detector) -> Result<(), AwsError> {
        let store = &self.state.coverage;
        store.set_detector(detector).await.map_err(failed)?;
        let scope = fargard_coverage::sweep::scope(&detector.region, &detector.account);
        store.judge_again(Some(&scope)).await.map_err(failed)
    }

    pub(super) async fn get_member_detectors(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let own = self.administrator(id).await?;
        let (mut shown, mut not_done) = (Vec::new(), Vec::new());
        for account in account_ids(body)? {
            let member = self.member(&own, &account).await?.filter(|one| one.status.is_associated());
            let detector = self.state.coverage.detector_of(&account, &self.caller.region);
            match detector.await.map_err(failed)?.filter(|_| member.is_some()) {
                Some(detector) => shown.push(member_detector(&detector)),
                None => not_done.push(unprocessed(&account, NO_MEMBER)),
            }
        }
        Ok(json!({"members": shown, "unprocessedAccounts": not_done}).into())
    }

    pub(super) async fn update_member_detectors(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let own = self.administrator(id).await?;
        let accounts = account_ids(body)?;
        let asked: Value = serde_json::from_slice(body)
            .map_err(|error| AwsError::invalid(&format!("The body cannot be read: {error}.")))?;
        let change = json!({"features": asked["features"]});
        // What no detector can have is refused before any is changed.
        update_detector(own.clone(), change.to_string().as_bytes(), self.now)?;
        let mut not_done = Vec::new();
        for account in accounts {
            let member = self.member(&own, &account).await?.filter(|one| one.status.is_associated());
            if member.is_none() || !self.switch(&account, &change).await? {
                not_done.push(unprocessed(&account, NO_MEMBER));
            }
        }
        Ok(json!({"unprocessedAccounts": not_done}).into())
    }
}

/// A member, as the store holds it.
pub(super) fn read(body: Value) -> Result<Member, AwsError> {
    serde_json::from_value(body).map_err(|error| {
        tracing::error!(%error, "a member in the store cannot be read");
        AwsError::internal()
    })
}
