//! Filters of findings, and what they archive.

use fargard_coverage::guardduty::{
    AwsError, Filter, MAX_FILTERS, NameToken, place_of, query_limit, render_finding,
};
use fargard_model::{FindingState, Timestamp};
use fargard_store::{KeyRole, ObjectKey, ObjectKind, StoreError};
use serde_json::json;

use super::{
    answer::{Answer, failed},
    findings,
    operations::Own,
};
use crate::state::AppState;

/// Filters of all detectors that are tried on what comes.
const MAX_TRIED: usize = 10_000;

fn no_filter() -> AwsError {
    AwsError::bad_request(
        "The request is rejected since no such resource found: the input filterName is not owned by the current account.",
    )
}

impl Own<'_> {
    pub(super) async fn create_filter(&self, id: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let detector = self.detector(id).await?;
        let mut filter = Filter::create(body, self.now)?;
        filter.account = detector.account;
        filter.region = detector.region;
        filter.of_administrator = self.caller.key.role == KeyRole::Administrator;
        let known = self.state.coverage.objects(ObjectKind::Filter, id, "", MAX_FILTERS);
        if known.await.map_err(failed)?.len() >= MAX_FILTERS {
            return Err(AwsError::bad_request(
                "The request is rejected because the maximum number of filters, 100, is reached.",
            ));
        }
        let key = ObjectKey::new(ObjectKind::Filter, id, &filter.name);
        let body = serde_json::to_value(&filter).map_err(|_| AwsError::internal())?;
        if !self.state.coverage.add_object(&key, &body).await.map_err(failed)? {
            return Err(AwsError::bad_request(
                "The request is rejected because the input name is already used by another filter.",
            ));
        }
        Ok(json!({"name": filter.name}).into())
    }

    pub(super) async fn list_filters(&self, id: &str, query: &str) -> Result<Answer, AwsError> {
        self.detector(id).await?;
        let (names, next) = self.names(ObjectKind::Filter, id, query).await?;
        let mut answer = json!({"filterNames": names});
        if let Some(next) = next {
            answer["nextToken"] = next.into();
        }
        Ok(answer.into())
    }

    /// Names of a detector's objects, and the token of the next page.
    pub(super) async fn names(
        &self,
        kind: ObjectKind,
        id: &str,
        query: &str,
    ) -> Result<(Vec<String>, Option<String>), AwsError> {
        let limit = query_limit(query)?;
        let list = format!("{} {id}", kind.name());
        let after = NameToken::read(query, &list, self.now)?;
        let found = self.state.coverage.objects(kind, id, &after, limit + 1).await.map_err(failed)?;
        let more = found.len() > limit;
        let names: Vec<String> = found.into_iter().take(limit).map(|object| object.name).collect();
        let next = names.last().filter(|_| more).map(|last| NameToken::of(&list, last, self.now));
        Ok((names, next))
    }

    async fn filter(&self, id: &str, name: &str) -> Result<(ObjectKey, Filter), AwsError> {
        self.detector(id).await?;
        let key = ObjectKey::new(ObjectKind::Filter, id, name);
        let body = self.state.coverage.object(&key).await.map_err(failed)?.ok_or_else(no_filter)?;
        let filter = serde_json::from_value(body).map_err(|error| {
            tracing::error!(%error, name, "a filter in the store cannot be read");
            AwsError::internal()
        })?;
        Ok((key, filter))
    }

    pub(super) async fn get_filter(&self, id: &str, name: &str) -> Result<Answer, AwsError> {
        Ok(self.filter(id, name).await?.1.render().into())
    }

    pub(super) async fn update_filter(&self, id: &str, name: &str, body: &[u8]) -> Result<Answer, AwsError> {
        let (key, filter) = self.filter(id, name).await?;
        self.put(&key, &filter.update(body, self.now)?).await?;
        Ok(json!({"name": name}).into())
    }

    pub(super) async fn delete_filter(&self, id: &str, name: &str) -> Result<Answer, AwsError> {
        let (key, _) = self.filter(id, name).await?;
        self.state.coverage.remove_object(&key).await.map_err(failed)?;
        Ok(json!({}).into())
    }
}

/// Suppresses those of these findings that a filter archives.
///
/// # Errors
/// The store fails; what was not suppressed is shown, and tried again when it occurs again.
pub(crate) async fn archive(state: &AppState, touched: &[String]) -> Result<(), StoreError> {
    if touched.is_empty() {
        return Ok(());
    }
    let filters = state.coverage.objects_named(ObjectKind::Filter, None, MAX_TRIED).await?;
    let filters: Vec<Filter> = filters
        .into_iter()
        .filter_map(|object| serde_json::from_value(object.body).ok())
        .filter(|filter: &Filter| filter.archives)
        .collect();
    if filters.is_empty() {
        return Ok(());
    }
    for id in touched {
        let Some(detail) = state.store.finding(id).await? else { continue };
        let finding = detail.finding;
        if finding.state != FindingState::Open {
            continue;
        }
        let Some((account, region)) = place_of(&finding) else { continue };
        let its = |filter: &&Filter| {
            filter.region == region && (filter.account == account || filter.of_administrator)
        };
        let filters: Vec<&Filter> = filters.iter().filter(its).collect();
        let in_detail = filters.iter().any(|filter| filter.criteria.need_detail());
        let known = if in_detail { Some(findings::detail(state, &finding).await?) } else { None };
        let Some(shown) = render_finding(&finding, "", known.as_ref()) else { continue };
        if let Some(filter) = filters.iter().find(|filter| filter.criteria.hold(&shown)) {
            let note = format!("filter {}", filter.name);
            state
                .store
                .set_state(id, FindingState::Suppressed, "GuardDuty filter", &note, Timestamp::now())
                .await?;
        }
    }
    Ok(())
}
