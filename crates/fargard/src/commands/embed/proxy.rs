//! `fargard embed proxy`: a deployment whose task definitions get the sensor on their way.

use std::{
    ffi::OsString,
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitCode, ExitStatus},
    sync::Arc,
};

use anyhow::Context;
use fargard_agent::proxy::{Proxy, ProxyOptions};
use fargard_aws::{Credentials, Environment, Provider, SystemClock};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::{ImageArgs, SensorArgs};
use crate::failure::BadInput;

/// Arguments of `fargard embed proxy`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The command gets AWS_ENDPOINT_URL_ECS with an endpoint on loopback, and the credentials that are \
found here. What it registers by RegisterTaskDefinition gets the sensor; every other call of ECS goes through unchanged, \
signed again with the same credentials. Other programs on this machine cannot use the endpoint. Tools that do not look \
at AWS_ENDPOINT_URL_ECS, CloudFormation and the console do not come this way.\n\n\
A definition that embedding leaves alone is registered as it is, and the reason printed; with --require it is not.\n\n\
Exit code: the command's.\n\n\
Examples:\n  fargard embed proxy --sensor-image IMAGE --image-source registry -- aws ecs register-task-definition \
--cli-input-json file://taskdef.json\n  fargard embed proxy --sensor-image IMAGE --require -- ecspresso deploy"
)]
pub(super) struct Args {
    #[command(flatten)]
    sensor: SensorArgs,
    #[command(flatten)]
    images: ImageArgs,
    /// Refuse to register what stays without the sensor although it should have it
    #[arg(long)]
    require: bool,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Where STS is asked when no region is named; it answers for all.
const ANY_REGION: &str = "us-east-1";

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let environment = Environment::of_process();
    let region = environment.get("AWS_REGION").or_else(|| environment.get("AWS_DEFAULT_REGION"));
    let find = Provider::find(&environment, region.unwrap_or(ANY_REGION), Arc::new(SystemClock));
    let provider = find.map_err(BadInput::because)?;
    let credentials = provider.credentials().context("cannot find credentials")?;
    let proxy = Proxy::start(ProxyOptions {
        settings: args.sensor.settings(true)?,
        require: args.require,
        provider,
        environment,
        clock: Arc::new(SystemClock),
        lookup: Box::new(args.images.open()?),
        tell: Box::new(|line| {
            // Nobody may be reading.
            let _ = writeln!(std::io::stderr().lock(), "fargard: embed: {line}");
        }),
    })
    .context("cannot listen on loopback")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(run_command(args, &proxy.url(), &credentials))?;
    Ok(ExitCode::from(code(status)))
}

async fn run_command(args: &Args, url: &str, credentials: &Credentials) -> anyhow::Result<ExitStatus> {
    // Set before the command starts: it gets its own, and the terminal's reach it by themselves.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (program, arguments) = args.command.split_first().context("no command")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("AWS_ENDPOINT_URL_ECS", url)
        .env_remove("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .env("AWS_ACCESS_KEY_ID", &credentials.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.reveal());
    match &credentials.session_token {
        Some(token) => command.env("AWS_SESSION_TOKEN", token.reveal()),
        None => command.env_remove("AWS_SESSION_TOKEN"),
    };
    for name in ["NO_PROXY", "no_proxy"] {
        let mut hosts = std::env::var_os(name).filter(|hosts| !hosts.is_empty()).unwrap_or_default();
        if !hosts.is_empty() {
            hosts.push(",");
        }
        hosts.push("127.0.0.1");
        command.env(name, hosts);
    }
    let mut child = command
        .spawn()
        .map_err(|error| BadInput::because(format!("{} cannot be started: {error}", program.display())))?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let mut ended = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            status = &mut ended => return Ok(status.context("the waiting thread ended")??),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {
                // It may have ended just now.
                let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
            }
        }
    }
}

/// The command's exit code; 128 and the number for a signal, as shells say it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
