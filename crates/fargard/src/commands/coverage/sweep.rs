//! `fargard coverage sweep`: lists the ECS resources of accounts in regions and tells a server.

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use fargard_aws::{Account, AccountOptions, AwsError, Clock as _, Ecs, Role, SystemClock, inventory};
use fargard_coverage::arn::is_account;
use fargard_model::bounded;
use serde::Deserialize;
use serde_json::Value;

use super::write;
use crate::{
    commands::remote::{Access, Remote},
    failure::{BadInput, FINDINGS, INTERNAL},
};

/// Longest file.
const MAX_FILE: usize = 64 << 20;

/// Accounts and regions listed at the same time; each has a read budget of its own.
const AT_ONCE: usize = 4;
/// Most accounts and regions of one call.
const MAX_TARGETS: usize = 10_000;

/// Arguments of `fargard coverage sweep`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Credentials, region and endpoints are found as AWS's own tools find them. Calls keep to a quarter \
    of ECS's read budget of each account and region, so a large account takes its time. What fails in one account or \
    region stops no other.\n\n\
    Exit codes: 0 all was swept, 1 some was not, 2 bad input, 3 nothing was.\n\n\
    Examples:\n  fargard coverage sweep --region eu-west-1\n  \
    fargard coverage sweep --role arn:aws:iam::444455556666:role/fargard-read --role arn:aws:iam::777788889999:role/fargard-read \
    --region eu-west-1 --region us-east-1 --every 60\n  \
    fargard coverage sweep inventory.json"
)]
pub(super) struct Args {
    /// JSON file with account, region, startedAt, clusters, services, tasks, taskDefinitions, instead of asking ECS
    #[arg(conflicts_with_all = ["region", "role", "external_id", "cluster", "account", "every"])]
    file: Option<PathBuf>,
    /// Region, unless the environment or the profile says it; may be repeated
    #[arg(long)]
    region: Vec<String>,
    /// Role to take on, of another account; may be repeated, and each is swept in each region
    #[arg(long, value_name = "ARN")]
    role: Vec<String>,
    /// External id that the roles ask for
    #[arg(long, value_name = "ID", requires = "role")]
    external_id: Option<String>,
    /// Only this cluster; may be repeated
    #[arg(long, value_name = "ARN")]
    cluster: Vec<String>,
    /// The account, where it has no cluster (left) that tells
    #[arg(long)]
    account: Option<String>,
    /// Sweep again and again, so many minutes after each other
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(5..=1440))]
    every: Option<u64>,
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
    if let Some(file) = &args.file {
        write(&send(&remote, &read(file)?)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let targets = args.targets()?;
    loop {
        let code = round(&remote, args, &targets)?;
        let Some(minutes) = args.every else { return Ok(code) };
        SystemClock.wait(Duration::from_secs(minutes * 60));
    }
}

/// Tells the server; what there is to say of it.
fn send(remote: &Remote, sweep: &Value) -> anyhow::Result<String> {
    let merged: Merged = remote.post("/v1/inventory", sweep)?;
    let count = |name: &str| sweep.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    Ok(format!(
        "{} clusters, {} services, {} tasks; {} resources changed\n",
        count("clusters"),
        count("services"),
        count("tasks"),
        merged.changed
    ))
}

/// An account in a region. What opening it came to is kept: its share of the read budget lasts over rounds.
struct Target {
    name: String,
    ecs: Result<Ecs, AwsError>,
}

impl Args {
    fn targets(&self) -> anyhow::Result<Vec<Target>> {
        let roles: Vec<Option<&String>> =
            if self.role.is_empty() { vec![None] } else { self.role.iter().map(Some).collect() };
        let regions: Vec<Option<&String>> =
            if self.region.is_empty() { vec![None] } else { self.region.iter().map(Some).collect() };
        if roles.len().saturating_mul(regions.len()) > MAX_TARGETS {
            let reason = format!("--role and --region name more than {MAX_TARGETS} accounts and regions");
            return Err(BadInput::because(reason).into());
        }
        let pairs = roles.iter().flat_map(|role| regions.iter().map(move |region| (*role, *region)));
        Ok(pairs.map(|(role, region)| self.target(role, region)).collect())
    }

    fn target(&self, role: Option<&String>, region: Option<&String>) -> Target {
        let words = [role, region].into_iter().flatten().map(String::as_str);
        let name = words.collect::<Vec<_>>().join(" in ");
        let role = role.map(|arn| Role {
            arn: arn.clone(),
            external_id: self.external_id.clone(),
            session_name: "fargard-coverage".to_owned(),
        });
        let options = AccountOptions { region: region.cloned(), role, ..AccountOptions::default() };
        Target { name, ecs: Account::open(options).map(|account| Ecs::new(Arc::new(account))) }
    }

    fn sweep(&self, remote: &Remote, target: &Target) -> anyhow::Result<String> {
        let ecs = target.ecs.as_ref().map_err(BadInput::because)?;
        let mut found = inventory::sweep(ecs, &self.cluster).map_err(asked)?;
        if found.account.is_empty() {
            let given = self.account.as_deref().filter(|account| is_account(account));
            let known = ecs.account().number().or(given).map(str::to_owned);
            found.account = known.ok_or_else(|| {
                BadInput::because(
                    "no cluster tells which account this is: say it with --account (twelve digits)",
                )
            })?;
        }
        let said = send(remote, &serde_json::to_value(&found).context("writing JSON")?)?;
        Ok(format!("{} {}: {said}", found.account, found.region))
    }
}

/// Sweeps every target once, some at a time, and says what became of each.
fn round(remote: &Remote, args: &Args, targets: &[Target]) -> anyhow::Result<ExitCode> {
    if let ([target], None) = (targets, args.every) {
        let said = args.sweep(remote, target)?;
        // One account needs no name.
        write(said.split_once(": ").map_or(said.as_str(), |(_, said)| said))?;
        return Ok(ExitCode::SUCCESS);
    }
    let waiting = Mutex::new(targets.iter());
    let failures = AtomicUsize::new(0);
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let work = || -> anyhow::Result<()> {
            while let Some(target) = next() {
                match args.sweep(remote, target) {
                    Ok(said) => write(&said)?,
                    Err(error) => {
                        failures.fetch_add(1, Ordering::Relaxed);
                        complain(&format!("fargard: {}: {error:#}\n", target.name));
                    }
                }
            }
            Ok(())
        };
        let workers: Vec<_> = (0..AT_ONCE.min(targets.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread that sweeps ended badly")))
        })
    })?;
    let failures = failures.into_inner();
    Ok(ExitCode::from(match failures {
        0 => 0,
        _ if failures == targets.len() => INTERNAL,
        _ => FINDINGS,
    }))
}

/// Standard error that cannot be written is nobody's loss.
fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn read(file: &std::path::Path) -> anyhow::Result<Value> {
    let bad = |reason: String| BadInput::because(format!("{}: {reason}", file.display()));
    let text = bounded::read(file, MAX_FILE).map_err(|error| bad(error.to_string()))?;
    Ok(serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?)
}

fn asked(error: AwsError) -> anyhow::Error {
    anyhow::Error::new(error).context("listing ECS")
}
