//! `cargo xtask soak`: nothing fires while ordinary servers do ordinary work. nginx, redis and a Node app run as one
//! task under the sensor and are loaded; every detection is a false one.

mod task;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use lexopt::{Arg, Parser, ValueExt};

use self::task::Task;
use crate::shell::{must, root, works};

const USAGE: &str = "\
Usage: cargo xtask soak [--minutes N] [--fargard FILE]

Runs nginx, redis and a Node app under the sensor, loads them for N minutes (10), once with the default rules and, at
the same time, once with Falco's stable rules where FARGARD_SHARED or ../shared has them. Lists what fired and fails
if anything did. --fargard is a built program; without it one is built for release. Needs root.";

const MINUTES: u64 = 10;
const MOST_MINUTES: u64 = 24 * 60;
/// Between two bursts of load.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs it; `false` when something fired.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let Some(Options { minutes, fargard }) = options(words)? else { return Ok(true) };
    for program in ["nginx", "redis-server", "redis-cli", "redis-benchmark", "node", "wrk"] {
        if !works(&["sh", "-c", &format!("PATH=$PATH:/usr/sbin command -v {program}")]) {
            bail!("{program} is not installed: run xtask/setup-debian.sh");
        }
    }
    let fargard = match fargard {
        Some(file) => file,
        None => {
            must(&["cargo", "build", "--release", "-p", "fargard"])?;
            root().join("target/release/fargard")
        }
    };
    let mut tasks = Vec::new();
    for (name, rules) in rule_sets() {
        tasks.push(Task::start(&fargard, name, &rules)?);
    }
    println!("soaking for {minutes} minutes");
    let until = Instant::now() + Duration::from_secs(minutes * 60);
    let mut bursts: u64 = 0;
    while Instant::now() < until {
        for task in &mut tasks {
            task.load()?;
        }
        bursts += 1;
        std::thread::park_timeout(PAUSE);
    }
    let mut quiet = true;
    for task in tasks {
        quiet &= task.finish(bursts)?;
    }
    Ok(quiet)
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// How long the servers are loaded.
    minutes: u64,
    /// A built program.
    fargard: Option<PathBuf>,
}

/// `None` when the usage was asked for.
fn options(words: &[&str]) -> Result<Option<Options>> {
    let mut minutes = MINUTES;
    let mut fargard = None;
    let mut parser = Parser::from_args(words);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("minutes") => minutes = parser.value()?.parse()?,
            Arg::Long("fargard") => fargard = Some(parser.value()?.into()),
            Arg::Long("help") | Arg::Short('h') => {
                println!("{USAGE}");
                return Ok(None);
            }
            _ => bail!(argument.unexpected()),
        }
    }
    if !(1..=MOST_MINUTES).contains(&minutes) {
        bail!(lexopt::Error::from(format!("--minutes {minutes}: use 1 to {MOST_MINUTES}")));
    }
    Ok(Some(Options { minutes, fargard }))
}

/// Rules that do not know each other: both define lists and macros of the same names.
fn rule_sets() -> Vec<(&'static str, Vec<PathBuf>)> {
    let own = [
        "fargard_rules.yaml",
        "fargard_rules_correlated.yaml",
        "fargard_rules_read.yaml",
        "fargard_rules_dns.yaml",
    ]
    .map(|name| root().join("rules").join(name));
    let mut sets = vec![("the default rules", own.to_vec())];
    let shared = std::env::var_os("FARGARD_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let falco = shared.join("data/falco/falco_rules.yaml");
    if falco.exists() {
        sets.push(("Falco's stable rules", vec![falco]));
    } else {
        println!("skipped: Falco's stable rules: no {}", falco.display());
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::options;

    #[test]
    fn minutes_have_a_default_and_bounds() {
        let minutes = |words: &[&str]| options(words).unwrap().map(|options| options.minutes);
        assert_eq!(minutes(&[]), Some(10));
        assert_eq!(minutes(&["--minutes", "1"]), Some(1));
        assert_eq!(minutes(&["--help"]), None);
        for bad in [&["--minutes", "0"][..], &["--minutes", "x"], &["--minutes"], &["--rounds", "1"]] {
            assert!(options(bad).is_err(), "{bad:?}");
        }
    }
}
