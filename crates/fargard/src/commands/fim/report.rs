//! `fargard fim report`: what an auditor asks for.

use std::{path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use fargard_model::{FileChange, FindingState, Heartbeat, Task, Timestamp};
use fargard_sensor::config::{Server, token_from_file};
use serde::Serialize;

use super::{
    coverage::{self, TaskCover},
    events, print,
    query::Query,
    render,
    standard::StandardName,
};
use crate::failure::{self, BadInput};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Whether a change was authorised is what a person said of its finding: acknowledged or suppressed \
    ones count as authorised, with who and why.\n\n\
    Examples:\n  fargard fim report --standard pci-dss-11.5 --server https://fargard:8440 --token-file admin.token\n  \
    fargard fim report --server http://127.0.0.1:8440 --since 7d --format csv > changes.csv\n  \
    fargard watch --fim --record run.jsonl -- ./job; fargard fim report --events run.jsonl\n\n\
    Exit codes: 0 no unauthorised change, 1 there are some, 2 bad input, 3 the server does not answer."
)]
pub(super) struct Args {
    /// Only what is monitored for this standard: pci-dss-11.5, nist-800-53-si-7, soc2-cc6.8, hipaa, or a tag
    #[arg(long, value_name = "NAME")]
    standard: Option<StandardName>,
    /// Base URL of the server that is asked
    #[arg(long, value_name = "URL", env = "FARGARD_SERVER", required_unless_present = "events")]
    server: Option<String>,
    /// Admin token for the server
    #[arg(long, value_name = "TOKEN", env = "FARGARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// File that holds the admin token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// PEM file with the only authorities trusted for the server
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Read what `fargard watch --record` wrote instead of asking a server
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token_file", "ca_file"])]
    events: Option<PathBuf>,
    /// Only changes since this time: RFC 3339, or back from now as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// Everything
    Json,
    /// The changes, one a line
    Csv,
}

/// What a report is made of.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) changes: Vec<Reported>,
    pub(super) tasks: Vec<Watched>,
    /// What could not be read, for people.
    pub(super) left_out: Vec<String>,
}

/// A change with what people said of it.
#[derive(Debug)]
pub(super) struct Reported {
    pub(super) change: FileChange,
    pub(super) state: Option<FindingState>,
    pub(super) decision: Option<Decision>,
}

/// Who said what of a change.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Decision {
    pub(super) who: String,
    pub(super) at: Timestamp,
    pub(super) note: String,
}

/// A task with the last heartbeat of each of its sensors.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) task: Task,
    pub(super) first_seen: Timestamp,
    pub(super) last_seen: Timestamp,
    pub(super) ended: bool,
    pub(super) heartbeats: Vec<Heartbeat>,
}

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) made_at: String,
    pub(super) source: String,
    pub(super) standard: Option<String>,
    pub(super) since: Option<String>,
    pub(super) tasks: Vec<TaskCover>,
    pub(super) changes: Vec<ChangeLine>,
    pub(super) unauthorised: usize,
    /// What this report cannot say.
    pub(super) not_covered: Vec<String>,
}

/// A change as reported.
#[derive(Debug, Serialize)]
pub(super) struct ChangeLine {
    pub(super) authorised: bool,
    pub(super) state: String,
    pub(super) decision: Option<Decision>,
    pub(super) change: FileChange,
}

/// What holds of every report.
const ALWAYS: [&str; 4] = [
    "files that no entry of the policy covers, and containers without a sensor",
    "files that existed only between two looks (a quarter of a second) and whose directory was the same after",
    "changes another host made on a shared file system, and writes through a mapping or a name outside of the policy: \
     the next comparison finds them, without a writer",
    "who made a change that no stopped call explains: processes that are not watched, other containers, truncate(2) by path",
];

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (gathered, source) = match &args.events {
        Some(path) => {
            let gathered = events::gather(path, args.standard.as_ref(), args.since)
                .map_err(|error| BadInput::because(format!("--events {}: {error}", path.display())))?;
            (gathered, path.display().to_string())
        }
        None => {
            let url = args.server.as_deref().unwrap_or_default();
            (args.query(url)?.gather(args.standard.as_ref(), args.since)?, url.to_owned())
        }
    };
    let report = Report::of(gathered, source, args.standard.as_ref(), args.since, Timestamp::now());
    let text = match args.format {
        Format::Table => render::table(&report),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
        Format::Csv => render::csv(&report),
    };
    print(&text)?;
    Ok(if report.unauthorised > 0 { ExitCode::from(failure::FINDINGS) } else { ExitCode::SUCCESS })
}

impl Args {
    fn query(&self, url: &str) -> anyhow::Result<Query> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => fargard_model::Secret::new(token.clone()),
            (None, Some(file)) => token_from_file(file).map_err(BadInput::because)?,
            (None, None) => return Err(BadInput::because("--server needs --token or --token-file").into()),
        };
        // The same rules as for sensors: no token goes out in clear.
        let server = Server::new(url, token, self.ca_file.clone())
            .map_err(|error| BadInput::because(format!("--server: {}", error.reason)))?;
        Query::new(&server.url, server.token.reveal().to_owned(), self.ca_file.as_deref())
    }
}

impl Report {
    pub(super) fn of(
        gathered: Gathered,
        source: String,
        standard: Option<&StandardName>,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let changes: Vec<ChangeLine> = gathered.changes.into_iter().map(line).collect();
        let mut not_covered = gathered.left_out;
        not_covered.extend(ALWAYS.map(str::to_owned));
        Self {
            made_at: now.rfc3339(),
            source,
            standard: standard.map(|standard| standard.0.clone()),
            since: since.map(Timestamp::rfc3339),
            tasks: gathered.tasks.into_iter().map(|task| coverage::of(task, standard, now)).collect(),
            unauthorised: changes.iter().filter(|change| !change.authorised).count(),
            changes,
            not_covered,
        }
    }
}

fn line(reported: Reported) -> ChangeLine {
    let Reported { change, state, decision } = reported;
    let said = matches!(state, Some(FindingState::Acknowledged | FindingState::Suppressed));
    // What happened after the decision was not decided on.
    let authorised = said && decision.as_ref().is_some_and(|decision| decision.at >= change.time);
    let state = state.map_or("unknown", FindingState::name).to_owned();
    ChangeLine { authorised, state, decision: decision.filter(|_| authorised), change }
}

/// RFC 3339, or `90s`, `15m`, `24h`, `7d` back from now.
fn time(text: &str) -> Result<Timestamp, String> {
    let bad = || "use RFC 3339 (2026-11-21T06:40:00Z) or a span back from now (24h)".to_owned();
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return u64::try_from(at.as_nanosecond()).map(Timestamp).map_err(|_| bad());
    }
    let (at, unit) = text.char_indices().last().ok_or_else(bad)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(bad()),
    };
    let number: u64 = text.get(..at).and_then(|digits| digits.parse().ok()).ok_or_else(bad)?;
    let back = number.saturating_mul(factor).saturating_mul(1_000_000_000);
    Ok(Timestamp(Timestamp::now().0.saturating_sub(back)))
}
