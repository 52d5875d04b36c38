//! Records of coverage: written by judgements, read by lists and counts.

use std::collections::BTreeMap;

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
/// Values bound in one statement.
const MAX_BOUND: usize = 100;

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
        // An expression, so that the database does not fetch half of the table by an index on one of these few
        // values and sort it: going through an order's index until the page is full costs less.
        Column::Status => "status || ''",
        Column::Management => "management || ''",
        Column::Issue => "issue || ''",
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
            // The index of the order it is sorted by finds it.
            let name = match (column, query.sort) {
                (Column::Status, SortKey::Status) => "status",
                (Column::Issue, SortKey::Issue) => "issue",
                _ => name(*column),
            };
            filter.push(format!("({name} IN ({places}){absent})"));
        }
        if !not_equals.is_empty() && *column != Column::Absent {
            let places = filter.bind_all(texts(not_equals));
            filter.push(format!("{} NOT IN ({places})", name(*column)));
        }
    }
    filter
}

/// Whether it is restricted to some accounts, clusters' names or ARNs.
fn selects_few(query: &CoverageQuery) -> bool {
    let selects = |criterion: &Criterion| {
        let few = matches!(criterion.column, Column::Account | Column::Cluster | Column::Arn);
        few && !criterion.equals.is_empty()
    };
    query.criteria.iter().any(selects)
}

/// What rows are sorted by before their ARN. Few rows are found by what they are restricted to and then sorted, which
/// an expression asks for; many are taken in the order of an index.
fn order(query: &CoverageQuery) -> Option<&'static str> {
    let few = selects_few(query);
    match query.sort {
        SortKey::Account => Some(if few { "account || ''" } else { "account" }),
        SortKey::Cluster => Some(if few { "cluster || ''" } else { "cluster" }),
        SortKey::Status => Some(if few { "status || ''" } else { "status" }),
        SortKey::Issue => Some(if few { "issue || ''" } else { "issue" }),
        SortKey::UpdatedAt => Some(if few { "updated_at + 0" } else { "updated_at" }),
        SortKey::Arn => None,
    }
}

/// A page of records.
pub(crate) async fn page(
    session: &mut impl Session,
    query: &CoverageQuery,
) -> Result<CoveragePage, StoreError> {
    let mut filter = filter(query);
    let key = order(query);
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
    // The order's index answers this alone; records are read for the page only.
    let sql =
        format!("SELECT arn FROM coverage{} ORDER BY {order}arn {direction} LIMIT {limit}", filter.clause());
    let found = session.query(LIST, &sql, &filter.values).await?;
    let more = found.len() > size;
    let arns: Vec<&str> = found.iter().take(size).map(|row| row.text(0)).collect::<Result<_, _>>()?;
    let mut records = records(session, &arns).await?;
    let rows: Vec<CoverageRow> = arns.iter().filter_map(|arn| records.remove(*arn)).collect();
    let next =
        rows.last().filter(|_| more).map(|row| After { value: value(row, query.sort), arn: row.arn.clone() });
    Ok(CoveragePage { rows, next })
}

/// Records by ARN.
async fn records(
    session: &mut impl Session,
    arns: &[&str],
) -> Result<BTreeMap<String, CoverageRow>, StoreError> {
    let mut records = BTreeMap::new();
    for some in arns.chunks(MAX_BOUND) {
        let mut filter = Filter::default();
        let places = filter.bind_all(some.iter().map(|arn| Value::from(*arn)));
        let sql = format!("SELECT arn, body FROM coverage WHERE arn IN ({places})");
        for row in session.query(LIST, &sql, &filter.values).await? {
            records.insert(row.text(0)?.to_owned(), row.json(1, "a record of coverage")?);
        }
    }
    Ok(records)
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
    // As with orders, an expression where few rows are found by what they are restricted to.
    let status = if selects_few(query) { "status || ''" } else { "status" };
    let sql = format!("SELECT {status}, COUNT(*) FROM coverage{} GROUP BY {status}", filter.clause());
    let mut counts = Counts::default();
    for row in session.query("count coverage", &sql, &filter.values).await? {
        match row.text(0)? {
            "HEALTHY" => counts.healthy = row.count(1)?,
            _ => counts.unhealthy = row.count(1)?,
        }
    }
    Ok(counts)
}
