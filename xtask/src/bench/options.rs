//! Arguments of the benchmarks.

use std::path::PathBuf;

use anyhow::{Result, bail};
use lexopt::{Arg, Parser, ValueExt};

/// What the benchmarks accept; each uses its part and refuses the rest.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// `--rounds`: measurements of each variant.
    pub(super) rounds: Option<usize>,
    /// `--json`: where the numbers go.
    pub(super) json: Option<PathBuf>,
    /// `--sensor`: a built sensor.
    pub(super) sensor: Option<PathBuf>,
    /// `--program`: a built `fargard`.
    pub(super) program: Option<PathBuf>,
    /// `--rules`: directory of rules files.
    pub(super) rules: Option<PathBuf>,
    /// `--only`: workloads to run; empty for all.
    pub(super) only: Vec<String>,
    /// `--root`: root file system to scan.
    pub(super) root: Option<PathBuf>,
}

impl Options {
    /// Reads arguments; `allowed` names the long options of this benchmark.
    pub(super) fn parse(words: &[&str], allowed: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut parser = Parser::from_args(words);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long(name) if !allowed.contains(&name) => bail!(argument.unexpected()),
                Arg::Long("rounds") => options.rounds = Some(rounds(parser.value()?.parse()?)?),
                Arg::Long("json") => options.json = Some(parser.value()?.into()),
                Arg::Long("sensor") => options.sensor = Some(parser.value()?.into()),
                Arg::Long("program") => options.program = Some(parser.value()?.into()),
                Arg::Long("rules") => options.rules = Some(parser.value()?.into()),
                Arg::Long("only") => options.only.push(parser.value()?.string()?),
                Arg::Long("root") => options.root = Some(parser.value()?.into()),
                _ => bail!(argument.unexpected()),
            }
        }
        Ok(options)
    }

    /// Whether a workload is to run.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn rounds(number: usize) -> Result<usize> {
    if !(1..=1000).contains(&number) {
        bail!(lexopt::Error::from(format!("--rounds {number}: use 1 to 1000")));
    }
    Ok(number)
}
