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
//! | `FARGARD_CHECKS` | `on` or `off`: compliance checks of the running container | `on` |
//! | `FARGARD_CPU` | percent of one CPU the engine may use on average, or `off` | a tenth of the task's CPUs, at least 5; `off` outside ECS |
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

mod prevention;

use std::{
    ffi::OsString,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use fargard_model::{Secret, bounded};
use serde::{Deserialize, Serialize};

pub use self::prevention::Prevention;
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
const MAX_TOKEN: usize = 4096;

/// What a sensor is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Rules files in the order they are loaded; empty for the built-in rules.
    pub rules: Vec<PathBuf>,
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
    /// Make compliance checks of the running container.
    pub checks: bool,
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

/// CPU time the engine may use on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuBudget {
    /// A tenth of the task's CPUs, where ECS says how many it has; no bound elsewhere.
    #[default]
    ShareOfTask,
    /// Percent of one CPU.
    Percent(u16),
    /// No bound.
    Off,
}

impl FromStr for CpuBudget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        match text.trim_end_matches('%').parse() {
            Ok(percent @ 1..=6400) => Ok(Self::Percent(percent)),
            _ => Err("use a percentage of one CPU from 1 to 6400, or off".to_owned()),
        }
    }
}

/// A server and how to be admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Base URL without a final slash.
    pub url: String,
    /// Enrolment token.
    pub token: Secret,
    /// PEM file with the only authorities trusted.
    pub ca_file: Option<PathBuf>,
}

/// A directory of unsent batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    /// The directory; created when missing.
    pub directory: PathBuf,
    /// Most bytes it may hold.
    pub max_bytes: u64,
}

/// Which files are monitored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FimChoice {
    /// None.
    #[default]
    Off,
    /// Those of the built-in policy, for PCI DSS 11.5.2.
    BuiltIn,
    /// Those of this policy file.
    File(PathBuf),
}

impl From<OsString> for FimChoice {
    fn from(text: OsString) -> Self {
        if text == "off" {
            Self::Off
        } else if text == "on" || text == "default" {
            Self::BuiltIn
        } else {
            Self::File(text.into())
        }
    }
}

/// How detections are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrintFormat {
    /// Not at all.
    #[default]
    None,
    /// Falco's line.
    Text,
    /// Falco's JSON alert, one a line.
    Json,
}

impl FromStr for PrintFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("use none, text or json".to_owned()),
        }
    }
}

/// What is seen of the network besides calls: packets of name resolution and of new connections, and listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkChoice {
    /// In a task, of every process; elsewhere, of watched processes.
    #[default]
    Auto,
    /// Nothing: addresses have no names then.
    Off,
    /// Of every process in this network.
    All,
}

impl FromStr for NetworkChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            "all" => Ok(Self::All),
            _ => Err("use auto, off or all".to_owned()),
        }
    }
}

/// How opens for reading are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadMode {
    /// The files that rules are about are leased: whoever opens one is named, other opens cost nothing.
    #[default]
    Lease,
    /// Every open for reading is stopped.
    Trap,
    /// Not at all.
    Off,
}

impl FromStr for ReadMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "lease" => Ok(Self::Lease),
            "trap" => Ok(Self::Trap),
            "off" => Ok(Self::Off),
            _ => Err("use lease, trap or off".to_owned()),
        }
    }
}

/// Where detections are printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PrintTo {
    /// The sensor's standard error, so that the command's output stays its own.
    #[default]
    Stderr,
    /// The sensor's standard output.
    Stdout,
    /// Appended to this file.
    File(PathBuf),
}

impl From<OsString> for PrintTo {
    fn from(text: OsString) -> Self {
        if text == "stderr" {
            Self::Stderr
        } else if text == "stdout" || text == "-" {
            Self::Stdout
        } else {
            Self::File(text.into())
        }
    }
}

