//! What rules cost, run by `cargo xtask bench rules`: the engine on four mixes of events with growing sets of rules,
//! CloudTrail records from file to verdict, loading, memory. Every figure is measured in this run, next to the same
//! engine without its index.
#![expect(clippy::print_stdout, reason = "the figures are the output")]

mod clock;
mod cloudtrail;
mod mixes;
mod rulesets;
mod shared;

use std::process::ExitCode;

use self::{mixes::Mix, rulesets::Subset};

/// Events read of each mix when nothing else is said: all of them.
const EVENTS: usize = 300_000;
/// What Falco 0.44.0 costs by event for the same mixes: replaying without rules, and what 25 and 93 rules add.
/// Falco's own engine replaying the same captures on another machine: context, no part of a ratio.
const FALCO: [(&str, [f64; 3]); 4] = [
    ("s_mixed", [673.0, 978.0, 3_879.0]),
    ("s_open", [680.0, 1_975.0, 7_958.0]),
    ("s_exec", [6_167.0, 1_213.0, 4_320.0]),
    ("s_net", [386.0, 593.0, 1_483.0]),
];
/// The same for CloudTrail: µs an event end to end, of which the source takes 6.5.
const FALCO_CLOUDTRAIL: f64 = 15.7;

fn main() -> ExitCode {
    let mut events = EVENTS;
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let number = if word == "--events" { words.next().and_then(|text| text.parse().ok()) } else { None };
        let Some(number) = number else {
            println!("usage: cargo xtask bench rules [--events N]");
            return ExitCode::from(2);
        };
        events = number;
    }
    match run(events) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("bench rules: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Any failure; the figures are worth nothing after one.
type Failure = Box<dyn std::error::Error>;

fn run(events: usize) -> Result<(), Failure> {
    let subsets = rulesets::all()?;
    load(&subsets)?;
    println!(
        "\nProcessor time by event, ns. `whole`: reading and evaluating each event. `cost`: what rules add to that."
    );
    println!(
        "`alone`: evaluating what was read in pieces before, without what no rules cost. `linear`: the same for"
    );
    println!("every rule of the event's type, without index.");
    for (name, falco) in FALCO {
        mix(&mixes::measure(name, &subsets, events)?, &subsets, &falco);
    }
    let found = cloudtrail::measure()?;
    println!(
        "\nCloudTrail, {} records of files, {} rules, read, split, evaluated",
        found.records, found.rules
    );
    println!("  end to end    {:8.2} µs an event (goal 3)", found.whole / 1e3);
    println!(
        "  of it rules   {:8.2} µs; without the index {:.2} µs",
        found.indexed / 1e3,
        found.linear / 1e3
    );
    println!("  Falco 0.44.0  {FALCO_CLOUDTRAIL:8.2} µs (context: another machine)");
    Ok(())
}

fn load(subsets: &[Subset]) -> Result<(), Failure> {
    println!("Loading (best of 5) and memory that stays");
    for subset in subsets {
        let cost = rulesets::cost(subset)?;
        println!(
            "  {:>5} rules  {:7.1} ms  {:8} KiB{}",
            subset.ruleset.rules().len(),
            cost.nanoseconds / 1e6,
            cost.resident / 1024,
            if subset.ruleset.rules().len() == 93 { "  (goal: under 50 ms)" } else { "" },
        );
    }
    Ok(())
}

fn mix(mix: &Mix, subsets: &[Subset], falco: &[f64; 3]) {
    println!("\n{} ({} events): reading {:.0}", mix.name, mix.events, mix.parse);
    println!("  rules     whole      cost     alone    linear  linear/alone  matches");
    let base = mix.costs.first().cloned().unwrap_or_default();
    for (subset, cost) in subsets.iter().zip(&mix.costs) {
        let (alone, linear) = (cost.indexed - base.indexed, cost.linear - base.linear);
        println!(
            "  {:>5}  {:8.0}  {:8.0}  {:8.1}  {:8.1}  {:12.1}  {:7}",
            subset.ruleset.rules().len(),
            cost.replayed,
            cost.replayed - base.replayed,
            alone,
            linear,
            if alone > 0.0 { linear / alone } else { 1.0 },
            cost.matches,
        );
    }
    let [none, stable, all] = falco;
    println!(
        "  Falco 0.44.0 on another machine, context: no rules {none:.0}, 25 add {stable:.0}, 93 add {all:.0}"
    );
}
