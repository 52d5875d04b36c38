//! The engine: reads captured calls, knows who made them, evaluates rules, makes checks, and gets the outcome to
//! people and to the server.
//!
//! It runs in a process of its own. When it dies the keeper starts another, which goes on where the ring stands
//! and learns the living processes from `/proc`; nothing the watched program does waits for it.

mod accounts;
mod actions;
mod address;
mod announce;
mod attached;
mod checks;
mod class;
mod confirm;
mod containers;
mod cpu;
mod decode;
mod heads;
mod identity;
mod integrity;
mod lease;
mod limit;
mod mounts;
mod net;
mod notes;
mod observer;
mod origin;
mod others;
mod own;
mod paths;
mod print;
mod procfs;
mod rate;
mod reload;
mod repeats;
mod run;
mod sessions;
mod settle;
mod sighting;
mod sockets;
mod stable;
mod streams;
mod suspects;
mod table;
mod threads;
mod uplink;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use fargard_model::{EventType, Trap, TrapSet, bounded};
use fargard_rules::{Ruleset, SourceFile, options::Options, source::MAX_FILE};
pub use uplink::spool;

use self::{print::Printer, reload::Files};
use crate::{
    capture::{Consumer, Denial},
    config::{CheckChoice, Config, ConfigError, NetworkChoice, Prevention, PrintTo, ReadMode, Server},
    fim::policy::{Policy, PolicyError},
    net::Tap,
};

pub(crate) use announce::say;
pub(crate) use observer::written_path;
#[cfg(test)]
pub(crate) use sockets::in_proc as sockets_in_proc;

/// Why an engine cannot run as it was told.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A setting is out of its bounds.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A rules file cannot be read.
    #[error("rules file {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The rules cannot be used.
    #[error("the rules cannot be used:\n{0}")]
    Rules(String),
    /// The file integrity policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Detections cannot be printed, or events not recorded, where they should be.
    #[error("cannot append to {path}: {error}")]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// An engine that is ready to run.
#[derive(Debug)]
pub struct Prepared {
    config: Config,
    rules: Arc<Ruleset>,
    files: Files,
    traps: TrapSet,
    denials: Vec<Denial>,
    printer: Printer,
    /// Open before the command starts: nothing it looks up passes by.
    tap: Option<std::io::Result<Tap>>,
    policy: Option<Policy>,
    /// Why other rules than those of the files are loaded.
    unusable: Option<String>,
}

/// Whether batches could be sent to that server as far as this machine knows: its CA file can be used. For callers
/// who want to say so before the command starts; the engine itself goes on without sending.
///
/// # Errors
/// What is wrong with the CA file.
pub fn check_server(server: &Server) -> Result<(), String> {
    uplink::client::Client::new(server).map(drop).map_err(|error| error.to_string())
}

/// Loads the rules and opens the outputs. Fast: a container's start waits for it.
///
/// # Errors
/// See [`EngineError`].
pub fn prepare(config: &Config) -> Result<Prepared, EngineError> {
    config.validate()?;
    let files = Files::new(&config.rules, &config.rule_options);
    prepare_with(config, load_rules(&config.rules, &config.rule_options)?, files)
}

/// For an engine after one that died, when the rules files may have changed: where they cannot be used, the built-in
/// rules are better than none until they can.
fn prepare_again(config: &Config) -> Result<Prepared, EngineError> {
    let files = Files::new(&config.rules, &config.rule_options);
    let (rules, unusable) = match load_rules(&config.rules, &config.rule_options) {
        Ok(rules) => (rules, None),
        Err(error) => (load_rules(&[], &Options::default())?, Some(reload::unusable_after_restart(&error))),
    };
    Ok(Prepared { unusable, ..prepare_with(config, rules, files)? })
}

