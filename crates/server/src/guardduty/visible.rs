//! Which accounts a caller sees: a member its own, an administrator its members'.

use std::collections::BTreeSet;

use fargard_coverage::{
    guardduty::{AutoEnable, AwsError, Detector},
    query::{Column, CoverageQuery, Criterion},
};
use fargard_store::{KeyRole, ObjectKind};
use serde_json::Value;

use super::{answer::failed, operations::Own};

/// Member records read, and so how many accounts may be named in a filter.
const MAX_MEMBERS: usize = 5_000;
/// The name of an organization's configuration.
pub(super) const CONFIGURATION: &str = "configuration";

/// Accounts in the region asked for.
#[derive(Clone, Debug)]
pub(super) enum Visible {
    /// All but those that are no members any more.
    AllBut(BTreeSet<String>),
    /// These.
    Only(BTreeSet<String>),
}

impl Visible {
    /// Whether an account's resources are shown.
    pub(super) fn sees(&self, account: &str) -> bool {
        match self {
            Self::AllBut(hidden) => !hidden.contains(account),
            Self::Only(shown) => shown.contains(account),
        }
    }

    /// Restricts a query of coverage.
    pub(super) fn restrict(self, mut query: CoverageQuery) -> CoverageQuery {
        match self {
            Self::AllBut(hidden) if hidden.is_empty() => query,
            Self::AllBut(hidden) => {
                let not_equals = hidden.into_iter().collect();
                query.criteria.push(Criterion { column: Column::Account, equals: Vec::new(), not_equals });
                query
            }
            Self::Only(shown) => query.only(Column::Account, shown.into_iter().collect()),
        }
    }
}

impl Own<'_> {
    /// The accounts the caller sees.
    pub(super) async fn visible(&self, detector: &Detector) -> Result<Visible, AwsError> {
        let own = self.caller.key.account.clone();
        if self.caller.key.role == KeyRole::Member {
            return Ok(Visible::Only(BTreeSet::from([own])));
        }
        let store = &self.state.coverage;
        let members =
            store.objects(ObjectKind::Member, &detector.id, "", MAX_MEMBERS).await.map_err(failed)?;
        let is_enabled = |body: &Value| body["status"] == "Enabled";
        if self.organization(detector).await?.auto_enable == AutoEnable::None {
            let enabled = members.into_iter().filter(|member| is_enabled(&member.body));
            return Ok(Visible::Only(enabled.map(|member| member.name).chain([own]).collect()));
        }
        let gone = members
            .into_iter()
            .filter(|member| !is_enabled(&member.body) && member.name != own)
            .map(|member| member.name);
        Ok(Visible::AllBut(gone.collect()))
    }
}
