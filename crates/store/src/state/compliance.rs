//! Policy revisions, targets and their results.

use std::collections::BTreeMap;

use fargard_model::{CheckResult, Task, Timestamp};

use super::digest::Latest;
use crate::{
    ComplianceTarget, PolicyRevision, StandardDay, StoreError, TargetPage, TargetQuery, column,
    compliance::{MAX_IMAGES, MAX_RESULTS, MAX_REVISIONS},
    cursor::{List, Position, page_size},
    filter::Filter,
    session::{Row, Session, Value},
};

const POLICY: &str = "compliance policy";
const KEEP: &str = "keep compliance results";
const LIST: &str = "list compliance results";
const DAYS: &str = "compliance by day";
/// Days read at most: standards times a bit more than a year.
const MAX_DAYS: i64 = 4_000;

/// What a batch says of a target.
#[derive(Default)]
pub(crate) struct TargetSeen {
    task: Latest<Task>,
    image: String,
    digest: String,
    last: Timestamp,
    /// By container and check.
    results: BTreeMap<(String, u32), Latest<Option<CheckResult>>>,
}

/// What a batch says of targets, by their ids.
pub(crate) type Targets = BTreeMap<String, TargetSeen>;

/// The id of a target.
fn id(result: &CheckResult) -> String {
    let container = &result.container;
    column::identity(&["target", &result.task.arn, &container.image, &container.image_digest])
}

/// Adds a result to what is said of its target.
pub(crate) fn add(targets: &mut Targets, result: &CheckResult, ordering: &str) {
    let seen = targets.entry(id(result)).or_default();
    seen.image.clone_from(&result.container.image);
    seen.digest.clone_from(&result.container.image_digest);
    seen.last = seen.last.max(result.time);
    seen.task.update(ordering, &result.task);
    let key = (column::text(&result.container.name), result.check);
    seen.results.entry(key).or_default().update(ordering, &Some(result.clone()));
}

/// The targets of results that have no task.
pub(crate) fn of_scan(results: &[CheckResult]) -> Targets {
    let mut targets = Targets::new();
    for result in results.iter().filter(|result| result.task.arn.is_empty()) {
        add(&mut targets, result, &column::ordering(result.time, &[&result.id]));
    }
    targets
}

/// Keeps what is said of targets; whoever calls has locked what others could write at the same time.
pub(crate) async fn put(session: &mut impl Session, targets: &Targets) -> Result<(), StoreError> {
    for (id, seen) in targets {
        put_target(session, id, seen).await?;
        for ((container, check), latest) in &seen.results {
            let Some(result) = &latest.value else { continue };
            let sql = "INSERT INTO compliance_results (target, container, check_number, status, latest, body)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (target, container, check_number) DO UPDATE SET
                     status = excluded.status, latest = excluded.latest, body = excluded.body
                 WHERE excluded.latest > compliance_results.latest";
            let values = [
                Value::from(id.as_str()),
                Value::from(container.as_str()),
                Value::from(i64::from(*check)),
                Value::from(status(result)),
                Value::from(latest.ordering.as_str()),
                Value::from(column::json(KEEP, result)?),
            ];
            session.execute(KEEP, sql, &values).await?;
        }
        let sql = "DELETE FROM compliance_results WHERE target = $1 AND latest <
             (SELECT latest FROM compliance_results WHERE target = $1 ORDER BY latest DESC LIMIT 1 OFFSET $2)";
        session.execute(KEEP, sql, &[Value::from(id.as_str()), places(MAX_RESULTS)]).await?;
        if !seen.task.value.arn.is_empty() {
            let sql = "DELETE FROM compliance_targets WHERE task = $1 AND last_seen <
                 (SELECT last_seen FROM compliance_targets WHERE task = $1 ORDER BY last_seen DESC LIMIT 1 OFFSET $2)";
            let task = column::text(&seen.task.value.arn);
            session.execute(KEEP, sql, &[Value::from(task), places(MAX_IMAGES)]).await?;
        }
    }
    Ok(())
}

/// The offset of the last row that stays.
fn places(most: usize) -> Value {
    Value::from(i64::try_from(most.saturating_sub(1)).unwrap_or(i64::MAX))
}

fn status(result: &CheckResult) -> &'static str {
    use fargard_model::CheckStatus;
    match result.status {
        CheckStatus::Passed => "passed",
        CheckStatus::Failed => "failed",
        CheckStatus::Error => "error",
    }
}

