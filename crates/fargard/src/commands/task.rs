//! `fargard task`: Fargate task definitions on this machine.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::{Subcommand, ValueHint};
use fargard_lab::{
    ContainerState, LabError, Observation, Options, Outcome, PrintFormat, ReadMode, RunningTask,
    SensorOptions, SensorServer, Stream, Task,
};
use fargard_model::{Secret, bounded};
use fargard_taskdef::{Issue, Severity, TaskDefinition, embed::EMBED_LABEL, json::MAX_BYTES};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{BadInput, INTERNAL};

/// Longest value of a secret, as Secrets Manager takes.
const MAX_SECRET: usize = 64 << 10;

/// Arguments of `fargard task`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a task definition with its containers as processes of this machine
    Run(Run),
}

/// Arguments of `fargard task run`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "As root, containers have mount, pid, ipc and host name spaces of their own, Fargate's \
capabilities and a root file system they cannot leave; the network is this machine's. Otherwise they are plain \
processes. Ctrl-C stops the task as StopTask does, a second one kills it.\n\n\
What a container writes goes to standard output and error, with its name in front if there are several; states and \
warnings go to standard error.\n\n\
Exit code: that of the essential container that ended first; 2 bad input; 3 a container could not be started.\n\n\
Example:\n  fargard task run examples/fargate-vulnerability-compliance-task.json\n  \
fargard task run --rootfs app=app.tar --stop-timeout 5 taskdef.json"
)]
struct Run {
    /// Task definition: RegisterTaskDefinition's input or DescribeTaskDefinition's output
    #[arg(value_name = "TASKDEF.json", value_hint = ValueHint::FilePath)]
    definition: PathBuf,
    /// Root file system of a container: a directory, a tar (also .gz, .zst), or what `docker save` writes; without
    /// one, a container has this machine's root, which it cannot change
    #[arg(long, value_name = "NAME=PATH", value_parser = parse_rootfs)]
    rootfs: Vec<(String, PathBuf)>,
    /// Name of the cluster in ARNs and metadata
    #[arg(long, value_name = "NAME", default_value = "lab")]
    cluster: String,
    /// Most seconds between SIGTERM and SIGKILL, whatever the containers' stopTimeout
    #[arg(long, value_name = "SECONDS")]
    stop_timeout: Option<u64>,
    /// Run the containers without the sensor; so is a definition that has the sensor by `fargard embed`
    #[arg(long)]
    no_sensor: bool,
    /// Value of a secret that containers get as a variable: its `valueFrom`, and the file that holds the value
    #[arg(long, value_name = "VALUE_FROM=FILE", value_parser = parse_secret)]
    secret: Vec<(String, PathBuf)>,
    /// Server that the sensors report to; without one, detections are printed
    #[arg(long, value_name = "URL", requires = "token", conflicts_with = "no_sensor")]
    server: Option<String>,
    /// Enrolment token of the server
    #[arg(long, value_name = "TOKEN", requires = "server", env = "FARGARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// PEM file with the only authorities trusted for the server
    #[arg(long, value_name = "FILE", requires = "server", value_hint = ValueHint::FilePath)]
    ca_file: Option<PathBuf>,
    /// Print detections as Falco's JSON alerts, one a line
    #[arg(long, conflicts_with_all = ["no_sensor", "server"])]
    json: bool,
    /// How opens for reading are seen: lease (by leases on the files that rules are about), trap (all are stopped,
    /// which is slow) or off
    #[arg(long, value_name = "MODE", default_value = "lease", conflicts_with = "no_sensor", value_parser = str::parse::<ReadMode>)]
    reads: ReadMode,
    /// Falco rules file instead of the built-in rules; later ones may override earlier ones
    #[arg(long, value_name = "FILE", conflicts_with = "no_sensor", value_hint = ValueHint::FilePath)]
    rules: Vec<PathBuf>,
}

fn parse_rootfs(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("write NAME=PATH with a container's name".to_owned()),
    }
}

fn parse_secret(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((from, path)) if !from.is_empty() && !path.is_empty() => Ok((from.to_owned(), path.into())),
        _ => Err("write VALUE_FROM=FILE, with valueFrom as it is in the definition".to_owned()),
    }
}

/// Reads the values of secrets, without the end of the last line.
fn read_secrets(files: &[(String, PathBuf)]) -> anyhow::Result<BTreeMap<String, Secret>> {
    let read = |(from, path): &(String, PathBuf)| {
        let text = bounded::read_to_string(path, MAX_SECRET)
            .map_err(|error| BadInput::because(format!("--secret {from}: {}: {error}", path.display())))?;
        Ok((from.clone(), Secret::new(text.trim_end_matches(['\r', '\n']))))
    };
    files.iter().map(read).collect()
}

/// Whether `fargard embed` put the sensor into the definition.
fn is_embedded(definition: &TaskDefinition) -> bool {
    definition.containers.iter().any(|container| container.labels.contains_key(EMBED_LABEL))
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Command::Run(run) = args.command;
    let definition = read_definition(&run.definition)?;
    let several = definition.containers.len() > 1;
    let options = run.options(definition)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot be started")?;
    let outcome = runtime.block_on(until_stopped(options, several))?;
    Ok(ExitCode::from(exit_code(&outcome)))
}

