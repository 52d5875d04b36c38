//! Events for timelines.

use fargard_model::{Batch, Event, Outcome, Record, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::connection::failed;
use crate::{
    EventPage, EventQuery, StoreError, column,
    cursor::{List, Position, page_size},
};

const STORE: &str = "store events";
const READ: &str = "read events";

/// An event as it is stored.
pub(super) struct EventRow {
    number: i64,
    task: String,
    at: i64,
    confirmed: bool,
    body: String,
}

/// The events of a batch and those of its detections.
pub(super) fn rows(batch: &Batch) -> Result<Vec<EventRow>, StoreError> {
    let events = batch.records.iter().filter_map(|record| match record {
        Record::Event(event) => Some(&**event),
        Record::Detection(detection) => Some(&detection.event),
        Record::CheckResult(_) | Record::FileChange(_) | Record::Heartbeat(_) => None,
    });
    let row = |event: &Event| {
        Ok(EventRow {
            number: event.num.cast_signed(),
            task: column::text(&event.task.arn),
            at: column::sortable(event.time),
            confirmed: matches!(event.outcome, Outcome::Confirmed(_)),
            body: column::json(STORE, event)?,
        })
    };
    events.map(row).collect()
}

/// Stores events. Of one number the confirmed event stays, whichever came first.
pub(super) fn store(connection: &Connection, producer: &str, rows: &[EventRow]) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO events (producer, number, task, at, confirmed, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (producer, number) DO UPDATE SET
                 task = excluded.task, at = excluded.at, confirmed = excluded.confirmed, body = excluded.body
             WHERE excluded.confirmed > events.confirmed",
        )
        .map_err(failed(STORE))?;
    for row in rows {
        statement
            .execute(params![producer, row.number, row.task, row.at, row.confirmed, row.body])
            .map_err(failed(STORE))?;
    }
    Ok(())
}

/// A page of a task's events in order of time.
pub(super) fn page(connection: &Connection, query: &EventQuery) -> Result<EventPage, StoreError> {
    let after = query.cursor.as_deref().map(|cursor| Position::of(cursor, List::Events)).transpose()?;
    let from = query.from.map_or(0, column::sortable);
    let to = query.to.map(column::sortable);
    let size = page_size(query.limit);
    // The first page starts before every row.
    let after = after.unwrap_or(Position { at: i64::MIN, number: i64::MIN, name: String::new() });
    let mut statement = connection
        .prepare_cached(
            "SELECT at, producer, number, body FROM events
             WHERE task = ?1 AND at >= ?2 AND (?3 IS NULL OR at < ?3)
                 AND (at, producer, number) > (?4, ?5, ?6)
             ORDER BY at, producer, number LIMIT ?7",
        )
        .map_err(failed(READ))?;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let mut rows = statement
        .query(params![column::text(&query.task), from, to, after.at, after.name, after.number, limit])
        .map_err(failed(READ))?;
    let mut page = EventPage::default();
    let mut last = None;
    while let Some(row) = rows.next().map_err(failed(READ))? {
        if page.events.len() == size {
            page.next = last.map(|last: Position| last.cursor(List::Events));
            break;
        }
        let position = Position {
            at: row.get(0).map_err(corrupt("the time of an event"))?,
            name: row.get(1).map_err(corrupt("the producer of an event"))?,
            number: row.get(2).map_err(corrupt("the number of an event"))?,
        };
        page.events.push(event(row, 3, &position.name, position.number)?);
        last = Some(position);
    }
    Ok(page)
}

/// One event.
pub(super) fn get(connection: &Connection, producer: &str, num: u64) -> Result<Option<Event>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT body FROM events WHERE producer = ?1 AND number = ?2")
        .map_err(failed(READ))?;
    let number = num.cast_signed();
    statement
        .query_row(params![column::text(producer), number], |row| Ok(event(row, 0, producer, number)))
        .optional()
        .map_err(failed(READ))?
        .transpose()
}

/// Deletes events that happened before that time; how many.
pub(super) fn forget(connection: &Connection, before: Timestamp) -> Result<u64, StoreError> {
    connection
        .execute("DELETE FROM events WHERE at < ?1", [column::sortable(before)])
        .map(|changed| changed as u64)
        .map_err(failed("forget old events"))
}

fn event(row: &rusqlite::Row<'_>, column: usize, producer: &str, number: i64) -> Result<Event, StoreError> {
    let what = format!("event {} of {producer}", number.cast_unsigned());
    let body = row.get_ref(column).map_err(failed(READ))?;
    let body = body.as_str().map_err(corrupt(&what))?;
    serde_json::from_str(body).map_err(|error| StoreError::Corrupt { what, reason: error.to_string() })
}

fn corrupt<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Corrupt { what: what.to_owned(), reason: error.to_string() }
}
