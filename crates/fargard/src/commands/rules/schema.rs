//! `fargard rules schema`: the JSON schema of rule files.

use std::process::ExitCode;

use fargard_rules::schema::SCHEMA;

use super::print;

#[derive(Debug, clap::Args)]
#[command(after_help = "Editors with the YAML language server take it from a file:\n  \
    fargard rules schema > rules.schema.json\n\
    and this as the first line of a rules file:\n  # yaml-language-server: $schema=rules.schema.json")]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> anyhow::Result<ExitCode> {
    print(SCHEMA)?;
    Ok(ExitCode::SUCCESS)
}
