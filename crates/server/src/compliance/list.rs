//! Lists of targets under the policy. What the policy decides is in no column, so rows are judged until a page is
//! full; how many one request looks at is bounded, and the cursor goes on where it stopped.

use fargard_model::{Priority, Timestamp};
use fargard_policy::Engine;
use fargard_store::{StoreError, TargetQuery};

use super::{Compliance, JudgedTarget};

/// Most targets that one request looks at.
const MOST_LOOKED_AT: usize = 5_000;
/// Targets read at once.
const AT_ONCE: usize = 250;
/// Rows of a page unless told otherwise.
const PAGE: usize = 50;

/// How a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Some failed check is not ignored.
    Alerted,
    /// Nothing failed but what is ignored, and something is.
    Ignored,
    /// Nothing failed.
    Clean,
}

/// Words of [`Standing`].
pub(crate) const WANTED: [(&str, Standing); 3] =
    [("alerted", Standing::Alerted), ("ignored", Standing::Ignored), ("clean", Standing::Clean)];

/// Which targets.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListQuery {
    /// What columns say.
    pub(crate) stored: TargetQuery,
    /// Tasks that run, or that ended.
    pub(crate) ended: Option<bool>,
    /// Names of rules that apply.
    pub(crate) rules: Vec<String>,
    /// Names of collections.
    pub(crate) collections: Vec<String>,
    /// Severities of alerts.
    pub(crate) severities: Vec<Priority>,
    /// How targets stand.
    pub(crate) statuses: Vec<Standing>,
}

/// A page.
#[derive(Debug, Default)]
pub(crate) struct ListPage {
    /// The rows.
    pub(crate) rows: Vec<JudgedTarget>,
    /// How many there are on all pages by what columns say; others restrict further.
    pub(crate) total: u64,
    /// `total` is exact.
    pub(crate) is_exact: bool,
    /// Where it goes on.
    pub(crate) next: Option<String>,
}

impl JudgedTarget {
    /// How it stands.
    pub(crate) fn status(&self) -> Standing {
        match () {
            () if self.checks.iter().any(super::JudgedCheck::is_alert) => Standing::Alerted,
            () if self.checks.iter().any(super::JudgedCheck::is_ignored) => Standing::Ignored,
            () => Standing::Clean,
        }
    }
}

impl ListQuery {
    fn judges(&self) -> bool {
        self.ended.is_some()
            || !self.rules.is_empty()
            || !self.collections.is_empty()
            || !self.severities.is_empty()
            || !self.statuses.is_empty()
    }

    fn takes(&self, row: &JudgedTarget) -> bool {
        let any = |wanted: &[String], held: &std::collections::BTreeSet<String>| {
            wanted.is_empty() || wanted.iter().any(|name| held.contains(name))
        };
        self.ended.is_none_or(|ended| ended == row.target.ended)
            && any(&self.rules, &row.rules)
            && any(&self.collections, &row.collections)
            && (self.severities.is_empty()
                || row.alerts().any(|check| self.severities.contains(&check.result.severity)))
            && (self.statuses.is_empty() || self.statuses.contains(&row.status()))
    }
}

impl Compliance {
    /// A page of targets.
    pub(crate) async fn list(&self, query: &ListQuery, now: Timestamp) -> Result<ListPage, StoreError> {
        let engine = Engine::new(&self.policy().await?.policy);
        let size = match query.stored.limit {
            0 => PAGE,
            limit => limit.min(fargard_store::query::MAX_PAGE),
        };
        let judges = query.judges();
        let mut stored = query.stored.clone();
        stored.limit = if judges { AT_ONCE } else { size };
        let mut page = ListPage { is_exact: !judges, ..ListPage::default() };
        let mut looked_at = 0;
        loop {
            let found = self.store().targets(&stored).await?;
            if looked_at == 0 {
                page.total = found.total;
            }
            let after = found.next;
            for target in found.targets {
                if page.rows.len() == size {
                    // There is at least one more; the page ends after its last row.
                    page.next = page.rows.last().map(|row| row.target.cursor());
                    return Ok(page);
                }
                looked_at += 1;
                let row = JudgedTarget::new(&engine, target, now);
                if query.takes(&row) {
                    page.rows.push(row);
                }
            }
            match after {
                Some(after) if page.rows.len() < size && looked_at < MOST_LOOKED_AT => {
                    stored.cursor = Some(after);
                }
                after => {
                    page.next = after;
                    return Ok(page);
                }
            }
        }
    }
}
