//! `fargard scan`: compliance checks of root file systems.

use std::{
    io::{self, IsTerminal, Write},
    ops::ControlFlow,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use fargard_model::{CheckResult, CheckStatus, Container, Task, Timestamp};
use fargard_scan::{CHECK_426, Limits, Target, WalkReport, miner};
use serde::Serialize;

use crate::failure::{self, BadInput};

/// Arguments of `fargard scan`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check a directory that holds a root file system
    Rootfs(RootfsArgs),
}

/// Arguments of `fargard scan rootfs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fargard scan rootfs ./rootfs --check 426 --format json\n\n\
    Exit codes: 0 passed, 1 failed, 2 usage or bad input, 3 not everything could be checked.")]
struct RootfsArgs {
    /// Directory: an unpacked image, `/`, or /proc/PID/root of a container's process
    dir: PathBuf,
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only these checks, by number (426 is the one there is so far)
    #[arg(long, value_name = "NUMBER", value_parser = known_check)]
    check: Vec<u32>,
    /// Enter mounts below the directory too (never kernel, remote or FUSE ones)
    #[arg(long)]
    cross_mounts: bool,
    /// Stop after this many seconds; what was not seen then counts as not checked
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// One document with what was scanned and the results
    Json,
}

/// Accepts the numbers of checks that exist.
fn known_check(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if number == CHECK_426.number => Ok(number),
        _ => Err(format!("there is no check {text:?} for root file systems; use {}", CHECK_426.number)),
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Rootfs(args) => rootfs(&args),
    }
}

/// A scanned directory and what the checks said of it.
#[derive(Serialize)]
struct Scan {
    rootfs: String,
    files: u64,
    bytes: u64,
    unreadable: u64,
    mounts_skipped: Vec<String>,
    results: Vec<CheckResult>,
}

fn rootfs(args: &RootfsArgs) -> anyhow::Result<ExitCode> {
    let limits = Limits {
        time: Duration::from_secs(args.timeout),
        cross_mounts: args.cross_mounts,
        ..Limits::default()
    };
    let mut progress = Progress::start();
    let found = miner::find(&args.dir, &limits, |report| {
        progress.show(report);
        ControlFlow::Continue(())
    });
    progress.clear();
    let (matches, report) = found.map_err(|error| {
        BadInput::because(format!(
            "cannot scan {}: {error}; name a directory you can read",
            args.dir.display()
        ))
    })?;
    let target = Target {
        id: "scan-check-1".to_owned(),
        time: Timestamp::now(),
        task: &Task::default(),
        container: &Container::default(),
    };
    let scan = Scan {
        rootfs: args.dir.display().to_string(),
        files: report.files,
        bytes: report.bytes,
        unreadable: report.unreadable,
        results: vec![CHECK_426.result(&matches, report.incomplete().as_deref(), target)],
        mounts_skipped: report.mounts_skipped,
    };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => write_table(&mut out, &scan, &matches),
        Format::Json => serde_json::to_writer_pretty(&mut out, &scan)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
    }
    .or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    .context("cannot print the results")?;
    Ok(exit_code(&scan.results))
}

/// 1 when a check failed, 3 when one could not be made, else 0.
fn exit_code(results: &[CheckResult]) -> ExitCode {
    let any = |status| results.iter().any(|result| result.status == status);
    if any(CheckStatus::Failed) {
        ExitCode::from(failure::FINDINGS)
    } else if any(CheckStatus::Error) {
        ExitCode::from(failure::INTERNAL)
    } else {
        ExitCode::SUCCESS
    }
}

fn write_table(out: &mut impl Write, scan: &Scan, matches: &[miner::Match]) -> io::Result<()> {
    for result in &scan.results {
        let word = match result.status {
            CheckStatus::Passed => "PASSED",
            CheckStatus::Failed => "FAILED",
            CheckStatus::Error => "ERROR",
        };
        writeln!(out, "{word:<7} {:<5} {:<9} {}", result.check, result.severity, result.title)?;
        let width = matches.iter().map(|found| found.path.len()).max().unwrap_or(0).min(60);
        for found in matches {
            writeln!(out, "        {:<width$}  {}", found.path, found.reason)?;
        }
        match result.status {
            CheckStatus::Passed => {}
            CheckStatus::Failed => writeln!(out, "        Remedy: {}", CHECK_426.remedy)?,
            CheckStatus::Error => writeln!(
                out,
                "        {}\n        Nothing was found in what could be seen. Run as a user who may read all of it, \
                 or with a longer --timeout.",
                result.cause
            )?,
        }
    }
    writeln!(out, "\n{} files, {} in {}", scan.files, megabytes(scan.bytes), scan.rootfs)?;
    if !scan.mounts_skipped.is_empty() {
        writeln!(out, "Mounts not entered: {}", scan.mounts_skipped.join(", "))?;
    }
    Ok(())
}

