//! What the benchmarks print and write.

use std::{
    io::{IsTerminal, Write},
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{
    sensor::{Outcome, Report},
    statistics::{Samples, noise},
    variant::BASELINES,
};
use crate::sensor::size_text;

/// Shows how far a benchmark is; an empty text takes the line away.
pub(super) fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
        // A progress line that cannot be written is no reason to stop.
        let _ = std::io::stderr().flush();
    }
}

impl Outcome {
    /// Nanoseconds more than the baselines for one unit.
    fn extra(&self, name: &str, baseline: &Baseline) -> f64 {
        let found = self.samples.iter().find(|(known, _)| *known == name);
        found.map_or(f64::NAN, |(_, samples)| samples.median() - baseline.samples.median())
    }
}

/// What the two baselines of an outcome say together.
struct Baseline {
    samples: Samples,
    noise: f64,
}

impl Baseline {
    fn of(outcome: &Outcome) -> Self {
        let named = |name| {
            outcome
                .samples
                .iter()
                .find(|(known, _)| *known == name)
                .map_or_else(Samples::default, |(_, found)| found.clone())
        };
        let (first, second) = (named(BASELINES.0), named(BASELINES.1));
        Self { noise: noise(&first, &second), samples: first.joined(&second) }
    }

    /// How many times as long something took.
    fn ratio(&self, samples: &Samples) -> f64 {
        samples.median() / self.samples.median()
    }

    fn verdict(&self, ratio: f64) -> &'static str {
        if (ratio - 1.0).abs() <= self.noise { "within the baselines' spread" } else { "" }
    }
}

/// Prints the tables of the sensor's benchmark.
pub(super) fn print_sensor(report: &Report) {
    println!("\nWhat a task pays for the sensor: medians of {} interleaved rounds", report.rounds);
    for outcome in &report.outcomes {
        let baseline = Baseline::of(outcome);
        println!("\n{}", outcome.workload.title);
        println!("  {:<24} {:>12} {:>8} {:>8} {:>9}", "", "median", "spread", "ratio", "extra");
        for (name, samples) in &outcome.samples {
            let (median, ratio) = (samples.median(), baseline.ratio(samples));
            let extra = outcome.extra(name, &baseline);
            let verdict =
                if *name == BASELINES.0 || *name == BASELINES.1 { "" } else { baseline.verdict(ratio) };
            println!(
                "  {name:<24} {:>12} {:>7.1}% {:>7.2}x {:>9}  {verdict}",
                duration(median),
                samples.spread() * 100.0,
                ratio,
                duration(extra),
            );
        }
        for (name, events) in &outcome.events {
            let extra = outcome.extra(name, &baseline);
            let each =
                if *events > 0.1 { format!(", {} each", duration(extra / events)) } else { String::new() };
            println!("  {name}: {events:.3} calls seen for each unit{each}");
        }
        println!("  baselines differ by up to {:.1} %", baseline.noise * 100.0);
    }
    println!("\nsensor binary: {}", size_text(report.sensor_bytes));
    for (name, processes) in &report.resident {
        let rss: u64 = processes.iter().map(|process| process.rss).sum();
        let pss: u64 = processes.iter().map(|process| process.pss).sum();
        let each: Vec<String> =
            processes.iter().map(|process| format!("{} {} KiB", process.name, process.rss >> 10)).collect();
        println!(
            "memory, idle task, {name}: RSS {} KiB, PSS {} KiB ({})",
            rss >> 10,
            pss >> 10,
            each.join(", ")
        );
    }
    if !report.floods.is_empty() {
        println!("\nflood of opens, every one stopped");
    }
    for flood in &report.floods {
        let lost: Vec<String> =
            flood.told.lost.iter().map(|(class, number)| format!("{class} {number}")).collect();
        println!(
            "  {:>2} threads: {:.0} a second; {} calls seen, not handled: {}",
            flood.threads,
            flood.rate,
            flood.told.events,
            if lost.is_empty() { "none".to_owned() } else { lost.join(", ") }
        );
    }
}

/// Nanoseconds in the unit that fits.
fn duration(nanoseconds: f64) -> String {
    match nanoseconds.abs() {
        size if size >= 1e9 => format!("{:.2} s", nanoseconds / 1e9),
        size if size >= 1e6 => format!("{:.2} ms", nanoseconds / 1e6),
        size if size >= 1e3 => format!("{:.2} us", nanoseconds / 1e3),
        _ => format!("{nanoseconds:.0} ns"),
    }
}

/// The same as a document, with every measurement.
pub(super) fn sensor_json(report: &Report) -> Value {
    let outcomes: Vec<Value> = report
        .outcomes
        .iter()
        .map(|outcome| {
            let baseline = Baseline::of(outcome);
            let variants: Vec<Value> = outcome
                .samples
                .iter()
                .map(|(name, samples)| {
                    let ratio = baseline.ratio(samples);
                    let events =
                        outcome.events.iter().find(|(known, _)| known == name).map(|(_, events)| events);
                    json!({
                        "name": name,
                        "events_per_unit": events,
                        "median_ns": samples.median(),
                        "spread": samples.spread(),
                        "ratio": ratio,
                        "within_noise": (ratio - 1.0).abs() <= baseline.noise,
                        "samples_ns": samples.values(),
                    })
                })
                .collect();
            json!({
                "workload": outcome.workload.name,
                "title": outcome.workload.title,
                "noise": baseline.noise,
                "variants": variants,
            })
        })
        .collect();
    let resident: Vec<Value> = report
        .resident
        .iter()
        .map(|(name, processes)| {
            let each: Vec<Value> = processes
                .iter()
                .map(|process| json!({"name": process.name, "rss_bytes": process.rss, "pss_bytes": process.pss}))
                .collect();
            json!({"variant": name, "processes": each})
        })
        .collect();
    let floods: Vec<Value> = report
        .floods
        .iter()
        .map(|flood| {
            json!({
                "threads": flood.threads,
                "opens_per_second": flood.rate,
                "calls_seen": flood.told.events,
                "lost": flood.told.lost,
            })
        })
        .collect();
    json!({
        "benchmark": "sensor",
        "rounds": report.rounds,
        "unit": "nanoseconds for one unit of work",
        "workloads": outcomes,
        "sensor_binary_bytes": report.sensor_bytes,
        "resident": resident,
        "floods": floods,
    })
}

/// Writes a document for other programs.
pub(super) fn write_json(path: &Path, document: &Value) -> Result<()> {
    std::fs::write(path, format!("{document:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_read_well() {
        assert_eq!(
            [999.4, 1500.0, -2_500_000.0, 3e9].map(duration),
            ["999 ns", "1.50 us", "-2.50 ms", "3.00 s"]
        );
    }
}
