//! In which form a scan is given out.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::ValueEnum;
use fargard_inventory::{Inventory, sbom};
use fargard_model::{Priority, Timestamp};
use fargard_outputs::compliance::{self, Account, Check, Flaw, Item, Report, Skipped};

use super::{
    exit_code,
    policy::{PolicyArgs, Ruling},
    report::{self, Scan, info},
};
use crate::failure::BadInput;

/// How the results are printed, and what fails.
#[derive(Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ScanFormat,
    /// Exit with 1 only for findings of at least this severity (critical, error, warning); a vulnerability's critical, high
    /// and medium count as these
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    pub(super) fail_on: Priority,
    /// List also findings that fail nothing (package-owned keys, programs of no package, ...)
    #[arg(long)]
    pub(super) all: bool,
    /// The account whose Security Hub the findings are for (asff)
    #[arg(long, value_name = "NUMBER", value_parser = account, required_if_eq("format", "asff"))]
    aws_account: Option<String>,
    /// The region of that Security Hub (asff)
    #[arg(long, value_name = "REGION", env = "AWS_REGION", required_if_eq("format", "asff"))]
    aws_region: Option<String>,
    #[command(flatten)]
    policy: PolicyArgs,
}

/// A form of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ScanFormat {
    /// For people
    #[default]
    Table,
    /// One document with what was scanned and the results
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// Comma-separated values, one line a finding
    Csv,
    /// `JUnit` XML
    Junit,
    /// CycloneDX 1.6 in JSON: what is installed, and what of it is vulnerable
    Cyclonedx,
    /// SPDX 2.3 in JSON: what is installed
    Spdx,
    /// OCSF 1.8, one JSON document a line
    Ocsf,
    /// AWS Security Finding Format: a list for Security Hub
    Asff,
}

impl ScanFormat {
    /// Whether it tells what is installed.
    pub(super) fn is_bill(self) -> bool {
        matches!(self, Self::Cyclonedx | Self::Spdx)
    }
}

fn account(text: &str) -> Result<String, String> {
    let fits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.to_owned()).ok_or_else(|| "an account is twelve digits".to_owned())
}

/// Prints a scan; how the program ends.
pub(super) fn give_out(scan: &Scan, args: &OutputArgs) -> anyhow::Result<ExitCode> {
    let ruling = args.policy.judge(scan)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let time = Timestamp::now();
    let report = report_of(scan, time);
    let written = match args.format {
        ScanFormat::Table => report::write_table(&mut out, scan, args.all).and_then(|()| {
            let lines = ruling.as_ref().map(Ruling::lines).unwrap_or_default();
            out.write_all(lines.as_bytes())
        }),
        ScanFormat::Json => match &ruling {
            None => write_json(&mut out, scan),
            Some(ruling) => write_json(&mut out, &ruling.with(scan)),
        },
        ScanFormat::Sarif => {
            let mut document = compliance::sarif(&report);
            ruling.iter().for_each(|ruling| ruling.add_to_sarif(&mut document));
            write_json(&mut out, &document)
        }
        ScanFormat::Csv => out.write_all(compliance::csv(&report).as_bytes()),
        ScanFormat::Junit => out.write_all(compliance::junit(&report).as_bytes()),
        ScanFormat::Ocsf => compliance::ocsf(&report).iter().try_for_each(|event| writeln!(out, "{event}")),
        ScanFormat::Asff => {
            let (Some(id), Some(region)) = (&args.aws_account, &args.aws_region) else {
                return Err(
                    BadInput::because("give --aws-account and --aws-region with --format asff").into()
                );
            };
            write_json(&mut out, &compliance::asff(&report, Account { id, region }))
        }
        ScanFormat::Cyclonedx => {
            write_json(&mut out, &sbom::cyclonedx(&subject(scan, time, &Inventory::default())))
        }
        ScanFormat::Spdx => write_json(&mut out, &sbom::spdx(&subject(scan, time, &Inventory::default()))),
    };
    written
        .and_then(|()| out.flush())
        .or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
        .context("cannot print the results")?;
    if let Some(told) = args.policy.upload(scan)? {
        writeln!(io::stderr().lock(), "fargard: {told}").context("cannot print")?;
    }
    Ok(exit_code(scan, args.fail_on, ruling.as_ref()))
}

pub(super) fn write_json(out: &mut impl Write, document: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document).map_err(io::Error::from)?;
    writeln!(out)
}

fn digest(scan: &Scan) -> Option<&str> {
    scan.image.as_ref()?.digest.as_deref()
}

fn subject<'a>(scan: &'a Scan, time: Timestamp, nothing: &'a Inventory) -> sbom::Subject<'a> {
    sbom::Subject {
        name: &scan.rootfs,
        digest: digest(scan),
        time,
        tool_version: env!("CARGO_PKG_VERSION"),
        inventory: scan.known.as_ref().map_or(nothing, |known| &known.inventory),
        vulnerabilities: scan.known.as_ref().map_or(&[], |known| &known.vulnerabilities),
    }
}

/// The scan as the forms of other tools take it.
pub(super) fn report_of(scan: &Scan, time: Timestamp) -> Report<'_> {
    let checks = scan.results.iter().map(|checked| {
        let info = info(checked.result.check);
        let findings = checked.findings.iter().map(|found| Item {
            subject: &found.subject,
            class: found.class,
            reason: &found.reason,
            severity: found.severity,
        });
        Check {
            result: &checked.result,
            description: info.map_or("", |info| info.description),
            remedy: info.map_or("", |info| info.remedy),
            findings: findings.collect(),
        }
    });
    let skipped = scan.not_assessed.iter().map(|(number, reason)| Skipped {
        number: *number,
        title: info(*number).map_or("", |info| info.title),
        reason,
    });
    let flaws = scan.known.iter().flat_map(|known| &known.vulnerabilities).map(|found| Flaw {
        id: &found.id,
        package: &found.name,
        version: &found.installed,
        fixed: found.fixed.as_deref(),
        status: found.status.name(),
        severity: found.severity.name(),
        priority: found.severity.priority(),
        score: found.score,
        vector: found.vector.as_deref(),
        summary: &found.summary,
        purl: &found.purl,
        place: &found.place,
    });
    Report {
        target: &scan.rootfs,
        digest: digest(scan),
        time,
        tool_version: env!("CARGO_PKG_VERSION"),
        checks: checks.collect(),
        skipped: skipped.collect(),
        flaws: flaws.collect(),
    }
}
