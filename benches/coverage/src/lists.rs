//! Every filter and order, at the beginning of a list and far into it, and the counts.

use std::{collections::BTreeMap, path::Path, time::Instant};

use anyhow::{Context, Result, anyhow};
use fargard_coverage::{
    guardduty::{coverage_statistics, list_coverage, render_page},
    query::Column,
};
use fargard_model::Timestamp;
use fargard_store::{CoverageStore, SqliteStore};
use serde_json::{Value, json};

use crate::rows::{self, REGION};

/// Measurements of each filter, order and direction, and of each count.
const ROUNDS: u64 = 12;
const COUNTS: u64 = 7;

const SORTS: [&str; 9] = [
    "ECS_CLUSTER_NAME",
    "ACCOUNT_ID",
    "COVERAGE_STATUS",
    "ISSUE",
    "UPDATED_AT",
    "ADDON_VERSION",
    "CLUSTER_NAME",
    "EKS_CLUSTER_NAME",
    "INSTANCE_ID",
];

/// Times in milliseconds by what was asked.
pub(super) type Times = BTreeMap<String, Vec<f64>>;

/// What was measured over so many records.
pub(super) struct Measured {
    rows: u64,
    lists: Times,
    counts: Times,
}

/// A filter by name, with values of the record of that number.
fn filters(number: u64) -> Vec<(&'static str, Vec<Value>)> {
    let one = |key: &str, condition: Value| json!({"criterionKey": key, "filterCondition": condition});
    let equals = |key: &'static str, value: String| (key, vec![one(key, json!({"equals": [value]}))]);
    let unhealthy = one("COVERAGE_STATUS", json!({"equals": ["UNHEALTHY"]}));
    let disabled = one("MANAGEMENT_TYPE", json!({"equals": ["DISABLED"]}));
    vec![
        ("none", vec![]),
        equals("ACCOUNT_ID", rows::account(number)),
        ("ACCOUNT_ID not", vec![one("ACCOUNT_ID", json!({"notEquals": [rows::account(number)]}))]),
        equals("RESOURCE_TYPE", "ECS".to_owned()),
        ("COVERAGE_STATUS", vec![unhealthy.clone()]),
        ("MANAGEMENT_TYPE", vec![disabled.clone()]),
        ("status and management", vec![unhealthy, disabled]),
        equals("ECS_CLUSTER_NAME", rows::name(number)),
        equals("CLUSTER_ARN", rows::arn(number)),
        equals("ADDON_VERSION", "v1".to_owned()),
        ("EKS_CLUSTER_NAME not", vec![one("EKS_CLUSTER_NAME", json!({"notEquals": ["x"]}))]),
        equals("AGENT_VERSION", "v1".to_owned()),
        equals("INSTANCE_ID", "i-1".to_owned()),
    ]
}

/// Measures over a store of that many records.
pub(super) async fn measure(place: &Path, rows: u64) -> Result<Measured> {
    let path = place.join(format!("{rows}.db"));
    let started = Instant::now();
    rows::fill(&path, rows)?;
    eprintln!(
        "{rows} records in {:.0} s, {} MB",
        started.elapsed().as_secs_f64(),
        path.metadata()?.len() >> 20
    );
    let store = SqliteStore::open(&path).context("the store")?;
    let mut measured = Measured { rows, lists: Times::new(), counts: Times::new() };
    for sort in SORTS {
        for round in 0..ROUNDS {
            for (filter, criteria) in filters(round.wrapping_mul(15_485_863) % rows) {
                let order = if round % 2 == 0 { "ASC" } else { "DESC" };
                let mut request = json!({"filterCriteria": {"filterCriterion": criteria},
                    "sortCriteria": {"attributeName": sort, "orderBy": order}});
                // A first page, and the one after it.
                for _ in 0..2 {
                    let (took, answer) = list(&store, &request).await?;
                    measured.lists.entry(format!("{filter:22} {sort}")).or_default().push(took);
                    let Some(next) = answer.get("nextToken") else { break };
                    request["nextToken"] = next.clone();
                }
            }
        }
    }
    for round in 0..COUNTS {
        for (filter, criteria) in filters(round.wrapping_mul(15_485_863) % rows) {
            let request = json!({"filterCriteria": {"filterCriterion": criteria},
                "statisticsType": ["COUNT_BY_COVERAGE_STATUS"]});
            let started = Instant::now();
            let asked = coverage_statistics(request.to_string().as_bytes());
            let asked = asked.map_err(|error| anyhow!("{}", error.message))?;
            store.coverage_counts(&asked.query.only(Column::Region, vec![REGION.to_owned()])).await?;
            let took = started.elapsed().as_secs_f64() * 1e3;
            measured.counts.entry(filter.to_owned()).or_default().push(took);
        }
    }
    Ok(measured)
}

/// One page: reading the request, the store, writing the answer. Signature and HTTP are not part of it.
async fn list(store: &SqliteStore, request: &Value) -> Result<(f64, Value)> {
    let body = request.to_string();
    let now = Timestamp::now();
    let started = Instant::now();
    let asked = list_coverage(body.as_bytes(), now).map_err(|error| anyhow!("{}", error.message))?;
    let page = store.coverage(&asked.clone().only(Column::Region, vec![REGION.to_owned()])).await?;
    let answer = render_page(&page.rows, page.next.as_ref(), &asked, "d", now);
    let text = answer.to_string();
    let took = started.elapsed().as_secs_f64() * 1e3;
    anyhow::ensure!(text.len() > 2, "an empty answer");
    Ok((took, answer))
}

fn quantile(times: &[f64], part: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "few measurements"
    )]
    let at = ((sorted.len().saturating_sub(1)) as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn row(what: &str, few: &[f64], many: &[f64]) {
    let growth = quantile(many, 0.5) / quantile(few, 0.5);
    println!(
        "{what:42} {:9.2} {:9.2} {:9.2} {:9.2} {growth:8.1}",
        quantile(few, 0.5),
        quantile(few, 0.99),
        quantile(many, 0.5),
        quantile(many, 0.99),
    );
}

/// Prints both, and how the times grew.
pub(super) fn print(few: &Measured, many: &Measured) {
    println!("ListCoverage and GetCoverageStatistics, milliseconds, request read to answer written");
    println!(
        "{:42} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "clusters",
        format!("{} p50", few.rows),
        "p99",
        format!("{} p50", many.rows),
        "p99",
        "growth"
    );
    for (title, few, many) in [("lists", &few.lists, &many.lists), ("counts", &few.counts, &many.counts)] {
        let all = |times: &Times| times.values().flatten().copied().collect::<Vec<f64>>();
        row(&format!("all {title}"), &all(few), &all(many));
        for (what, times) in many {
            row(what, few.get(what).map_or(&[], Vec::as_slice), times);
        }
    }
}
