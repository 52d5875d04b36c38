//! One function an operation.

use fargard_coverage::{
    guardduty::{
        AwsError, Detector, Operation, Relationship, Routed, account_ids, coverage_statistics,
        create_detector, get_detector, list_coverage, owned_detector, render_page, render_statistics,
        tag_resource, untag_keys, update_detector, usage_statistics,
    },
    query::{Column, CoverageQuery},
    sweep::scope,
};
use fargard_model::Timestamp;
use fargard_store::{Object, ObjectKind};
use serde_json::json;

use super::{
    answer::{Answer, failed},
    lists::Act,
    members::{Change, read},
    sign_in::Caller,
};
use crate::state::AppState;

/// Does what is asked.
pub(super) async fn run(
    state: &AppState,
    caller: &Caller,
    routed: &Routed,
    query: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Answer, AwsError> {
    let Routed { operation, subject, item } = routed;
    if operation.writes() && caller.key.read_only {
        return Err(AwsError::denied(format!(
            "User: {} is not authorized to perform: guardduty:{}",
            caller.key.id,
            operation.name()
        )));
    }
    let own = Own { state, caller, now };
    match operation {
        Operation::ListCoverage => own.list_coverage(subject, body).await,
        Operation::GetCoverageStatistics => own.coverage_statistics(subject, body).await,
        Operation::CreateDetector => own.create_detector(body).await,
        Operation::ListDetectors => own.list_detectors().await,
        Operation::GetDetector => Ok(get_detector(&own.detector(subject).await?).into()),
        Operation::UpdateDetector => {
            let detector = update_detector(own.detector(subject).await?, body, now)?;
            own.keep(&detector).await?;
            Ok(json!({}).into())
        }
        Operation::DeleteDetector => own.delete_detector(subject).await,
        Operation::ListTagsForResource => Ok(json!({"tags": own.tagged(subject).await?.tags}).into()),
        Operation::TagResource => {
            let mut detector = own.tagged(subject).await?;
            detector.tags = tag_resource(detector.tags, body)?;
            own.keep(&detector).await?;
            Ok(Answer::Nothing)
        }
        Operation::UntagResource => {
            let mut detector = own.tagged(subject).await?;
            let keys = untag_keys(query);
            detector.tags.retain(|key, _| !keys.contains(key));
            own.keep(&detector).await?;
            Ok(Answer::Nothing)
        }
        Operation::ListFindings => own.list_findings(subject, body).await,
        Operation::GetFindings => own.get_findings(subject, body).await,
        Operation::GetFindingsStatistics => own.finding_statistics(subject, body).await,
        Operation::ArchiveFindings => own.archive(subject, body, true).await,
        Operation::UnarchiveFindings => own.archive(subject, body, false).await,
        Operation::UpdateFindingsFeedback => own.feedback(subject, body).await,
        Operation::CreateSampleFindings => own.create_samples(subject, body).await,
        Operation::CreateFilter => own.create_filter(subject, body).await,
        Operation::ListFilters => own.list_filters(subject, query).await,
        Operation::GetFilter => own.get_filter(subject, item).await,
        Operation::UpdateFilter => own.update_filter(subject, item, body).await,
        Operation::DeleteFilter => own.delete_filter(subject, item).await,
        other => own.run_other((*other, subject, item), query, body).await,
    }
}

/// What an operation does to which kind of list.
fn list_act(operation: Operation) -> Option<(ObjectKind, Act)> {
    use ObjectKind as K;
    use Operation as O;
    Some(match operation {
        O::CreateIPSet => (K::IpSet, Act::Create),
        O::ListIPSets => (K::IpSet, Act::List),
        O::GetIPSet => (K::IpSet, Act::Get),
        O::UpdateIPSet => (K::IpSet, Act::Update),
        O::DeleteIPSet => (K::IpSet, Act::Delete),
        O::CreateThreatIntelSet => (K::ThreatIntelSet, Act::Create),
        O::ListThreatIntelSets => (K::ThreatIntelSet, Act::List),
        O::GetThreatIntelSet => (K::ThreatIntelSet, Act::Get),
        O::UpdateThreatIntelSet => (K::ThreatIntelSet, Act::Update),
        O::DeleteThreatIntelSet => (K::ThreatIntelSet, Act::Delete),
        O::CreateThreatEntitySet => (K::ThreatEntitySet, Act::Create),
        O::ListThreatEntitySets => (K::ThreatEntitySet, Act::List),
        O::GetThreatEntitySet => (K::ThreatEntitySet, Act::Get),
        O::UpdateThreatEntitySet => (K::ThreatEntitySet, Act::Update),
        O::DeleteThreatEntitySet => (K::ThreatEntitySet, Act::Delete),
        O::CreateTrustedEntitySet => (K::TrustedEntitySet, Act::Create),
        O::ListTrustedEntitySets => (K::TrustedEntitySet, Act::List),
        O::GetTrustedEntitySet => (K::TrustedEntitySet, Act::Get),
        O::UpdateTrustedEntitySet => (K::TrustedEntitySet, Act::Update),
        O::DeleteTrustedEntitySet => (K::TrustedEntitySet, Act::Delete),
        O::CreatePublishingDestination => (K::Destination, Act::Create),
        O::ListPublishingDestinations => (K::Destination, Act::List),
        O::DescribePublishingDestination => (K::Destination, Act::Get),
        O::UpdatePublishingDestination => (K::Destination, Act::Update),
        O::DeletePublishingDestination => (K::Destination, Act::Delete),
        _ => return None,
    })
}

/// What the caller owns.
pub(super) struct Own<'a> {
    pub(super) state: &'a AppState,
    pub(super) caller: &'a Caller,
    pub(super) now: Timestamp,
}

