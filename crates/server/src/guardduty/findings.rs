//! Findings: listed, counted, shown, archived.

use std::collections::BTreeMap;

use fargard_coverage::{
    guardduty::{
        AwsError, CURRENT, Criteria, Detail, Detector, Page, Sample, archive_input, arn_prefix,
        feedback_input, finding_statistics, get_findings, list_findings, place_of, render_finding,
        sample_types,
    },
    inventory::Resource,
};
use fargard_model::{Finding, FindingState};
use fargard_store::{FindingScan, KeyRole, ObjectKey, ObjectKind, StoreError};
use serde_json::{Value, json};

use super::{
    answer::{Answer, failed},
    operations::Own,
    visible::Visible,
};
use crate::state::AppState;

/// Findings read at once.
const AT_ONCE: usize = 500;
/// Samples of a detector: one of each type.
const MAX_SAMPLES: usize = 100;

/// Detectors of accounts, as far as they were looked for.
#[derive(Default)]
struct Detectors(BTreeMap<String, Option<String>>);

impl Own<'_> {
    pub(super) async fn list_findings(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let wanted = list_findings(body, self.now)?;
        let mut page = Page::new(&wanted);
        self.scan(&detector, &wanted.criteria, wanted.need_detail(), |finding| page.offer(finding)).await?;
        let (ids, next) = page.finish(self.now);
        let mut answer = json!({"findingIds": ids});
        if let Some(next) = next {
            answer["nextToken"] = next.into();
        }
        Ok(answer.into())
    }

    pub(super) async fn finding_statistics(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let mut statistics = finding_statistics(body)?;
        let criteria = statistics.criteria.clone();
        self.scan(&detector, &criteria, criteria.need_detail(), |finding| statistics.offer(finding)).await?;
        Ok(statistics.finish().into())
    }

    /// Shows every finding the caller may see that the criteria do not rule out beforehand.
    async fn scan(
        &self,
        detector: &Detector,
        criteria: &Criteria,
        in_detail: bool,
        mut offer: impl FnMut(&Value),
    ) -> Result<(), AwsError> {
        for sample in self.samples(detector).await? {
            offer(&sample);
        }
        let visible = self.visible(detector).await?;
        let mut detectors = Detectors::default();
        let mut scan = FindingScan {
            arn_prefix: self.arn_prefix(),
            states: criteria.states().to_vec(),
            priorities: criteria.priorities(),
            since: criteria.since(),
            ids: criteria.ids().to_vec(),
            after: None,
            limit: AT_ONCE,
        };
        loop {
            let findings = self.state.coverage.findings_of(&scan).await.map_err(failed)?;
            for finding in &findings {
                if let Some(shown) = self.show(finding, &visible, in_detail, &mut detectors).await? {
                    offer(&shown);
                }
            }
            match findings.last() {
                Some(last) if findings.len() == AT_ONCE => {
                    scan.after = Some((last.task.arn.clone(), last.id.clone()));
                }
                _ => return Ok(()),
            }
        }
    }

    /// What ARNs of the tasks begin with whose findings the caller may see.
    fn arn_prefix(&self) -> String {
        let account = match self.caller.key.role {
            KeyRole::Administrator => None,
            KeyRole::Member => Some(self.caller.key.account.as_str()),
        };
        arn_prefix(&self.caller.region, account)
    }

    async fn show(
        &self,
        finding: &Finding,
        visible: &Visible,
        in_detail: bool,
        detectors: &mut Detectors,
    ) -> Result<Option<Value>, AwsError> {
        let Some((account, _)) = place_of(finding).filter(|(account, _)| visible.sees(account)) else {
            return Ok(None);
        };
        let detector = self.detector_id(account, detectors).await?;
        let detail = if in_detail { Some(detail(self.state, finding).await.map_err(failed)?) } else { None };
        Ok(render_finding(finding, &detector, detail.as_ref()))
    }

    /// The id of an account's detector; that of the caller where it has none.
    async fn detector_id(&self, account: &str, known: &mut Detectors) -> Result<String, AwsError> {
        if !known.0.contains_key(account) {
            let found =
                self.state.coverage.detector_of(account, &self.caller.region).await.map_err(failed)?;
            let found = match found {
                Some(detector) => Some(detector),
                None => self.own_detector().await?,
            };
            known.0.insert(account.to_owned(), found.map(|detector| detector.id));
        }
        Ok(known.0.get(account).cloned().flatten().unwrap_or_default())
    }

    pub(super) async fn get_findings(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let (ids, order) = get_findings(body)?;
        let mut shown: BTreeMap<String, Value> = BTreeMap::new();
        for sample in self.samples(&detector).await? {
            let its_id = sample["id"].as_str().unwrap_or_default().to_owned();
            if ids.contains(&its_id) {
                shown.insert(its_id, sample);
            }
        }
        let visible = self.visible(&detector).await?;
        let mut detectors = Detectors::default();
        for finding in self.findings_by_id(&ids).await? {
            if let Some(one) = self.show(&finding, &visible, true, &mut detectors).await? {
                shown.insert(finding.id, one);
            }
        }
        // In the order asked for, or else in that of the ids.
        let mut ordered = ids;
        if let Some(order) = &order {
            let mut page = Page::new(order);
            shown.values().for_each(|finding| page.offer(finding));
            ordered = page.finish(self.now).0;
        }
        let findings: Vec<Value> = ordered.iter().filter_map(|id| shown.remove(id)).collect();
        Ok(json!({"findings": findings}).into())
    }

    async fn findings_by_id(&self, ids: &[String]) -> Result<Vec<Finding>, AwsError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let scan = FindingScan {
            arn_prefix: self.arn_prefix(),
            ids: ids.to_vec(),
            limit: ids.len(),
            ..FindingScan::default()
        };
        self.state.coverage.findings_of(&scan).await.map_err(failed)
    }

    /// The findings of those ids that are stored, and the samples; all must be the caller's.
    async fn named(
        &self,
        detector: &Detector,
        ids: &[String],
    ) -> Result<(Vec<Finding>, Vec<(ObjectKey, Sample)>), AwsError> {
        let visible = self.visible(detector).await?;
        let mut findings = self.findings_by_id(ids).await?;
        findings.retain(|finding| place_of(finding).is_some_and(|(account, _)| visible.sees(account)));
        let mut samples = Vec::new();
        for id in ids.iter().filter(|id| !findings.iter().any(|finding| finding.id == **id)) {
            let key = ObjectKey::new(ObjectKind::Sample, &detector.id, id);
            let body = self.state.coverage.object(&key).await.map_err(failed)?;
            let sample = body.and_then(|body| serde_json::from_value(body).ok());
            let sample: Sample = sample.ok_or_else(|| {
                AwsError::bad_request(
                    "The request is rejected because one of the finding ids is not owned by the current account.",
                )
            })?;
            samples.push((key, sample));
        }
        Ok((findings, samples))
    }

    pub(super) async fn archive(&self, id: &str, body: &[u8], archives: bool) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let (findings, samples) = self.named(&detector, &archive_input(body)?).await?;
        let (state, note) = if archives {
            (FindingState::Closed, "ArchiveFindings")
        } else {
            (FindingState::Open, "UnarchiveFindings")
        };
        for finding in findings {
            // What is archived stays as it is, and so does what is not.
            if CURRENT.contains(&finding.state) == archives {
                let who = &self.caller.key.name;
                let set = self.state.store.set_state(&finding.id, state, who, note, self.now);
                set.await.map_err(failed)?;
                self.state.updates.publish(&finding.task.arn, vec![finding.id]);
            }
        }
        for (key, mut sample) in samples {
            sample.archived = archives;
            self.put(&key, &sample).await?;
        }
        Ok(json!({}).into())
    }

    pub(super) async fn feedback(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let (ids, feedback, comments) = feedback_input(body)?;
        let (findings, samples) = self.named(&detector, &ids).await?;
        for finding in findings {
            let said = json!({"feedback": feedback, "comments": comments, "who": self.caller.key.name});
            self.put(&feedback_key(&finding.id), &said).await?;
        }
        for (key, mut sample) in samples {
            sample.feedback = Some(feedback.clone());
            self.put(&key, &sample).await?;
        }
        Ok(json!({}).into())
    }

    pub(super) async fn create_samples(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        for kind in sample_types(body)? {
            let key = ObjectKey::new(ObjectKind::Sample, &detector.id, &Sample::id(&detector.id, kind));
            let known = self.state.coverage.object(&key).await.map_err(failed)?;
            let known: Option<Sample> = known.and_then(|body| serde_json::from_value(body).ok());
            let sample = match known {
                Some(mut sample) => {
                    sample.count += 1;
                    sample.updated = self.now;
                    sample.archived = false;
                    sample
                }
                None => Sample::new(kind, self.now),
            };
            self.put(&key, &sample).await?;
        }
        Ok(json!({}).into())
    }

    async fn samples(&self, detector: &Detector) -> Result<Vec<Value>, AwsError> {
        let samples = self.state.coverage.objects(ObjectKind::Sample, &detector.id, "", MAX_SAMPLES);
        let samples = samples.await.map_err(failed)?.into_iter();
        let samples = samples.filter_map(|object| serde_json::from_value::<Sample>(object.body).ok());
        Ok(samples.map(|sample| sample.render(detector)).collect())
    }

    /// Keeps an object.
    pub(super) async fn put(&self, key: &ObjectKey, body: &impl serde::Serialize) -> Result<(), AwsError> {
        let body = serde_json::to_value(body).map_err(|error| {
            tracing::error!(%error, kind = key.kind.name(), "an object cannot be kept");
            AwsError::internal()
        })?;
        self.state.coverage.put_object(key, &body).await.map_err(failed)
    }
}

