//! Numbers for the first page.

use std::collections::{BTreeMap, BTreeSet};

use fargard_model::{Timestamp, standard};

use crate::{
    Overview, StoreError, column,
    filter::Filter,
    session::{Row, Session, Value},
};

const OVERVIEW: &str = "sum up for the overview";
const TOP_TITLES: usize = 10;
const HOURS: u64 = 24;
const SECONDS_PER_HOUR: u64 = 3600;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// A sensor whose last heartbeat is older is not counted as alive; one from further in the future is not believed.
const ALIVE: u64 = 5 * 60 * NANOS_PER_SECOND;

/// Sums up the store as of `now`.
pub(crate) async fn overview(session: &mut impl Session, now: Timestamp) -> Result<Overview, StoreError> {
    let mut overview = Overview::default();
    let sql = "SELECT priority, COUNT(*) FROM findings WHERE state = 'open' GROUP BY priority";
    for row in session.query(OVERVIEW, sql, &[]).await? {
        let priority = column::priority_of(row.int(0)?)?;
        overview.open_by_priority.insert(priority.name().to_owned(), row.count(1)?);
    }
    let sql = "SELECT state, COUNT(*) FROM findings GROUP BY state";
    overview.by_state = counts(&session.query(OVERVIEW, sql, &[]).await?)?.into_iter().collect();
    let sql = format!(
        "SELECT title, COUNT(*) FROM findings WHERE state = 'open'
         GROUP BY title ORDER BY COUNT(*) DESC, title LIMIT {TOP_TITLES}"
    );
    overview.top_titles = counts(&session.query(OVERVIEW, &sql, &[]).await?)?;
    overview.last_day = last_day(session, now).await?;
    let sql = "SELECT COUNT(DISTINCT task) FROM sensors
         WHERE heartbeat_at >= $1 AND heartbeat_at <= $2 AND ended = 0";
    let from = Timestamp(now.0.saturating_sub(ALIVE));
    let to = Timestamp(now.0.saturating_add(ALIVE));
    let values = [Value::from(column::sortable(from)), Value::from(column::sortable(to))];
    overview.tasks_alive = one(&session.query(OVERVIEW, sql, &values).await?)?;
    overview.tasks_total = one(&session.query(OVERVIEW, "SELECT COUNT(*) FROM tasks", &[]).await?)?;
    let sql =
        "SELECT SUM(CAST(events AS DOUBLE PRECISION)), SUM(CAST(lost AS DOUBLE PRECISION)) FROM sensors";
    if let Some(row) = session.query(OVERVIEW, sql, &[]).await?.first() {
        (overview.events, overview.lost) = (row.sum(0)?, row.sum(1)?);
    }
    overview.by_standard = by_standard(session).await?;
    Ok(overview)
}

async fn last_day(session: &mut impl Session, now: Timestamp) -> Result<Vec<(u64, u64)>, StoreError> {
    let this_hour = now.seconds() - now.seconds() % SECONDS_PER_HOUR;
    let mut hours: BTreeMap<u64, u64> = (0..HOURS)
        .filter_map(|ago| this_hour.checked_sub(ago * SECONDS_PER_HOUR))
        .map(|start| (start, 0))
        .collect();
    let first = hours.keys().next().copied().unwrap_or_default();
    let bound =
        |seconds: u64| Value::from(column::sortable(Timestamp(seconds.saturating_mul(NANOS_PER_SECOND))));
    let sql = "SELECT hour, count FROM occurrences_by_hour WHERE hour >= $1 AND hour <= $2";
    for row in session.query(OVERVIEW, sql, &[bound(first), bound(this_hour)]).await? {
        if let Some(count) = hours.get_mut(&(row.count(0)? / NANOS_PER_SECOND)) {
            *count = row.count(1)?;
        }
    }
    Ok(hours.into_iter().collect())
}

/// Open findings by standard and control. A control that several tags name counts each finding once.
async fn by_standard(
    session: &mut impl Session,
) -> Result<BTreeMap<String, BTreeMap<String, u64>>, StoreError> {
    let sql = "SELECT tag, COUNT(*) FROM finding_tags JOIN findings ON findings.id = finding_tags.finding
         WHERE findings.state = 'open' GROUP BY tag";
    let mut controls: BTreeMap<(&str, String), (BTreeSet<String>, u64)> = BTreeMap::new();
    for row in session.query(OVERVIEW, sql, &[]).await? {
        let tag = row.text(0)?;
        if let Some((standard, control)) = standard::of_tag(tag) {
            let (tags, count) = controls.entry((standard.title(), control.to_owned())).or_default();
            tags.insert(tag.to_owned());
            *count = row.count(1)?;
        }
    }
    let mut by_standard: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for ((title, control), (tags, mut count)) in controls {
        if tags.len() > 1 {
            let mut filter = Filter::default();
            let places = filter.bind_all(tags.into_iter().map(Value::from));
            let sql = format!(
                "SELECT COUNT(DISTINCT finding) FROM finding_tags
                 JOIN findings ON findings.id = finding_tags.finding
                 WHERE findings.state = 'open' AND tag IN ({places})"
            );
            count = one(&session.query(OVERVIEW, &sql, &filter.values).await?)?;
        }
        by_standard.entry(title.to_owned()).or_default().insert(control, count);
    }
    Ok(by_standard)
}

fn counts(rows: &[Row]) -> Result<Vec<(String, u64)>, StoreError> {
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.count(1)?))).collect()
}

fn one(rows: &[Row]) -> Result<u64, StoreError> {
    rows.first().map_or(Ok(0), |row| row.count(0))
}