async fn put_target(session: &mut impl Session, id: &str, seen: &TargetSeen) -> Result<(), StoreError> {
    let keep =
        ["family", "service", "cluster", "account", "launch_type", "search", "body", "latest"].map(|name| {
            format!(
                "{name} = CASE WHEN excluded.latest > compliance_targets.latest
                 THEN excluded.{name} ELSE compliance_targets.{name} END"
            )
        });
    let sql = format!(
        "INSERT INTO compliance_targets (id, task, host, family, service, cluster, account, launch_type, image, digest,
             search, last_seen, latest, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (id) DO UPDATE SET {},
             last_seen = CASE WHEN excluded.last_seen > compliance_targets.last_seen
                 THEN excluded.last_seen ELSE compliance_targets.last_seen END",
        keep.join(", ")
    );
    let task = &seen.task.value;
    let body = (task, &seen.image, &seen.digest);
    let values = [
        Value::from(id),
        Value::from(column::text(&task.arn)),
        Value::from(column::text(task.id())),
        Value::from(column::text(&task.family)),
        Value::from(column::text(&task.service)),
        Value::from(column::text(&task.cluster)),
        Value::from(column::text(&task.account)),
        Value::from(column::text(&task.launch_type)),
        Value::from(column::text(&seen.image)),
        Value::from(column::text(&seen.digest)),
        Value::from(column::search(&[&seen.image, &task.arn, &task.family, &task.service, &task.cluster])),
        Value::from(column::sortable(seen.last)),
        Value::from(seen.task.ordering.as_str()),
        Value::from(column::json(KEEP, &body)?),
    ];
    session.execute(KEEP, &sql, &values).await?;
    Ok(())
}

/// Keeps results of images before deployment.
pub(crate) async fn put_scan(
    session: &mut impl Session,
    targets: &Targets,
) -> Result<Vec<String>, StoreError> {
    for id in targets.keys() {
        session.lock(id).await?;
    }
    put(session, targets).await?;
    Ok(targets.keys().cloned().collect())
}

const COLUMNS: &str = "id, last_seen, body,
    (SELECT COUNT(*) FROM sensors WHERE sensors.task = compliance_targets.task AND heartbeat_at IS NOT NULL),
    (SELECT COUNT(*) FROM sensors WHERE sensors.task = compliance_targets.task AND ended = 1)";

fn filter(session: &impl Session, query: &TargetQuery) -> Filter {
    let mut filter = Filter::default();
    match query.deployed {
        Some(true) => filter.push("task <> ''".to_owned()),
        Some(false) => filter.push("task = ''".to_owned()),
        None => {}
    }
    if !query.hosts.is_empty() {
        let hosts = filter.bind_texts(&query.hosts);
        filter.push(format!("(host IN ({hosts}) OR task IN ({hosts}))"));
    }
    for (name, values) in [
        ("cluster", &query.clusters),
        ("account", &query.accounts),
        ("family", &query.families),
        ("service", &query.services),
        ("launch_type", &query.launch_types),
        ("image", &query.images),
    ] {
        if !values.is_empty() {
            let values = filter.bind_texts(values);
            filter.push(format!("{name} IN ({values})"));
        }
    }
    if let Some(digest) = &query.digest {
        let digest = filter.bind(column::text(digest));
        filter.push(format!("digest = {digest}"));
    }
    if !query.failed.is_empty() {
        let numbers = filter.bind_all(query.failed.iter().map(|check| Value::from(i64::from(*check))));
        filter.push(format!(
            "id IN (SELECT target FROM compliance_results WHERE check_number IN ({numbers}) AND status = 'failed')"
        ));
    }
    filter.contains(session.position_function(), &query.text);
    filter
}

/// A page of targets.
pub(crate) async fn page(session: &mut impl Session, query: &TargetQuery) -> Result<TargetPage, StoreError> {
    let after = query.cursor.as_deref().map(|cursor| Position::of(cursor, List::Targets)).transpose()?;
    let mut filter = filter(session, query);
    let sql = format!("SELECT COUNT(*) FROM compliance_targets{}", filter.clause());
    let total = session.query(LIST, &sql, &filter.values).await?.first().map_or(Ok(0), |row| row.count(0))?;
    if let Some(after) = after {
        filter.after("id", after);
    }
    let size = page_size(query.limit);
    let limit = filter.bind(i64::try_from(size + 1).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT {COLUMNS} FROM compliance_targets{} ORDER BY last_seen DESC, id DESC LIMIT {limit}",
        filter.clause()
    );
    let mut rows = session.query(LIST, &sql, &filter.values).await?;
    let more = rows.len() > size;
    rows.truncate(size);
    let targets = with_results(session, &rows).await?;
    let next = targets.last().filter(|_| more).map(ComplianceTarget::cursor);
    Ok(TargetPage { targets, total, next })
}