/// Reads the name of a way of capturing, as [`BackendChoice`] does.
///
/// # Errors
/// The text is none of them; the error lists them.
pub fn parse_backend(text: &str) -> Result<BackendChoice, String> {
    text.parse()
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
            server: None,
            spool: None,
            print: PrintFormat::None,
            print_to: PrintTo::Stderr,
            record: None,
            announce: false,
            summary: false,
            checks: true,
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
            server: env.server()?,
            spool: env.spool()?,
            print,
            print_to: env.get("FARGARD_PRINT_TO").map(PrintTo::from).unwrap_or_default(),
            record: None,
            announce: print != PrintFormat::None,
            summary: false,
            checks: env.switch("FARGARD_CHECKS")?.unwrap_or(true),
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

impl Server {
    /// A server from its base URL.
    ///
    /// # Errors
    /// The URL is not `https://host`, or `http://` of a loopback address.
    pub fn new(url: &str, token: Secret, ca_file: Option<PathBuf>) -> Result<Self, ConfigError> {
        check_url(url)?;
        if token.reveal().is_empty() || !token.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse(
                "FARGARD_TOKEN",
                "the enrolment token is empty or has blanks or control characters",
            );
        }
        Ok(Self { url: url.trim_end_matches('/').to_owned(), token, ca_file })
    }
}

/// Reads an enrolment token from a file, without surrounding blanks.
///
/// # Errors
/// The file cannot be read or is longer than any token.
pub fn token_from_file(path: &Path) -> Result<Secret, ConfigError> {
    match bounded::read_to_string(path, MAX_TOKEN) {
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(error) => refuse("FARGARD_TOKEN_FILE", format!("{}: {error}", path.display())),
    }
}

fn check_url(url: &str) -> Result<(), ConfigError> {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => {
            return refuse("FARGARD_SERVER", format!("{url:?} does not start with https:// or http://"));
        }
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') {
        return refuse("FARGARD_SERVER", format!("{url:?} names no host"));
    }
    if secure || is_loopback(authority) {
        return Ok(());
    }
    refuse(
        "FARGARD_SERVER",
        format!("{url:?} would send tokens in clear: use https:// (http:// is for loopback)"),
    )
}

/// `host`, `host:port`, `[v6]:port` that cannot leave the machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn refuse<T>(name: &str, reason: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError { name: name.to_owned(), reason: reason.into() })
}

struct Variables<'a, F> {
    lookup: &'a F,
}

