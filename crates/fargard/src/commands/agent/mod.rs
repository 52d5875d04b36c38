//! `fargard agent`: keeps an account's services covered.

mod events;
mod print;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{ValueEnum, ValueHint};
use fargard_agent::{Agent, AgentOptions, OwnerTag, Round, RoundError, Scope};
use fargard_aws::{Account, AccountOptions, AwsError, Clock, Ecs, Role, SystemClock};
use tokio::signal::unix::{SignalKind, signal};

use self::{events::Events, print::Printer};
use super::embed::{ImageArgs, SensorArgs};
use crate::failure::{BadInput, FINDINGS};

/// How long what registries said is remembered.
const REMEMBER: Duration = Duration::from_secs(3600);

/// Arguments of `fargard agent`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Looks at every service of an account and region, says which have not the sensor, and with --apply \
registers a revision with it in the same family and rolls it out: one service at a time, once for each source and \
sensor. What is taken back, by ECS or by anybody, is quarantined and not tried again. Services owned by CloudFormation, \
Terraform or Pulumi, known by their tags, are only reported, as are those deployed by CodeDeploy.\n\n\
Tags choose: fargard.mode (off, auto, wrap, attach) or FargardManaged (true, false) at the task definition, the service or \
the cluster, the narrowest first.\n\n\
Credentials and region are found as AWS's tools find them; AWS_ENDPOINT_URL_ECS is honoured.\n\n\
With --events it also looks at a service as soon as an event of EventBridge tells of it; without the queue, or when \
events are lost, the next look finds the same.\n\n\
Exit codes with --once: 0 all covered, 1 something is not, 2 usage or bad input, 3 internal error.\n\n\
Examples:\n  fargard agent --once --sensor-image IMAGE --image-source registry --diff\n  \
fargard agent --apply --state /var/lib/fargard/agent.json --sensor-image IMAGE --image-source registry --cluster web"
)]
pub(crate) struct Args {
    /// Region; AWS_REGION or the profile's where absent
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Only this cluster, name or ARN; may be given several times
    #[arg(long, value_name = "CLUSTER")]
    cluster: Vec<String>,
    /// Role to take on, for another account
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// External id that the role asks for
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<String>,
    #[command(flatten)]
    sensor: SensorArgs,
    #[command(flatten)]
    images: ImageArgs,
    /// Change what has not the sensor, instead of only saying so
    #[arg(long, requires = "state")]
    apply: bool,
    /// File that remembers what was tried
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    state: Option<PathBuf>,
    /// Look once and end
    #[arg(long)]
    once: bool,
    /// Minutes between two looks
    #[arg(long, value_name = "MINUTES", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1440))]
    every: u64,
    /// SQS queue with ECS's events from EventBridge: services they are about are looked at at once
    #[arg(long, value_name = "URL", env = "FARGARD_AGENT_QUEUE", conflicts_with = "once")]
    events: Option<String>,
    /// What is meant where no tag says anything
    #[arg(long, value_enum, default_value_t)]
    scope: ScopeArg,
    /// A further tag of services that code owns, KEY or KEY=VALUE; may be given several times
    #[arg(long, value_name = "TAG")]
    owner_tag: Vec<OwnerTag>,
    /// Change also what code owns, which makes drift that its next deployment takes back
    #[arg(long, requires = "apply")]
    include_owned: bool,
    /// Roll-outs at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    in_flight: usize,
    /// Changes taken back within a day after which nothing more is changed
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    max_failures: usize,
    /// Minutes a roll-out may take before it is taken back
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=1440))]
    patience: u64,
    /// Print what would be registered as a diff
    #[arg(long)]
    diff: bool,
    /// How to print: text, or JSON, one object a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ScopeArg {
    /// Every service
    #[default]
    All,
    /// Only what a tag includes
    Tagged,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One object a line
    Json,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot be started")?;
    let ended = runtime.block_on(until_stopped(args));
    // A thread that waits for AWS or for the next round is not waited for: what was tried is on disk.
    runtime.shutdown_background();
    ended
}

async fn until_stopped(args: Args) -> anyhow::Result<ExitCode> {
    // As the first process of a container it would not be ended by these otherwise.
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    tokio::select! {
        outcome = tokio::task::spawn_blocking(move || rounds(&args)) => outcome.context("the agent's thread ended")?,
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
    }
}

fn rounds(args: &Args) -> anyhow::Result<ExitCode> {
    let ecs = Ecs::new(Arc::new(open(args).map_err(judge)?));
    let options = args.options()?;
    let mut printer = Printer::new(args.format == Format::Json, args.diff);
    let events = args.events.as_deref().map(|url| Events::open(url, args.region.clone())).transpose();
    let events = events.map_err(judge)?;
    loop {
        // Opened anew from time to time: images and what is known of them change.
        let images = args.images.open()?;
        let mut agent = Agent::new(ecs.clone(), options.clone(), &images).map_err(BadInput::because)?;
        let mut age = Duration::ZERO;
        while age < REMEMBER {
            match agent.round() {
                Ok(round) => {
                    printer.print(&round)?;
                    if args.once {
                        images.write_lock().context("cannot keep what images are")?;
                        return Ok(verdict(&round));
                    }
                }
                Err(RoundError::Aws(error)) if args.once => return Err(judge(error)),
                // The next round may go better.
                Err(RoundError::Aws(error)) => printer.say(&error.to_string())?,
                Err(error) => return Err(error.into()),
            }
            let pause = Duration::from_secs(args.every * 60);
            match &events {
                Some(events) => events.look_until(pause, &mut agent, &mut printer)?,
                None => SystemClock.wait(pause),
            }
            age += pause;
        }
        images.write_lock().context("cannot keep what images are")?;
    }
}

fn open(args: &Args) -> Result<Account, AwsError> {
    let role = args.role_arn.clone().map(|arn| Role {
        arn,
        external_id: args.external_id.clone(),
        session_name: "fargard-agent".to_owned(),
    });
    Account::open(AccountOptions { region: args.region.clone(), role, ..AccountOptions::default() })
}

/// Whose fault it is.
fn judge(error: AwsError) -> anyhow::Error {
    match error {
        AwsError::Call(_) => error.into(),
        _ => BadInput::because(error).into(),
    }
}

fn verdict(round: &Round) -> ExitCode {
    let covered =
        round.failures.is_empty() && !round.standings.iter().any(|standing| standing.status.is_issue());
    if covered { ExitCode::SUCCESS } else { ExitCode::from(FINDINGS) }
}

impl Args {
    fn options(&self) -> anyhow::Result<AgentOptions> {
        Ok(AgentOptions {
            settings: self.sensor.settings(true)?,
            scope: match self.scope {
                ScopeArg::All => Scope::All,
                ScopeArg::Tagged => Scope::Tagged,
            },
            clusters: self.cluster.clone(),
            owner_tags: self.owner_tag.clone(),
            include_owned: self.include_owned,
            apply: self.apply,
            in_flight: self.in_flight,
            max_failures: self.max_failures,
            patience: Duration::from_secs(self.patience * 60),
            state: self.state.clone(),
        })
    }
}
