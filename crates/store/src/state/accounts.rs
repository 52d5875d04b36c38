//! Access keys and detectors.

use fargard_coverage::guardduty::Detector;

use crate::{
    AccessKey, StoreError, column,
    session::{Session, Value},
};

const KEYS: &str = "access keys";
const DETECTORS: &str = "detectors";
const MAX_KEYS: i64 = 10_000;

/// Keeps a key.
pub(crate) async fn put_key(session: &mut impl Session, key: &AccessKey) -> Result<(), StoreError> {
    let sql = "INSERT INTO access_keys (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    let values = [Value::from(column::text(&key.id)), Value::from(column::json(KEYS, key)?)];
    session.execute(KEYS, sql, &values).await?;
    Ok(())
}

/// The key of that id.
pub(crate) async fn key(session: &mut impl Session, id: &str) -> Result<Option<AccessKey>, StoreError> {
    let sql = "SELECT body FROM access_keys WHERE id = $1";
    let rows = session.query(KEYS, sql, &[Value::from(column::text(id))]).await?;
    rows.first().map(|row| row.json(0, "an access key")).transpose()
}

/// All keys.
pub(crate) async fn keys(session: &mut impl Session) -> Result<Vec<AccessKey>, StoreError> {
    let sql = "SELECT body FROM access_keys ORDER BY id LIMIT $1";
    let rows = session.query(KEYS, sql, &[Value::from(MAX_KEYS)]).await?;
    rows.iter().map(|row| row.json(0, "an access key")).collect()
}

/// Removes a key.
pub(crate) async fn remove_key(session: &mut impl Session, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM access_keys WHERE id = $1";
    Ok(session.execute(KEYS, sql, &[Value::from(column::text(id))]).await? > 0)
}

/// Keeps a new detector, if its account has none in its region.
pub(crate) async fn add_detector(
    session: &mut impl Session,
    detector: &Detector,
) -> Result<bool, StoreError> {
    let sql =
        "INSERT INTO detectors (id, account, region, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    let values = [
        Value::from(column::text(&detector.id)),
        Value::from(column::text(&detector.account)),
        Value::from(column::text(&detector.region)),
        Value::from(column::json(DETECTORS, detector)?),
    ];
    Ok(session.execute(DETECTORS, sql, &values).await? > 0)
}

/// Keeps a changed detector.
pub(crate) async fn set_detector(
    session: &mut impl Session,
    detector: &Detector,
) -> Result<bool, StoreError> {
    let sql = "UPDATE detectors SET body = $2 WHERE id = $1";
    let values = [Value::from(column::text(&detector.id)), Value::from(column::json(DETECTORS, detector)?)];
    Ok(session.execute(DETECTORS, sql, &values).await? > 0)
}

/// The detector of an account in a region.
pub(crate) async fn detector_of(
    session: &mut impl Session,
    account: &str,
    region: &str,
) -> Result<Option<Detector>, StoreError> {
    let sql = "SELECT body FROM detectors WHERE account = $1 AND region = $2";
    let values = [Value::from(column::text(account)), Value::from(column::text(region))];
    let rows = session.query(DETECTORS, sql, &values).await?;
    rows.first().map(|row| row.json(0, "a detector")).transpose()
}

/// Removes a detector.
pub(crate) async fn remove_detector(session: &mut impl Session, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM detectors WHERE id = $1";
    Ok(session.execute(DETECTORS, sql, &[Value::from(column::text(id))]).await? > 0)
}
