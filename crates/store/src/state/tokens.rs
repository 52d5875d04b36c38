//! Tokens, by their hash.

use crate::{
    StoreError, Token, column,
    session::{Session, Value},
};

/// Keeps a token; one of the same hash is replaced.
pub(crate) async fn put(session: &mut impl Session, token: &Token) -> Result<(), StoreError> {
    let sql = "INSERT INTO tokens (hash, expires, body) VALUES ($1, $2, $3)
         ON CONFLICT (hash) DO UPDATE SET expires = excluded.expires, body = excluded.body";
    let values = [
        Value::from(column::text(&token.hash)),
        Value::Int(token.expires.map(column::sortable)),
        Value::from(column::json("keep a token", token)?),
    ];
    session.execute("keep a token", sql, &values).await?;
    Ok(())
}

/// The token of that hash.
pub(crate) async fn get(session: &mut impl Session, hash: &str) -> Result<Option<Token>, StoreError> {
    let sql = "SELECT body FROM tokens WHERE hash = $1";
    let rows = session.query("look up a token", sql, &[Value::from(column::text(hash))]).await?;
    rows.first().map(|row| row.json(0, "a token")).transpose()
}

/// Removes a token; whether there was one.
pub(crate) async fn take(session: &mut impl Session, hash: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM tokens WHERE hash = $1";
    Ok(session.execute("take a token", sql, &[Value::from(column::text(hash))]).await? > 0)
}
