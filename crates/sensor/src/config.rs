//! What a sensor is told to do: by `FARGARD_*` variables inside a task, by options of `fargard watch`.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `FARGARD_RULES` | rules files, separated by `:`; later files may override earlier ones | the built-in rules |
//! | `FARGARD_SERVER` | base URL of the server (`https://host:port`; `http://` only for loopback) | nothing is sent |
//! | `FARGARD_TOKEN`, `FARGARD_TOKEN_FILE` | enrolment token, or the file that holds it | none |
//! | `FARGARD_CA_FILE` | PEM file with the only authorities trusted for the server | the Mozilla roots |
//! | `FARGARD_SPOOL_DIR` | directory where unsent batches survive a restart | memory only |
//! | `FARGARD_SPOOL_MAX_BYTES` | most bytes the spool directory may hold | 67108864 |
//! | `FARGARD_PRINT` | `none`, `text` (Falco's line) or `json` (Falco's alert) for each detection | `none` |
//! | `FARGARD_PRINT_TO` | `stderr`, `stdout` or a file to append to | `stderr` |
//! | `FARGARD_CHECKS` | `on`, `changes`, `all` or `off`: compliance checks of the running container, see [`CheckChoice`] | `on` |
//! | `FARGARD_CHECKS_CPU` | percent of one CPU the checks may use on average, or `off` for no bound | a tenth of the task's CPUs, at least 5; 10 outside ECS |
//! | `FARGARD_CPU` | percent of one CPU the engine may use for events on average, or `off` | a tenth of the task's CPUs, at least 5; `off` outside ECS |
//! | `FARGARD_PREVENT` | `off`, `dry-run` or `on`: whether rules with `action: prevent` or `kill` act | `dry-run` |
//! | `FARGARD_READS` | how opens for reading are seen: `lease` (named where rules are about certain files), `trap` (every open is stopped) or `off` | `lease` |
//! | `FARGARD_BACKEND` | `auto`, `notify`, `trace` or `none` (nothing is observed) | `auto` |
//! | `FARGARD_NETWORK` | `auto`, `off` or `all`: see [`NetworkChoice`] | `auto` |
//! | `FARGARD_ATTACH` | `off`, `lifecycle` or `inject`: processes that came into the container from outside | `inject` in ECS |
//! | `FARGARD_RING_BYTES` | size of the buffer between keeper and engine | 1048576 |
//! | `FARGARD_DRAIN_SECONDS` | time for sending the rest when the last process has ended | 5 |
//! | `FARGARD_TASK_ID` | id of the task outside ECS | the machine's boot id and the sensor's pid |
//! | `ECS_CONTAINER_METADATA_URI_V4` | set by ECS: where the task's identity is read | none |
//!
//! The command gets the environment as it was given to the sensor, with one deliberate change: variables whose
//! names start with `FARGARD_` are left out, watched or not, since they are the sensor's business and one of them
//! is a secret. The processes of the sensor do not show them in `/proc/PID/environ` either.

mod choices;
mod server;
mod variables;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use fargard_rules::options::Options;

use self::variables::Variables;
pub use self::{
    choices::{
        CheckChoice, CpuBudget, FimChoice, NetworkChoice, Prevention, PrintFormat, PrintTo, ReadMode,
        parse_backend,
    },
    server::{Server, token_from_file},
};
use crate::capture::{Attach, AttachMode, BackendChoice, CaptureOptions, Scope};

/// How the names of the sensor's variables start: the command does not get them.
pub const VARIABLES: &str = "FARGARD_";
/// Smallest buffer between keeper and engine.
pub const MIN_RING: usize = 128 << 10;
/// Largest buffer between keeper and engine; it counts towards the task's memory.
pub const MAX_RING: usize = 64 << 20;
/// Buffer between keeper and engine unless told otherwise.
pub const DEFAULT_RING: usize = 1 << 20;
/// Bound of the spool directory unless told otherwise.
pub const DEFAULT_SPOOL_BYTES: u64 = 64 << 20;
/// Smallest bound of the spool directory: one batch has to fit.
pub const MIN_SPOOL_BYTES: u64 = 2 << 20;
/// Longest time for sending the rest at the end.
pub const MAX_DRAIN: Duration = Duration::from_secs(60);

