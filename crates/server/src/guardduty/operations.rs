//! One function an operation.

use fargard_coverage::{
    guardduty::{
        AwsError, Detector, Operation, Routed, coverage_statistics, create_detector, get_detector,
        list_coverage, owned_detector, render_page, render_statistics, tag_resource, untag_keys,
        update_detector,
    },
    query::{Column, CoverageQuery},
    sweep::scope,
};
use fargard_model::Timestamp;
use fargard_store::KeyRole;
use serde_json::json;

use super::{
    answer::{Answer, failed},
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
    let Routed { operation, subject } = routed;
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
        // A detector of another account is refused before saying that nobody administers it.
        Operation::GetAdministratorAccount | Operation::GetMasterAccount => {
            own.detector(subject).await?;
            Ok(json!({}).into())
        }
        Operation::ListInvitations => Ok(json!({"invitations": []}).into()),
        Operation::GetInvitationsCount => Ok(json!({"invitationsCount": 0}).into()),
    }
}

/// What the caller owns.
struct Own<'a> {
    state: &'a AppState,
    caller: &'a Caller,
    now: Timestamp,
}

impl Own<'_> {
    async fn own_detector(&self) -> Result<Option<Detector>, AwsError> {
        let Caller { key, region } = self.caller;
        self.state.coverage.detector_of(&key.account, region).await.map_err(failed)
    }

    async fn detector(&self, id: &str) -> Result<Detector, AwsError> {
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
        let detector = create_detector(body, id, &key.account, region, self.now)?;
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
        self.state.coverage.remove_detector(&detector.id).await.map_err(failed)?;
        self.judge_again().await?;
        Ok(json!({}).into())
    }

    /// Only what the key's owner may see, in the region asked for.
    fn visible(&self, query: CoverageQuery) -> CoverageQuery {
        let Caller { key, region } = self.caller;
        let query = query.only(Column::Region, vec![region.clone()]);
        match key.role {
            KeyRole::Administrator => query,
            KeyRole::Member => query.only(Column::Account, vec![key.account.clone()]),
        }
    }

    async fn list_coverage(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let asked = list_coverage(body, self.now)?;
        if !detector.policy().monitoring.on {
            return Ok(json!({}).into());
        }
        let page = self.state.coverage.coverage(&self.visible(asked.clone())).await.map_err(failed)?;
        Ok(render_page(&page.rows, page.next.as_ref(), &asked, id, self.now).into())
    }

    async fn coverage_statistics(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let asked = coverage_statistics(body)?;
        let counts = if detector.policy().monitoring.on {
            self.state.coverage.coverage_counts(&self.visible(asked.query.clone())).await.map_err(failed)?
        } else {
            fargard_store::Counts::default()
        };
        Ok(render_statistics(&asked, counts.healthy, counts.unhealthy).into())
    }
}
