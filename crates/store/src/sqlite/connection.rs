//! Connections and how they speak [`Session`].

use std::{
    fs::OpenOptions,
    future::{Future, ready},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior, params_from_iter, types::ValueRef};

use crate::{
    StoreError,
    migrate::{Migration, migrate},
    session::{Cell, Row, Session, Value},
};

const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_state.sql", sql: include_str!("../../migrations/sqlite/0001_state.sql") },
    Migration {
        name: "0002_log_and_events.sql",
        sql: include_str!("../../migrations/sqlite/0002_log_and_events.sql"),
    },
    Migration { name: "0003_coverage.sql", sql: include_str!("../../migrations/sqlite/0003_coverage.sql") },
    Migration {
        name: "0004_coverage_order.sql",
        sql: include_str!("../../migrations/sqlite/0004_coverage_order.sql"),
    },
    Migration {
        name: "0005_coverage_outbox.sql",
        sql: include_str!("../../migrations/sqlite/0005_coverage_outbox.sql"),
    },
    Migration {
        name: "0006_compliance.sql",
        sql: include_str!("../../migrations/sqlite/0006_compliance.sql"),
    },
    Migration { name: "0007_guardduty.sql", sql: include_str!("../../migrations/sqlite/0007_guardduty.sql") },
];
const OPEN: &str = "open the SQLite store";
/// How long another process's lock on the file is waited for.
const BUSY: Duration = Duration::from_secs(10);
const STATEMENTS: usize = 128;

/// Names the operation in an error of SQLite's.
pub(super) fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::Backend { operation, reason: error.to_string() }
}

/// Opens the file for writing and brings its schema up to date.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let refused = |reason: String| StoreError::Backend {
        operation: OPEN,
        reason: format!("{}: {reason}", path.display()),
    };
    // SQLite gives its other files the permissions of this one. It holds hashes of tokens and command lines.
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| refused(error.to_string()))?;
    let connection = Connection::open(path).map_err(|error| refused(error.to_string()))?;
    prepare(&connection).map_err(|error| refused(error.to_string()))?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|error| refused(error.to_string()))?;
    if mode != "wal" {
        return Err(refused(format!(
            "the journal mode is {mode:?}; it must be on a file system that can do WAL"
        )));
    }
    set_up(connection)
}

/// A database in memory.
pub(super) fn open_in_memory() -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory().map_err(failed(OPEN))?;
    prepare(&connection).map_err(failed(OPEN))?;
    set_up(connection)
}

/// Opens the file, which must be there, for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(failed(OPEN))?;
    prepare(&connection).map_err(failed(OPEN))?;
    connection.pragma_update(None, "query_only", true).map_err(failed(OPEN))?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Rows of an attacker's making must not reach functions with side effects through the schema.
    connection.pragma_update(None, "trusted_schema", false)
}

fn set_up(mut connection: Connection) -> Result<Connection, StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed(OPEN))?;
    complete(migrate(&mut SqliteSession(&transaction), MIGRATIONS))?;
    transaction.commit().map_err(failed(OPEN))?;
    Ok(connection)
}

/// Asks the database for an answer.
pub(super) fn ping(connection: &Connection) -> Result<(), StoreError> {
    connection.query_row("SELECT 1", [], |_| Ok(())).map_err(failed("ping the store"))
}

/// The result of a future over a [`SqliteSession`], which never waits.
pub(super) fn complete<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(StoreError::Backend {
            operation: "run a transaction",
            reason: "it waits for something other than SQLite".to_owned(),
        }),
    }
}

/// A connection with an open transaction.
pub(super) struct SqliteSession<'a>(pub(super) &'a Connection);

impl SqliteSession<'_> {
    fn run_query(&self, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.0.prepare_cached(&numbered(sql))?;
        let columns = statement.column_count();
        let rows = statement.query_map(params_from_iter(values.iter().map(bound)), |row| {
            (0..columns).map(|column| row.get_ref(column).map(cell)).collect::<rusqlite::Result<_>>().map(Row)
        })?;
        rows.collect()
    }

    fn run(&self, sql: &str, values: &[Value]) -> rusqlite::Result<u64> {
        let mut statement = self.0.prepare_cached(&numbered(sql))?;
        statement.execute(params_from_iter(values.iter().map(bound))).map(|changed| changed as u64)
    }
}

/// SQLite numbers parameters with `?`; `$` would make names of them.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn bound(value: &Value) -> rusqlite::types::Value {
    match value {
        Value::Int(Some(number)) => rusqlite::types::Value::Integer(*number),
        Value::Text(Some(text)) => rusqlite::types::Value::Text(text.clone()),
        Value::Int(None) | Value::Text(None) => rusqlite::types::Value::Null,
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Real(number) => Cell::Float(number),
        ValueRef::Text(bytes) => str::from_utf8(bytes)
            .map_or(Cell::Other("a text that is not UTF-8"), |text| Cell::Text(text.into())),
        ValueRef::Blob(_) => Cell::Other("a blob"),
    }
}

impl Session for SqliteSession<'_> {
    fn execute(
        &mut self,
        operation: &'static str,
        sql: &str,
        values: &[Value],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        ready(self.run(sql, values).map_err(failed(operation)))
    }

    fn query(
        &mut self,
        operation: &'static str,
        sql: &str,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send {
        ready(self.run_query(sql, values).map_err(failed(operation)))
    }

    fn script(
        &mut self,
        operation: &'static str,
        sql: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(self.0.execute_batch(sql).map_err(failed(operation)))
    }

    /// There is one writer, so its transaction is the lock.
    fn lock(&mut self, _key: &str) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }

    fn position_function(&self) -> &'static str {
        "instr"
    }
}
