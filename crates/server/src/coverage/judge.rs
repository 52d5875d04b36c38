//! The judge: takes clusters that are due, one after the other, and records the changes that are to be told.

use std::{sync::Arc, time::Duration};

use fargard_coverage::{
    arn::EcsArn,
    inventory::{Item, Kind},
    notice,
    row::{CoverageRow, Names},
    rules::{Coverage, Known, Policy, Problem, Status, judge_cluster},
};
use fargard_model::Timestamp;
use fargard_store::{ClusterKnown, CoverageStore, Judgement, News, StoreError};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::nanoseconds;
use crate::config;

/// How often the store is asked what is due.
const EVERY: Duration = Duration::from_secs(1);
/// Clusters taken at once.
const AT_ONCE: usize = 256;
/// How long it is remembered that a task has stopped, in nanoseconds: news that comes late must find it.
const REMEMBERED: u64 = 24 * 3600 * 1_000_000_000;
/// Latest time until a cluster is judged again, in nanoseconds.
const LATEST: u64 = 3600 * 1_000_000_000;
/// How soon one is looked at again whose silence proves nothing yet, in nanoseconds.
const SOON: u64 = 10 * 1_000_000_000;

/// What is done about changes of status.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    /// How long a status must have lasted.
    pub(crate) hold: Duration,
    /// `source` of the events.
    pub(crate) source: String,
    /// Names of those who are told.
    pub(crate) sinks: Vec<String>,
}

/// Judges what is due.
pub(crate) struct Judge {
    store: Arc<dyn CoverageStore>,
    terms: Arc<config::Coverage>,
    telling: Telling,
    /// Since when sensors are heard.
    started: Timestamp,
}

impl Judge {
    /// A judge over that store, of a server that hears sensors since then.
    pub(crate) fn new(
        store: Arc<dyn CoverageStore>,
        terms: Arc<config::Coverage>,
        telling: Telling,
        started: Timestamp,
    ) -> Self {
        Self { store, terms, telling, started }
    }

    /// One by the defaults, which records changes for `test`.
    #[cfg(test)]
    pub(crate) fn for_test(store: Arc<dyn CoverageStore>, started: Timestamp) -> Self {
        let sinks = vec!["test".to_owned()];
        let telling = Telling { hold: Duration::from_secs(30), source: notice::SOURCE.to_owned(), sinks };
        Self::new(store, Arc::default(), telling, started)
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
        let forgotten = forgettable(&known, now);
        let names = EcsArn::parse(arn).filter(|_| !known.is_gone);
        let Some(names) = names else {
            let gone = Judgement { due: Timestamp(u64::MAX), forgotten, ..Judgement::default() };
            self.store.judged(&known, &gone).await?;
            return Ok(());
        };
        let names = Names { arn, account: names.account, region: names.region, cluster: names.name() };
        let policy = super::policy(&*self.store, &self.terms, names.account, names.region).await?;
        let previous = self.store.coverage_row(arn).await?;
        let facts = Known::of(known.cluster.clone(), known.items.clone(), known.signs.clone());
        let coverage = judge_cluster(&facts, &policy, now);
        let judgement = if self.proves_nothing(previous.as_ref(), &coverage, &policy, now) {
            let due = Timestamp(now.0.saturating_add(SOON));
            let changes_before = previous.as_ref().map_or(0, CoverageRow::changes);
            Judgement { row: previous, changes_before, due, forgotten, news: None }
        } else {
            self.judgement(previous.as_ref(), names, &coverage, &policy, (now, forgotten))
        };
        self.store.judged(&known, &judgement).await?;
        Ok(())
    }

    /// Who was away heard nobody: right after the start, silence alone makes no healthy cluster unhealthy.
    fn proves_nothing(
        &self,
        previous: Option<&CoverageRow>,
        coverage: &Coverage,
        policy: &Policy,
        now: Timestamp,
    ) -> bool {
        let silent = |problem: &Problem| matches!(problem, Problem::NotReporting | Problem::NotReportingVpc);
        now.0 < self.started.0.saturating_add(policy.silence)
            && previous.is_some_and(|row| row.status == Status::Healthy)
            && coverage.status == Some(Status::Unhealthy)
            && coverage.issues.iter().all(|issue| silent(&issue.problem))
    }

    fn judgement(
        &self,
        previous: Option<&CoverageRow>,
        names: Names<'_>,
        coverage: &Coverage,
        policy: &Policy,
        (now, forgotten): (Timestamp, Vec<String>),
    ) -> Judgement {
        let mut row = CoverageRow::after(previous, names, coverage, now);
        let hold = nanoseconds(self.telling.hold);
        // Nothing is told of an account that is not monitored.
        let change = if policy.monitoring.on { row.tell(previous, hold, now) } else { None };
        let news = change.filter(|_| !self.telling.sinks.is_empty()).map(|change| News {
            body: notice::event(&change, &row, &self.telling.source).to_string(),
            id: change.id,
            recorded: now,
            sinks: self.telling.sinks.clone(),
        });
        let mut due = coverage.due.min(Timestamp(now.0.saturating_add(LATEST)));
        if policy.monitoring.on && row.is_untold() {
            due = due.min(row.tells_at(hold));
        }
        let changes_before = previous.map_or(0, CoverageRow::changes);
        Judgement { row: Some(row), changes_before, due, forgotten, news }
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
