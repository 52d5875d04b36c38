//! Schema versions: ordered scripts, each applied once and remembered with its checksum.

use fargard_model::Timestamp;
use sha2::{Digest, Sha256};

use crate::{
    StoreError, column,
    session::{Session, Value},
};

const MIGRATE: &str = "bring the store's schema up to date";

/// A script of a backend; its position in the list, counted from 1, is its version.
pub(crate) struct Migration {
    /// Name of its file.
    pub(crate) name: &'static str,
    /// Its statements.
    pub(crate) sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> String {
        Sha256::digest(self.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Applies what is missing, all in the session's transaction. A schema that is newer than this build, or that was
/// made by other scripts, is refused.
pub(crate) async fn migrate(session: &mut impl Session, migrations: &[Migration]) -> Result<(), StoreError> {
    session.lock("fargard schema").await?;
    session
        .script(
            MIGRATE,
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                version BIGINT PRIMARY KEY NOT NULL,
                name TEXT NOT NULL,
                checksum TEXT NOT NULL,
                applied BIGINT NOT NULL
            )",
        )
        .await?;
    let rows = session
        .query(MIGRATE, "SELECT version, name, checksum FROM schema_migrations ORDER BY version", &[])
        .await?;
    let newest = migrations.len() as u64;
    for (row, expected) in rows.iter().zip(1..) {
        let version = row.count(0)?;
        if version > newest {
            return Err(refused(format!(
                "the schema is of version {version} ({}), this build knows versions up to {newest}: use the newer \
                 fargard that wrote it",
                row.text(1)?
            )));
        }
        let known = usize::try_from(version - 1).ok().and_then(|index| migrations.get(index));
        if version != expected || known.is_none_or(|known| row.text(2).ok() != Some(&known.checksum())) {
            return Err(refused(format!(
                "version {version} ({}) was not made by this program's own script: was the schema edited by hand?",
                row.text(1)?
            )));
        }
    }
    for (version, migration) in (1..).zip(migrations).skip(rows.len()) {
        session.script(MIGRATE, migration.sql).await?;
        let values = [
            Value::from(version),
            Value::from(migration.name),
            Value::from(migration.checksum()),
            Value::from(column::sortable(Timestamp::now())),
        ];
        let sql = "INSERT INTO schema_migrations (version, name, checksum, applied) VALUES ($1, $2, $3, $4)";
        session.execute(MIGRATE, sql, &values).await?;
        tracing::info!(version, name = migration.name, "schema updated");
    }
    Ok(())
}

fn refused(reason: String) -> StoreError {
    StoreError::Backend { operation: MIGRATE, reason }
}
