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

/// Days that compliance results of a task are kept after it was last heard.
const TASK_DAYS: u64 = 30;
/// Days that compliance results of images before deployment are kept.
const SCAN_DAYS: u64 = 90;
/// Days of the trend that are kept.
const TREND_DAYS: u64 = 400;

/// Times before which something may go.
#[derive(Clone, Copy)]
pub(crate) struct Horizon {
    /// Older identities of batches go.
    pub(crate) identities: i64,
    /// Hours that no overview shows any more go.
    first_hour: i64,
    /// Results of tasks that were not heard since go.
    tasks: i64,
    /// Results of images before deployment that are older go.
    scans: i64,
    /// Days of standards before this one go.
    first_day: i64,
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
            tasks: ago(day.saturating_mul(TASK_DAYS)),
            scans: ago(day.saturating_mul(SCAN_DAYS)),
            first_day: ago(day.saturating_mul(TREND_DAYS)) / column::sortable(Timestamp(day)),
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
    let sql = "DELETE FROM compliance_targets WHERE last_seen < $1 AND task <> ''
         AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.arn = compliance_targets.task AND tasks.last_seen >= $1)";
    session.execute(FORGET, sql, &[Value::from(horizon.tasks)]).await?;
    let sql = "DELETE FROM compliance_targets WHERE task = '' AND last_seen < $1";
    session.execute(FORGET, sql, &[Value::from(horizon.scans)]).await?;
    let sql = "DELETE FROM compliance_days WHERE day < $1";
    session.execute(FORGET, sql, &[Value::from(horizon.first_day)]).await?;
    session.execute(FORGET, "DELETE FROM applied WHERE at < $1", &old).await
}
