//! What is still to be told of coverage.

use std::collections::BTreeMap;

use fargard_model::Timestamp;

use crate::{
    News, Notice, StoreError, column,
    session::{Session, Value},
};

const PUT: &str = "record a change of coverage";
const TAKE: &str = "take a change of coverage to tell";

/// Records a change for everybody who is to hear of it.
pub(crate) async fn put(session: &mut impl Session, news: &News) -> Result<(), StoreError> {
    for sink in &news.sinks {
        let sql = "INSERT INTO coverage_outbox (sink, id, recorded, held_until, attempts, body)
             VALUES ($1, $2, $3, 0, 0, $4)";
        let values = [
            Value::from(column::text(sink)),
            Value::from(column::text(&news.id)),
            Value::from(column::sortable(news.recorded)),
            Value::from(column::long_text(&news.body)),
        ];
        session.execute(PUT, sql, &values).await?;
    }
    Ok(())
}

/// The oldest that is to be told, unless somebody is at it.
pub(crate) async fn take(
    session: &mut impl Session,
    sink: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Notice>, StoreError> {
    session.lock(&format!("notices for {sink}")).await?;
    let sql = "SELECT number, id, recorded, attempts, body, held_until FROM coverage_outbox
         WHERE sink = $1 ORDER BY number LIMIT 1";
    let rows = session.query(TAKE, sql, &[Value::from(column::text(sink))]).await?;
    let Some(row) = rows.first().filter(|row| row.int(5).is_ok_and(|held| held <= column::sortable(now)))
    else {
        return Ok(None);
    };
    let notice = Notice {
        number: row.count(0)?,
        id: row.text(1)?.to_owned(),
        recorded: row.time(2)?,
        attempts: row.count(3)?,
        body: row.text(4)?.to_owned(),
    };
    let sql = "UPDATE coverage_outbox SET held_until = $1, attempts = attempts + 1 WHERE number = $2";
    let values = [Value::from(column::sortable(until)), column::exact(notice.number)];
    session.execute(TAKE, sql, &values).await?;
    Ok(Some(notice))
}

/// Puts it off.
pub(crate) async fn put_off(
    session: &mut impl Session,
    number: u64,
    until: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE coverage_outbox SET held_until = $1 WHERE number = $2";
    session.execute(TAKE, sql, &[Value::from(column::sortable(until)), column::exact(number)]).await?;
    Ok(())
}

/// Forgets it.
pub(crate) async fn remove(session: &mut impl Session, number: u64) -> Result<(), StoreError> {
    let sql = "DELETE FROM coverage_outbox WHERE number = $1";
    session.execute("forget a change that was told", sql, &[column::exact(number)]).await?;
    Ok(())
}

/// How much waits, by who is to hear of it.
pub(crate) async fn waiting(session: &mut impl Session) -> Result<BTreeMap<String, u64>, StoreError> {
    let sql = "SELECT sink, COUNT(*) FROM coverage_outbox GROUP BY sink";
    let rows = session.query("count what is to be told", sql, &[]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.count(1)?))).collect()
}
