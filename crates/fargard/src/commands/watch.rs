//! `fargard watch`: a command under the sensor.

use std::{
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use fargard_model::Secret;
use fargard_sensor::{
    capture::{self, BackendChoice},
    config::{
        CheckChoice, Config, DEFAULT_SPOOL_BYTES, FimChoice, PrintFormat, PrintTo, ReadMode, Server, Spool,
        parse_backend, token_from_file,
    },
    engine::{self, EngineError},
};

use super::rules::options;
use crate::failure::BadInput;

/// Arguments of `fargard watch`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run a command under the sensor and print detections.\n\n\
        The command keeps its input, output, terminal and signals; its exit status, or the signal that ended it, \
        becomes this command's. Detections go to standard error as Falco's text lines, or as Falco's JSON alerts \
        with --json. Works without root; what differs then is said in the first lines.",
    after_long_help = "Example:\n  \
        fargard watch -- sh -c 'touch /usr/bin/probe; exit 7'\n\n  \
        fargard watch --rules my_rules.yaml --json --output alerts.jsonl -- ./server\n\n  \
        fargard watch --fim -- ./server\n\n  \
        fargard watch --record events.jsonl -- ./server; fargard rules replay events.jsonl\n\n\
        Exit status: the command's; 2 when an option or a rules file cannot be used, 127 when the command is not \
        found."
)]
pub(crate) struct Args {
    /// Falco rules file; may be given several times, later files may override earlier ones [default: the
    /// built-in rules]
    #[arg(long, short, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Falco configuration whose rule selection, append_output, priority, rule_matching and static_fields apply
    #[arg(long, value_name = "FILE")]
    falco_config: Option<PathBuf>,
    /// Print Falco's JSON alerts, one a line
    #[arg(long)]
    json: bool,
    /// Where detections are printed: a file, which is replaced, or - for standard output [default: standard error]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Record every observed event as a line of JSON in this file, which is replaced; `fargard rules replay` reads it
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// How calls are observed: auto, notify, trace or none
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = parse_backend)]
    backend: BackendChoice,
    /// How opens for reading are seen: lease (by leases on the files that rules are about), trap (all are stopped,
    /// which is slow) or off
    #[arg(long, value_name = "MODE", default_value = "lease", value_parser = str::parse::<ReadMode>)]
    reads: ReadMode,
    /// Do not check files for crypto miners (check 426)
    #[arg(long)]
    no_checks: bool,
    /// Monitor the files of this policy, or of the built-in one (PCI DSS 11.5.2) when no file is given
    #[arg(long, value_name = "POLICY", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    fim: Option<OsString>,
    /// Send detections, events and heartbeats to this server as well
    #[arg(long, value_name = "URL", env = "FARGARD_SERVER")]
    server: Option<String>,
    /// Enrolment token for the server
    #[arg(long, value_name = "TOKEN", env = "FARGARD_TOKEN", hide_env_values = true, requires = "server")]
    token: Option<String>,
    /// File that holds the enrolment token
    #[arg(long, value_name = "FILE", conflicts_with = "token", requires = "server")]
    token_file: Option<PathBuf>,
    /// PEM file with the only authorities trusted for the server
    #[arg(long, value_name = "FILE", requires = "server")]
    ca_file: Option<PathBuf>,
    /// Directory where unsent batches survive
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// Say at the end how much was seen
    #[arg(long, short)]
    verbose: bool,
    /// Print detections and nothing about the sensor itself
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[expect(clippy::needless_pass_by_value, reason = "every command takes its arguments by value")]
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.config()?;
    // Loads the rules here as well, so that bad rules stop everything before the command starts.
    let needs_env = match engine::prepare(&config) {
        Ok(prepared) => prepared.needs_env(),
        Err(
            error @ (EngineError::Config(_)
            | EngineError::Read { .. }
            | EngineError::Rules(_)
            | EngineError::Policy(_)),
        ) => {
            return Err(BadInput::because(error).into());
        }
        Err(error) => return Err(error.into()),
    };
    let (program, arguments) = args.command.split_first().context("no command")?;
    let outcome = capture::watch(&config, &config.capture_options(needs_env), program, arguments)
        .context("cannot watch the command")?;
    Ok(outcome.end_like())
}

impl Args {
    fn config(&self) -> anyhow::Result<Config> {
        let print_to = match &self.output {
            None => PrintTo::Stderr,
            Some(path) if path.as_os_str() == "-" => PrintTo::Stdout,
            Some(path) => PrintTo::File(replaced("--output", path)?),
        };
        let record = self.record.as_deref().map(|path| replaced("--record", path)).transpose()?;
        let config = Config {
            rules: self.rules.clone(),
            rule_options: options(self.falco_config.as_deref())?,
            server: self.server()?,
            spool: self.spool.clone().map(|directory| Spool { directory, max_bytes: DEFAULT_SPOOL_BYTES }),
            print: if self.json { PrintFormat::Json } else { PrintFormat::Text },
            print_to,
            record,
            announce: !self.quiet,
            summary: self.verbose,
            checks: if self.no_checks { CheckChoice::Off } else { CheckChoice::default() },
            fim: self.fim.clone().map(FimChoice::from).unwrap_or_default(),
            reads: self.reads,
            backend: self.backend,
            // In a task of ECS the command's events are that task's.
            metadata: std::env::var("ECS_CONTAINER_METADATA_URI_V4").ok().filter(|uri| !uri.is_empty()),
            ..Config::default()
        };
        Ok(config)
    }

    fn server(&self) -> anyhow::Result<Option<Server>> {
        let Some(url) = &self.server else { return Ok(None) };
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => Secret::new(token.clone()),
            (None, Some(file)) => token_from_file(file).map_err(BadInput::because)?,
            (None, None) => {
                return Err(BadInput::because("--server needs --token or --token-file").into());
            }
        };
        let server = Server::new(url, token, self.ca_file.clone())
            .map_err(|error| BadInput::because(format!("--server: {}", error.reason)))?;
        engine::check_server(&server).map_err(|error| BadInput::because(format!("--ca-file: {error}")))?;
        Ok(Some(server))
    }
}

/// Empties or creates a file; its absolute path, since the engine works elsewhere.
fn replaced(option: &str, path: &Path) -> anyhow::Result<PathBuf> {
    File::create(path).map_err(|error| BadInput::because(format!("{option} {}: {error}", path.display())))?;
    Ok(std::path::absolute(path)?)
}