fn prepare_with(config: &Config, rules: Ruleset, files: Files) -> Result<Prepared, EngineError> {
    let rules = Arc::new(rules);
    let mut traps = rules.traps();
    if config.reads != ReadMode::Trap {
        traps = traps.without(Trap::OpenRead);
    }
    if config.checks != CheckChoice::Off {
        traps.merge(&checks::traps());
    }
    let policy = integrity::policy(config)?;
    if policy.is_some() {
        traps.merge(&crate::fim::traps());
    }
    if !traps.is_empty() {
        // What goes through its rings are no system calls: that it is used must be known.
        traps.add_calls(Trap::Kernel, EventType::IoUringSetup, None, "the sensor (io_uring goes around it)");
    }
    let denials = match config.prevent {
        Prevention::On => actions::denials(&rules).map_err(EngineError::Rules)?,
        Prevention::Off | Prevention::DryRun => Vec::new(),
    };
    let printer = Printer::open(config).map_err(|error| EngineError::Output {
        path: match &config.print_to {
            PrintTo::File(path) => path.clone(),
            PrintTo::Stderr | PrintTo::Stdout => PathBuf::new(),
        },
        error,
    })?;
    let printer = match &config.record {
        Some(path) => {
            printer.recording(path).map_err(|error| EngineError::Output { path: path.clone(), error })?
        }
        None => printer,
    };
    Ok(Prepared {
        config: config.clone(),
        rules,
        files,
        traps,
        denials,
        printer,
        policy,
        tap: None,
        unusable: None,
    })
}

impl Prepared {
    /// The calls that must be observed.
    #[must_use]
    pub fn traps(&self) -> &TrapSet {
        &self.traps
    }

    /// Whether a loaded rule asks for the environment of processes.
    #[must_use]
    pub fn needs_env(&self) -> bool {
        self.rules.needs_env()
    }

    /// What rules about opens for reading see, one statement a line, with the files that would be leased here.
    #[must_use]
    pub fn explain_reads(&self) -> Vec<String> {
        lease::explain(self.config.reads, &self.rules)
    }

    /// Whether files are leased to see who opens them.
    #[must_use]
    pub fn takes_leases(&self) -> bool {
        lease::is_wanted(self.config.reads, &self.rules)
    }

    /// With the packet socket open where it is wanted.
    fn with_tap(self) -> Self {
        let connections = net::wants_connections(&self.config, self.traps.contains(Trap::Connect));
        let tap = (self.config.network != NetworkChoice::Off).then(|| Tap::open(connections));
        Self { tap, ..self }
    }

    /// Works until the last watched process has ended and everything is out. Returns the process's exit code.
    pub fn run(self, consumer: Consumer) -> u8 {
        run::run(self, consumer)
    }
}

/// Loads rules files, or the built-in rules when there are none.
fn load_rules(files: &[PathBuf], options: &Options) -> Result<Ruleset, EngineError> {
    let sources = if files.is_empty() {
        fargard_rules::default_rules()
    } else {
        files.iter().map(|path| read_rules(path)).collect::<Result<_, _>>()?
    };
    let report = fargard_rules::load_with(&sources, options);
    report.ruleset.ok_or_else(|| {
        let errors = report.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        EngineError::Rules(errors.map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn read_rules(path: &Path) -> Result<SourceFile, EngineError> {
    let text = bounded::read_to_string(path, MAX_FILE)
        .map_err(|error| EngineError::Read { path: path.to_owned(), error })?;
    Ok(SourceFile { name: path.display().to_string(), text })
}

impl crate::capture::Engine for Config {
    type Prepared = Prepared;

    fn prepare(&self) -> Result<Prepared, String> {
        prepare(self).map(Prepared::with_tap).map_err(|error| error.to_string())
    }

    fn prepare_again(&self) -> Result<Prepared, String> {
        prepare_again(self).map(Prepared::with_tap).map_err(|error| error.to_string())
    }

    fn attach(&self, link: crate::capture::AttacherLink) -> u8 {
        crate::capture::attach(self.attach(), &link)
    }
}

impl crate::capture::PreparedEngine for Prepared {
    fn traps(&self) -> &TrapSet {
        &self.traps
    }

    fn needs_environment(&self) -> bool {
        self.needs_env()
    }

    fn takes_leases(&self) -> bool {
        self.takes_leases()
    }

    fn denials(&self) -> &[Denial] {
        &self.denials
    }

    fn run(self, consumer: Consumer) -> u8 {
        run::run(self, consumer)
    }
}
