//! Fargard: runtime security for AWS ECS on Fargate. One file per command in [`commands`].

mod commands;
mod failure;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runtime security for AWS ECS on Fargate.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 clean, 1 findings or failed check, 2 usage or bad input, 3 internal error."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything on this machine: server, console and the example task under the sensor
    Demo(commands::demo::Args),
    /// Run a command under the sensor and print detections
    Watch(commands::watch::Args),
    /// Run Fargate task definitions on this machine
    Task(commands::task::Args),
    /// Ingest, detection, REST API and console
    Server(Box<commands::server::Args>),
    /// Falco rules: check, test, replay, list, explain, import
    Rules(commands::rules::Args),
    /// File integrity: check policies, report changes
    Fim(commands::fim::Args),
    /// Put the sensor into task definitions and CloudFormation templates, or take it out
    Embed(Box<commands::embed::Args>),
    /// Keep an account's services covered: report those without the sensor, and give it to them when told to
    Agent(Box<commands::agent::Args>),
    /// Which tasks are protected, which are not, why, and what to do
    Coverage(commands::coverage::Args),
    /// Compliance policy, and how images and tasks stand under it
    Compliance(commands::compliance::Args),
    /// Compliance of root file systems
    Scan(commands::scan::Args),
    /// What the lab starts inside a container
    #[command(name = fargard_lab::STAGE_COMMAND, hide = true)]
    LabContainer,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Demo(args) => commands::demo::run(args),
        Command::Watch(args) => commands::watch::run(args),
        Command::Task(args) => commands::task::run(args),
        Command::Server(args) => commands::server::run(*args),
        Command::Rules(args) => commands::rules::run(args),
        Command::Fim(args) => commands::fim::run(args),
        Command::Embed(args) => commands::embed::run(&args),
        Command::Agent(args) => commands::agent::run(*args),
        Command::Coverage(args) => commands::coverage::run(args),
        Command::Compliance(args) => commands::compliance::run(args),
        Command::Scan(args) => commands::scan::run(args),
        Command::LabContainer => return fargard_lab::stage(),
    };
    outcome.unwrap_or_else(|error| failure::report(&error))
}
