//! The workloads, each giving nanoseconds for one measurement.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use super::{
    http::Server,
    variant::{Variant, elapsed},
};
use crate::shell::{must, root};

/// Files that the file storms go over.
const FILES: usize = 500;
const CAT_ROUNDS: &str = "50";
const OPEN_ROUNDS: &str = "100";
const WRITE_ROUNDS: &str = "10";
const SPAWNS: &str = "400";

/// Something to run under each variant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    /// Name, as `--only` takes it.
    pub(super) name: &'static str,
    /// What it does, for people.
    pub(super) title: &'static str,
    /// Units of work in one measurement; costs are given per unit. 0 when the measurement is per unit already.
    pub(super) units: u32,
    measure: fn(&Bench, &Variant) -> Result<f64>,
}

/// Every workload in the order they are run.
pub(super) const ALL: [Workload; 7] = [
    Workload { name: "cat", title: "file storm: cat reads 500 files, 50 times", units: 25_000, measure: cat },
    Workload { name: "opens", title: "nothing but opens for reading, 50,000", units: 50_000, measure: opens },
    Workload {
        name: "writes",
        title: "nothing but files written and removed, 5,000",
        units: 5_000,
        measure: writes,
    },
    Workload {
        name: "spawn",
        title: "process storm: bash starts /bin/true 400 times",
        units: 400,
        measure: spawn,
    },
    Workload {
        name: "keepalive",
        title: "nginx, kept connections, one open a request",
        units: 0,
        measure: keepalive,
    },
    Workload {
        name: "connect",
        title: "nginx, a new connection for each request",
        units: 0,
        measure: connect,
    },
    Workload { name: "start", title: "start-up: one /bin/true", units: 0, measure: start },
];

impl Workload {
    /// Measures once; nanoseconds for one unit of work.
    pub(super) fn measure(&self, bench: &Bench, variant: &Variant) -> Result<f64> {
        let nanoseconds = (self.measure)(bench, variant)
            .with_context(|| format!("{} under {}", self.name, variant.name))?;
        Ok(nanoseconds / f64::from(self.units.max(1)))
    }
}

/// What the workloads need on disk; removed at the end.
#[derive(Debug)]
pub(super) struct Bench {
    directory: PathBuf,
    storm: String,
}

impl Bench {
    /// Builds the workload program and makes the files.
    pub(super) fn prepare() -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("fargard-bench-{}", std::process::id()));
        let files = directory.join("files");
        std::fs::create_dir_all(&files).with_context(|| format!("cannot create {}", files.display()))?;
        let storm = directory.join("storm").to_string_lossy().into_owned();
        let bench = Self { directory, storm };
        must(&["rustc", "-O", "--edition", "2024", "-o", &bench.storm, "benches/storm.rs"])?;
        for number in 0..FILES {
            let file = files.join(format!("{number:04}"));
            std::fs::write(&file, "a line of text\n".repeat(64))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(bench)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Path of the workload program.
    pub(super) fn storm(&self) -> &str {
        &self.storm
    }

    fn files(&self) -> String {
        self.directory.join("files").to_string_lossy().into_owned()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Left-overs in the directory for temporary files harm nobody.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn cat(bench: &Bench, variant: &Variant) -> Result<f64> {
    let script = root().join("benches/cat.bash").to_string_lossy().into_owned();
    elapsed(variant.command(&["bash", &script, &bench.files(), CAT_ROUNDS]))
}

fn opens(bench: &Bench, variant: &Variant) -> Result<f64> {
    elapsed(variant.command(&[&bench.storm, "opens", &bench.files(), OPEN_ROUNDS]))
}

fn writes(bench: &Bench, variant: &Variant) -> Result<f64> {
    elapsed(variant.command(&[&bench.storm, "writes", &bench.files(), WRITE_ROUNDS]))
}

fn spawn(_bench: &Bench, variant: &Variant) -> Result<f64> {
    let script = root().join("benches/spawn.bash").to_string_lossy().into_owned();
    elapsed(variant.command(&["bash", &script, SPAWNS]))
}

fn keepalive(bench: &Bench, variant: &Variant) -> Result<f64> {
    Server::start(bench.directory(), variant)?.load(false)
}

fn connect(bench: &Bench, variant: &Variant) -> Result<f64> {
    Server::start(bench.directory(), variant)?.load(true)
}

/// From before the start of the outermost program until it has ended.
fn start(_bench: &Bench, variant: &Variant) -> Result<f64> {
    const TIMES: u32 = 10;
    let mut total = 0.0;
    for _ in 0..TIMES {
        let started = Instant::now();
        let status = variant.command(&["/bin/true"]).status().context("cannot run /bin/true")?;
        total += started.elapsed().as_secs_f64() * 1e9;
        if !status.success() {
            bail!("/bin/true: {status}");
        }
    }
    Ok(total / f64::from(TIMES))
}