/// What is known of a finding beside the finding itself.
pub(super) async fn detail(state: &AppState, finding: &Finding) -> Result<Detail, StoreError> {
    let store = &state.coverage;
    let latest = state.store.finding(&finding.id).await?;
    let (detection, file_change) = latest.map_or((None, None), |latest| {
        (latest.detections.into_iter().next(), latest.file_changes.into_iter().next())
    });
    let task = match store.resource(&finding.task.arn).await?.map(|item| item.resource) {
        Some(Resource::Task(task)) => Some(task),
        _ => None,
    };
    let cluster_arn = finding.task.arn.replacen(":task/", ":cluster/", 1);
    let cluster_arn = cluster_arn.rsplit_once('/').map_or("", |(cluster, _)| cluster).to_owned();
    let cluster = match store.resource(&cluster_arn).await?.map(|item| item.resource) {
        Some(Resource::Cluster(cluster)) => {
            cluster.described.map(|said| (said.value.status, said.value.tags))
        }
        _ => None,
    };
    let inside = store.inside(&cluster_arn).await?;
    let row = store.coverage_row(&cluster_arn).await?;
    let tasks = row.map_or(0, |row| row.covered_tasks + row.uncovered_tasks);
    let feedback = store.object(&feedback_key(&finding.id)).await?;
    let feedback = feedback.and_then(|body| body["feedback"].as_str().map(str::to_owned));
    let counts = (inside.services, inside.instances, tasks);
    Ok(Detail { detection, file_change, cluster, counts, task, feedback })
}

fn feedback_key(finding: &str) -> ObjectKey {
    ObjectKey::new(ObjectKind::Feedback, "", finding)
}
