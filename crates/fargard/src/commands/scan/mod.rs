//! `fargard scan`: compliance checks of root file systems, images and task definitions.

mod container;
mod custom;
mod give_out;
mod harvest;
mod hygiene;
mod image;
mod known;
mod policy;
mod progress;
mod report;
mod taskdef;

use std::{
    collections::BTreeMap, io, ops::ControlFlow, path::PathBuf, process::ExitCode, sync::Arc, time::Duration,
};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use fargard_model::{CheckStatus, Container, Priority, Task, Timestamp};
use fargard_scan::{
    CHECK_41, CHECK_48, CHECK_424, CHECK_425, CHECK_426, CHECK_448, CHECK_456, CHECKS, CheckInfo,
    FILE_CHECKS, Limits, Outcome, Selection, Target, confined::Root, packages::Packages,
};

use self::{
    give_out::{OutputArgs, give_out, write_json},
    known::KnownArgs,
    policy::Ruling,
    progress::Progress,
    report::{Checked, Scan},
};
use crate::failure::{self, BadInput};

/// Arguments of `fargard scan`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check a directory that holds a root file system
    Rootfs(RootfsArgs),
    /// Check an image: a reference, or a file of one
    Image(image::ImageArgs),
    /// Check ECS task definitions, and templates that hold some
    Taskdef(taskdef::TaskdefArgs),
}

/// Arguments of `fargard scan rootfs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fargard scan rootfs ./rootfs --check 426 --format json\n\n\
    Exit codes: 0 passed, 1 failed, 2 usage or bad input, 3 not everything could be checked.")]
struct RootfsArgs {
    /// Directory: an unpacked image, `/`, or /proc/PID/root of a container's process
    dir: PathBuf,
    /// The image's configuration (OCI's JSON, or what docker inspect prints), for the checks of environment and user
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only these checks, by number
    #[arg(long, value_name = "NUMBER", value_parser = known_check)]
    check: Vec<u32>,
    /// Enter mounts below the directory too (never kernel, remote or FUSE ones)
    #[arg(long)]
    cross_mounts: bool,
    /// Stop after this many seconds; what was not seen then counts as not checked
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    known: KnownArgs,
    #[command(flatten)]
    custom: custom::CustomArgs,
    /// Run the scripts of --custom in the directory: as nobody, without rights and network
    #[arg(long, requires = "custom")]
    run_scripts: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// One document with what was scanned and the results
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// Checks of root file systems.
fn of_rootfs() -> impl Iterator<Item = &'static CheckInfo> {
    CHECKS.into_iter().chain(FILE_CHECKS).chain([&CHECK_456])
}

/// Accepts the numbers of checks that exist.
fn known_check(text: &str) -> Result<u32, String> {
    let known = |number: &u32| of_rootfs().any(|check| check.number == *number);
    text.parse().ok().filter(known).ok_or_else(|| {
        let numbers: Vec<String> = of_rootfs().map(|check| check.number.to_string()).collect();
        format!("there is no check {text:?} for root file systems; use one of {}", numbers.join(", "))
    })
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Rootfs(args) => rootfs(&args),
        What::Image(args) => image::run(&args),
        What::Taskdef(args) => taskdef::run(&args),
    }
}