/// One target.
pub(crate) async fn target(
    session: &mut impl Session,
    id: &str,
) -> Result<Option<ComplianceTarget>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM compliance_targets WHERE id = $1");
    let rows = session.query(LIST, &sql, &[Value::from(column::text(id))]).await?;
    Ok(with_results(session, &rows).await?.pop())
}

async fn with_results(session: &mut impl Session, rows: &[Row]) -> Result<Vec<ComplianceTarget>, StoreError> {
    let mut results: BTreeMap<String, Vec<CheckResult>> = BTreeMap::new();
    if !rows.is_empty() {
        let mut filter = Filter::default();
        let ids = rows.iter().map(|row| row.text(0).map(Value::from)).collect::<Result<Vec<_>, _>>()?;
        let ids = filter.bind_all(ids);
        let sql = format!(
            "SELECT target, body FROM compliance_results WHERE target IN ({ids})
             ORDER BY target, container, check_number"
        );
        for row in session.query(LIST, &sql, &filter.values).await? {
            let target = row.text(0)?.to_owned();
            let result = row.json(1, &format!("a check result of target {target}"))?;
            results.entry(target).or_default().push(result);
        }
    }
    rows.iter()
        .map(|row| {
            let id = row.text(0)?.to_owned();
            let (task, image, image_digest) = row.json(2, &format!("target {id}"))?;
            let (beating, ended) = (row.count(3)?, row.count(4)?);
            let results = results.remove(&id).unwrap_or_default();
            let last_seen = Timestamp(row.count(1)?);
            Ok(ComplianceTarget {
                id,
                task,
                image,
                image_digest,
                last_seen,
                ended: beating > 0 && ended == beating,
                results,
            })
        })
        .collect()
}

/// The latest policies, newest first.
pub(crate) async fn policies(
    session: &mut impl Session,
    limit: usize,
) -> Result<Vec<PolicyRevision>, StoreError> {
    let sql = "SELECT revision, at, who, body FROM compliance_policies ORDER BY revision DESC LIMIT $1";
    let limit = Value::from(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = session.query(POLICY, sql, &[limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(PolicyRevision {
                revision: row.count(0)?,
                at: row.time(1)?,
                who: row.text(2)?.to_owned(),
                body: row.text(3)?.to_owned(),
            })
        })
        .collect()
}

/// Keeps the next policy; whether it was the next.
pub(crate) async fn put_policy(
    session: &mut impl Session,
    policy: &PolicyRevision,
) -> Result<bool, StoreError> {
    session.lock(POLICY).await?;
    let sql = "SELECT COALESCE(MAX(revision), 0) FROM compliance_policies";
    let last = session.query(POLICY, sql, &[]).await?.first().map_or(Ok(0), |row| row.count(0))?;
    if policy.revision != last + 1 {
        return Ok(false);
    }
    let sql = "INSERT INTO compliance_policies (revision, at, who, body) VALUES ($1, $2, $3, $4)";
    let values = [
        column::counter(policy.revision),
        column::exact(policy.at.0),
        Value::from(column::long_text(&policy.who)),
        Value::from(column::long_text(&policy.body)),
    ];
    session.execute(POLICY, sql, &values).await?;
    let oldest = column::counter(policy.revision.saturating_sub(MAX_REVISIONS));
    session.execute(POLICY, "DELETE FROM compliance_policies WHERE revision <= $1", &[oldest]).await?;
    Ok(true)
}

/// Keeps days.
pub(crate) async fn put_days(session: &mut impl Session, days: &[StandardDay]) -> Result<(), StoreError> {
    for day in days {
        let sql = "INSERT INTO compliance_days (day, standard, failed, passed, not_assessed)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (day, standard) DO UPDATE SET failed = excluded.failed, passed = excluded.passed,
                 not_assessed = excluded.not_assessed";
        let values = [
            column::counter(day.day),
            Value::from(column::text(&day.standard)),
            column::counter(day.failed),
            column::counter(day.passed),
            column::counter(day.not_assessed),
        ];
        session.execute(DAYS, sql, &values).await?;
    }
    Ok(())
}

/// Days from one on.
pub(crate) async fn days(session: &mut impl Session, from: u64) -> Result<Vec<StandardDay>, StoreError> {
    let sql = "SELECT day, standard, failed, passed, not_assessed FROM compliance_days WHERE day >= $1
         ORDER BY day, standard LIMIT $2";
    let rows = session.query(DAYS, sql, &[column::counter(from), Value::from(MAX_DAYS)]).await?;
    rows.iter()
        .map(|row| {
            Ok(StandardDay {
                day: row.count(0)?,
                standard: row.text(1)?.to_owned(),
                failed: row.count(2)?,
                passed: row.count(3)?,
                not_assessed: row.count(4)?,
            })
        })
        .collect()
}