const DEFAULT_DRAIN: Duration = Duration::from_secs(5);

/// What a sensor is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Rules files in the order they are loaded; empty for the built-in rules.
    pub rules: Vec<PathBuf>,
    /// Which of their rules count, and what is added to outputs.
    pub rule_options: Options,
    /// Where batches go; `None` keeps everything local.
    pub server: Option<Server>,
    /// Where unsent batches survive a restart.
    pub spool: Option<Spool>,
    /// How detections are printed.
    pub print: PrintFormat,
    /// Where detections are printed.
    pub print_to: PrintTo,
    /// File that every event is appended to, as JSON, one a line.
    pub record: Option<PathBuf>,
    /// Say on standard error how calls are observed and what differs.
    pub announce: bool,
    /// Say at the end what was seen, even if nothing was lost.
    pub summary: bool,
    /// Which compliance checks of the running container are made.
    pub checks: CheckChoice,
    /// CPU time that each of the threads that make checks may use.
    pub checks_cpu: CpuBudget,
    /// Which files are monitored for their integrity.
    pub fim: FimChoice,
    /// Whether rules that ask for more than an alert act.
    pub prevent: Prevention,
    /// How opens for reading are seen.
    pub reads: ReadMode,
    /// How calls are captured.
    pub backend: BackendChoice,
    /// What is seen of the network besides calls.
    pub network: NetworkChoice,
    /// What is done about processes that came into the container from outside; `None` is the default of
    /// [`Config::attach`].
    pub attach: Option<AttachMode>,
    /// Whose processes.
    pub scope: Scope,
    /// Bytes of the buffer between keeper and engine.
    pub ring_bytes: usize,
    /// Time for sending the rest when the last process has ended.
    pub drain: Duration,
    /// CPU time the engine may use.
    pub cpu: CpuBudget,
    /// Base of the task metadata endpoint v4.
    pub metadata: Option<String>,
    /// Id of the task outside ECS.
    pub task_id: Option<String>,
}

/// A directory of unsent batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    /// The directory; created when missing.
    pub directory: PathBuf,
    /// Most bytes it may hold.
    pub max_bytes: u64,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}: {reason}")]
pub struct ConfigError {
    /// The variable or option.
    pub name: String,
    /// What is wrong with it and what to do.
    pub reason: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            rule_options: Options::default(),
            server: None,
            spool: None,
            print: PrintFormat::None,
            print_to: PrintTo::Stderr,
            record: None,
            announce: false,
            summary: false,
            checks: CheckChoice::On,
            checks_cpu: CpuBudget::default(),
            fim: FimChoice::Off,
            prevent: Prevention::default(),
            reads: ReadMode::default(),
            backend: BackendChoice::Auto,
            network: NetworkChoice::Auto,
            attach: None,
            scope: Scope::Container,
            ring_bytes: DEFAULT_RING,
            drain: DEFAULT_DRAIN,
            cpu: CpuBudget::default(),
            metadata: None,
            task_id: None,
        }
    }
}

impl Config {
    /// How calls are to be captured. `environment` says whether a loaded rule asks for the environment of
    /// processes; without it the engine still reads it from `/proc` while a process lives.
    #[must_use]
    pub fn capture_options(&self, environment: bool) -> CaptureOptions {
        CaptureOptions {
            backend: self.backend,
            ring_bytes: self.ring_bytes,
            // Besides sending, the engine judges the last files and names the task.
            drain: self.drain + Duration::from_secs(5),
            keep_stdio: self.announce
                || (self.print != PrintFormat::None && !matches!(self.print_to, PrintTo::File(_))),
            environment,
            attach: self.attach().mode != AttachMode::Off,
            ..CaptureOptions::default()
        }
    }

