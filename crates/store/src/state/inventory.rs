//! Merging news of resources, and which clusters must be judged.

use std::collections::{BTreeMap, BTreeSet};

use fargard_coverage::{
    inventory::{AccountState, Item, Kind, Resource},
    rules::Sign,
};
use fargard_model::Timestamp;
use serde::Deserialize;

use super::{coverage, outbox};
use crate::{
    ClusterKnown, Judgement, StoreError, column,
    session::{Row, Session, Value},
};

const MERGE: &str = "merge inventory";
const KNOWN: &str = "read a cluster's inventory";
const JUDGED: &str = "keep a judgement";
/// Task definitions read for one judgement; a cluster's tasks have few.
const MAX_DEFINITIONS: usize = 5_000;

/// Merges items; how many resources changed.
pub(crate) async fn merge(session: &mut impl Session, items: &[Item]) -> Result<u64, StoreError> {
    // In one order, so that two who merge the same resources do not wait for each other.
    let locks: BTreeSet<&str> = items.iter().map(lock_of).collect();
    for lock in locks {
        session.lock(lock).await?;
    }
    let mut changed = 0;
    let mut touched = Touched::default();
    for item in items {
        let before = read(session, &item.id).await?;
        let after = match before.clone() {
            Some(before) => before.merge(item.clone()),
            None => item.clone(),
        };
        if before.as_ref() == Some(&after) {
            continue;
        }
        changed += 1;
        let sql = "INSERT INTO inventory (id, kind, parent, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, body = excluded.body";
        let values = [
            Value::from(column::text(&after.id)),
            Value::from(after.resource.kind().name()),
            Value::from(column::text(&after.parent)),
            Value::from(column::json(MERGE, &after)?),
        ];
        session.execute(MERGE, sql, &values).await?;
        touched.add(&after);
    }
    touched.mark(session).await?;
    Ok(changed)
}

/// News of a cluster and of what is in it waits for each other.
fn lock_of(item: &Item) -> &str {
    if item.resource.kind() == Kind::Cluster { &item.id } else { &item.parent }
}

async fn read(session: &mut impl Session, id: &str) -> Result<Option<Item>, StoreError> {
    let sql = "SELECT body FROM inventory WHERE id = $1";
    let rows = session.query(MERGE, sql, &[Value::from(column::text(id))]).await?;
    rows.first().map(|row| row.json(0, &format!("resource {id}"))).transpose()
}

/// Clusters that news concerns.
#[derive(Default)]
struct Touched {
    clusters: BTreeSet<String>,
    made: BTreeMap<String, String>,
    scopes: BTreeSet<String>,
}

impl Touched {
    fn add(&mut self, item: &Item) {
        match item.resource.kind() {
            Kind::Cluster => {
                self.made.insert(item.id.clone(), item.parent.clone());
            }
            Kind::Task | Kind::Service | Kind::ContainerInstance => {
                self.clusters.insert(item.parent.clone());
            }
            Kind::TaskDefinition | Kind::Vpc => {
                self.scopes.insert(item.parent.clone());
            }
            Kind::Account => {
                self.scopes.insert(item.id.clone());
            }
        }
    }

    async fn mark(self, session: &mut impl Session) -> Result<(), StoreError> {
        for (arn, scope) in &self.made {
            let sql = "INSERT INTO inventory_clusters (arn, scope, due, revision) VALUES ($1, $2, 0, 1)
                 ON CONFLICT (arn) DO UPDATE SET due = 0, revision = inventory_clusters.revision + 1";
            session
                .execute(MERGE, sql, &[Value::from(column::text(arn)), Value::from(column::text(scope))])
                .await?;
        }
        for arn in self.clusters.iter().filter(|arn| !self.made.contains_key(*arn)) {
            let sql = "UPDATE inventory_clusters SET due = 0, revision = revision + 1 WHERE arn = $1";
            session.execute(MERGE, sql, &[Value::from(column::text(arn))]).await?;
        }
        for scope in &self.scopes {
            let sql = "UPDATE inventory_clusters SET due = 0, revision = revision + 1 WHERE scope = $1";
            session.execute(MERGE, sql, &[Value::from(column::text(scope))]).await?;
        }
        Ok(())
    }
}

/// Has clusters judged anew.
pub(crate) async fn judge_again(session: &mut impl Session, scope: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE inventory_clusters SET due = 0, revision = revision + 1";
    match scope {
        None => session.execute(MERGE, sql, &[]).await?,
        Some(scope) => {
            session
                .execute(MERGE, &format!("{sql} WHERE scope = $1"), &[Value::from(column::text(scope))])
                .await?
        }
    };
    Ok(())
}