impl<F: Fn(&str) -> Option<OsString>> Variables<'_, F> {
    fn get(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        match self.get(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => refuse(name, "the value is not UTF-8"),
        }
    }

    fn parsed_by<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        parse(&text).map(Some).or_else(|hint| refuse(name, format!("{text:?}: {hint}")))
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).or_else(|_| refuse(name, format!("{text:?} is not a whole number")))
    }

    fn switch(&self, name: &str) -> Result<Option<bool>, ConfigError> {
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("on" | "true" | "1") => Ok(Some(true)),
            Some("off" | "false" | "0") => Ok(Some(false)),
            Some(other) => refuse(name, format!("{other:?}: use on or off")),
        }
    }

    fn server(&self) -> Result<Option<Server>, ConfigError> {
        let Some(url) = self.text("FARGARD_SERVER")? else { return Ok(None) };
        let token = match (self.text("FARGARD_TOKEN")?, self.get("FARGARD_TOKEN_FILE")) {
            (Some(token), _) => Secret::new(token),
            (None, Some(file)) => token_from_file(Path::new(&file))?,
            (None, None) => {
                return refuse(
                    "FARGARD_SERVER",
                    "an enrolment token is needed: set FARGARD_TOKEN or FARGARD_TOKEN_FILE",
                );
            }
        };
        Server::new(&url, token, self.get("FARGARD_CA_FILE").map(PathBuf::from)).map(Some)
    }

    fn spool(&self) -> Result<Option<Spool>, ConfigError> {
        let max_bytes = self.number("FARGARD_SPOOL_MAX_BYTES")?.unwrap_or(DEFAULT_SPOOL_BYTES);
        Ok(self.get("FARGARD_SPOOL_DIR").map(|directory| Spool { directory: directory.into(), max_bytes }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{BackendChoice, Config, FimChoice, PrintFormat, PrintTo, ReadMode, Secret, Server};

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        Config::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(read(&[]), Ok(Config::default()));
        assert_eq!(read(&[("FARGARD_SERVER", "")]), Ok(Config::default()));
    }

    #[test]
    fn every_variable_is_read() {
        let config = read(&[
            ("FARGARD_RULES", "/a.yaml:/b.yaml"),
            ("FARGARD_SERVER", "https://s:8443/"),
            ("FARGARD_TOKEN", "abc"),
            ("FARGARD_CA_FILE", "/ca.pem"),
            ("FARGARD_SPOOL_DIR", "/spool"),
            ("FARGARD_SPOOL_MAX_BYTES", "4194304"),
            ("FARGARD_PRINT", "json"),
            ("FARGARD_PRINT_TO", "/log"),
            ("FARGARD_CHECKS", "off"),
            ("FARGARD_FIM", "/policy.yaml"),
            ("FARGARD_READS", "trap"),
            ("FARGARD_BACKEND", "trace"),
            ("FARGARD_RING_BYTES", "2097152"),
            ("FARGARD_DRAIN_SECONDS", "7"),
            ("FARGARD_TASK_ID", "t-1"),
            ("FARGARD_CPU", "25"),
            ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"),
        ])
        .unwrap();
        assert_eq!(config.cpu, super::CpuBudget::Percent(25));
        assert_eq!(config.rules, [PathBuf::from("/a.yaml"), PathBuf::from("/b.yaml")]);
        let server = config.server.unwrap();
        assert_eq!((server.url.as_str(), server.token.reveal()), ("https://s:8443", "abc"));
        assert_eq!((config.print, config.print_to), (PrintFormat::Json, PrintTo::File("/log".into())));
        assert_eq!((config.backend, config.checks, config.announce), (BackendChoice::Trace, false, true));
        assert_eq!(config.fim, FimChoice::File("/policy.yaml".into()));
        assert_eq!(config.reads, ReadMode::Trap);
        assert_eq!((config.ring_bytes, config.drain.as_secs()), (2 << 20, 7));
        assert_eq!(config.spool.unwrap().max_bytes, 4 << 20);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (variables, part) in [
            (&[("FARGARD_PRINT", "xml")][..], "FARGARD_PRINT: \"xml\": use none, text or json"),
            (&[("FARGARD_RING_BYTES", "9")], "FARGARD_RING_BYTES: 9 is not"),
            (&[("FARGARD_RING_BYTES", "big")], "\"big\" is not a whole number"),
            (&[("FARGARD_DRAIN_SECONDS", "600")], "600 is more than 60 seconds"),
            (&[("FARGARD_CHECKS", "maybe")], "use on or off"),
            (&[("FARGARD_CPU", "0")], "FARGARD_CPU: \"0\": use a percentage"),
            (&[("FARGARD_READS", "on")], "use lease, trap or off"),
            (&[("FARGARD_SERVER", "https://s")], "an enrolment token is needed"),
            (&[("FARGARD_SERVER", "ftp://s"), ("FARGARD_TOKEN", "t")], "does not start with https://"),
            (&[("FARGARD_SERVER", "http://s:1"), ("FARGARD_TOKEN", "t")], "would send tokens in clear"),
            (&[("FARGARD_SERVER", "https:///x"), ("FARGARD_TOKEN", "t")], "names no host"),
            (&[("FARGARD_SERVER", "https://s"), ("FARGARD_TOKEN", "a b")], "FARGARD_TOKEN: "),
            (&[("FARGARD_TASK_ID", "a/b")], "FARGARD_TASK_ID: "),
            (&[("FARGARD_SPOOL_DIR", "/s"), ("FARGARD_SPOOL_MAX_BYTES", "5")], "FARGARD_SPOOL_MAX_BYTES: "),
        ] {
            let error = read(variables).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn loopback_may_be_plain() {
        for url in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9", "http://localhost"] {
            assert!(Server::new(url, Secret::new("t"), None).is_ok(), "{url}");
        }
        assert!(Server::new("http://127.0.0.1.example.org", Secret::new("t"), None).is_err());
    }

    #[test]
    fn tokens_are_not_shown() {
        let config = read(&[("FARGARD_SERVER", "https://s"), ("FARGARD_TOKEN", "hush")]).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
