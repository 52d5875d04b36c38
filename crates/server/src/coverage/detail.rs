//! A cluster with its tasks, judged at the moment somebody looks.

use fargard_coverage::{
    arn::EcsArn,
    rules::{Known, judge_cluster},
    view::{ClusterDetail, TaskView},
};
use fargard_model::Timestamp;
use fargard_store::{CoverageStore, StoreError};

use crate::config::Coverage;

/// A cluster's detail; `None` when it has no record.
pub(crate) async fn detail(
    store: &dyn CoverageStore,
    terms: &Coverage,
    arn: &str,
    now: Timestamp,
) -> Result<Option<ClusterDetail>, StoreError> {
    let (Some(row), Some(names)) = (store.coverage_row(arn).await?, EcsArn::parse(arn)) else {
        return Ok(None);
    };
    let Some(known) = store.known(arn).await? else { return Ok(None) };
    let policy = super::policy(store, terms, names.account, names.region).await?;
    let coverage = judge_cluster(&Known::of(known.cluster, known.items, known.signs), &policy, now);
    let tasks = coverage.tasks.into_iter().map(TaskView::from).collect();
    Ok(Some(ClusterDetail { cluster: (&row).into(), tasks }))
}