impl Own<'_> {
    /// What is about members and lists.
    async fn run_other(
        &self,
        (operation, id, item): (Operation, &str, &str),
        query: &str,
        body: &[u8],
    ) -> Result<Answer, AwsError> {
        use Operation as O;
        if let Some((kind, act)) = list_act(operation) {
            return match kind {
                ObjectKind::Destination => self.destination(act, (id, item), query, body).await,
                kind => self.list_set((kind, act), (id, item), query, body).await,
            };
        }
        match operation {
            O::CreateMembers => self.create_members(id, body).await,
            O::ListMembers => self.list_members(id, query).await,
            O::GetMembers => self.get_members(id, body).await,
            O::InviteMembers => self.change_members(id, body, Change::Invite).await,
            O::DisassociateMembers => self.change_members(id, body, Change::Disassociate).await,
            O::StartMonitoringMembers => self.change_members(id, body, Change::Start).await,
            O::StopMonitoringMembers => self.change_members(id, body, Change::Stop).await,
            O::DeleteMembers => self.change_members(id, body, Change::Delete).await,
            O::GetMemberDetectors => self.get_member_detectors(id, body).await,
            O::UpdateMemberDetectors => self.update_member_detectors(id, body).await,
            O::DescribeOrganizationConfiguration => self.describe_organization(id).await,
            O::UpdateOrganizationConfiguration => self.update_organization(id, body).await,
            O::ListOrganizationAdminAccounts => self.list_admins().await,
            O::EnableOrganizationAdminAccount => self.set_admin(body, true).await,
            O::DisableOrganizationAdminAccount => self.set_admin(body, false).await,
            O::GetOrganizationStatistics => self.organization_statistics().await,
            O::GetAdministratorAccount => self.get_administrator(id, "administrator").await,
            O::GetMasterAccount => self.get_administrator(id, "master").await,
            O::AcceptAdministratorInvitation | O::AcceptInvitation => self.accept(id, body).await,
            O::DisassociateFromAdministratorAccount | O::DisassociateFromMasterAccount => {
                self.leave(id).await
            }
            O::ListInvitations => self.list_invitations().await,
            O::GetInvitationsCount => self.count_invitations().await,
            O::DeclineInvitations => self.refuse(body, Relationship::Resigned).await,
            O::DeleteInvitations => self.refuse(body, Relationship::Created).await,
            O::GetUsageStatistics => {
                self.detector(id).await?;
                Ok(usage_statistics(body, &self.caller.key.account)?.into())
            }
            // Nothing here is a trial.
            O::GetRemainingFreeTrialDays => {
                self.detector(id).await?;
                account_ids(body)?;
                Ok(json!({"accounts": [], "unprocessedAccounts": []}).into())
            }
            _ => Err(AwsError::unsupported()),
        }
    }

    pub(super) async fn own_detector(&self) -> Result<Option<Detector>, AwsError> {
        let Caller { key, region } = self.caller;
        self.state.coverage.detector_of(&key.account, region).await.map_err(failed)
    }

    /// The caller's detector, if it has that id.
    pub(super) async fn detector(&self, id: &str) -> Result<Detector, AwsError> {
        self.own_detector().await?.filter(|detector| detector.id == id).ok_or_else(AwsError::not_owned)
    }

    async fn tagged(&self, arn: &str) -> Result<Detector, AwsError> {
        let Caller { key, region } = self.caller;
        self.detector(&owned_detector(arn, &key.account, region)?).await
    }

    /// Keeps a changed detector, and has what it decides judged anew.
    async fn keep(&self, detector: &Detector) -> Result<(), AwsError> {
        if !self.state.coverage.set_detector(detector).await.map_err(failed)? {
            return Err(AwsError::not_owned());
        }
        self.judge_again().await
    }

    async fn judge_again(&self) -> Result<(), AwsError> {
        let scope = scope(&self.caller.region, &self.caller.key.account);
        self.state.coverage.judge_again(Some(&scope)).await.map_err(failed)
    }

    async fn list_detectors(&self) -> Result<Answer, AwsError> {
        let ids: Vec<String> = self.own_detector().await?.into_iter().map(|detector| detector.id).collect();
        Ok(json!({"detectorIds": ids}).into())
    }

    async fn create_detector(&self, body: &[u8]) -> Result<Answer, AwsError> {
        let Caller { key, region } = self.caller;
        let id = uuid::Uuid::now_v7().simple().to_string();
        let mut detector = create_detector(body, id, &key.account, region, self.now)?;
        self.begin(&mut detector).await?;
        if !self.state.coverage.add_detector(&detector).await.map_err(failed)? {
            return Err(AwsError::bad_request(
                "The request is rejected because a detector already exists for the current account.",
            ));
        }
        self.judge_again().await?;
        Ok(json!({"detectorId": detector.id}).into())
    }

    async fn delete_detector(&self, id: &str) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let told = self.state.coverage.objects(ObjectKind::Member, id, "", 1_000).await.map_err(failed)?;
        let associated =
            |member: &Object| read(member.body.clone()).is_ok_and(|member| member.status.is_associated());
        if told.iter().any(associated) {
            return Err(AwsError::bad_request(
                "The request is rejected because the current account has members; disassociate them first.",
            ));
        }
        self.state.coverage.remove_detector(&detector.id).await.map_err(failed)?;
        self.state.coverage.forget_scope(&detector.id).await.map_err(failed)?;
        self.judge_again().await?;
        Ok(json!({}).into())
    }

    /// Only what the key's owner may see, in the region asked for.
    async fn seen(&self, detector: &Detector, query: CoverageQuery) -> Result<CoverageQuery, AwsError> {
        let query = query.only(Column::Region, vec![self.caller.region.clone()]);
        Ok(self.visible(detector).await?.restrict(query))
    }

    async fn list_coverage(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let asked = list_coverage(body, self.now)?;
        if !detector.policy().monitoring.on {
            return Ok(json!({}).into());
        }
        let page = self
            .state
            .coverage
            .coverage(&self.seen(&detector, asked.clone()).await?)
            .await
            .map_err(failed)?;
        Ok(render_page(&page.rows, page.next.as_ref(), &asked, id, self.now).into())
    }

    async fn coverage_statistics(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let asked = coverage_statistics(body)?;
        let counts = if detector.policy().monitoring.on {
            let query = self.seen(&detector, asked.query.clone()).await?;
            self.state.coverage.coverage_counts(&query).await.map_err(failed)?
        } else {
            fargard_store::Counts::default()
        };
        Ok(render_statistics(&asked, counts.healthy, counts.unhealthy).into())
    }
}
