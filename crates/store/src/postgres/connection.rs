//! Connections, transactions and how they speak [`Session`].

use std::{net::IpAddr, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Transaction};
use tokio_postgres::{
    Config, IsolationLevel, NoTls,
    config::{Host, SslMode},
    error::SqlState,
    types::{ToSql, Type},
};

use crate::{
    StoreError,
    session::{Cell, Row, Session, Value},
};

const CONNECT: &str = "connect to PostgreSQL";
const TRANSACTION: &str = "run a transaction in PostgreSQL";
const CONNECTIONS: usize = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A call fails rather than waiting longer for a connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(30);
/// What the server may spend on one statement, waits for locks included; unless the URL sets options of its own.
const SERVER_OPTIONS: &str = "-c statement_timeout=60s -c idle_in_transaction_session_timeout=60s";
/// How often a transaction that loses against others is run.
const ATTEMPTS: u32 = 8;
const BACKOFF: Duration = Duration::from_millis(5);

/// Connections to the database of that URL; none is opened yet.
pub(super) fn pool(url: &str) -> Result<Pool, StoreError> {
    let refused = |reason: String| StoreError::Backend { operation: CONNECT, reason };
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| refused(describe(&error)))?;
    check_encryption(&config).map_err(refused)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_options().is_none() {
        config.options(SERVER_OPTIONS);
    }
    if config.get_application_name().is_none() {
        config.application_name("fargard");
    }
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Pool::builder(Manager::from_config(config, NoTls, recycling))
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(POOL_TIMEOUT))
        .create_timeout(Some(POOL_TIMEOUT))
        .build()
        .map_err(|error| refused(error.to_string()))
}

/// Nothing may travel in the clear that somebody expects to be encrypted.
fn check_encryption(config: &Config) -> Result<(), String> {
    match config.get_ssl_mode() {
        SslMode::Disable => return Ok(()),
        SslMode::Prefer => {}
        _ => {
            return Err(
                "the URL asks for TLS (sslmode=require), which is not supported yet: connect over a \
                        Unix socket or loopback, or through a local TLS proxy"
                    .to_owned(),
            );
        }
    }
    let local = |address: &IpAddr| address.is_loopback();
    let remote = if config.get_hostaddrs().is_empty() {
        config.get_hosts().iter().find_map(|host| match host {
            Host::Tcp(name) if name != "localhost" && !name.parse().is_ok_and(|ip| local(&ip)) => {
                Some(name.clone())
            }
            _ => None,
        })
    } else {
        config.get_hostaddrs().iter().find(|address| !local(address)).map(ToString::to_string)
    };
    remote.map_or(Ok(()), |host| {
        Err(format!(
            "the connection to {host} would not be encrypted, as TLS to PostgreSQL is not supported yet: connect over \
             a Unix socket or loopback, or say sslmode=disable if the network between is trusted"
        ))
    })
}

/// A connection from the pool.
pub(super) async fn client(pool: &Pool) -> Result<Object, StoreError> {
    pool.get().await.map_err(|error| {
        let reason = match &error {
            deadpool_postgres::PoolError::Backend(error) => describe(error),
            other => other.to_string(),
        };
        StoreError::Backend { operation: CONNECT, reason }
    })
}

/// Asks the database for an answer.
pub(super) async fn ping(pool: &Pool) -> Result<(), StoreError> {
    let answer = client(pool).await?.batch_execute("SELECT 1").await;
    answer.map_err(|error| StoreError::Backend { operation: "ping the store", reason: describe(&error) })
}

/// The server's own words, or the driver's with their cause.
fn describe(error: &tokio_postgres::Error) -> String {
    use std::error::Error;
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => format!("{} (SQLSTATE {})", error.message(), error.code().code()),
        (None, Some(source)) if !error.to_string().contains(&source.to_string()) => {
            format!("{error}: {source}")
        }
        (None, _) => error.to_string(),
    }
}

/// What a transaction is for.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    /// One snapshot for all its queries.
    Read,
    /// Each statement sees what was committed when its locks were taken.
    Write,
}

/// An open transaction.
pub(super) struct PostgresSession<'a> {
    transaction: Transaction<'a>,
    /// It lost against another transaction and may succeed when it is run again.
    lost: bool,
}

impl<'a> PostgresSession<'a> {
    /// Begins a transaction.
    pub(super) async fn begin(client: &'a mut Object, mode: Mode) -> Result<Self, StoreError> {
        let builder = client.build_transaction();
        let builder = match mode {
            Mode::Read => builder.isolation_level(IsolationLevel::RepeatableRead).read_only(true),
            Mode::Write => builder.isolation_level(IsolationLevel::ReadCommitted),
        };
        let transaction = builder
            .start()
            .await
            .map_err(|error| StoreError::Backend { operation: TRANSACTION, reason: describe(&error) })?;
        Ok(Self { transaction, lost: false })
    }

