//! The thread that writes. What arrives while it works is committed together: one wait for the disk for many callers.

use std::{
    panic::{self, AssertUnwindSafe},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::connection::failed;
use crate::StoreError;

const COMMIT: &str = "commit to the store";
/// Callers that wait before further ones are held up.
const QUEUE: usize = 1024;
/// Most pieces of work in one commit.
const GROUP: usize = 512;

/// A piece of work and its caller.
trait Work: Send {
    /// Does it, inside the group's transaction; whether it succeeded.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers the caller, after the group was committed or with the reason why it was not.
    fn answer(self: Box<Self>, committed: Result<(), &StoreError>);
}

struct Call<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Call<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: Result<(), &StoreError>) {
        let answer = match (self.result, committed) {
            // An error of its own says more than the group's.
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(StoreError::Backend { operation: COMMIT, reason: error.to_string() }),
            (Some(result), Ok(())) => result,
            (None, Ok(())) => {
                Err(StoreError::Backend { operation: COMMIT, reason: "the work panicked".to_owned() })
            }
        };
        // The caller may have stopped waiting.
        drop(self.caller.send(answer));
    }
}

fn gone() -> StoreError {
    StoreError::Backend { operation: COMMIT, reason: "the writing thread has ended".to_owned() }
}

/// The way to the writing thread; it ends with this value.
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Work>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, work) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write(&connection, work))
            .map_err(|error| StoreError::Backend {
                operation: "start the store's writing thread",
                reason: error.to_string(),
            })?;
        Ok(Self { queue })
    }

    /// Does the work in a transaction and returns when that is durable.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let call = Call { work: Some(work), result: None, caller };
        self.queue.send(Box::new(call)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn write(connection: &Connection, mut queue: mpsc::Receiver<Box<dyn Work>>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        let committed = commit(connection, &mut group);
        if let Err(error) = &committed {
            tracing::error!(%error, calls = group.len(), "a group was not committed");
            // A failed COMMIT may leave the transaction open; without one this fails, which is as good.
            drop(connection.execute_batch("ROLLBACK"));
        }
        for work in group.drain(..) {
            work.answer(committed.as_ref().copied());
        }
    }
}

/// Does all work of a group in one transaction. Work that fails undoes only itself.
fn commit(connection: &Connection, group: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed(COMMIT))?;
    for work in group {
        connection.execute_batch("SAVEPOINT work").map_err(failed(COMMIT))?;
        // A panic is a bug, but not one to take every other caller down with.
        let done = panic::catch_unwind(AssertUnwindSafe(|| work.run(connection)));
        if !done.unwrap_or(false) {
            // Fails when SQLite gave up the whole transaction, as it does on a full disk.
            connection.execute_batch("ROLLBACK TO work").map_err(failed(COMMIT))?;
        }
        connection.execute_batch("RELEASE work").map_err(failed(COMMIT))?;
    }
    connection.execute_batch("COMMIT").map_err(failed(COMMIT))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::Writer;
    use crate::StoreError;

    #[tokio::test]
    async fn work_that_fails_undoes_only_itself() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let writer = Writer::start(connection).unwrap();
        let insert = |number: i64| {
            writer.run(move |connection| {
                connection.execute("INSERT INTO t VALUES (?1)", [number]).unwrap();
                assert_ne!(number, 4, "on purpose");
                if number == 2 { Err(StoreError::Cursor) } else { Ok(number) }
            })
        };
        let (one, two, three, four) = tokio::join!(insert(1), insert(2), insert(3), insert(4));
        assert!(matches!((one, two, three), (Ok(1), Err(StoreError::Cursor), Ok(3))));
        assert!(four.unwrap_err().to_string().contains("the work panicked"));
        let sum = writer.run(|connection| {
            Ok(connection.query_row("SELECT SUM(n) FROM t", [], |row| row.get::<_, i64>(0)).unwrap())
        });
        assert_eq!(sum.await.unwrap(), 4);
    }

    #[tokio::test]
    async fn nobody_is_told_of_success_when_the_commit_fails() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let writer = Writer::start(connection).unwrap();
        // What SQLite does of itself on a full disk.
        let lost = writer.run(|connection| {
            connection.execute_batch("INSERT INTO t VALUES (1); ROLLBACK").unwrap();
            Ok(())
        });
        let error = lost.await.unwrap_err().to_string();
        assert!(error.contains("commit to the store"), "{error}");
        let after = writer.run(|connection| {
            Ok(connection.query_row("SELECT COUNT(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap())
        });
        assert_eq!(after.await.unwrap(), 0);
    }
}
