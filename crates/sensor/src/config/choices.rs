//! Settings that are one of a few words.

use std::{ffi::OsString, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::capture::BackendChoice;

/// Which compliance checks of the running container are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckChoice {
    /// None.
    Off,
    /// Of what changes.
    Changes,
    /// In a task also of everything once after the start; elsewhere, where that would be the whole machine, of what
    /// changes.
    #[default]
    On,
    /// Of everything, wherever it runs.
    All,
}

impl FromStr for CheckChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" | "false" | "0" => Ok(Self::Off),
            "changes" => Ok(Self::Changes),
            "on" | "true" | "1" => Ok(Self::On),
            "all" => Ok(Self::All),
            _ => Err("use on, changes, all or off".to_owned()),
        }
    }
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

/// Whether rules that ask for more than an alert act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prevention {
    /// They do not, and detections do not speak of it.
    Off,
    /// They do not; detections say what would have been done.
    #[default]
    DryRun,
    /// They do.
    On,
}

impl FromStr for Prevention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "dry-run" => Ok(Self::DryRun),
            "on" => Ok(Self::On),
            _ => Err("use off, dry-run or on".to_owned()),
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
