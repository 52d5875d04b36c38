//! `fargard coverage`: which tasks are protected, which are not, why, and what to do.

mod render;
mod sweep;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use fargard_coverage::{
    rules::{Status, TaskStatus},
    view::{ClusterPage, ClusterView, TaskView},
};
use fargard_store::Counts;
use serde::{Deserialize, Serialize};

use super::remote::{Access, segment};
use crate::failure;

/// Most clusters listed.
const MAX_CLUSTERS: usize = 1_000_000;

/// Arguments of `fargard coverage`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Coverage: a cluster is healthy when the sensors of all its tasks report. The same is answered over \
        GuardDuty's API, for the AWS CLI and SDKs (docs/coverage.md)."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Clusters, the uncovered ones with their issues and what to do
    #[command(after_help = "Example:\n  fargard coverage list --status UNHEALTHY --account 111122223333\n\n\
        Exit codes: 0 all listed clusters are healthy, 1 some are not, 2 bad input, 3 the server does not answer.")]
    List {
        #[command(flatten)]
        filter: Filter,
        /// What clusters are sorted by: cluster, account, status, issue, updated
        #[arg(long, value_name = "KEY", default_value = "cluster")]
        sort: String,
        /// Greatest first
        #[arg(long)]
        descending: bool,
        /// How it is printed; table on a terminal, JSON otherwise
        #[arg(long, value_enum)]
        format: Option<Format>,
        #[command(flatten)]
        access: Access,
    },
    /// How many clusters are covered
    #[command(after_help = "Example:\n  fargard coverage stats --region eu-west-1")]
    Stats {
        #[command(flatten)]
        filter: Filter,
        /// How it is printed; table on a terminal, JSON otherwise
        #[arg(long, value_enum)]
        format: Option<Format>,
        #[command(flatten)]
        access: Access,
    },
    /// Why a task is covered or not, and what to do
    #[command(after_help = "Example:\n  fargard coverage explain 0f9de17a6465404e8b1b2356dc13c2f8\n\n\
        Exit codes: 0 it is covered or starting, 1 it is not, 2 bad input or unknown, 3 the server does not answer.")]
    Explain {
        /// ARN or id of the task
        task: String,
        /// How it is printed; table on a terminal, JSON otherwise
        #[arg(long, value_enum)]
        format: Option<Format>,
        #[command(flatten)]
        access: Access,
    },
    /// Tell the server what an account holds in a region: listed from ECS now, or from a file
    Sweep(sweep::Args),
}

#[derive(Debug, clap::Args)]
struct Filter {
    /// Only this account; may be repeated, as the others
    #[arg(long)]
    account: Vec<String>,
    /// Only this region
    #[arg(long)]
    region: Vec<String>,
    /// Only clusters of this name
    #[arg(long)]
    cluster: Vec<String>,
    /// Only HEALTHY or UNHEALTHY
    #[arg(long)]
    status: Vec<String>,
    /// Only AUTO_MANAGED or DISABLED
    #[arg(long)]
    management: Vec<String>,
}

impl Filter {
    fn pairs(&self) -> Vec<(&str, &str)> {
        let Self { account, region, cluster, status, management } = self;
        [
            ("account", account),
            ("region", region),
            ("cluster", cluster),
            ("status", status),
            ("management", management),
        ]
        .into_iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_str())))
        .collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Everything
    Json,
}

impl Format {
    fn or_usual(format: Option<Self>) -> Self {
        format.unwrap_or(if io::stdout().is_terminal() { Self::Table } else { Self::Json })
    }
}

/// A task and its cluster.
#[derive(Debug, Serialize, Deserialize)]
struct Explained {
    cluster: ClusterView,
    task: TaskView,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::List { filter, sort, descending, format, access } => {
            let order = if descending { "desc" } else { "asc" };
            let clusters = clusters(&filter, &sort, order, &access)?;
            print(Format::or_usual(format), &clusters, |clusters| render::clusters(clusters))?;
            Ok(code(clusters.iter().any(|cluster| cluster.status == Status::Unhealthy)))
        }
        Command::Stats { filter, format, access } => {
            let counts: Counts = access.open()?.get("/api/v1/coverage/statistics", &filter.pairs())?;
            print(Format::or_usual(format), &counts, |counts| render::counts(*counts))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Explain { task, format, access } => {
            let path = format!("/api/v1/coverage/tasks/{}", segment(&task));
            let explained: Explained = access.open()?.get(&path, &[])?;
            print(Format::or_usual(format), &explained, |explained| {
                render::task(&explained.cluster, &explained.task)
            })?;
            Ok(code(explained.task.status == TaskStatus::Uncovered))
        }
        Command::Sweep(args) => sweep::run(&args),
    }
}

fn code(uncovered: bool) -> ExitCode {
    if uncovered { ExitCode::from(failure::FINDINGS) } else { ExitCode::SUCCESS }
}

fn clusters(filter: &Filter, sort: &str, order: &str, access: &Access) -> anyhow::Result<Vec<ClusterView>> {
    let remote = access.open()?;
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = filter.pairs();
        query.extend([("sort", sort), ("order", order), ("limit", "500")]);
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page: ClusterPage = remote.get("/api/v1/coverage", &query)?;
        all.extend(page.clusters);
        cursor = page.next;
        if cursor.is_none() || all.len() >= MAX_CLUSTERS {
            return Ok(all);
        }
    }
}

fn print<T: Serialize>(format: Format, value: &T, table: impl Fn(&T) -> String) -> anyhow::Result<()> {
    match format {
        Format::Table => write(&table(value)),
        Format::Json => write(&(serde_json::to_string_pretty(value).context("writing JSON")? + "\n")),
    }
}

/// Writes to standard output; a reader that went away is no error.
fn write(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(()),
    }
}
