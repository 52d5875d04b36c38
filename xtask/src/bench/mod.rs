//! `cargo xtask bench`: what the product costs, as ratios against baselines of the same run.

mod coverage;
mod embed;
mod events;
mod http;
mod kills;
mod network;
mod options;
mod redis;
mod report;
mod resident;
mod rules;
mod scan;
mod sensor;
mod statistics;
mod throughput;
mod variant;
mod workload;

use anyhow::{Result, bail};

const USAGE: &str = "\
Usage: cargo xtask bench sensor [--sensor PROGRAM] [--rules DIR] [--rounds N] [--only WORKLOAD]..
                                [--json FILE]
       cargo xtask bench scan [--root DIR] [--rounds N] [--json FILE]
       cargo xtask bench rules [--events N]
       cargo xtask bench embed [--program FARGARD] [--rounds N] [--json FILE]
       cargo xtask bench kills
       cargo xtask bench network
       cargo xtask bench coverage [--rows N] [--tasks N]

  sensor   what a task pays for running under the sensor, in its default mode and with FARGARD_READS=trap: file
           storm (opens, writes), processes (spawn, exec), compiling, HTTP server with kept and with new connections,
           redis, start-up, memory, size; next to strace and to a plain ptrace sensor with the same calls.
           --sensor takes a built sensor instead of building it; --rules a directory of rules files instead of the
           built-in ones.
           Workloads: cat, opens, writes, spawn, exec, compile, keepalive, connect, redis, start; and flood:
           how many opens a second are seen when a task makes as many as it can
  scan     a root file system of 1 GB of this machine's packages and an image of it under `fargard scan`, next to dpkg,
           debsums, yara, kingfisher, detect-secrets and gzip where they are installed; a layer of 3 million files
  embed    10,000 task definitions in one run of `fargard embed`: how many a second, and memory, next to programs that
           only read and write JSON. --program takes a built fargard instead of building it
  network  a packet socket beside connections and datagrams, lookups of a socket by several ways
  kills    1,000 engines and 200 keepers killed while calls are made: failed calls, the longest call, what was lost
  rules    what 0, 25, 93 and 1,000 rules cost by event on four captures (N events of each), CloudTrail, loading,
           memory; next to the same engine without its index. Needs ../shared or FARGARD_SHARED
  coverage what ListCoverage and GetCoverageStatistics take over 10,000 and 1,000,000 clusters by filter and order, and a
           minute's heartbeats of 100,000 tasks on one core

Rounds are interleaved in changing order. Run on a machine that does nothing else.";

/// Runs one benchmark, or lists them.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    match words {
        [] | ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        ["sensor", rest @ ..] => sensor::run(rest),
        ["kills"] => kills::run(),
        ["network"] => network::run(),
        ["embed", rest @ ..] => embed::run(rest),
        ["scan", rest @ ..] => scan::run(rest),
        ["rules", rest @ ..] => rules::run(rest),
        ["coverage", rest @ ..] => coverage::run(rest),
        [unknown, ..] => bail!(lexopt::Error::from(format!("unknown benchmark {unknown:?}\n{USAGE}"))),
    }
}