/// Bytes as people read them; with a tenth where that matters.
fn megabytes(bytes: u64) -> String {
    if bytes < 10_000_000 {
        format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
    } else {
        format!("{} MB", bytes / 1_000_000)
    }
}

/// One line on a terminal that says how far the scan is, from the second second on.
struct Progress {
    started: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    fn start() -> Self {
        Self { started: Instant::now(), shown: None, terminal: io::stderr().is_terminal() }
    }

    fn show(&mut self, report: &WalkReport) {
        let due = self.shown.unwrap_or(self.started).elapsed() >= Duration::from_millis(250);
        if !self.terminal || !due || self.started.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.shown = Some(Instant::now());
        let megabytes = report.bytes / 1_000_000;
        // Progress is a courtesy: when it cannot be written the scan goes on.
        let _ = write!(
            io::stderr(),
            "\r\x1b[Kscanning: {} files, {megabytes} MB, {} s",
            report.files,
            self.started.elapsed().as_secs()
        );
    }

    fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use fargard_scan::miner::{Kind, Match};

    use super::{
        CHECK_426, CheckStatus, Container, Scan, Target, Task, Timestamp, exit_code, known_check, write_table,
    };

    fn scan(matches: &[Match], incomplete: Option<&str>) -> Scan {
        let target = Target {
            id: "scan-check-1".to_owned(),
            time: Timestamp(1),
            task: &Task::default(),
            container: &Container::default(),
        };
        Scan {
            rootfs: "rootfs".to_owned(),
            files: 41_105,
            bytes: 1_055_000_000,
            unreadable: 0,
            mounts_skipped: vec!["/proc".to_owned()],
            results: vec![CHECK_426.result(matches, incomplete, target)],
        }
    }

    fn table(matches: &[Match], incomplete: Option<&str>) -> String {
        let mut out = Vec::new();
        write_table(&mut out, &scan(matches, incomplete), matches).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn xmrig() -> Match {
        Match {
            path: "/tmp/xmrig".to_owned(),
            reason: "named as a miner; same content as /usr/bin/sleep".to_owned(),
            kind: Kind::Name,
        }
    }

    #[test]
    fn small_trees_are_not_nothing() {
        assert_eq!(super::megabytes(239_123), "0.2 MB");
        assert_eq!(super::megabytes(10_000_000), "10 MB");
    }

    #[test]
    fn the_table_names_file_reason_and_remedy() {
        let text = table(&[xmrig()], None);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "FAILED  426   Critical  Image contains binaries used for crypto mining");
        assert_eq!(lines[1], "        /tmp/xmrig  named as a miner; same content as /usr/bin/sleep");
        assert!(lines[2].starts_with("        Remedy: Stop the task"));
        assert_eq!(lines[4..], ["41105 files, 1055 MB in rootfs", "Mounts not entered: /proc"]);
    }

    #[test]
    fn an_incomplete_scan_is_no_pass() {
        assert!(table(&[], None).starts_with("PASSED  426 "));
        let text = table(&[], Some("3 not readable, the first /root: Permission denied"));
        assert!(text.starts_with("ERROR   426 ") && text.contains("3 not readable"), "{text}");
        assert_eq!(scan(&[], Some("x")).results[0].status, CheckStatus::Error);
    }

    #[test]
    fn exit_codes_tell_failed_from_not_checked() {
        let code =
            |matches: &[Match], incomplete| format!("{:?}", exit_code(&scan(matches, incomplete).results));
        let expected = |code: u8| format!("{:?}", std::process::ExitCode::from(code));
        assert_eq!(code(&[], None), expected(0));
        assert_eq!(code(&[xmrig()], Some("cut")), expected(1));
        assert_eq!(code(&[], Some("cut")), expected(3));
    }

    #[test]
    fn unknown_checks_are_refused_with_the_known_ones() {
        assert_eq!(known_check("426"), Ok(426));
        assert!(known_check("448").unwrap_err().contains("use 426"));
        assert!(known_check("x").is_err());
    }
}
