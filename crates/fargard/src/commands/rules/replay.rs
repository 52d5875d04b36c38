//! `fargard rules replay`: rules over recorded events, Falco captures and CloudTrail files.

mod input;
mod json_lines;
mod profile;
mod statistics;

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use fargard_outputs::falco::{self, TimeFormat};
use fargard_rules::{Alert, Detector, Matching, Subject};

use self::{input::Input, statistics::Statistics};
use super::{Format, configured};
use crate::failure;

#[derive(Debug, clap::Args)]
#[command(
    long_about = "Run rules over what was recorded.\n\n\
        Inputs are Falco captures (.scap), events of this sensor as JSON lines (`fargard watch --record`), and \
        CloudTrail files; each may be compressed with gzip or zstd. What an input is, is told by its content. \
        Alerts go to standard output, statistics to standard error.",
    after_long_help = "Examples:\n  \
        fargard rules replay --rules falco_rules.yaml --all capture.scap\n  \
        fargard rules replay --rules aws_cloudtrail_rules.yaml AWSLogs/\n  \
        zcat events.jsonl.gz | fargard rules replay --format text -\n\n\
        Exit codes: 0 everything was read, with alerts or without; 2 the rules do not load, or part of an input could \
        not be read: the alerts of the rest are printed all the same."
)]
pub(super) struct Args {
    /// Captures, files of events or CloudTrail records, directories of CloudTrail files; - is standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Rule files, in the order in which they are loaded; the default rules if none are given
    #[arg(long = "rules", short = 'r', value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Falco configuration whose rule selection, append_output and priority apply
    #[arg(long, value_name = "FILE")]
    falco_config: Option<PathBuf>,
    /// An alert for every rule that matches an event
    #[arg(long, conflicts_with = "first")]
    all: bool,
    /// An alert for the first rule that matches an event, as Falco does unless told otherwise [default]
    #[arg(long)]
    first: bool,
    /// How to print alerts; json is Falco's
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Begin outputs with date and time, as Falco's time_format_iso_8601
    #[arg(long)]
    iso8601: bool,
    /// Say at the end what each rule cost: evaluations and nanoseconds of each
    #[arg(long)]
    profile: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut rules = configured(&args.rules, args.falco_config.as_deref())?;
    rules.set_matching(if args.all { Matching::All } else { Matching::First });
    if args.profile {
        rules.profile(profile::clock);
    }
    let rules = Arc::new(rules);
    let mut replay = Replay {
        detector: Detector::new(Arc::clone(&rules)),
        format: args.format,
        time: if args.iso8601 { TimeFormat::Iso8601 } else { TimeFormat::OfDay },
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        alerts: Vec::new(),
        statistics: Statistics::start(io::stderr().is_terminal()),
        out: BufWriter::new(io::stdout().lock()),
    };
    match replay.all(&args.inputs) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        written => written.context("writing to standard output")?,
    }
    replay.statistics.print(&replay.detector);
    if args.profile {
        profile::print(&rules);
    }
    let whole = replay.statistics.failures() == 0;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(failure::BAD_INPUT) })
}

struct Replay {
    detector: Detector,
    format: Format,
    time: TimeFormat,
    hostname: String,
    alerts: Vec<Alert>,
    statistics: Statistics,
    out: BufWriter<io::StdoutLock<'static>>,
}

impl Replay {
    fn all(&mut self, inputs: &[PathBuf]) -> io::Result<()> {
        let mut last = None;
        for path in inputs {
            match Input::open(path) {
                Ok(mut input) => {
                    while let Some(item) = input.next() {
                        match item {
                            Ok(subject) => {
                                self.observe(subject.subject(), input.hostname())?;
                                last = Some(subject);
                            }
                            Err(error) => self.statistics.fail(&error),
                        }
                    }
                    self.statistics.skip(input.skipped());
                }
                Err(error) => self.statistics.fail(&error),
            }
        }
        let mut alerts = std::mem::take(&mut self.alerts);
        self.detector.finish(&mut alerts);
        if let Some(last) = &last {
            for alert in &alerts {
                self.print(alert, last.subject(), "")?;
            }
        }
        self.out.flush()
    }

    fn observe(&mut self, subject: Subject<'_>, hostname: &str) -> io::Result<()> {
        self.statistics.event();
        let mut alerts = std::mem::take(&mut self.alerts);
        self.detector.observe(subject, &mut alerts);
        for alert in &alerts {
            self.print(alert, subject, hostname)?;
        }
        self.alerts = alerts;
        Ok(())
    }

    /// An empty host name is that of this machine.
    fn print(&mut self, alert: &Alert, observed: Subject<'_>, hostname: &str) -> io::Result<()> {
        let hostname = if hostname.is_empty() { &self.hostname } else { hostname };
        let Some(said) = self.detector.alert(alert, observed, hostname) else { return Ok(()) };
        self.statistics.alert(&said);
        let line = match self.format {
            Format::Text => falco::text(&said, self.time),
            Format::Json => falco::json(&said, self.time)?,
        };
        writeln!(self.out, "{line}")
    }
}
