//! `cargo xtask bench sensor`: what a task pays for the sensor.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{
    events,
    options::Options,
    report,
    resident::{self, Resident},
    statistics::Samples,
    throughput::{self, Flood},
    variant::{self, READS_TRAPPED, Variant},
    workload::{self, Bench, FLOOD, Workload},
};
use crate::sensor;

/// Measurements of each variant unless told otherwise; odd, so that the median is one of them.
const ROUNDS: usize = 7;

/// What one workload cost under each variant.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) workload: Workload,
    /// In the order of [`variant::all`]; nanoseconds for one unit.
    pub(super) samples: Vec<(&'static str, Samples)>,
    /// Calls the sensor's variants saw for one unit.
    pub(super) events: Vec<(&'static str, f64)>,
}

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) rounds: usize,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) sensor_bytes: u64,
    pub(super) resident: Vec<(&'static str, Vec<Resident>)>,
    /// Of a sensor that stops every open.
    pub(super) floods: Vec<Flood>,
}

/// Runs the benchmark.
pub(super) fn run(words: &[&str]) -> Result<bool> {
    let options = Options::parse(words, &["sensor", "rules", "rounds", "only", "json"])?;
    let is_known = |name: &&String| *name == FLOOD || workload::ALL.iter().any(|known| known.name == **name);
    if let Some(unknown) = options.only.iter().find(|name| !is_known(name)) {
        let known = workload::ALL.map(|workload| workload.name).join(", ");
        bail!(lexopt::Error::from(format!("--only {unknown}: use one of {known}, {FLOOD}")));
    }
    let program: PathBuf = match &options.sensor {
        Some(path) => {
            path.canonicalize().with_context(|| format!("cannot find the sensor {}", path.display()))?
        }
        None => sensor::build()?,
    };
    let bench = Bench::prepare()?;
    let variants = variant::all(&program, options.rules.as_deref(), &bench)?;
    let rounds = options.rounds.unwrap_or(ROUNDS);
    let mut outcomes = Vec::new();
    for missing in workload::missing(&options) {
        println!("left out: {missing}");
    }
    for workload in
        workload::ALL.into_iter().filter(|workload| options.wants(workload.name) && workload.is_possible())
    {
        outcomes.push(compare(workload, &bench, &variants, &program, rounds)?);
    }
    let report = Report {
        rounds,
        outcomes,
        sensor_bytes: sensor::size(&program)?,
        resident: memory(&bench, &variants, &program)?,
        floods: floods(&options, &bench, &variants, &program)?,
    };
    report::print_sensor(&report);
    if let Some(path) = &options.json {
        report::write_json(path, &report::sensor_json(&report))?;
    }
    Ok(true)
}

/// Measures one workload under every variant, one round after the other, each round starting with another variant
/// so that nothing always follows the same neighbour. The first round warms caches and is not counted.
fn compare(
    workload: Workload,
    bench: &Bench,
    variants: &[Variant],
    program: &Path,
    rounds: usize,
) -> Result<Outcome> {
    let mut samples: Vec<(&'static str, Samples)> =
        variants.iter().map(|variant| (variant.name, Samples::default())).collect();
    for round in 0..=rounds {
        report::progress(&format!("{}: round {round} of {rounds}", workload.name));
        for step in 0..variants.len() {
            let index = (step + round) % variants.len();
            let (Some(variant), Some((_, measured))) = (variants.get(index), samples.get_mut(index)) else {
                continue;
            };
            let value = workload.measure(bench, variant)?;
            // An engine that still works off the last run would disturb the next.
            if variant.is_sensor() {
                events::wait_for_end(program)?;
            }
            if round > 0 {
                measured.push(value);
            }
        }
    }
    report::progress("");
    Ok(Outcome { workload, samples, events: count_events(workload, bench, variants, program)? })
}

/// Calls for one unit of work, from a run of its own. The server's workloads have no fixed number of units.
fn count_events(
    workload: Workload,
    bench: &Bench,
    variants: &[Variant],
    program: &Path,
) -> Result<Vec<(&'static str, f64)>> {
    if workload.units == 0 {
        return Ok(Vec::new());
    }
    let sensors = variants.iter().filter(|variant| variant.is_sensor());
    let count = |variant: &Variant| {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let events = events::count(&workload, bench, variant, program)? as f64;
        Ok((variant.name, events / f64::from(workload.units)))
    };
    sensors.map(count).collect()
}

fn floods(options: &Options, bench: &Bench, variants: &[Variant], program: &Path) -> Result<Vec<Flood>> {
    let trapping = variants.iter().find(|variant| variant.name == READS_TRAPPED);
    match trapping.filter(|_| options.wants(FLOOD)) {
        Some(variant) => throughput::measure(bench, variant, program),
        None => Ok(Vec::new()),
    }
}

/// Memory of the sensor in each of its modes.
fn memory(bench: &Bench, variants: &[Variant], program: &Path) -> Result<Vec<(&'static str, Vec<Resident>)>> {
    let sensors = variants.iter().filter(|variant| variant.is_sensor());
    sensors.map(|variant| Ok((variant.name, resident::measure(bench, variant, program)?))).collect()
}