/// ARNs of clusters that are due.
pub(crate) async fn due(
    session: &mut impl Session,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT arn FROM inventory_clusters WHERE due <= $1 ORDER BY due, arn LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = session.query(KNOWN, sql, &[Value::from(column::sortable(now)), Value::from(limit)]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// What is known of a cluster.
pub(crate) async fn known(session: &mut impl Session, arn: &str) -> Result<Option<ClusterKnown>, StoreError> {
    let key = Value::from(column::text(arn));
    let sql = "SELECT scope, revision FROM inventory_clusters WHERE arn = $1";
    let rows = session.query(KNOWN, sql, std::slice::from_ref(&key)).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (scope, revision) = (row.text(0)?.to_owned(), row.count(1)?);
    let mut known = ClusterKnown { revision, is_gone: true, ..ClusterKnown::default() };
    arn.clone_into(&mut known.cluster.arn);
    let account = match read(session, &scope).await?.map(|item| item.resource) {
        Some(Resource::Account(account)) => account,
        _ => AccountState::default(),
    };
    if let Some(item) = read(session, arn).await? {
        let exists = item.exists(account.swept);
        if let Resource::Cluster(cluster) = item.resource {
            let status = cluster.described.as_ref().map(|said| said.value.status.as_str());
            known.is_gone = !exists || status == Some("INACTIVE");
            known.cluster = cluster;
        }
    }
    let sql = "SELECT body FROM inventory WHERE parent = $1";
    known.items = items(&session.query(KNOWN, sql, std::slice::from_ref(&key)).await?)?;
    let sql = "SELECT body FROM inventory WHERE parent = $1 AND kind = 'vpc'";
    known.items.extend(items(&session.query(KNOWN, sql, &[Value::from(scope)]).await?)?);
    let definitions: BTreeSet<String> = known.items.iter().filter_map(definition_of).collect();
    for definition in definitions.iter().take(MAX_DEFINITIONS) {
        known.items.extend(read(session, definition).await?);
    }
    known.signs = signs(session, key).await?;
    Ok(Some(known))
}

fn items(rows: &[Row]) -> Result<Vec<Item>, StoreError> {
    rows.iter().map(|row| row.json(0, "a resource")).collect()
}

fn definition_of(item: &Item) -> Option<String> {
    match &item.resource {
        Resource::Task(task) if !task.task_definition_arn.is_empty() => {
            Some(task.task_definition_arn.clone())
        }
        _ => None,
    }
}

/// The one thing of a heartbeat's record that is not a column.
#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
}

/// Signs of life of a cluster's tasks.
async fn signs(session: &mut impl Session, cluster: Value) -> Result<BTreeMap<String, Sign>, StoreError> {
    let sql = "SELECT s.task, s.heartbeat_at, s.ended, s.lost, s.body
         FROM inventory i JOIN sensors s ON s.task = i.id
         WHERE i.parent = $1 AND i.kind = 'task' AND s.heartbeat_at IS NOT NULL
         ORDER BY s.task, s.heartbeat_at";
    let mut signs: BTreeMap<String, Sign> = BTreeMap::new();
    for row in session.query(KNOWN, sql, &[cluster]).await? {
        let version: Version = row.json(4, "a heartbeat")?;
        let ended = row.int(2)? != 0;
        let task = row.text(0)?;
        let sign = signs.entry(task.to_owned()).or_insert_with(|| Sign { ended: true, ..Sign::default() });
        sign.at = row.time(1)?;
        sign.ended &= ended;
        sign.version = version.version;
        sign.lost = sign.lost.saturating_add(row.count(3)?);
    }
    Ok(signs)
}

/// Keeps a judgement, unless there was news since.
pub(crate) async fn judged(
    session: &mut impl Session,
    (arn, revision): (&str, u64),
    judgement: &Judgement,
) -> Result<bool, StoreError> {
    session.lock(arn).await?;
    let changes = coverage::row(session, arn).await?.map_or(0, |row| row.changes());
    if judgement.row.is_some() && changes != judgement.changes_before {
        return Ok(false);
    }
    let sql = "UPDATE inventory_clusters SET due = $1 WHERE arn = $2 AND revision = $3";
    let values = [
        Value::from(column::sortable(judgement.due)),
        Value::from(column::text(arn)),
        column::exact(revision),
    ];
    if session.execute(JUDGED, sql, &values).await? == 0 {
        return Ok(false);
    }
    match &judgement.row {
        Some(row) => coverage::put_row(session, row).await?,
        None => coverage::remove_row(session, arn).await?,
    }
    if let Some(news) = &judgement.news {
        outbox::put(session, news).await?;
    }
    for id in &judgement.forgotten {
        let sql = "DELETE FROM inventory WHERE id = $1 AND parent = $2";
        session
            .execute(JUDGED, sql, &[Value::from(column::text(id)), Value::from(column::text(arn))])
            .await?;
    }
    Ok(true)
}

/// The cluster that holds a task, by ARN or id.
pub(crate) async fn cluster_of_task(
    session: &mut impl Session,
    task: &str,
) -> Result<Option<String>, StoreError> {
    if task.starts_with("arn:") {
        let sql = "SELECT parent FROM inventory WHERE id = $1 AND kind = 'task'";
        let rows = session.query(KNOWN, sql, &[Value::from(column::text(task))]).await?;
        return rows.first().map(|row| row.text(0).map(str::to_owned)).transpose();
    }
    // Ids are of 32 digits, so the first that ends in one is the only one; this reads every task's key.
    let sql = format!(
        "SELECT parent FROM inventory WHERE kind = 'task' AND {}(id, $1) > 0 ORDER BY id LIMIT 1",
        session.position_function()
    );
    let rows = session.query(KNOWN, &sql, &[Value::from(column::text(&format!("/{task}")))]).await?;
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}
