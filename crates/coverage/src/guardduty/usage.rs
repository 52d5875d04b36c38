//! `GetUsageStatistics`: this server costs nothing by use, so every sum is zero.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AwsError, body};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Input {
    usage_statistics_type: Option<String>,
    usage_criteria: Option<Criteria>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Criteria {
    features: Option<Vec<String>>,
    account_ids: Option<Vec<String>>,
}

/// Most features or accounts that are answered for.
const MAX: usize = 50;
const FEATURE: &str = "FARGATE_RUNTIME_MONITORING";

/// The answer; `account` is the caller's.
///
/// # Errors
/// What cannot be, named.
pub fn usage_statistics(request: &[u8], account: &str) -> Result<Value, AwsError> {
    let input: Input = body::read(request)?;
    let Some(criteria) = input.usage_criteria else {
        return Err(AwsError::invalid("usageCriteria is needed."));
    };
    let zero = json!({"amount": "0.00", "unit": "USD"});
    let features = criteria.features.unwrap_or_else(|| vec![FEATURE.to_owned()]);
    let accounts = criteria.account_ids.unwrap_or_else(|| vec![account.to_owned()]);
    let statistics = match input.usage_statistics_type.as_deref() {
        Some("SUM_BY_FEATURES") => {
            let ours = features.iter().take(MAX).filter(|feature| *feature == FEATURE);
            let sums: Vec<Value> = ours.map(|feature| json!({"feature": feature, "total": zero})).collect();
            json!({"sumByFeature": sums})
        }
        Some("SUM_BY_ACCOUNT") => {
            let own = accounts.iter().take(MAX).filter(|each| *each == account);
            let sums: Vec<Value> = own.map(|each| json!({"accountId": each, "total": zero})).collect();
            json!({"sumByAccount": sums})
        }
        Some("SUM_BY_DATA_SOURCE") => json!({"sumByDataSource": []}),
        Some("SUM_BY_RESOURCE") => json!({"sumByResource": []}),
        Some("TOP_RESOURCES") => json!({"topResources": []}),
        Some("TOP_ACCOUNTS_BY_FEATURE") => json!({"topAccountsByFeature": []}),
        _ => return Err(AwsError::invalid("usageStatisticsType is not one of GuardDuty's.")),
    };
    Ok(json!({"usageStatistics": statistics}))
}
