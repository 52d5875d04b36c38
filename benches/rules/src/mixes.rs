//! Events of the synthetic captures, in two ways. Engine alone: read in pieces, each piece evaluated by every set, so
//! that the sets see the same moments of a busy machine. With parsing: each event evaluated as soon as it is read, the
//! capture once from end to end for each set, as a replay does.

use std::{fs::File, io::Read};

use fargard_model::Event;
use fargard_rules::{RuleId, Ruleset};
use fargard_scap::{Capture, decompressed};

use crate::{Failure, clock, rulesets::Subset, shared};

/// Events of one piece.
const PIECE: usize = 256;
/// Times that each piece is evaluated; the best counts, so that no set pays for being the first to read an event.
const TIMES: usize = 3;
/// Times that the capture is replayed with each set, in turn; the best counts.
const REPLAYS: usize = 3;

/// What a mix costs by event, in nanoseconds.
pub(crate) struct Mix {
    pub(crate) name: &'static str,
    pub(crate) events: usize,
    pub(crate) parse: f64,
    /// By set.
    pub(crate) costs: Vec<Cost>,
}

/// What one set costs.
#[derive(Clone, Default)]
pub(crate) struct Cost {
    /// Reading and evaluating, one after the other.
    pub(crate) replayed: f64,
    pub(crate) indexed: f64,
    pub(crate) linear: f64,
    pub(crate) matches: usize,
}

/// Reads at most so many events of a mix.
pub(crate) fn measure(name: &'static str, subsets: &[Subset], most: usize) -> Result<Mix, Failure> {
    let mut capture = open(name)?;
    let mut mix = Mix { name, events: 0, parse: 0.0, costs: vec![Cost::default(); subsets.len()] };
    while mix.events < most {
        let (parse, piece) = clock::timed(|| capture.by_ref().take(PIECE).collect::<Result<Vec<_>, _>>());
        let piece = piece?;
        if piece.is_empty() {
            break;
        }
        mix.events += piece.len();
        mix.parse += parse;
        for (subset, cost) in subsets.iter().zip(&mut mix.costs) {
            let (nanoseconds, matches) =
                best(&subset.ruleset, &piece, |rules, event, found| rules.evaluate(event, found));
            cost.indexed += nanoseconds;
            cost.matches += matches;
            let (nanoseconds, expected) = best(&subset.ruleset, &piece, |rules, event, found| {
                rules.evaluate_all_conditions(event, found);
            });
            cost.linear += nanoseconds;
            if matches != expected {
                return Err(
                    format!("{name}: the index finds {matches} matches, without it {expected}").into()
                );
            }
        }
    }
    let mut replays = vec![f64::MAX; subsets.len()];
    for _ in 0..REPLAYS {
        for (subset, best) in subsets.iter().zip(&mut replays) {
            let (nanoseconds, read) = clock::timed(|| replay(name, &subset.ruleset, most));
            read?;
            *best = best.min(nanoseconds);
        }
    }
    let by_event = |sum: &mut f64| *sum /= mix.events as f64;
    by_event(&mut mix.parse);
    for (cost, replayed) in mix.costs.iter_mut().zip(replays) {
        cost.replayed = replayed / mix.events as f64;
        by_event(&mut cost.indexed);
        by_event(&mut cost.linear);
    }
    Ok(mix)
}

fn open(name: &str) -> Result<Capture<Box<dyn Read + Send>>, Failure> {
    let path = shared::path("data/falco/bench").join(format!("{name}.scap.zst"));
    let file = File::open(&path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    Ok(Capture::new(decompressed(file)?))
}

fn replay(name: &str, ruleset: &Ruleset, most: usize) -> Result<usize, Failure> {
    let mut found = Vec::new();
    let mut matches = 0;
    for event in open(name)?.take(most) {
        ruleset.evaluate(&event?, &mut found);
        matches += found.len();
    }
    Ok(matches)
}

fn best(
    ruleset: &Ruleset,
    piece: &[Event],
    evaluate: impl Fn(&Ruleset, &Event, &mut Vec<RuleId>),
) -> (f64, usize) {
    let mut found = Vec::new();
    let mut matches = 0;
    let mut best = f64::MAX;
    for _ in 0..TIMES {
        let (nanoseconds, all) = clock::timed(|| {
            let mut all = 0;
            for event in piece {
                evaluate(ruleset, event, &mut found);
                all += found.len();
            }
            all
        });
        best = best.min(nanoseconds);
        matches = all;
    }
    (best, matches)
}
