//! `fargard compliance standards`: how deployed containers stand with each standard.

use std::process::ExitCode;

use serde_json::Value;

use super::{Format, clean, images::aligned, print, print_json};
use crate::{commands::remote::Access, failure::FINDINGS};

/// Arguments of `fargard compliance standards`.
#[derive(Debug, clap::Args)]
pub(super) struct StandardsArgs {
    /// List the controls of this standard: pci_dss, nist80053, nist800190, cis, soc2, hipaa
    #[arg(long, value_name = "NAME")]
    standard: Option<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    access: Access,
}

pub(super) fn run(args: &StandardsArgs) -> anyhow::Result<ExitCode> {
    let found: Value = args.access.open()?.get("/api/v1/compliance/standards", &[])?;
    let standards = list(&found, "standards");
    match (args.format, &args.standard) {
        (Format::Json, _) => print_json(&found)?,
        (Format::Table, None) => print(&by_standard(standards))?,
        (Format::Table, Some(name)) => {
            let standard = standards.iter().find(|each| text(each, "name") == *name).ok_or_else(|| {
                let names: Vec<String> = standards.iter().map(|each| text(each, "name")).collect();
                crate::failure::BadInput::because(format!("--standard: use one of {}", names.join(", ")))
            })?;
            print(&controls(list(standard, "controls")))?;
        }
    }
    let failed = standards.iter().any(|each| each.get("failed").and_then(Value::as_u64) > Some(0));
    Ok(if failed { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS })
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
}

fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => clean(text),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn by_standard(standards: &[Value]) -> String {
    let heading = ["STANDARD", "FAILED", "PASSED", "NOT ASSESSED"].map(str::to_owned);
    let row = |each: &Value| ["title", "failed", "passed", "not_assessed"].map(|name| text(each, name));
    aligned(&std::iter::once(heading).chain(standards.iter().map(row)).collect::<Vec<_>>())
}

fn controls(controls: &[Value]) -> String {
    let heading =
        ["CONTROL", "STATE", "FAILED", "PASSED", "IGNORED", "NOT MADE", "CHECKS"].map(str::to_owned);
    let row = |each: &Value| {
        let checks: Vec<String> = list(each, "checks").iter().map(Value::to_string).collect();
        [
            text(each, "control"),
            text(each, "state").replace('_', " "),
            text(each, "failed"),
            text(each, "passed"),
            text(each, "ignored"),
            text(each, "not_assessed"),
            checks.join(" "),
        ]
    };
    aligned(&std::iter::once(heading).chain(controls.iter().map(row)).collect::<Vec<_>>())
}
