//! The judge: takes clusters that are due, one after the other.

use std::{sync::Arc, time::Duration};

use fargard_coverage::{
    arn::EcsArn,
    inventory::{Item, Kind},
    row::{CoverageRow, Names},
    rules::{Known, judge_cluster},
};
use fargard_model::Timestamp;
use fargard_store::{ClusterKnown, CoverageStore, StoreError};
use tokio::{sync::watch, time::MissedTickBehavior};

/// How often the store is asked what is due.
const EVERY: Duration = Duration::from_secs(1);
/// Clusters taken at once.
const AT_ONCE: usize = 256;
/// How long it is remembered that a task has stopped, in nanoseconds: news that comes late must find it.
const REMEMBERED: u64 = 24 * 3600 * 1_000_000_000;
/// Latest time until a cluster is judged again, in nanoseconds.
const LATEST: u64 = 3600 * 1_000_000_000;

/// Judges what is due.
pub(crate) struct Judge {
    store: Arc<dyn CoverageStore>,
}

impl Judge {
    /// A judge over that store.
    pub(crate) fn new(store: Arc<dyn CoverageStore>) -> Self {
        Self { store }
    }

    /// Judges until the server stops. A failure is logged and tried again.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            if let Err(error) = self.round(Timestamp::now()).await {
                tracing::error!(%error, "coverage could not be judged");
            }
        }
    }

    /// Judges what is due now. One that cannot be judged holds up no others.
    pub(crate) async fn round(&self, now: Timestamp) -> Result<(), StoreError> {
        for cluster in self.store.due(now, AT_ONCE).await? {
            if let Err(error) = self.judge(&cluster, now).await {
                tracing::error!(cluster, %error, "a cluster's coverage could not be judged");
            }
        }
        Ok(())
    }

    async fn judge(&self, arn: &str, now: Timestamp) -> Result<(), StoreError> {
        let Some(known) = self.store.known(arn).await? else { return Ok(()) };
        let names = EcsArn::parse(arn).filter(|_| !known.is_gone);
        let Some(names) = names else {
            self.store.judged(&known, None, Timestamp(u64::MAX), &forgettable(&known, now)).await?;
            return Ok(());
        };
        let names = Names { arn, account: names.account, region: names.region, cluster: names.name() };
        let policy = super::policy(&*self.store, names.account, names.region).await?;
        let previous = self.store.coverage_row(arn).await?;
        let forgotten = forgettable(&known, now);
        let facts = Known::of(known.cluster.clone(), known.items.clone(), known.signs.clone());
        let coverage = judge_cluster(&facts, &policy, now);
        let row = CoverageRow::after(previous.as_ref(), names, &coverage, now);
        let due = coverage.due.min(Timestamp(now.0.saturating_add(LATEST)));
        let kept = self.store.judged(&known, Some(&row), due, &forgotten).await?;
        if kept && previous.as_ref().map(|row| row.status) != Some(row.status) {
            tracing::info!(
                cluster = arn,
                status = row.status.name(),
                issue = row.issue(),
                "coverage changed"
            );
        }
        Ok(())
    }
}

fn forgettable(known: &ClusterKnown, now: Timestamp) -> Vec<String> {
    let in_cluster =
        |item: &&Item| matches!(item.resource.kind(), Kind::Task | Kind::Service | Kind::ContainerInstance);
    let items = known.items.iter().filter(in_cluster);
    items
        .filter(|item| item.is_forgettable(known.cluster.swept, now, REMEMBERED))
        .map(|item| item.id.clone())
        .collect()
}
