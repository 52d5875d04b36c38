//! The sensor in a container: what it is told, what of it lies on the machine, and how the program is handed to it.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use fargard_sensor::{
    capture::{self, AttachMode, Scope},
    config::{Config, ConfigError, DEFAULT_SPOOL_BYTES, PrintFormat, ReadMode, Server, Spool},
    engine::{self, spool},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::{LabError, Tried},
    options::{SensorOptions, SensorServer},
    scratch::directory,
    stage::spec::{Identity, Mount, Process},
};
use fargard_model::Secret;

/// Where the sensor's files are in a container.
const INSIDE: &str = "/run/fargard";
/// Time for sending what an ended container's sensor left.
const LEFTOVER_TIME: Duration = Duration::from_secs(5);

/// What the stage needs to run a program under the sensor; paths are those of the container.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SensorSpec {
    server: Option<ServerSpec>,
    rules: Vec<PathBuf>,
    spool: PathBuf,
    print: PrintFormat,
    reads: ReadMode,
    metadata: String,
    attach: Option<Mode>,
    /// The sensor is the container's program, for the task's other containers.
    sidecar: bool,
    /// A loaded rule asks for the environment of processes.
    needs_environment: bool,
}

/// [`AttachMode`] on its way to the stage.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Mode {
    Off,
    Lifecycle,
    Inject,
}

impl From<AttachMode> for Mode {
    fn from(mode: AttachMode) -> Self {
        match mode {
            AttachMode::Off => Self::Off,
            AttachMode::Lifecycle => Self::Lifecycle,
            AttachMode::Inject => Self::Inject,
        }
    }
}

impl From<Mode> for AttachMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Off => Self::Off,
            Mode::Lifecycle => Self::Lifecycle,
            Mode::Inject => Self::Inject,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct ServerSpec {
    url: String,
    token: String,
    ca_file: Option<PathBuf>,
}

impl std::fmt::Debug for SensorSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SensorSpec").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// A container's sensor as the lab sees it.
#[derive(Clone, Debug)]
pub(crate) struct SensorPlan {
    pub(crate) spec: SensorSpec,
    mounts: Vec<Mount>,
    spool: PathBuf,
    server: Option<SensorServer>,
}

/// Makes the sensor's files for a container and checks what it will be told.
pub(crate) fn plan(
    options: &SensorOptions,
    home: &Path,
    metadata_uri: &str,
    identity: Option<&Identity>,
) -> Result<SensorPlan, LabError> {
    let spool = home.join("spool");
    directory(&spool, 0o700).tried(|| "make a directory for unsent batches".into())?;
    if let Some(identity) = identity {
        // The sensor runs as the container's user.
        std::os::unix::fs::chown(&spool, Some(identity.uid), Some(identity.gid))
            .tried(|| "give the directory for unsent batches to the container's user".into())?;
    }
    let mut files = Files { isolated: identity.is_some(), mounts: Vec::new() };
    let mut spec = SensorSpec {
        spool: files.put(&spool, "spool", false)?,
        rules: options
            .rules
            .iter()
            .enumerate()
            .map(|(index, path)| files.put(path, &format!("rules/{index}-{}", file_name(path)), true))
            .collect::<Result<_, _>>()?,
        server: match &options.server {
            Some(server) => Some(ServerSpec {
                url: server.url.clone(),
                token: server.token.clone(),
                ca_file: match &server.ca_file {
                    Some(path) => Some(files.put(path, "ca.pem", true)?),
                    None => None,
                },
            }),
            None => None,
        },
        print: options.print,
        reads: options.reads,
        metadata: metadata_uri.to_owned(),
        attach: options.attach.map(Mode::from),
        sidecar: options.sidecar.is_some(),
        needs_environment: false,
    };
    // On this machine the rules are where the options say: whether they can be used is known before the start.
    let here = Config { rules: options.rules.clone(), ..spec.config().map_err(unusable)? };
    spec.needs_environment = engine::prepare(&here).map_err(unusable)?.needs_env();
    Ok(SensorPlan { spec, mounts: files.mounts, spool, server: options.server.clone() })
}

fn unusable(error: impl std::fmt::Display) -> LabError {
    LabError::Sensor(error.to_string())
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

struct Files {
    isolated: bool,
    mounts: Vec<Mount>,
}

impl Files {
    /// Makes a file of the machine visible in the container; gives its path there.
    fn put(&mut self, source: &Path, name: &str, read_only: bool) -> Result<PathBuf, LabError> {
        let source = source
            .canonicalize()
            .map_err(|error| LabError::Sensor(format!("{}: {error}", source.display())))?;
        if !self.isolated {
            return Ok(source);
        }
        let target = Path::new(INSIDE).join(name);
        self.mounts.push(Mount { source, target: target.clone(), read_only });
        Ok(target)
    }
}

impl SensorPlan {
    pub(crate) fn mounts(&self) -> Vec<Mount> {
        self.mounts.clone()
    }

    /// Sends what the sensor of an ended container could not.
    pub(crate) fn drain(&self) -> Result<(), String> {
        let Some(server) = &self.server else { return Ok(()) };
        let server = Server::new(&server.url, Secret::new(&server.token), server.ca_file.clone())
            .map_err(|error| error.to_string())?;
        let report = spool::drain(&self.spool, &server, LEFTOVER_TIME).map_err(|error| error.to_string())?;
        match (report.left, report.trouble) {
            (0, _) => Ok(()),
            (left, trouble) => Err(format!("{left} batches: {}", trouble.unwrap_or_default())),
        }
    }
}

impl SensorSpec {
    fn config(&self) -> Result<Config, ConfigError> {
        let server = match &self.server {
            Some(server) => {
                Some(Server::new(&server.url, Secret::new(&server.token), server.ca_file.clone())?)
            }
            None => None,
        };
        Ok(Config {
            rules: self.rules.clone(),
            server,
            spool: Some(Spool { directory: self.spool.clone(), max_bytes: DEFAULT_SPOOL_BYTES }),
            print: self.print,
            reads: self.reads,
            announce: self.print != PrintFormat::None,
            metadata: Some(self.metadata.clone()),
            attach: self.attach.map(AttachMode::from),
            scope: if self.sidecar { Scope::Task } else { Scope::Container },
            ..Config::default()
        })
    }
}

/// Executes the program under the sensor in the place of this process. The environment is the container's already.
pub(crate) fn exec(sensor: &SensorSpec, process: &Process) -> io::Result<std::convert::Infallible> {
    let config = sensor.config().map_err(io::Error::other)?;
    let options = config.capture_options(sensor.needs_environment);
    if sensor.sidecar {
        return Err(capture::stay(&config, &options));
    }
    let arguments: Vec<OsString> = process.arguments.iter().skip(1).map(OsString::from).collect();
    let program = process.arguments.first().map(OsStr::new).unwrap_or_default();
    Err(io::Error::other(capture::exec(&config, &options, program, &arguments).to_string()))
}
