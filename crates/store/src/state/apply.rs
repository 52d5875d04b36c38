//! Folding of a batch, once: the first statement of the transaction takes the batch's identity.

use fargard_model::{BatchHeader, Finding, Timestamp};

use super::{
    MAX_OCCURRENCES, compliance,
    digest::{CHECK, Digest, Effect, Occurrence, TaskSeen},
    fold::Standing,
};
use crate::{
    Applied, StateChange, StoreError, column,
    session::{Session, Value},
};

const APPLY: &str = "fold a batch";
/// Tags of a finding that can be filtered by.
const MAX_TAGS: usize = 256;
/// Changes of state kept with a finding.
const MAX_HISTORY: i64 = 500;

/// Folds the batch of that header and digest in the session's transaction.
pub(crate) async fn apply(
    session: &mut impl Session,
    header: &BatchHeader,
    digest: &Digest,
) -> Result<Applied, StoreError> {
    let producer = column::text(&header.producer);
    let sql = "INSERT INTO applied (producer, sequence, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let values = [
        Value::from(producer.clone()),
        column::exact(header.sequence),
        Value::from(column::sortable(Timestamp::now())),
    ];
    if session.execute(APPLY, sql, &values).await? == 0 {
        return Ok(Applied::Before);
    }
    // All that batches share beyond an hour's count belongs to a task, or to the tasks of a family.
    for name in digest.tasks.keys().chain(&digest.file_scopes) {
        session.lock(name).await?;
    }
    let (header_task, sensor) = (column::text(&header.task_arn), column::text(header.sensor()));
    for (arn, seen) in &digest.tasks {
        put_task(session, arn, seen).await?;
        let lost = if *arn == header_task { header.lost.total() } else { 0 };
        put_sensor(session, arn, &sensor, lost, seen).await?;
    }
    compliance::put(session, &digest.targets).await?;
    let mut findings = Vec::new();
    for (id, occurrences) in &digest.occurrences {
        if fold(session, id, occurrences).await? {
            findings.push(id.clone());
        }
        keep_latest(session, id, occurrences).await?;
    }
    // Last and in order, because hours are what batches of different tasks share.
    for (hour, count) in &digest.hours {
        let sql = "INSERT INTO occurrences_by_hour (hour, count) VALUES ($1, $2)
             ON CONFLICT (hour) DO UPDATE SET count = occurrences_by_hour.count + excluded.count";
        session.execute(APPLY, sql, &[Value::from(*hour), Value::from(*count)]).await?;
    }
    Ok(Applied::Now { findings })
}

async fn put_task(session: &mut impl Session, arn: &str, seen: &TaskSeen) -> Result<(), StoreError> {
    let task = &seen.task.value;
    let now = Timestamp::now();
    let (first, last) = seen.times.unwrap_or((now, now));
    let keep = if seen.times.is_some() {
        "DO UPDATE SET
             cluster = CASE WHEN excluded.latest > tasks.latest THEN excluded.cluster ELSE tasks.cluster END,
             family = CASE WHEN excluded.latest > tasks.latest THEN excluded.family ELSE tasks.family END,
             search = CASE WHEN excluded.latest > tasks.latest THEN excluded.search ELSE tasks.search END,
             body = CASE WHEN excluded.latest > tasks.latest THEN excluded.body ELSE tasks.body END,
             latest = CASE WHEN excluded.latest > tasks.latest THEN excluded.latest ELSE tasks.latest END,
             first_seen = CASE WHEN excluded.first_seen < tasks.first_seen
                 THEN excluded.first_seen ELSE tasks.first_seen END,
             last_seen = CASE WHEN excluded.last_seen > tasks.last_seen
                 THEN excluded.last_seen ELSE tasks.last_seen END"
    } else {
        "DO NOTHING"
    };
    let sql = format!(
        "INSERT INTO tasks (arn, cluster, family, search, first_seen, last_seen, latest, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (arn) {keep}"
    );
    let values = [
        Value::from(arn),
        Value::from(column::text(&task.cluster)),
        Value::from(column::text(&task.family)),
        Value::from(column::search(&[&task.arn, &task.family, &task.cluster])),
        Value::from(column::sortable(first)),
        Value::from(column::sortable(last)),
        Value::from(seen.task.ordering.as_str()),
        Value::from(column::json(APPLY, task)?),
    ];
    session.execute(APPLY, &sql, &values).await?;
    for (name, container) in &seen.containers {
        let sql = "INSERT INTO containers (task, name, latest, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (task, name) DO UPDATE SET latest = excluded.latest, body = excluded.body
             WHERE excluded.latest > containers.latest";
        let values = [
            Value::from(arn),
            Value::from(name.as_str()),
            Value::from(container.ordering.as_str()),
            Value::from(column::json(APPLY, &container.value)?),
        ];
        session.execute(APPLY, sql, &values).await?;
    }
    Ok(())
}

