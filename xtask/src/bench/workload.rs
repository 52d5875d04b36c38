//! The workloads, each giving nanoseconds for one measurement.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use super::{
    http::Server,
    options::Options,
    redis::Redis,
    variant::{Variant, elapsed},
};
use crate::shell::{must, root, works};

/// Files that the file storms go over.
const FILES: usize = 500;
const CAT_ROUNDS: &str = "50";
const OPEN_ROUNDS: &str = "100";
const WRITE_ROUNDS: &str = "10";
const SPAWNS: &str = "400";
const EXECS: &str = "500";
const COMPILES: &str = "10";

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
pub(super) const ALL: [Workload; 10] = [
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
        name: "exec",
        title: "nothing but /bin/true started and waited for, 500",
        units: 500,
        measure: exec,
    },
    Workload { name: "compile", title: "gcc compiles a small file, 10 times", units: 10, measure: compile },
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
    Workload { name: "redis", title: "redis, GET by 8 clients", units: 0, measure: redis },
    Workload { name: "start", title: "start-up: one /bin/true", units: 0, measure: start },
];

impl Workload {
    /// Measures once; nanoseconds for one unit of work.
    pub(super) fn measure(&self, bench: &Bench, variant: &Variant) -> Result<f64> {
        let nanoseconds = (self.measure)(bench, variant)
            .with_context(|| format!("{} under {}", self.name, variant.name))?;
        Ok(nanoseconds / f64::from(self.units.max(1)))
    }

    /// The programs it needs beside the repository's.
    fn needs(&self) -> &'static [&'static str] {
        match self.name {
            "keepalive" | "connect" => &["/usr/sbin/nginx", "wrk"],
            "redis" => &["redis-server", "redis-benchmark"],
            "compile" => &["gcc"],
            _ => &[],
        }
    }

    /// Whether what it needs is installed.
    pub(super) fn is_possible(&self) -> bool {
        self.needs().iter().all(|program| installed(program))
    }
}

/// A name of `--only` that is no workload: see [`super::throughput`].
pub(super) const FLOOD: &str = "flood";

/// Wanted workloads that cannot be run here, and why.
pub(super) fn missing(options: &Options) -> Vec<String> {
    let wanted = ALL.iter().filter(|workload| options.wants(workload.name) && !workload.is_possible());
    wanted.map(|workload| format!("{}: needs {}", workload.name, workload.needs().join(" and "))).collect()
}

fn installed(program: &str) -> bool {
    works(&["sh", "-c", &format!("command -v {program}")])
}

/// What the workloads need on disk; removed at the end.
#[derive(Debug)]
pub(super) struct Bench {
    directory: PathBuf,
    storm: String,
    tracer: Option<String>,
}

impl Bench {
    /// Builds the workload program and makes the files.
    pub(super) fn prepare() -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("fargard-bench-{}", std::process::id()));
        let files = directory.join("files");
        std::fs::create_dir_all(&files).with_context(|| format!("cannot create {}", files.display()))?;
        let storm = directory.join("storm").to_string_lossy().into_owned();
        let mut bench = Self { directory, storm, tracer: None };
        must(&["rustc", "-O", "--edition", "2024", "-o", &bench.storm, "benches/storm.rs"])?;
        if installed("gcc") {
            let tracer = bench.directory.join("tracer").to_string_lossy().into_owned();
            must(&["gcc", "-O2", "-o", &tracer, "benches/tracer.c"])?;
            bench.tracer = Some(tracer);
        }
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

    /// Path of the plain tracer, where there is a compiler for it.
    pub(super) fn tracer(&self) -> Option<&str> {
        self.tracer.as_deref()
    }

    /// Directory of the files that are opened.
    pub(super) fn files(&self) -> String {
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

fn exec(bench: &Bench, variant: &Variant) -> Result<f64> {
    elapsed(variant.command(&[&bench.storm, "starts", "/bin/true", EXECS]))
}

fn compile(bench: &Bench, variant: &Variant) -> Result<f64> {
    let script = root().join("benches/compile.bash").to_string_lossy().into_owned();
    let source = root().join("benches/small.c").to_string_lossy().into_owned();
    let object = bench.directory.join("small.o").to_string_lossy().into_owned();
    elapsed(variant.command(&["bash", &script, &source, &object, COMPILES]))
}

fn redis(bench: &Bench, variant: &Variant) -> Result<f64> {
    Redis::start(bench.directory(), variant)?.load()
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
