//! Records of coverage as a large organization has them, put into the store's table directly: a judgement each would be
//! hours of what is not measured here.

use std::path::Path;

use anyhow::{Context, Result};
use fargard_coverage::{
    row::CoverageRow,
    rules::{Issue, Management, Problem, Remedy, Status},
};
use fargard_model::Timestamp;
use fargard_store::SqliteStore;
use rusqlite::{Connection, params};

/// The region of all of them.
pub(super) const REGION: &str = "eu-west-1";
/// Clusters of an account.
const OF_ACCOUNT: u64 = 20;

/// The account of a record.
pub(super) fn account(number: u64) -> String {
    format!("{:012}", 100_000_000_000 + number / OF_ACCOUNT)
}

/// The name of its cluster: some names are in many accounts.
pub(super) fn name(number: u64) -> String {
    format!("service-{:04}", number.wrapping_mul(7_919) % 1_000)
}

/// Its ARN.
pub(super) fn arn(number: u64) -> String {
    format!("arn:aws:ecs:{REGION}:{}:cluster/{}-{}", account(number), name(number), number % OF_ACCOUNT)
}

fn row(number: u64) -> CoverageRow {
    let problem = match number % 97 {
        0 => Some(Problem::NotReporting),
        1..=6 => Some(Problem::ServiceNeedsDeployment),
        7 => Some(Problem::Unidentified),
        _ => None,
    };
    let issues: Vec<Issue> = problem
        .into_iter()
        .map(|problem| Issue {
            problem,
            definition: "web:7".to_owned(),
            tasks: vec![format!("{number:032x}")],
            services: vec!["web".to_owned()],
            remedy: Remedy {
                text: "Deploy it again.".to_owned(),
                command: "aws ecs update-service".to_owned(),
            },
        })
        .collect();
    CoverageRow {
        arn: arn(number),
        account: account(number),
        region: REGION.to_owned(),
        cluster: name(number),
        status: if issues.is_empty() { Status::Healthy } else { Status::Unhealthy },
        management: if number.is_multiple_of(19) { Management::Disabled } else { Management::AutoManaged },
        issues,
        covered_instances: 0,
        compatible_instances: 0,
        covered_tasks: 10,
        uncovered_tasks: 0,
        updated_at: Timestamp(
            1_763_000_000_000_000_000 + number.wrapping_mul(104_729) % 10_000_000 * 1_000_000_000,
        ),
        newest_task: Timestamp(0),
        since: Timestamp(0),
        told: None,
    }
}

/// A store in that file with that many records.
pub(super) fn fill(path: &Path, rows: u64) -> Result<()> {
    drop(SqliteStore::open(path).context("cannot make the store")?);
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(
            "INSERT INTO coverage (arn, account, region, cluster, status, management, issue, updated_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for number in 0..rows {
            let row = row(number);
            insert.execute(params![
                row.arn,
                row.account,
                row.region,
                row.cluster,
                row.status.name(),
                row.management.name(),
                row.issue(),
                i64::try_from(row.updated_at.0)?,
                serde_json::to_string(&row)?,
            ])?;
        }
    }
    transaction.commit()?;
    Ok(())
}