    /// What is done about processes that came from outside. Outside of ECS nobody does. In a container of its own a
    /// sensor gives them its filter, since they end when it does; in others it does so only when told, since they
    /// need it for as long as they live.
    #[must_use]
    pub fn attach(&self) -> Attach {
        let default = match (&self.metadata, self.scope) {
            (None, _) => AttachMode::Off,
            (Some(_), Scope::Container) => AttachMode::Inject,
            (Some(_), Scope::Task) => AttachMode::Lifecycle,
        };
        Attach { mode: self.attach.unwrap_or(default), scope: self.scope }
    }

    /// Reads the environment of this process; see the module's table.
    ///
    /// # Errors
    /// A variable's value cannot be used; the error names the variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// As [`Config::from_env`], from any source of variables. An empty value counts as not set.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn from_variables(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let env = Variables { lookup: &lookup };
        let print = env.parsed_by("FARGARD_PRINT", str::parse::<PrintFormat>)?.unwrap_or_default();
        let rules = env.get("FARGARD_RULES").map(|list| std::env::split_paths(&list).collect::<Vec<_>>());
        let config = Self {
            rules: rules
                .unwrap_or_default()
                .into_iter()
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            rule_options: Options::default(),
            server: env.server()?,
            spool: env.spool()?,
            print,
            print_to: env.get("FARGARD_PRINT_TO").map(PrintTo::from).unwrap_or_default(),
            record: None,
            announce: print != PrintFormat::None,
            summary: false,
            checks: env.parsed_by("FARGARD_CHECKS", str::parse)?.unwrap_or_default(),
            checks_cpu: env.parsed_by("FARGARD_CHECKS_CPU", str::parse)?.unwrap_or_default(),
            fim: env.get("FARGARD_FIM").map(FimChoice::from).unwrap_or_default(),
            prevent: env.parsed_by("FARGARD_PREVENT", str::parse)?.unwrap_or_default(),
            reads: env.parsed_by("FARGARD_READS", str::parse)?.unwrap_or_default(),
            backend: env.parsed_by("FARGARD_BACKEND", parse_backend)?.unwrap_or_default(),
            network: env.parsed_by("FARGARD_NETWORK", str::parse::<NetworkChoice>)?.unwrap_or_default(),
            attach: env.parsed_by("FARGARD_ATTACH", str::parse::<AttachMode>)?,
            scope: Scope::Container,
            ring_bytes: env.number("FARGARD_RING_BYTES")?.unwrap_or(DEFAULT_RING),
            drain: env.number("FARGARD_DRAIN_SECONDS")?.map_or(DEFAULT_DRAIN, Duration::from_secs),
            cpu: env.parsed_by("FARGARD_CPU", str::parse::<CpuBudget>)?.unwrap_or_default(),
            metadata: env.text("ECS_CONTAINER_METADATA_URI_V4")?,
            task_id: env.text("FARGARD_TASK_ID")?,
        };
        config.validate()?;
        Ok(config)
    }

    /// Checks bounds and combinations; for a `Config` that was put together by hand.
    ///
    /// # Errors
    /// A value is out of its bounds, or two do not go together.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(MIN_RING..=MAX_RING).contains(&self.ring_bytes) {
            return refuse(
                "FARGARD_RING_BYTES",
                format!("{} is not {MIN_RING} to {MAX_RING}", self.ring_bytes),
            );
        }
        if self.drain > MAX_DRAIN {
            let reason = format!("{} is more than {} seconds", self.drain.as_secs(), MAX_DRAIN.as_secs());
            return refuse("FARGARD_DRAIN_SECONDS", reason);
        }
        if let Some(spool) = &self.spool
            && spool.max_bytes < MIN_SPOOL_BYTES
        {
            let reason =
                format!("{} is less than {MIN_SPOOL_BYTES}, which one batch may need", spool.max_bytes);
            return refuse("FARGARD_SPOOL_MAX_BYTES", reason);
        }
        if let Some(id) = &self.task_id
            && (id.is_empty()
                || id.len() > 64
                || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)))
        {
            return refuse(
                "FARGARD_TASK_ID",
                format!("{id:?} is not 1 to 64 letters, digits, '-', '_', '.'"),
            );
        }
        Ok(())
    }
}

fn refuse<T>(name: &str, reason: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError { name: name.to_owned(), reason: reason.into() })
}

#[cfg(test)]
mod tests;