async fn put_sensor(
    session: &mut impl Session,
    arn: &str,
    producer: &str,
    lost: u64,
    seen: &TaskSeen,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO sensors (task, producer, lost, heartbeat_at, events, ended, latest, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (task, producer) DO UPDATE SET
             lost = CASE WHEN excluded.lost > sensors.lost THEN excluded.lost ELSE sensors.lost END,
             ended = CASE WHEN excluded.ended > sensors.ended THEN excluded.ended ELSE sensors.ended END,
             heartbeat_at = CASE WHEN excluded.latest > sensors.latest
                 THEN excluded.heartbeat_at ELSE sensors.heartbeat_at END,
             events = CASE WHEN excluded.latest > sensors.latest THEN excluded.events ELSE sensors.events END,
             body = CASE WHEN excluded.latest > sensors.latest THEN excluded.body ELSE sensors.body END,
             latest = CASE WHEN excluded.latest > sensors.latest THEN excluded.latest ELSE sensors.latest END";
    let heartbeat = seen.heartbeat.as_ref();
    let body = heartbeat.map(|latest| column::json(APPLY, &latest.value)).transpose()?;
    let values = [
        Value::from(arn),
        Value::from(producer),
        column::counter(lost),
        Value::Int(heartbeat.map(|latest| column::sortable(latest.value.time))),
        column::counter(heartbeat.map_or(0, |latest| latest.value.events)),
        Value::from(i64::from(seen.ended)),
        Value::from(heartbeat.map_or("", |latest| latest.ordering.as_str())),
        Value::Text(body),
    ];
    session.execute(APPLY, sql, &values).await?;
    Ok(())
}

/// Folds occurrences of one identity; whether its finding is new or changed.
async fn fold(session: &mut impl Session, id: &str, occurrences: &[Occurrence]) -> Result<bool, StoreError> {
    let before = standing(session, id, occurrences).await?;
    let mut after = before.clone();
    for occurrence in occurrences {
        match &occurrence.effect {
            Effect::Found(finding) => after.occurred((**finding).clone(), &occurrence.ordering),
            Effect::Passed(at) => after.passed(*at),
            Effect::None => {}
        }
    }
    if after.passed != before.passed
        && let Some(passed) = after.passed
    {
        let sql = "INSERT INTO passes (finding, at) VALUES ($1, $2)
             ON CONFLICT (finding) DO UPDATE SET at = excluded.at";
        session.execute(APPLY, sql, &[Value::from(id), column::exact(passed.0)]).await?;
    }
    let Some(finding) = &after.finding else { return Ok(false) };
    if before.finding.as_ref() == Some(finding) {
        return Ok(false);
    }
    put_finding(session, finding, &after.latest).await?;
    if before.finding.as_ref().is_none_or(|before| before.tags != finding.tags) {
        put_tags(session, finding).await?;
    }
    for change in &after.changes {
        put_change(session, id, change).await?;
    }
    Ok(true)
}

async fn standing(
    session: &mut impl Session,
    id: &str,
    occurrences: &[Occurrence],
) -> Result<Standing, StoreError> {
    let mut standing = Standing::default();
    let sql = "SELECT body, latest FROM findings WHERE id = $1";
    if let Some(row) = session.query(APPLY, sql, &[Value::from(id)]).await?.first() {
        standing.finding = Some(row.json(0, &format!("finding {id}"))?);
        row.text(1)?.clone_into(&mut standing.latest);
    }
    // Only checks pass, and an identity is of one kind.
    if occurrences.iter().all(|occurrence| occurrence.kind != CHECK) {
        return Ok(standing);
    }
    let sql = "SELECT at FROM passes WHERE finding = $1";
    if let Some(row) = session.query(APPLY, sql, &[Value::from(id)]).await?.first() {
        standing.passed = Some(row.time(0)?);
    }
    Ok(standing)
}

/// Writes a finding.
pub(crate) async fn put_finding(
    session: &mut impl Session,
    finding: &Finding,
    latest: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO findings
             (id, kind, title, priority, state, last_seen, cluster, family, task, image, search, latest, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE SET
             kind = excluded.kind, title = excluded.title, priority = excluded.priority, state = excluded.state,
             last_seen = excluded.last_seen, cluster = excluded.cluster, family = excluded.family,
             task = excluded.task, image = excluded.image, search = excluded.search, latest = excluded.latest,
             body = excluded.body";
    let values = [
        Value::from(finding.id.as_str()),
        Value::from(finding.kind.name()),
        Value::from(column::text(&finding.title)),
        Value::from(column::priority(finding.priority)),
        Value::from(finding.state.name()),
        Value::from(column::sortable(finding.last_seen)),
        Value::from(column::text(&finding.task.cluster)),
        Value::from(column::text(&finding.task.family)),
        Value::from(column::text(&finding.task.arn)),
        Value::from(column::text(&finding.container.image)),
        Value::from(column::search(&[&finding.title, &finding.summary])),
        Value::from(latest),
        Value::from(column::json(APPLY, finding)?),
    ];
    session.execute(APPLY, sql, &values).await?;
    Ok(())
}

async fn put_tags(session: &mut impl Session, finding: &Finding) -> Result<(), StoreError> {
    let id = Value::from(finding.id.as_str());
    session.execute(APPLY, "DELETE FROM finding_tags WHERE finding = $1", std::slice::from_ref(&id)).await?;
    for tag in finding.tags.iter().take(MAX_TAGS) {
        let sql = "INSERT INTO finding_tags (finding, tag) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        session.execute(APPLY, sql, &[id.clone(), Value::from(column::text(tag))]).await?;
    }
    Ok(())
}

/// Adds to a finding's history.
pub(crate) async fn put_change(
    session: &mut impl Session,
    id: &str,
    change: &StateChange,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO finding_history (finding, number, at, state, who, note)
         SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5 FROM finding_history WHERE finding = $1";
    let values = [
        Value::from(id),
        column::exact(change.at.0),
        Value::from(change.state.name()),
        Value::from(column::long_text(&change.who)),
        Value::from(column::long_text(&change.note)),
    ];
    session.execute(APPLY, sql, &values).await?;
    let sql = "DELETE FROM finding_history WHERE finding = $1
         AND number <= (SELECT MAX(number) FROM finding_history WHERE finding = $1) - $2";
    session.execute(APPLY, sql, &[Value::from(id), Value::from(MAX_HISTORY)]).await?;
    Ok(())
}

/// Keeps the latest occurrences of an identity, old and new.
async fn keep_latest(
    session: &mut impl Session,
    id: &str,
    occurrences: &[Occurrence],
) -> Result<(), StoreError> {
    let mut latest: Vec<&Occurrence> = occurrences.iter().collect();
    latest.sort_unstable_by(|one, other| other.ordering.cmp(&one.ordering));
    for occurrence in latest.into_iter().take(usize::try_from(MAX_OCCURRENCES).unwrap_or_default()) {
        let sql = "INSERT INTO occurrences (finding, ordering, kind, task, body) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING";
        let values = [
            Value::from(id),
            Value::from(occurrence.ordering.as_str()),
            Value::from(occurrence.kind),
            Value::from(occurrence.task.as_str()),
            Value::from(occurrence.body.as_str()),
        ];
        session.execute(APPLY, sql, &values).await?;
    }
    let sql = "DELETE FROM occurrences WHERE finding = $1 AND ordering <
         (SELECT ordering FROM occurrences WHERE finding = $1 ORDER BY ordering DESC LIMIT 1 OFFSET $2)";
    session.execute(APPLY, sql, &[Value::from(id), Value::from(MAX_OCCURRENCES - 1)]).await?;
    Ok(())
}
