//! What GuardDuty's API keeps and reads.

use fargard_coverage::{guardduty::Detector, inventory::Item};
use fargard_model::{Finding, FindingState};
use serde_json::Value as Json;

use crate::{
    FindingScan, Inside, Object, ObjectKey, ObjectKind, StoreError, column,
    filter::Filter,
    session::{Row, Session, Value},
};

const OBJECTS: &str = "GuardDuty's objects";
const SCAN: &str = "scan findings";
/// Most rows of an answer.
const MAX: usize = 10_000;

fn limited(limit: usize) -> Value {
    Value::from(i64::try_from(limit.clamp(1, MAX)).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Value {
    Value::from(column::text(text))
}

fn objects(rows: &[Row]) -> Result<Vec<Object>, StoreError> {
    rows.iter()
        .map(|row| {
            Ok(Object {
                scope: row.text(0)?.to_owned(),
                name: row.text(1)?.to_owned(),
                body: row.json(2, OBJECTS)?,
            })
        })
        .collect()
}

/// Objects of a scope.
pub(crate) async fn of_scope(
    session: &mut impl Session,
    kind: ObjectKind,
    scope: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Object>, StoreError> {
    let sql = "SELECT scope, name, body FROM guardduty WHERE kind = $1 AND scope = $2 AND name > $3
         ORDER BY name LIMIT $4";
    let values = [Value::from(kind.name()), text(scope), text(after), limited(limit)];
    objects(&session.query(OBJECTS, sql, &values).await?)
}

/// Objects of a name in all scopes.
pub(crate) async fn named(
    session: &mut impl Session,
    kind: ObjectKind,
    name: Option<&str>,
    limit: usize,
) -> Result<Vec<Object>, StoreError> {
    let mut filter = Filter::default();
    let place = filter.bind(kind.name());
    filter.push(format!("kind = {place}"));
    if let Some(name) = name {
        let place = filter.bind(column::text(name));
        filter.push(format!("name = {place}"));
    }
    let limit = filter.bind(i64::try_from(limit.clamp(1, MAX)).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT scope, name, body FROM guardduty{} ORDER BY name, scope LIMIT {limit}",
        filter.clause()
    );
    objects(&session.query(OBJECTS, &sql, &filter.values).await?)
}

fn key(key: &ObjectKey) -> [Value; 3] {
    [Value::from(key.kind.name()), text(&key.scope), text(&key.name)]
}

/// An object.
pub(crate) async fn object(
    session: &mut impl Session,
    named: &ObjectKey,
) -> Result<Option<Json>, StoreError> {
    let sql = "SELECT body FROM guardduty WHERE kind = $1 AND scope = $2 AND name = $3";
    let rows = session.query(OBJECTS, sql, &key(named)).await?;
    rows.first().map(|row| row.json(0, OBJECTS)).transpose()
}

/// Keeps a new object, or, with `replace`, one in place of another; whether it was kept.
pub(crate) async fn put(
    session: &mut impl Session,
    named: &ObjectKey,
    body: &Json,
    replace: bool,
) -> Result<bool, StoreError> {
    let conflict =
        if replace { "(kind, scope, name) DO UPDATE SET body = excluded.body" } else { "DO NOTHING" };
    let sql = format!(
        "INSERT INTO guardduty (kind, scope, name, body) VALUES ($1, $2, $3, $4) ON CONFLICT {conflict}"
    );
    let [kind, scope, name] = key(named);
    let body = Value::from(column::long_text(&column::json(OBJECTS, body)?));
    Ok(session.execute(OBJECTS, &sql, &[kind, scope, name, body]).await? > 0)
}

/// Removes an object.
pub(crate) async fn remove(session: &mut impl Session, named: &ObjectKey) -> Result<bool, StoreError> {
    let sql = "DELETE FROM guardduty WHERE kind = $1 AND scope = $2 AND name = $3";
    Ok(session.execute(OBJECTS, sql, &key(named)).await? > 0)
}

/// Removes everything of a scope.
pub(crate) async fn forget_scope(session: &mut impl Session, scope: &str) -> Result<(), StoreError> {
    session.execute(OBJECTS, "DELETE FROM guardduty WHERE scope = $1", &[text(scope)]).await?;
    Ok(())
}

/// Findings of tasks whose ARN begins so.
pub(crate) async fn scan(session: &mut impl Session, scan: &FindingScan) -> Result<Vec<Finding>, StoreError> {
    let mut filter = Filter::default();
    let from = filter.bind(column::text(&scan.arn_prefix));
    // No character of an ARN sorts after a tilde.
    let to = filter.bind(format!("{}~", column::text(&scan.arn_prefix)));
    filter.push(format!("task >= {from} AND task < {to}"));
    if let Some((task, id)) = &scan.after {
        let (task, id) = (filter.bind(column::text(task)), filter.bind(id.as_str()));
        filter.push(format!("(task, id) > ({task}, {id})"));
    }
    let states = scan.states.iter().copied().map(FindingState::name).map(Value::from).collect();
    let priorities = scan.priorities.iter().copied().map(column::priority).map(Value::from).collect();
    let ids = scan.ids.iter().map(|id| text(id)).collect();
    // Expressions, so that the index of tasks is taken; ids are the primary key.
    for (name, values) in [("state || ''", states), ("priority + 0", priorities), ("id", ids)] {
        let values: Vec<Value> = values;
        if !values.is_empty() {
            let places = filter.bind_all(values);
            filter.push(format!("{name} IN ({places})"));
        }
    }
    if let Some(since) = scan.since {
        let place = filter.bind(column::sortable(since));
        filter.push(format!("last_seen + 0 >= {place}"));
    }
    let limit = filter.bind(i64::try_from(scan.limit.clamp(1, 1_000)).unwrap_or(1_000));
    let sql = format!("SELECT id, body FROM findings{} ORDER BY task, id LIMIT {limit}", filter.clause());
    let rows = session.query(SCAN, &sql, &filter.values).await?;
    rows.iter().map(|row| row.json(1, &format!("finding {}", row.text(0)?))).collect()
}

/// A resource of the inventory.
pub(crate) async fn resource(session: &mut impl Session, arn: &str) -> Result<Option<Item>, StoreError> {
    let sql = "SELECT body FROM inventory WHERE id = $1";
    let rows = session.query("read a resource", sql, &[text(arn)]).await?;
    rows.first().map(|row| row.json(0, "a resource")).transpose()
}

/// How much is in a cluster.
pub(crate) async fn inside(session: &mut impl Session, cluster: &str) -> Result<Inside, StoreError> {
    let sql = "SELECT kind, COUNT(*) FROM inventory WHERE parent = $1 GROUP BY kind";
    let mut inside = Inside::default();
    for row in session.query("count what is in a cluster", sql, &[text(cluster)]).await? {
        match row.text(0)? {
            "service" => inside.services = row.count(1)?,
            "container_instance" => inside.instances = row.count(1)?,
            _ => {}
        }
    }
    Ok(inside)
}

/// Accounts that have records of coverage in a region.
pub(crate) async fn accounts(
    session: &mut impl Session,
    region: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT account FROM coverage WHERE region = $1 AND account > $2
         ORDER BY account LIMIT $3";
    let rows = session.query("list accounts", sql, &[text(region), text(after), limited(limit)]).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Detectors of a region.
pub(crate) async fn detectors(
    session: &mut impl Session,
    region: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Detector>, StoreError> {
    let sql = "SELECT body FROM detectors WHERE region = $1 AND account > $2 ORDER BY account LIMIT $3";
    let rows = session.query("list detectors", sql, &[text(region), text(after), limited(limit)]).await?;
    rows.iter().map(|row| row.json(0, "a detector")).collect()
}
