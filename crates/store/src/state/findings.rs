//! Reading findings and changing their state.

use fargard_model::{Finding, FindingKind, FindingState, Timestamp, finding::file_scope};

use super::{
    MAX_OCCURRENCES,
    apply::{put_change, put_finding},
    digest::{DETECTION, FILE},
};
use crate::{
    Facets, FindingDetail, FindingPage, FindingQuery, StateChange, StoreError, column,
    cursor::{List, Position, page_size},
    filter::{Facet, Filter},
    session::{Row, Session, Value},
};

const LIST: &str = "list findings";
const SHOW: &str = "show a finding";
const SET: &str = "change a finding's state";
/// Values of a facet that are counted, the most frequent first.
const MAX_FACET_VALUES: i64 = 500;

/// A page of findings.
pub(crate) async fn page(
    session: &mut impl Session,
    query: &FindingQuery,
) -> Result<FindingPage, StoreError> {
    let after = query.cursor.as_deref().map(|cursor| Position::of(cursor, List::Findings)).transpose()?;
    let mut filter = Filter::of_findings(session, query, None);
    let sql = format!("SELECT COUNT(*) FROM findings{}", filter.clause());
    let total = session.query(LIST, &sql, &filter.values).await?.first().map_or(Ok(0), |row| row.count(0))?;
    if let Some(after) = after {
        filter.after("id", after);
    }
    let size = page_size(query.limit);
    let limit = filter.bind(i64::try_from(size + 1).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT id, last_seen, body FROM findings{} ORDER BY last_seen DESC, id DESC LIMIT {limit}",
        filter.clause()
    );
    let mut rows = session.query(LIST, &sql, &filter.values).await?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next = match rows.last().filter(|_| more) {
        Some(last) => {
            let position = Position { at: last.int(1)?, number: 0, name: last.text(0)?.to_owned() };
            Some(position.cursor(List::Findings))
        }
        None => None,
    };
    let findings = rows.iter().map(|row| finding(row, 2, row.text(0)?)).collect::<Result<_, _>>()?;
    Ok(FindingPage { findings, total, next })
}

/// Counts by facet and value.
pub(crate) async fn facets(session: &mut impl Session, query: &FindingQuery) -> Result<Facets, StoreError> {
    let mut facets = Facets::new();
    for facet in Facet::ALL {
        let mut filter = Filter::of_findings(session, query, Some(facet));
        let (column, clause) = (facet.name(), filter.clause());
        let limit = filter.bind(MAX_FACET_VALUES);
        let sql = if facet == Facet::Tag {
            format!(
                "SELECT tag, COUNT(*) FROM finding_tags WHERE finding IN (SELECT id FROM findings{clause})
                 GROUP BY tag ORDER BY COUNT(*) DESC, tag LIMIT {limit}"
            )
        } else {
            format!(
                "SELECT {column}, COUNT(*) FROM findings{clause}
                 GROUP BY {column} ORDER BY COUNT(*) DESC, {column} LIMIT {limit}"
            )
        };
        let counts = facets.entry(column.to_owned()).or_default();
        for row in session.query("count findings by facet", &sql, &filter.values).await? {
            let value = match facet {
                Facet::Priority => column::priority_of(row.int(0)?)?.name().to_owned(),
                _ => row.text(0)?.to_owned(),
            };
            counts.insert(value, row.count(1)?);
        }
    }
    Ok(facets)
}

/// One finding with its latest occurrences and history.
pub(crate) async fn detail(
    session: &mut impl Session,
    id: &str,
) -> Result<Option<FindingDetail>, StoreError> {
    let key = Value::from(column::text(id));
    let sql = "SELECT body FROM findings WHERE id = $1";
    let rows = session.query(SHOW, sql, std::slice::from_ref(&key)).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let finding = finding(row, 0, id)?;
    let (mut detections, mut checks, mut file_changes) = (Vec::new(), Vec::new(), Vec::new());
    let sql = "SELECT kind, body FROM occurrences WHERE finding = $1 ORDER BY ordering DESC LIMIT $2";
    for row in session.query(SHOW, sql, &[key.clone(), Value::from(MAX_OCCURRENCES)]).await? {
        match row.text(0)? {
            DETECTION => detections.push(row.json(1, &format!("a detection of finding {id}"))?),
            FILE => file_changes.push(row.json(1, &format!("a file change of finding {id}"))?),
            _ => checks.push(row.json(1, &format!("a check result of finding {id}"))?),
        }
    }
    let sql = "SELECT at, state, who, note FROM finding_history WHERE finding = $1 ORDER BY number";
    let rows = session.query(SHOW, sql, &[key]).await?;
    let history = rows.iter().map(|row| state_change(row, id)).collect::<Result<_, _>>()?;
    Ok(Some(FindingDetail { finding, detections, checks, file_changes, history }))
}

/// Changes a finding's state.
pub(crate) async fn set_state(
    session: &mut impl Session,
    id: &str,
    change: &StateChange,
) -> Result<Option<Finding>, StoreError> {
    let key = [Value::from(column::text(id))];
    let rows = session.query(SET, "SELECT task FROM findings WHERE id = $1", &key).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    // The lock that folding takes, so that neither overwrites the other.
    session.lock(row.text(0)?).await?;
    let rows = session.query(SET, "SELECT body FROM findings WHERE id = $1", &key).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let known = finding(row, 0, id)?;
    if known.kind == FindingKind::FileIntegrity {
        session.lock(&column::text(&file_scope(&known.task))).await?;
    }
    let rows = session.query(SET, "SELECT body, latest FROM findings WHERE id = $1", &key).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut finding = finding(row, 0, id)?;
    finding.state = change.state;
    put_finding(session, &finding, row.text(1)?).await?;
    put_change(session, &finding.id, change).await?;
    Ok(Some(finding))
}

fn finding(row: &Row, column: usize, id: &str) -> Result<Finding, StoreError> {
    row.json(column, &format!("finding {id}"))
}

fn state_change(row: &Row, id: &str) -> Result<StateChange, StoreError> {
    let state: FindingState =
        row.text(1)?.parse().map_err(|error: fargard_model::finding::UnknownName| StoreError::Corrupt {
            what: format!("history of finding {id}"),
            reason: error.to_string(),
        })?;
    let at: Timestamp = row.time(0)?;
    Ok(StateChange { at, state, who: row.text(2)?.to_owned(), note: row.text(3)?.to_owned() })
}
