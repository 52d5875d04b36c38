//! `fargard server`.

mod coverage;
mod key;

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context;
use fargard_model::Secret;
use fargard_server::{
    Config, FirstTokens, Running, Server, Settings, StartError,
    config::{ConfigError, PresetTokens, TlsSettings},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::failure::BadInput;

/// Arguments of `fargard server`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "What counts: flag, then environment, then --config file, then default.\n\n\
                  Examples:\n  fargard server --data /var/lib/fargard\n  \
                  fargard server --listen 0.0.0.0:8440 --tls-cert server.pem --tls-key server.key\n\n\
                  A configuration file:\n  listen = \"127.0.0.1:8440\"\n  data = \"/var/lib/fargard\"\n  \
                  postgres = \"postgres://fargard:...@db/fargard\"   # optional\n  max_backlog = 20000\n  event_days = 30\n  \
                  [tls]\n  cert = \"server.pem\"\n  key = \"server.key\"\n  \
                  [coverage]\n  queues = [\"https://sqs.eu-west-1.amazonaws.com/111122223333/ecs-events\"]\n  \
                  [notify]\n  webhook = \"https://hooks.example.org/coverage\"\n  hold_seconds = 30"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<key::Command>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "FARGARD_CONFIG")]
    config: Option<PathBuf>,
    /// Address and port [default: 127.0.0.1:8440]; anything but loopback needs TLS
    #[arg(long, value_name = "ADDRESS", env = "FARGARD_LISTEN")]
    listen: Option<String>,
    /// Directory of the server's data [default: fargard-data]
    #[arg(long, value_name = "DIR", env = "FARGARD_DATA")]
    data: Option<PathBuf>,
    /// PostgreSQL connection string for findings, tasks and tokens; as it may hold a password, prefer the
    /// environment or the file to the flag
    #[arg(long, value_name = "URL", env = "FARGARD_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,
    /// PEM file of the certificate and its chain
    #[arg(long, value_name = "FILE", env = "FARGARD_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// PEM file of the private key
    #[arg(long, value_name = "FILE", env = "FARGARD_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Make a certificate at each start, for a place behind a load balancer that encrypts and does not verify
    #[arg(long, env = "FARGARD_TLS_SELF_SIGNED", conflicts_with_all = ["tls_cert", "tls_key"])]
    tls_self_signed: bool,
    /// Parts of the server to run: all
    #[arg(long, value_name = "ROLE", env = "FARGARD_ROLE")]
    role: Option<String>,
    /// Batches that may wait before sensors are told to come back later [default: 20000]
    #[arg(long, value_name = "BATCHES", env = "FARGARD_MAX_BACKLOG")]
    max_backlog: Option<u64>,
    /// Days events are kept; findings and tasks are not forgotten [default: 30]
    #[arg(long, value_name = "DAYS", env = "FARGARD_EVENT_DAYS")]
    event_days: Option<u64>,
    #[command(flatten)]
    coverage: coverage::CoverageArgs,
    /// Make and print a new admin and a new enrolment token; older ones stay valid
    #[arg(long)]
    new_tokens: bool,
    /// How log lines on standard error look; FARGARD_LOG sets what is logged (info, debug, fargard_server=debug)
    #[arg(long, value_name = "FORMAT", env = "FARGARD_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(command) = &args.command {
        return key::run(command);
    }
    start_log(args.log_format)?;
    let (config, new_tokens) = configuration(args).map_err(BadInput::because)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot be started")?;
    runtime.block_on(serve(config, new_tokens))?;
    Ok(ExitCode::SUCCESS)
}

fn configuration(args: Args) -> Result<(Config, bool), ConfigError> {
    let file = args.config.as_deref().map(Settings::from_file).transpose()?.unwrap_or_default();
    let (coverage, notify) = args.coverage.settings();
    let flags = Settings {
        listen: args.listen,
        data: args.data,
        postgres: args.postgres.map(Secret::new),
        role: args.role,
        max_backlog: args.max_backlog,
        event_days: args.event_days,
        tls: TlsSettings {
            cert: args.tls_cert,
            key: args.tls_key,
            self_signed: args.tls_self_signed.then_some(true),
        },
        tokens: tokens_of_environment(),
        coverage,
        notify,
    };
    Ok((flags.over(file).resolve()?, args.new_tokens))
}

/// Tokens that whoever starts the server made: `FARGARD_ADMIN_TOKEN` and the like. There are no flags for them, as
/// other users see a program's arguments.
fn tokens_of_environment() -> PresetTokens {
    let token = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty()).map(Secret::new);
    PresetTokens {
        admin: token("FARGARD_ADMIN_TOKEN"),
        enrolment: token("FARGARD_ENROLMENT_TOKEN"),
        inventory: token("FARGARD_INVENTORY_TOKEN"),
    }
}

async fn serve(config: Config, new_tokens: bool) -> anyhow::Result<()> {
    // Before anything is made, so that a signal during the start ends the server in order too.
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let running = Server::start(config).await.map_err(|error| match error {
        StartError::Config(_)
        | StartError::Tls { .. }
        | StartError::Aws { .. }
        | StartError::Data { .. }
        | StartError::Listen { .. } => anyhow::Error::new(BadInput::because(error)),
        other => anyhow::Error::new(other),
    })?;
    greet(&running, new_tokens).await?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
    }
    running.stop().await;
    Ok(())
}

/// Prints where the server is, and tokens when there are new ones.
async fn greet(running: &Running, new_tokens: bool) -> anyhow::Result<()> {
    let mut text = format!("Fargard listens on {}\n", running.url());
    if let Some(first) = running.first_tokens() {
        text += &tokens_text(first);
    } else if new_tokens {
        text += &tokens_text(&running.new_tokens().await?);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output cannot be written")?;
    drop(out);
    if running.first_tokens().is_some() {
        running.first_tokens_shown().await?;
    }
    Ok(())
}

fn tokens_text(tokens: &FirstTokens) -> String {
    format!(
        "\nKeep these tokens; they are not shown again and only their hashes are stored.\n\
         admin token:     {}\nenrolment token: {}\n\n",
        tokens.admin.reveal(),
        tokens.enrolment.reveal()
    )
}

fn start_log(format: LogFormat) -> anyhow::Result<()> {
    let directives = std::env::var("FARGARD_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&directives)
        .map_err(|error| BadInput::because(format!("FARGARD_LOG={directives}: {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
