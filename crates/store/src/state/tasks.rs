//! Reading tasks.

use std::collections::BTreeMap;

use fargard_model::{Container, Heartbeat, Timestamp};

use super::{MAX_OCCURRENCES, digest::CHECK};
use crate::{
    StoreError, TaskDetail, TaskPage, TaskQuery, TaskRow, column,
    cursor::{List, Position, page_size},
    filter::Filter,
    session::{Row, Session, Value},
};

const LIST: &str = "list tasks";
const SHOW: &str = "show a task";
/// Containers shown with a page of tasks, of which each has at most ten by ECS's own limit.
const MAX_CONTAINERS: i64 = 10_000;
/// Sensors shown with a task.
const MAX_SENSORS: i64 = 200;

/// Columns of a [`TaskRow`].
const COLUMNS: &str = "arn, first_seen, last_seen, body,
    (SELECT COUNT(*) FROM findings WHERE findings.task = tasks.arn AND findings.state = 'open'),
    (SELECT SUM(CAST(lost AS DOUBLE PRECISION)) FROM sensors WHERE sensors.task = tasks.arn),
    (SELECT COUNT(*) FROM sensors WHERE sensors.task = tasks.arn AND heartbeat_at IS NOT NULL),
    (SELECT COUNT(*) FROM sensors WHERE sensors.task = tasks.arn AND ended = 1)";

/// A page of tasks.
pub(crate) async fn page(session: &mut impl Session, query: &TaskQuery) -> Result<TaskPage, StoreError> {
    let after = query.cursor.as_deref().map(|cursor| Position::of(cursor, List::Tasks)).transpose()?;
    let mut filter = Filter::of_tasks(session, query);
    let sql = format!("SELECT COUNT(*) FROM tasks{}", filter.clause());
    let total = session.query(LIST, &sql, &filter.values).await?.first().map_or(Ok(0), |row| row.count(0))?;
    if let Some(after) = after {
        filter.after("arn", after);
    }
    let size = page_size(query.limit);
    let limit = filter.bind(i64::try_from(size + 1).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT {COLUMNS} FROM tasks{} ORDER BY last_seen DESC, arn DESC LIMIT {limit}",
        filter.clause()
    );
    let mut rows = session.query(LIST, &sql, &filter.values).await?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next = match rows.last().filter(|_| more) {
        Some(last) => {
            let position = Position { at: last.int(2)?, number: 0, name: last.text(0)?.to_owned() };
            Some(position.cursor(List::Tasks))
        }
        None => None,
    };
    Ok(TaskPage { tasks: with_containers(session, &rows).await?, total, next })
}

/// One task with its sensors.
pub(crate) async fn detail(session: &mut impl Session, arn: &str) -> Result<Option<TaskDetail>, StoreError> {
    let key = Value::from(column::text(arn));
    let sql = format!("SELECT {COLUMNS} FROM tasks WHERE arn = $1");
    let rows = session.query(SHOW, &sql, std::slice::from_ref(&key)).await?;
    let Some(row) = with_containers(session, &rows).await?.pop() else { return Ok(None) };
    let mut sensors: BTreeMap<String, Heartbeat> = BTreeMap::new();
    let sql = "SELECT producer, body FROM sensors WHERE task = $1 AND body IS NOT NULL
         ORDER BY heartbeat_at DESC, producer LIMIT $2";
    for row in session.query(SHOW, sql, &[key.clone(), Value::from(MAX_SENSORS)]).await? {
        let producer = row.text(0)?.to_owned();
        let heartbeat = row.json(1, &format!("the heartbeat of {producer}"))?;
        sensors.insert(producer, heartbeat);
    }
    let sql = "SELECT body FROM occurrences WHERE task = $1 AND kind = $2 ORDER BY ordering DESC LIMIT $3";
    let rows = session.query(SHOW, sql, &[key, Value::from(CHECK), Value::from(MAX_OCCURRENCES)]).await?;
    let checks = rows
        .iter()
        .map(|row| row.json(0, &format!("a check result of task {arn}")))
        .collect::<Result<_, _>>()?;
    Ok(Some(TaskDetail { row, sensors, checks }))
}

async fn with_containers(session: &mut impl Session, rows: &[Row]) -> Result<Vec<TaskRow>, StoreError> {
    let mut containers: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    if !rows.is_empty() {
        let mut filter = Filter::default();
        let arns = rows.iter().map(|row| row.text(0).map(Value::from)).collect::<Result<Vec<_>, _>>()?;
        let arns = filter.bind_all(arns);
        let limit = filter.bind(MAX_CONTAINERS);
        let sql = format!(
            "SELECT task, body FROM containers WHERE task IN ({arns}) ORDER BY task, name LIMIT {limit}"
        );
        for row in session.query(LIST, &sql, &filter.values).await? {
            let arn = row.text(0)?.to_owned();
            let container = row.json(1, &format!("a container of task {arn}"))?;
            containers.entry(arn).or_default().push(container);
        }
    }
    rows.iter().map(|row| task_row(row, containers.remove(row.text(0)?).unwrap_or_default())).collect()
}

fn task_row(row: &Row, containers: Vec<Container>) -> Result<TaskRow, StoreError> {
    let (beating, ended) = (row.count(6)?, row.count(7)?);
    Ok(TaskRow {
        task: row.json(3, &format!("task {}", row.text(0)?))?,
        containers,
        first_seen: Timestamp(row.count(1)?),
        last_seen: Timestamp(row.count(2)?),
        open_findings: row.count(4)?,
        lost: row.sum(5)?,
        ended: beating > 0 && ended == beating,
    })
}
