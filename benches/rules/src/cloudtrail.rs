//! CloudTrail records from file to verdict.

use fargard_cloudtrail::Reader;
use fargard_model::bounded;
use fargard_rules::{Record, SourceFile, load};

use crate::{Failure, clock, shared};

const ROUNDS: usize = 7;

/// What a record costs, in nanoseconds.
pub(crate) struct Found {
    pub(crate) records: usize,
    pub(crate) rules: usize,
    pub(crate) whole: f64,
    pub(crate) indexed: f64,
    pub(crate) linear: f64,
}

/// The best of several rounds.
pub(crate) fn measure() -> Result<Found, Failure> {
    let path = shared::path("data/falco/aws_cloudtrail_rules.yaml");
    let text = bounded::read_to_string(&path, 16 << 20)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let ruleset = load(&[SourceFile { name: "aws_cloudtrail_rules.yaml".to_owned(), text }])
        .ruleset
        .ok_or("the CloudTrail rules did not load")?;
    let paths = ["invictus-ir", "stratus-red-team"].map(|name| shared::path("data/cloudtrail").join(name));
    let records: Vec<Record> = Reader::open(&paths)?.collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    let (mut whole, mut indexed, mut linear) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let (nanoseconds, read) = clock::timed(|| -> Result<usize, Failure> {
            let mut read = 0;
            for record in Reader::open(&paths)? {
                ruleset.evaluate(&record?, &mut found);
                read += 1;
            }
            Ok(read)
        });
        if read? != records.len() {
            return Err("the files changed".into());
        }
        whole = whole.min(nanoseconds);
        indexed = indexed
            .min(clock::timed(|| records.iter().for_each(|record| ruleset.evaluate(record, &mut found))).0);
        linear = linear.min(
            clock::timed(|| {
                records.iter().for_each(|record| ruleset.evaluate_all_conditions(record, &mut found));
            })
            .0,
        );
    }
    let count = records.len() as f64;
    Ok(Found {
        records: records.len(),
        rules: ruleset.rules().iter().filter(|rule| rule.enabled).count(),
        whole: whole / count,
        indexed: indexed / count,
        linear: linear / count,
    })
}
