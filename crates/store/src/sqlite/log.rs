//! The durable queue between the gate and the workers.

use fargard_model::{Batch, Timestamp, batch::MAX_RECORDS};
use rusqlite::{Connection, OptionalExtension, params};

use super::connection::failed;
use crate::{LogEntry, StoreError, column};

const APPEND: &str = "append to the log";
const NEXT: &str = "read the log";
const DONE: &str = "remove from the log";
/// Most entries and bytes that one look at the log returns; at least one entry, however long.
const MAX_ENTRIES: usize = 1000;
const MAX_BYTES: usize = 64 << 20;

/// A batch as it is appended.
pub(super) struct Entry {
    producer: String,
    sequence: i64,
    body: Vec<u8>,
}

impl Entry {
    /// Encodes a batch that can be read again.
    pub(super) fn of(batch: &Batch) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Backend { operation: APPEND, reason };
        let header = &batch.header;
        if batch.records.len() > MAX_RECORDS {
            return Err(refused(format!("more than {MAX_RECORDS} records in a batch")));
        }
        if let Some(record) = batch.records.iter().find(|record| record.task_arn() != header.task_arn) {
            let (found, expected) = (record.task_arn(), &header.task_arn);
            return Err(refused(format!("a record speaks of task {found:?}, its batch of {expected:?}")));
        }
        let body = batch.to_lines().map_err(|error| refused(error.to_string()))?;
        let producer = column::text(&header.producer);
        Ok(Self { producer, sequence: header.sequence.cast_signed(), body })
    }
}

/// Appends unless it was appended before; whether it was new.
pub(super) fn append(connection: &Connection, entry: &Entry) -> Result<bool, StoreError> {
    let received = column::sortable(Timestamp::now());
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO log_identities (producer, sequence, received) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
        )
        .map_err(failed(APPEND))?;
    let new = statement.execute(params![entry.producer, entry.sequence, received]).map_err(failed(APPEND))?;
    if new == 0 {
        return Ok(false);
    }
    let mut statement = connection
        .prepare_cached("INSERT INTO log (received, body) VALUES (?1, ?2)")
        .map_err(failed(APPEND))?;
    statement.execute(params![received, entry.body]).map_err(failed(APPEND))?;
    Ok(true)
}

/// What a look at the log found.
pub(super) struct Look {
    /// The first entries, up to one that cannot be read.
    pub(super) entries: Vec<LogEntry>,
    /// Position of that one and what is wrong with it.
    pub(super) damaged: Option<(i64, StoreError)>,
}

/// The first entries.
pub(super) fn next(connection: &Connection, limit: usize) -> Result<Look, StoreError> {
    let limit = limit.clamp(1, MAX_ENTRIES);
    let mut statement = connection
        .prepare_cached("SELECT position, received, body FROM log ORDER BY position LIMIT ?1")
        .map_err(failed(NEXT))?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)]).map_err(failed(NEXT))?;
    let (mut look, mut bytes) = (Look { entries: Vec::new(), damaged: None }, 0);
    while let Some(row) = rows.next().map_err(failed(NEXT))? {
        let position = row.get(0).map_err(failed(NEXT))?;
        match entry(row, position) {
            Ok((entry, length)) => {
                bytes += length;
                look.entries.push(entry);
            }
            Err(error) => {
                look.damaged = Some((position, error));
                break;
            }
        }
        if bytes >= MAX_BYTES {
            break;
        }
    }
    Ok(look)
}

/// Puts a damaged entry where it holds up no others.
pub(super) fn set_aside(connection: &Connection, position: i64) -> Result<(), StoreError> {
    for sql in [
        "INSERT OR REPLACE INTO log_damaged SELECT position, received, body FROM log WHERE position = ?1",
        "DELETE FROM log WHERE position = ?1",
    ] {
        connection.execute(sql, [position]).map_err(failed("set a damaged entry of the log aside"))?;
    }
    Ok(())
}

fn entry(row: &rusqlite::Row<'_>, position: i64) -> Result<(LogEntry, usize), StoreError> {
    let corrupt =
        |reason: String| StoreError::Corrupt { what: format!("entry {position} of the log"), reason };
    let received: i64 = row.get(1).map_err(|error| corrupt(error.to_string()))?;
    let body = row.get_ref(2).map_err(failed(NEXT))?;
    let body = body.as_blob().map_err(|error| corrupt(error.to_string()))?;
    let batch = Batch::from_lines(body).map_err(|error| corrupt(error.to_string()))?;
    let offset = u64::try_from(position).map_err(|error| corrupt(error.to_string()))?;
    let received = u64::try_from(received).map_err(|error| corrupt(error.to_string()))?;
    Ok((LogEntry { offset, received: Timestamp(received), batch }, body.len()))
}

/// Removes entries up to and including that one; their identities stay.
pub(super) fn done(connection: &Connection, offset: u64) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("DELETE FROM log WHERE position <= ?1").map_err(failed(DONE))?;
    statement.execute([i64::try_from(offset).unwrap_or(i64::MAX)]).map_err(failed(DONE))?;
    Ok(())
}

/// How many entries wait.
pub(super) fn backlog(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT COUNT(*) FROM log").map_err(failed(NEXT))?;
    let count: Option<i64> = statement.query_row([], |row| row.get(0)).optional().map_err(failed(NEXT))?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
}

/// Forgets identities of batches that were received before that time; how many.
pub(super) fn forget(connection: &Connection, before: i64) -> Result<u64, StoreError> {
    connection
        .execute("DELETE FROM log_identities WHERE received < ?1", [before])
        .map(|changed| changed as u64)
        .map_err(failed("forget old identities"))
}