    /// Commits what succeeded and undoes what did not; `None` to run it again.
    pub(super) async fn finish<T>(
        self,
        result: Result<T, StoreError>,
        attempt: u32,
    ) -> Option<Result<T, StoreError>> {
        let Self { transaction, lost } = self;
        let (result, lost) = match result {
            Ok(value) => match transaction.commit().await {
                Ok(()) => (Ok(value), false),
                Err(error) => {
                    let reason = describe(&error);
                    (
                        Err(StoreError::Backend { operation: TRANSACTION, reason }),
                        lost_against_another(&error),
                    )
                }
            },
            Err(error) => {
                // Undone by the server too when the connection is what failed.
                drop(transaction.rollback().await);
                (Err(error), lost)
            }
        };
        if lost && attempt < ATTEMPTS {
            tokio::time::sleep(BACKOFF * 2_u32.saturating_pow(attempt)).await;
            return None;
        }
        Some(result)
    }

    fn failed(&mut self, operation: &'static str, error: &tokio_postgres::Error) -> StoreError {
        self.lost |= lost_against_another(error);
        StoreError::Backend { operation, reason: describe(error) }
    }
}

fn lost_against_another(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code)
    })
}

fn bound(values: &[Value]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    values
        .iter()
        .map(|value| match value {
            Value::Int(number) => (number as &(dyn ToSql + Sync), Type::INT8),
            Value::Text(text) => (text as &(dyn ToSql + Sync), Type::TEXT),
        })
        .collect()
}

fn row(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let columns = row.columns().iter().enumerate();
    let cells = columns.map(|(index, column)| {
        let cell = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(Cell::Int),
            Type::FLOAT8 => row.try_get::<_, Option<f64>>(index)?.map(Cell::Float),
            Type::TEXT => row.try_get::<_, Option<String>>(index)?.map(Cell::Text),
            _ => Some(Cell::Other("another type")),
        };
        Ok(cell.unwrap_or(Cell::Null))
    });
    cells.collect::<Result<_, _>>().map(Row)
}

impl Session for PostgresSession<'_> {
    async fn execute(
        &mut self,
        operation: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<u64, StoreError> {
        let done = self.transaction.execute_typed(sql, &bound(values)).await;
        done.map_err(|error| self.failed(operation, &error))
    }

    async fn query(
        &mut self,
        operation: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.transaction.query_typed(sql, &bound(values)).await;
        rows.and_then(|rows| rows.iter().map(row).collect()).map_err(|error| self.failed(operation, &error))
    }

    async fn script(&mut self, operation: &'static str, sql: &str) -> Result<(), StoreError> {
        let done = self.transaction.batch_execute(sql).await;
        done.map_err(|error| self.failed(operation, &error))
    }

    async fn lock(&mut self, key: &str) -> Result<(), StoreError> {
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        self.execute("lock in PostgreSQL", sql, &[Value::from(key)]).await.map(drop)
    }

    fn position_function(&self) -> &'static str {
        "strpos"
    }
}

#[cfg(test)]
mod tests {
    use super::{client, pool};

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_with_the_cause() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(&format!("host={} user=u", directory.path().display())).unwrap();
        let error = client(&pool).await.err().unwrap().to_string();
        assert!(error.contains("connect to PostgreSQL") && error.contains("No such file"), "{error}");
    }

    #[test]
    fn nothing_goes_over_a_network_in_the_clear_unasked() {
        for (url, part) in [
            ("postgresql://u:secret@localhost/db?sslmode=require", Some("asks for TLS")),
            ("postgresql://u:secret@db.example/db", Some("db.example would not be encrypted")),
            ("postgresql://u:secret@localhost,10.0.0.1/db", Some("10.0.0.1 would not")),
            ("postgresql://u:secret@db.example/db?sslmode=disable", None),
            ("postgresql://u:secret@127.0.0.1/db", None),
            ("postgresql://u:secret@[::1]/db", None),
            ("host=/run/postgresql user=u", None),
            ("postgresql://u:secret@localhost/db?sslmode=maybe", Some("sslmode")),
            ("not a url", Some("connect to PostgreSQL")),
        ] {
            let error = pool(url).err().map(|error| error.to_string());
            match part {
                None => assert_eq!(error, None, "{url}"),
                Some(part) => {
                    let error = error.unwrap_or_default();
                    assert!(error.contains(part) && !error.contains("secret"), "{url}: {error}");
                }
            }
        }
    }
}
