//! Forgetting what only served to recognise repetitions.

use std::time::Duration;

use fargard_model::Timestamp;

use crate::{
    StoreError, column,
    session::{Session, Value},
};

const FORGET: &str = "forget old identities";
/// A batch that is repeated within this time is recognised.
pub const MIN_IDENTITY_AGE: Duration = Duration::from_hours(24);

/// Times before which something may go.
#[derive(Clone, Copy)]
pub(crate) struct Horizon {
    /// Older identities of batches go.
    pub(crate) identities: i64,
    /// Hours that no overview shows any more go.
    first_hour: i64,
    /// So do hours that lie in the future by more than a day: some sensor's clock was wrong.
    last_hour: i64,
}

impl Horizon {
    /// Identities may go after `age`, which is at least [`MIN_IDENTITY_AGE`].
    pub(crate) fn of(now: Timestamp, age: Duration) -> Self {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let day = nanos(MIN_IDENTITY_AGE);
        let ago = |age: u64| column::sortable(Timestamp(now.0.saturating_sub(age)));
        Self {
            identities: ago(nanos(age.max(MIN_IDENTITY_AGE))),
            first_hour: ago(day.saturating_mul(2)),
            last_hour: column::sortable(Timestamp(now.0.saturating_add(day))),
        }
    }
}

/// Forgets identities of folded batches, hours and expired tokens; how many identities went.
pub(crate) async fn forget(session: &mut impl Session, horizon: Horizon) -> Result<u64, StoreError> {
    let old = [Value::from(horizon.identities)];
    session.execute(FORGET, "DELETE FROM tokens WHERE expires < $1", &old).await?;
    let sql = "DELETE FROM occurrences_by_hour WHERE hour < $1 OR hour > $2";
    let hours = [Value::from(horizon.first_hour), Value::from(horizon.last_hour)];
    session.execute(FORGET, sql, &hours).await?;
    session.execute(FORGET, "DELETE FROM applied WHERE at < $1", &old).await
}
