//! Records of coverage: written by judgements, read by lists and counts.

use fargard_coverage::{
    query::{After, Column, CoverageQuery, Criterion, SortKey},
    row::CoverageRow,
};

use crate::{
    Counts, CoveragePage, StoreError, column,
    filter::Filter,
    session::{Session, Value},
};

const LIST: &str = "list coverage";
const PUT: &str = "keep a record of coverage";
/// Most records in a page.
const MAX_PAGE: usize = 1_000;

/// Writes a record.
pub(crate) async fn put_row(session: &mut impl Session, row: &CoverageRow) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO coverage (arn, account, region, cluster, status, management, issue, updated_at, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (arn) DO UPDATE SET
             account = excluded.account, region = excluded.region, cluster = excluded.cluster,
             status = excluded.status, management = excluded.management, issue = excluded.issue,
             updated_at = excluded.updated_at, body = excluded.body";
    let values = [
        Value::from(column::text(&row.arn)),
        Value::from(column::text(&row.account)),
        Value::from(column::text(&row.region)),
        Value::from(column::text(&row.cluster)),
        Value::from(row.status.name()),
        Value::from(row.management.name()),
        Value::from(row.issue()),
        Value::from(column::sortable(row.updated_at)),
        Value::from(column::json(PUT, row)?),
    ];
    session.execute(PUT, sql, &values).await?;
    Ok(())
}

/// Removes a record.
pub(crate) async fn remove_row(session: &mut impl Session, arn: &str) -> Result<(), StoreError> {
    session.execute(PUT, "DELETE FROM coverage WHERE arn = $1", &[Value::from(column::text(arn))]).await?;
    Ok(())
}

/// The record of that ARN.
pub(crate) async fn row(session: &mut impl Session, arn: &str) -> Result<Option<CoverageRow>, StoreError> {
    let sql = "SELECT body FROM coverage WHERE arn = $1";
    let rows = session.query(LIST, sql, &[Value::from(column::text(arn))]).await?;
    rows.first().map(|row| row.json(0, "a record of coverage")).transpose()
}

fn name(column: Column) -> &'static str {
    match column {
        Column::Arn => "arn",
        Column::Account => "account",
        Column::Region => "region",
        Column::Cluster => "cluster",
        Column::Status => "status",
        Column::Management => "management",
        Column::Issue => "issue",
        Column::ResourceType => "'ECS'",
        // Compares as unequal to all that is asked for.
        Column::Absent => "''",
    }
}

fn filter(query: &CoverageQuery) -> Filter {
    let mut filter = Filter::default();
    for Criterion { column, equals, not_equals } in &query.criteria {
        let texts = |values: &[String]| {
            values.iter().map(|value| Value::from(column::text(value))).collect::<Vec<_>>()
        };
        if !equals.is_empty() {
            let places = filter.bind_all(texts(equals));
            let absent = if *column == Column::Absent { " AND 1 = 0" } else { "" };
            filter.push(format!("({} IN ({places}){absent})", name(*column)));
        }
        if !not_equals.is_empty() && *column != Column::Absent {
            let places = filter.bind_all(texts(not_equals));
            filter.push(format!("{} NOT IN ({places})", name(*column)));
        }
    }
    filter
}

/// A page of records.
pub(crate) async fn page(
    session: &mut impl Session,
    query: &CoverageQuery,
) -> Result<CoveragePage, StoreError> {
    let mut filter = filter(query);
    let key = match query.sort {
        SortKey::Account => Some("account"),
        SortKey::Cluster => Some("cluster"),
        SortKey::Status => Some("status"),
        SortKey::Issue => Some("issue"),
        SortKey::UpdatedAt => Some("updated_at"),
        SortKey::Arn => None,
    };
    let (direction, beyond) = if query.descending { ("DESC", '<') } else { ("ASC", '>') };
    if let Some(after) = &query.after {
        let arn = filter.bind(column::text(&after.arn));
        let condition = match key {
            None => format!("arn {beyond} {arn}"),
            Some(key) => {
                let value = match query.sort {
                    SortKey::UpdatedAt => {
                        filter.bind(after.value.parse::<i64>().map_err(|_| StoreError::Cursor)?)
                    }
                    _ => filter.bind(column::text(&after.value)),
                };
                format!("({key}, arn) {beyond} ({value}, {arn})")
            }
        };
        filter.push(condition);
    }
    let size = query.limit.clamp(1, MAX_PAGE);
    let limit = filter.bind(i64::try_from(size + 1).unwrap_or(i64::MAX));
    let order = key.map(|key| format!("{key} {direction}, ")).unwrap_or_default();
    let sql =
        format!("SELECT body FROM coverage{} ORDER BY {order}arn {direction} LIMIT {limit}", filter.clause());
    let rows = session.query(LIST, &sql, &filter.values).await?;
    let mut rows: Vec<CoverageRow> =
        rows.iter().map(|row| row.json(0, "a record of coverage")).collect::<Result<_, _>>()?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next =
        rows.last().filter(|_| more).map(|row| After { value: value(row, query.sort), arn: row.arn.clone() });
    Ok(CoveragePage { rows, next })
}

/// What a record is sorted by, as its column holds it.
fn value(row: &CoverageRow, sort: SortKey) -> String {
    match sort {
        SortKey::Account => row.account.clone(),
        SortKey::Cluster => row.cluster.clone(),
        SortKey::Status => row.status.name().to_owned(),
        SortKey::Issue => row.issue().to_owned(),
        SortKey::UpdatedAt => column::sortable(row.updated_at).to_string(),
        SortKey::Arn => String::new(),
    }
}

/// How many records there are.
pub(crate) async fn counts(session: &mut impl Session, query: &CoverageQuery) -> Result<Counts, StoreError> {
    let filter = filter(query);
    let sql = format!("SELECT status, COUNT(*) FROM coverage{} GROUP BY status", filter.clause());
    let mut counts = Counts::default();
    for row in session.query("count coverage", &sql, &filter.values).await? {
        match row.text(0)? {
            "HEALTHY" => counts.healthy = row.count(1)?,
            _ => counts.unhealthy = row.count(1)?,
        }
    }
    Ok(counts)
}
