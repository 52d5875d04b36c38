//! How everything that is deployed stands with the standards, and how that went over days.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use fargard_model::Timestamp;
use fargard_policy::{
    Engine,
    standards::{Framework, Report},
};
use fargard_scan::all_checks;
use fargard_store::{StandardDay, StoreError, TargetQuery};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::{Compliance, JudgedTarget};

/// Targets read at once.
const AT_ONCE: usize = 500;
/// A summary is good for this many times the time it took, so that making them takes a tenth of one core at most.
const GOOD_FOR: u32 = 10;
/// A summary that takes less is always made anew.
const CHEAP: Duration = Duration::from_millis(200);
/// How often the day is kept when nobody asks.
const EVERY: Duration = Duration::from_secs(3600);
/// Days of the trend.
pub(crate) const TREND: u64 = 90;
const DAY: u64 = 86_400;

/// How deployed containers stand.
#[derive(Debug)]
pub(crate) struct Summary {
    /// When it was made.
    pub(crate) at: Timestamp,
    /// By check and control.
    pub(crate) report: Report,
    /// Targets with an alert.
    pub(crate) alerted: u64,
    /// Containers that each rule applies to, by its name.
    pub(crate) by_rule: BTreeMap<String, u64>,
    /// Targets in each collection, by its name.
    pub(crate) by_collection: BTreeMap<String, u64>,
}

/// A summary that was made.
pub(super) struct Made {
    at: Instant,
    cost: Duration,
    summary: Arc<Summary>,
}

impl Compliance {
    /// How everything stands; made anew unless that was just done. Whoever asks while it is made waits for it.
    pub(crate) async fn summary(&self, now: Timestamp) -> Result<Arc<Summary>, StoreError> {
        let mut made = self.summary.lock().await;
        if let Some(made) = &*made
            && made.cost > CHEAP
            && made.at.elapsed() < made.cost * GOOD_FOR
        {
            return Ok(made.summary.clone());
        }
        let began = Instant::now();
        let summary = Arc::new(self.summarise(now).await?);
        self.store().put_days(&days(&summary)).await?;
        let at = Instant::now();
        *made = Some(Made { at, cost: at.duration_since(began), summary: summary.clone() });
        Ok(summary)
    }

    async fn summarise(&self, now: Timestamp) -> Result<Summary, StoreError> {
        let engine = Engine::new(&self.policy().await?.policy);
        let mut summary = Summary {
            at: now,
            report: Report::new(all_checks().map(|check| (check.number, check.tags))),
            alerted: 0,
            by_rule: BTreeMap::new(),
            by_collection: BTreeMap::new(),
        };
        let mut query = TargetQuery { deployed: Some(true), limit: AT_ONCE, ..TargetQuery::default() };
        loop {
            let page = self.store().targets(&query).await?;
            for target in page.targets.into_iter().filter(|target| !target.ended) {
                summary.add(&JudgedTarget::new(&engine, target, now));
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(summary),
            }
        }
    }

    /// How standards stood on the days before, oldest first.
    pub(crate) async fn trend(&self, now: Timestamp) -> Result<Vec<StandardDay>, StoreError> {
        self.store().days((now.seconds() / DAY).saturating_sub(TREND)).await
    }

    /// Keeps each day until the server stops.
    pub(crate) async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut hour = tokio::time::interval(EVERY);
        hour.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = hour.tick() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            if let Err(error) = self.summary(Timestamp::now()).await {
                tracing::error!(%error, "how standards stand could not be kept");
            }
        }
    }
}

impl Summary {
    fn add(&mut self, target: &JudgedTarget) {
        self.report.add(target.outcomes().into_iter().map(|(check, (tags, outcome))| (check, tags, outcome)));
        self.alerted += u64::from(target.alerts().next().is_some());
        for (counts, names) in
            [(&mut self.by_rule, &target.rules), (&mut self.by_collection, &target.collections)]
        {
            for name in names {
                *counts.entry(name.clone()).or_default() += 1;
            }
        }
    }
}

fn days(summary: &Summary) -> Vec<StandardDay> {
    let day = |framework: Framework| {
        let (failed, passed, not_assessed) = summary.report.states(framework);
        StandardDay {
            day: summary.at.seconds() / DAY,
            standard: framework.name().to_owned(),
            failed,
            passed,
            not_assessed,
        }
    };
    // Before anything is deployed there is nothing to tell.
    if summary.report.targets() == 0 { Vec::new() } else { Framework::ALL.map(day).into() }
}
