//! `fargard coverage sweep`: lists an account's ECS resources in a region and tells a server.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use fargard_aws::{Account, AccountOptions, AwsError, Ecs, Role, inventory};
use fargard_coverage::arn::is_account;
use fargard_model::bounded;
use serde::Deserialize;
use serde_json::Value;

use super::write;
use crate::{commands::remote::Access, failure::BadInput};

/// Longest file.
const MAX_FILE: usize = 64 << 20;

/// Arguments of `fargard coverage sweep`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Credentials, region and endpoints are found as AWS's own tools find them. Calls keep to a quarter \
    of ECS's read budget, so a large account takes its time.\n\n\
    Examples:\n  fargard coverage sweep --region eu-west-1\n  \
    fargard coverage sweep --role arn:aws:iam::444455556666:role/fargard-read\n  fargard coverage sweep inventory.json"
)]
pub(super) struct Args {
    /// JSON file with account, region, startedAt, clusters, services, tasks, taskDefinitions, instead of asking ECS
    #[arg(conflicts_with_all = ["region", "role", "external_id", "cluster", "account"])]
    file: Option<PathBuf>,
    /// Region, unless the environment or the profile says it
    #[arg(long)]
    region: Option<String>,
    /// Role to take on, of another account
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// External id that the role asks for
    #[arg(long, value_name = "ID", requires = "role")]
    external_id: Option<String>,
    /// Only this cluster; may be repeated
    #[arg(long, value_name = "ARN")]
    cluster: Vec<String>,
    /// The account, where it has no cluster (left) that tells
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Deserialize)]
struct Merged {
    changed: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    // Before ECS is asked, which takes longer.
    let remote = args.access.open()?;
    let sweep = match &args.file {
        Some(file) => read(file)?,
        None => list(args)?,
    };
    let merged: Merged = remote.post("/v1/inventory", &sweep)?;
    let count = |name: &str| sweep.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    write(&format!(
        "{} clusters, {} services, {} tasks; {} resources changed\n",
        count("clusters"),
        count("services"),
        count("tasks"),
        merged.changed
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &std::path::Path) -> anyhow::Result<Value> {
    let bad = |reason: String| BadInput::because(format!("{}: {reason}", file.display()));
    let text = bounded::read(file, MAX_FILE).map_err(|error| bad(error.to_string()))?;
    Ok(serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?)
}

fn list(args: &Args) -> anyhow::Result<Value> {
    let role = args.role.as_ref().map(|arn| Role {
        arn: arn.clone(),
        external_id: args.external_id.clone(),
        session_name: "fargard-coverage".to_owned(),
    });
    let options = AccountOptions { region: args.region.clone(), role, ..AccountOptions::default() };
    let account = Account::open(options).map_err(BadInput::because)?;
    let mut found = inventory::sweep(&Ecs::new(Arc::new(account)), &args.cluster).map_err(asked)?;
    if found.account.is_empty() {
        let given = args.account.as_ref().filter(|account| is_account(account));
        found.account = given.cloned().ok_or_else(|| {
            BadInput::because("no cluster tells which account this is: say it with --account (twelve digits)")
        })?;
    }
    serde_json::to_value(found).context("writing JSON")
}

fn asked(error: AwsError) -> anyhow::Error {
    anyhow::Error::new(error).context("listing ECS")
}
