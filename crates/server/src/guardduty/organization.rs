//! Who administers: an organization's configuration, its administrator, invitations of others.

use fargard_coverage::guardduty::{
    AutoEnable, AwsError, Detector, Member, Organization, Relationship, account_ids, admin_account,
    invitation, unprocessed,
};
use fargard_store::{KeyRole, ObjectKey, ObjectKind};
use serde_json::{Value, json};

use super::{
    answer::{Answer, failed},
    members::read,
    operations::Own,
    visible::CONFIGURATION,
};

/// Detectors read at once.
const AT_ONCE: usize = 500;
/// Invitations and administrators of one account.
const MAX_ADMINISTRATORS: usize = 100;
const NO_INVITATION: &str = "the given account ID has not invited the current account";

impl Own<'_> {
    /// The configuration of an administrator's region.
    pub(super) async fn organization(&self, of: &Detector) -> Result<Organization, AwsError> {
        let key = ObjectKey::new(ObjectKind::Organization, &of.id, CONFIGURATION);
        let body = self.state.coverage.object(&key).await.map_err(failed)?;
        let known = body.and_then(|body| serde_json::from_value(body).ok());
        Ok(known.unwrap_or_else(|| Organization::new(&of.account, &of.region)))
    }

    pub(super) async fn describe_organization(&self, id: &str) -> Result<Answer, AwsError> {
        let detector = self.administrator(id).await?;
        Ok(self.organization(&detector).await?.render().into())
    }

    pub(super) async fn update_organization(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let own = self.administrator(id).await?;
        let organization = self.organization(&own).await?.update(body)?;
        self.put(&ObjectKey::new(ObjectKind::Organization, &own.id, CONFIGURATION), &organization).await?;
        if organization.monitoring == AutoEnable::All || organization.automation == AutoEnable::All {
            self.spread(&own, &organization).await?;
        }
        Ok(json!({}).into())
    }

    /// Switches on what all members' detectors are to have.
    async fn spread(&self, own: &Detector, organization: &Organization) -> Result<(), AwsError> {
        let visible = self.visible(own).await?;
        let mut after = String::new();
        loop {
            let some = self.state.coverage.detectors(&own.region, &after, AT_ONCE).await.map_err(failed)?;
            let is_last = some.len() < AT_ONCE;
            for mut detector in some {
                after.clone_from(&detector.account);
                let is_member = detector.account != own.account && visible.sees(&detector.account);
                if is_member && organization.spread(&mut detector, self.now) {
                    self.keep_of(&detector).await?;
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Lets a new detector begin as its administrators have said.
    pub(super) async fn begin(&self, detector: &mut Detector) -> Result<(), AwsError> {
        let all = self.state.coverage.objects_named(
            ObjectKind::Organization,
            Some(CONFIGURATION),
            MAX_ADMINISTRATORS,
        );
        for object in all.await.map_err(failed)? {
            let organization: Option<Organization> = serde_json::from_value(object.body).ok();
            let ours =
                organization.filter(|one| one.region == detector.region && one.account != detector.account);
            if let Some(organization) = ours {
                organization.begin(detector, self.now);
            }
        }
        Ok(())
    }

    /// Accounts of administrators' keys, in order.
    async fn administrators(&self) -> Result<Vec<String>, AwsError> {
        let keys = self.state.coverage.access_keys().await.map_err(failed)?;
        let keys = keys.into_iter().filter(|key| key.role == KeyRole::Administrator);
        let mut accounts: Vec<String> = keys.map(|key| key.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        Ok(accounts)
    }

    pub(super) async fn list_admins(&self) -> Result<Answer, AwsError> {
        let all = self.administrators().await?;
        let own = &self.caller.key.account;
        // An organization has one; of several, the caller's own.
        let one = all.iter().find(|account| *account == own).or_else(|| all.first());
        let admins: Vec<Value> = one
            .map(|account| json!({"adminAccountId": account, "adminStatus": "ENABLED"}))
            .into_iter()
            .collect();
        Ok(json!({"adminAccounts": admins}).into())
    }

    /// Who administers is decided by the keys that the server's owner makes.
    pub(super) async fn set_admin(&self, body: &[u8], enable: bool) -> Result<Answer, AwsError> {
        let account = admin_account(body)?;
        if self.administrators().await?.contains(&account) == enable {
            return Ok(json!({}).into());
        }
        let how = if enable { "create --role administrator" } else { "revoke" };
        Err(AwsError::bad_request(format!(
            "The request is rejected because administrators are those who have such a key of this server: fargard \
             server key {how}."
        )))
    }

    /// The caller's administrators' detectors and how it stands to them, invitations aside.
    async fn own_administrators(&self) -> Result<Vec<(Detector, Member)>, AwsError> {
        let mut found = Vec::new();
        let own = &self.caller.key.account;
        if self.caller.key.role == KeyRole::Administrator {
            return Ok(found);
        }
        for account in self.administrators().await?.into_iter().take(MAX_ADMINISTRATORS) {
            let detector = self.state.coverage.detector_of(&account, &self.caller.region);
            let Some(detector) = detector.await.map_err(failed)? else { continue };
            let member = self.member(&detector, own).await?;
            let is_one = |one: &Member| matches!(one.status, Relationship::Enabled | Relationship::Disabled);
            found.extend(member.filter(is_one).map(|member| (detector, member)));
        }
        Ok(found)
    }

    pub(super) async fn get_administrator(&self, id: &str, name: &str) -> Result<Answer, AwsError> {
        self.detector(id).await?;
        let own = self.own_administrators().await?;
        Ok(match own.first() {
            Some((_, member)) => json!({name: member.render_administrator()}).into(),
            None => json!({}).into(),
        })
    }

    pub(super) async fn leave(&self, id: &str) -> Result<Answer, AwsError> {
        self.detector(id).await?;
        for (detector, mut member) in self.own_administrators().await? {
            member.status = Relationship::Resigned;
            member.updated_at = self.now;
            self.keep_member(&detector.id, &member).await?;
        }
        Ok(json!({}).into())
    }

    /// Invitations of the caller, with the detectors they came from.
    async fn invitations(&self) -> Result<Vec<(String, Member)>, AwsError> {
        let own = Some(self.caller.key.account.as_str());
        let all = self.state.coverage.objects_named(ObjectKind::Member, own, MAX_ADMINISTRATORS);
        let all = all.await.map_err(failed)?.into_iter();
        let all = all.map(|object| Ok((object.scope, read(object.body)?)));
        let all: Vec<(String, Member)> = all.collect::<Result<_, AwsError>>()?;
        Ok(all.into_iter().filter(|(_, member)| member.status == Relationship::Invited).collect())
    }

    pub(super) async fn list_invitations(&self) -> Result<Answer, AwsError> {
        let all: Vec<Value> =
            self.invitations().await?.iter().map(|(_, member)| member.render_administrator()).collect();
        Ok(json!({"invitations": all}).into())
    }

    pub(super) async fn count_invitations(&self) -> Result<Answer, AwsError> {
        Ok(json!({"invitationsCount": self.invitations().await?.len()}).into())
    }

    pub(super) async fn accept(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        self.detector(id).await?;
        let (administrator, wanted) = invitation(body)?;
        let all = self.invitations().await?;
        let its = |(_, member): &&(String, Member)| {
            member.administrator == administrator && member.invitation == wanted
        };
        let Some((scope, member)) = all.iter().find(its) else {
            return Err(AwsError::bad_request(format!("The request is rejected because {NO_INVITATION}.")));
        };
        let accepted = Member { status: Relationship::Enabled, updated_at: self.now, ..member.clone() };
        self.keep_member(scope, &accepted).await?;
        Ok(json!({}).into())
    }

    /// Declines invitations, or deletes them as if there had been none.
    pub(super) async fn refuse(&self, body: &[u8], status: Relationship) -> Result<Answer, AwsError> {
        let accounts = account_ids(body)?;
        let all = self.invitations().await?;
        let mut not_done = Vec::new();
        for account in accounts {
            let Some((scope, member)) = all.iter().find(|(_, member)| member.administrator == account) else {
                not_done.push(unprocessed(&account, NO_INVITATION));
                continue;
            };
            let refused = Member { status, updated_at: self.now, ..member.clone() };
            self.keep_member(scope, &refused).await?;
        }
        Ok(json!({"unprocessedAccounts": not_done}).into())
    }

    pub(super) async fn organization_statistics(&self) -> Result<Answer, AwsError> {
        let own = self.own_detector().await?.ok_or_else(AwsError::not_owned)?;
        let own = self.administrator(&own.id).await?;
        let visible = self.visible(&own).await?;
        let (store, region) = (&self.state.coverage, &self.caller.region);
        let (mut accounts, mut enabled, mut monitored, mut automated) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut without = 0_u64;
        let mut after = String::new();
        loop {
            let some = self.accounts_after(&own, &after).await?;
            for account in some.0.iter().filter(|account| visible.sees(account)) {
                accounts += 1;
                match store.detector_of(account, region).await.map_err(failed)? {
                    Some(detector) => {
                        let policy = detector.policy();
                        enabled += u64::from(detector.enabled);
                        monitored += u64::from(policy.monitoring.on);
                        automated += u64::from(policy.automation.on);
                    }
                    None => without += 1,
                }
            }
            match some.1 {
                Some(last) => after = last,
                None => break,
            }
        }
        // Without a detector everything is watched, and so the account is active.
        let members = accounts.saturating_sub(1);
        let addition = json!([{"name": "ECS_FARGATE_AGENT_MANAGEMENT", "enabledAccountsCount": automated}]);
        Ok(json!({"organizationDetails": {
            "updatedAt": self.now.seconds(),
            "organizationStatistics": {
                "totalAccountsCount": accounts,
                "memberAccountsCount": members,
                "activeAccountsCount": enabled + without,
                "enabledAccountsCount": enabled,
                "countByFeature": [{"name": "RUNTIME_MONITORING", "enabledAccountsCount": monitored,
                    "additionalConfiguration": addition}],
            },
        }})
        .into())
    }
}