fn rootfs(args: &RootfsArgs) -> anyhow::Result<ExitCode> {
    let limits = Limits {
        time: Duration::from_secs(args.timeout),
        cross_mounts: args.cross_mounts,
        ..Limits::default()
    };
    let is_wanted = |check: &CheckInfo| args.check.is_empty() || args.check.contains(&check.number);
    let selection = Selection {
        setuid: is_wanted(&CHECK_48),
        keys: is_wanted(&CHECK_425),
        miners: is_wanted(&CHECK_426),
        packages: is_wanted(&CHECK_448),
    };
    let container = match &args.config {
        Some(path) => Some(container::Container::from_config(path)?),
        None => container::Container::of_process(&args.dir),
    };
    let checks = args.custom.read()?;
    let bad = |error: io::Error| {
        BadInput::because(format!(
            "cannot scan {}: {error}; name a directory you can read",
            args.dir.display()
        ))
    };
    let packages = Arc::new(Packages::read(&Root::open(&args.dir).map_err(bad)?));
    let mut progress = Progress::start();
    let outcome = fargard_scan::scan_with(&args.dir, &limits, selection, &packages, |report| {
        if report.files.is_multiple_of(256) {
            progress.show(report);
        }
        ControlFlow::Continue(())
    });
    progress.clear();
    let mut outcome = outcome.map_err(bad)?;
    if FILE_CHECKS.into_iter().chain([&CHECK_456]).any(is_wanted) {
        let secrets = is_wanted(&CHECK_456);
        let (findings, incomplete) =
            hygiene::of_directory(&args.dir, &limits, &packages, secrets).map_err(bad)?;
        outcome.findings.extend(findings);
        outcome.walk.cut_short = outcome.walk.cut_short.or(incomplete);
    }
    if let Some(container) = &container {
        outcome.findings.extend(container.findings(&args.dir));
    }
    let environment = container.map(container::Container::into_environment);
    let mut scan = assess(args.dir.display().to_string(), outcome, environment.is_some(), is_wanted);
    custom::of_directory(&mut scan, &checks, &args.dir, environment, args.run_scripts)?;
    if args.known.is_wanted() || args.output.format.is_bill() {
        let mut progress = Progress::start();
        let inventory = fargard_inventory::of_rootfs(&args.dir, &limits, |report| {
            progress.show(report);
            ControlFlow::Continue(())
        });
        progress.clear();
        scan.known = Some(args.known.judge(inventory.context("cannot list what is installed")?)?);
    }
    give_out(&scan, &args.output)
}

/// Results out of what was found.
fn assess(
    rootfs: String,
    outcome: Outcome,
    knows_container: bool,
    is_wanted: impl Fn(&CheckInfo) -> bool,
) -> Scan {
    let incomplete = outcome.walk.incomplete();
    let mut not_assessed = BTreeMap::new();
    let mut results = Vec::new();
    for check in of_rootfs().filter(|check| is_wanted(check)) {
        let of_packages = check.number == CHECK_448.number;
        if of_packages && outcome.databases.is_empty() {
            let reason = "there is no package database (dpkg, apk or rpm)".to_owned();
            not_assessed.insert(check.number, reason);
            continue;
        }
        let of_container = [CHECK_41.number, CHECK_424.number].contains(&check.number);
        if of_container && !knows_container {
            let reason =
                "the directory does not say it; give the image's configuration with --config".to_owned();
            not_assessed.insert(check.number, reason);
            continue;
        }
        let troubles = if of_packages { outcome.troubles.first().cloned() } else { None };
        let target = Target {
            id: format!("scan-check-{}", check.number),
            time: Timestamp::now(),
            task: &Task::default(),
            container: &Container::default(),
        };
        let findings = outcome.of(check.number).to_vec();
        let result = check.result(
            &findings,
            incomplete.clone().filter(|_| !of_container).or(troubles).as_deref(),
            target,
        );
        results.push(Checked { result, findings });
    }
    Scan {
        rootfs,
        files: outcome.walk.files,
        bytes: outcome.walk.bytes,
        unreadable: outcome.walk.unreadable,
        mounts_skipped: outcome.walk.mounts_skipped,
        databases: outcome.databases,
        packages: outcome.packages,
        compared: outcome.compared,
        results,
        not_assessed,
        image: None,
        known: None,
    }
}

/// 1 when a check failed with a finding of that severity, 3 when one could not be made, else 0. A policy decides which
/// checks count.
fn exit_code(scan: &Scan, fail_on: Priority, ruling: Option<&Ruling>) -> ExitCode {
    let counts = |checked: &Checked| ruling.is_none_or(|ruling| ruling.fails(checked.result.check));
    let fails = |checked: &Checked| {
        counts(checked)
            && checked.result.status == CheckStatus::Failed
            && checked.findings.iter().any(|found| found.severity <= fail_on)
    };
    let known = scan.known.iter().filter(|known| !known.feeds.is_empty());
    let vulnerable = known.clone().flat_map(|known| &known.vulnerabilities);
    let unseen = known.clone().any(|known| !known.inventory.troubles.is_empty());
    if scan.results.iter().any(fails) || vulnerable.into_iter().any(|it| it.severity.priority() <= fail_on) {
        ExitCode::from(failure::FINDINGS)
    } else if unseen
        || scan.results.iter().any(|checked| counts(checked) && checked.result.status == CheckStatus::Error)
    {
        ExitCode::from(failure::INTERNAL)
    } else {
        ExitCode::SUCCESS
    }
}