fn exit_code(outcome: &Outcome) -> u8 {
    outcome.essential_exit.map_or(INTERNAL, |code| u8::try_from(code).unwrap_or(INTERNAL))
}

impl Run {
    fn options(self, definition: TaskDefinition) -> anyhow::Result<Options> {
        let mut rootfs = BTreeMap::new();
        for (name, path) in self.rootfs {
            if rootfs.insert(name.clone(), path).is_some() {
                return Err(BadInput::because(format!("--rootfs {name}=... is given twice")).into());
            }
        }
        let server = match (self.server, self.token) {
            (Some(url), Some(token)) => Some(SensorServer { url, token, ca_file: self.ca_file }),
            _ => None,
        };
        let print = match (&server, self.json) {
            (Some(_), _) => PrintFormat::None,
            (None, false) => PrintFormat::Text,
            (None, true) => PrintFormat::Json,
        };
        let given = server.is_some() || self.json || !self.rules.is_empty();
        let sensor =
            SensorOptions { print, server, reads: self.reads, rules: self.rules, ..SensorOptions::default() };
        let embedded = is_embedded(&definition);
        if embedded && given {
            let reason = "the definition has the sensor by `fargard embed`, with settings of its own: leave --server, --json \
                          and --rules out, or take it out with `fargard embed --undo`";
            return Err(BadInput::because(reason).into());
        }
        Ok(Options {
            rootfs,
            cluster: self.cluster,
            sensor: (!self.no_sensor && !embedded).then_some(sensor),
            secrets: read_secrets(&self.secret)?,
            max_stop_timeout: self.stop_timeout.map(Duration::from_secs),
            ..Options::new(definition)
        })
    }
}

/// Reads a definition that Fargate would take; says what it would do differently.
fn read_definition(path: &Path) -> anyhow::Result<TaskDefinition> {
    let name = path.display();
    let bytes =
        bounded::read(path, MAX_BYTES).map_err(|error| BadInput::because(format!("{name}: {error}")))?;
    let located = |issue: &Issue| format!("{name}:{issue}");
    let reading = fargard_taskdef::read(&bytes).map_err(|error| {
        BadInput::because(error.errors().map(located).collect::<Vec<_>>().join("\nfargard: "))
    })?;
    let judged = reading.fargate_issues();
    let refused: Vec<String> =
        judged.iter().filter(|issue| issue.severity == Severity::Error).map(located).collect();
    if !refused.is_empty() {
        return Err(BadInput::because(refused.join("\nfargard: ")).into());
    }
    for issue in reading.issues.iter().chain(&judged) {
        say(&format!("warning: {}", located(issue)));
    }
    Ok(reading.definition)
}

async fn until_stopped(options: Options, several: bool) -> anyhow::Result<Outcome> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let observer = Arc::new(move |observation: &Observation| print(observation, several));
    let start = tokio::task::spawn_blocking(move || Task::start(options, observer));
    let task: Arc<RunningTask> = match start.await.context("the lab's thread ended")? {
        Ok(task) => Arc::new(task),
        Err(error @ LabError::Machine { .. }) => return Err(error.into()),
        Err(error) => return Err(BadInput::because(error).into()),
    };
    say(&format!("task {}", task.arn()));
    let waiting = Arc::clone(&task);
    let mut ended = tokio::task::spawn_blocking(move || waiting.wait());
    let mut asked = false;
    loop {
        tokio::select! {
            outcome = &mut ended => return outcome.context("the lab's thread ended"),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if std::mem::replace(&mut asked, true) {
            task.kill();
        } else {
            say("stopping; once more to kill");
            task.stop();
        }
    }
}

fn print(observation: &Observation, several: bool) {
    match observation {
        Observation::Task(state) => say(&format!("task {state}")),
        Observation::Container { name, state } => say(&format!("container {name} {}", describe(state))),
        Observation::Warning(warning) => say(&format!("warning: {warning}")),
        Observation::Output { container, stream, line } => {
            let mut bytes = if several { format!("{container} | ").into_bytes() } else { Vec::new() };
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
            // A reader that went away must not end the task.
            let _ = match stream {
                Stream::Stdout => write_all(&mut std::io::stdout().lock(), &bytes),
                Stream::Stderr => write_all(&mut std::io::stderr().lock(), &bytes),
            };
        }
    }
}

fn describe(state: &ContainerState) -> String {
    match state {
        ContainerState::Running { pid } => format!("RUNNING (pid {pid})"),
        ContainerState::Healthy => "HEALTHY".to_owned(),
        ContainerState::Unhealthy => "UNHEALTHY".to_owned(),
        ContainerState::Stopped { exit_code } => format!("STOPPED (exit code {exit_code})"),
        ContainerState::Failed { reason } => format!("could not be started: {reason}"),
    }
}

fn say(text: &str) {
    let _ = write_all(&mut std::io::stderr().lock(), format!("fargard: {text}\n").as_bytes());
}

fn write_all(stream: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}
