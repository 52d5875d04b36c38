//! Standards and their controls: which checks speak of them, and how targets stand with each.

use std::collections::{BTreeMap, BTreeSet};

use fargard_model::standard::{Standard, of_tag};
use serde::Serialize;

/// A standard that results are shown by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Framework {
    /// Payment Card Industry Data Security Standard.
    PciDss,
    /// NIST SP 800-53.
    Nist80053,
    /// NIST SP 800-190.
    Nist800190,
    /// CIS Docker Benchmark.
    Cis,
    /// AICPA SOC 2.
    Soc2,
    /// HIPAA security rule.
    Hipaa,
}

impl Framework {
    /// Every standard, in the order of pages.
    pub const ALL: [Self; 6] =
        [Self::PciDss, Self::Nist80053, Self::Nist800190, Self::Cis, Self::Soc2, Self::Hipaa];

    /// Name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::PciDss => Standard::PciDss.title(),
            Self::Nist80053 => Standard::Nist80053.title(),
            Self::Nist800190 => Standard::Nist800190.title(),
            Self::Cis => "CIS Docker",
            Self::Soc2 => Standard::Soc2.title(),
            Self::Hipaa => Standard::Hipaa.title(),
        }
    }

    /// Name for programs, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PciDss => "pci_dss",
            Self::Nist80053 => "nist80053",
            Self::Nist800190 => "nist800190",
            Self::Cis => "cis",
            Self::Soc2 => "soc2",
            Self::Hipaa => "hipaa",
        }
    }
}

/// The controls that a check speaks of: those of its tags, and that of the CIS benchmark its number says.
pub fn controls<'t>(check: u32, tags: impl IntoIterator<Item = &'t str>) -> BTreeSet<(Framework, String)> {
    let mut controls: BTreeSet<(Framework, String)> = tags.into_iter().filter_map(control).collect();
    controls.extend(cis(check).map(|control| (Framework::Cis, control)));
    controls
}

/// The control of a tag; tags that only name a standard say nothing of a control.
fn control(tag: &str) -> Option<(Framework, String)> {
    if let Some(rest) = tag.strip_prefix("CIS_") {
        let control = rest.rsplit('_').next().unwrap_or_default();
        return (!control.is_empty()).then(|| (Framework::Cis, control.to_owned()));
    }
    let (standard, control) = of_tag(tag)?;
    let framework = match standard {
        Standard::PciDss => Framework::PciDss,
        Standard::Nist80053 => Framework::Nist80053,
        Standard::Nist800190 => Framework::Nist800190,
        Standard::Soc2 => Framework::Soc2,
        Standard::Hipaa => Framework::Hipaa,
        _ => return None,
    };
    (!control.is_empty()).then(|| (framework, control.to_owned()))
}

/// The recommendation of the CIS Docker Benchmark that Prisma's number of a check stands for: its number without the
/// point, for sections 4 (images) and 5 (containers); 406 is 4.6.
fn cis(check: u32) -> Option<String> {
    match check {
        41..=49 => Some(format!("4.{}", check - 40)),
        406 => Some("4.6".to_owned()),
        410..=412 => Some(format!("4.{}", check - 400)),
        51..=59 => Some(format!("5.{}", check - 50)),
        510..=531 => Some(format!("5.{}", check - 500)),
        _ => None,
    }
}

/// What came of a check on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not so, and the policy does not ignore it.
    Failed,
    /// Not so, and ignored by a rule or an exception.
    Ignored,
    /// The check could not be made.
    Error,
}

/// How targets stand with something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Checks passed on targets.
    pub passed: u64,
    /// Checks failed on targets.
    pub failed: u64,
    /// Checks failed on targets, and ignored by the policy.
    pub ignored: u64,
    /// Checks that were not made on targets, or could not be.
    pub not_assessed: u64,
}

/// How a control stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Some check failed on some target.
    Failed,
    /// No check failed, and some passed.
    Passed,
    /// No check was made anywhere, or what failed is ignored.
    NotAssessed,
}

impl Tally {
    /// How it stands.
    #[must_use]
    pub fn state(self) -> State {
        match (self.failed, self.passed) {
            (1.., _) => State::Failed,
            (0, 1..) => State::Passed,
            (0, 0) => State::NotAssessed,
        }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.not_assessed += other.not_assessed;
    }
}

/// How all targets stand with all standards.
#[derive(Clone, Debug, Default)]
pub struct Report {
    targets: u64,
    checks: BTreeMap<u32, (Tally, BTreeSet<(Framework, String)>)>,
}

/// How a control stands, with its checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Its number in the standard.
    pub control: String,
    /// How it stands.
    pub state: State,
    /// Sum over its checks.
    #[serde(flatten)]
    pub tally: Tally,
    /// Numbers of its checks.
    pub checks: Vec<u32>,
}

impl Report {
    /// A report on checks of which these are known, by number and tags.
    pub fn new<'t>(checks: impl IntoIterator<Item = (u32, &'t [&'t str])>) -> Self {
        let known = checks
            .into_iter()
            .map(|(check, tags)| (check, (Tally::default(), controls(check, tags.iter().copied()))));
        Self { targets: 0, checks: known.collect() }
    }

    /// Counts a target with the results there are of it: number, tags and outcome, each check once.
    pub fn add<'t>(&mut self, results: impl IntoIterator<Item = (u32, &'t [String], Outcome)>) {
        self.targets += 1;
        for (check, tags, outcome) in results {
            let (tally, _) = self
                .checks
                .entry(check)
                .or_insert_with(|| (Tally::default(), controls(check, tags.iter().map(String::as_str))));
            match outcome {
                Outcome::Passed => tally.passed += 1,
                Outcome::Failed => tally.failed += 1,
                Outcome::Ignored => tally.ignored += 1,
                // Counted as what is missing.
                Outcome::Error => {}
            }
        }
    }

    /// Targets counted.
    #[must_use]
    pub fn targets(&self) -> u64 {
        self.targets
    }

    /// How targets stand with each check.
    pub fn checks(&self) -> impl Iterator<Item = (u32, Tally)> {
        self.checks.iter().map(|(check, (tally, _))| (*check, self.complete(*tally)))
    }

    fn complete(&self, tally: Tally) -> Tally {
        let made = tally.passed + tally.failed + tally.ignored;
        Tally { not_assessed: self.targets.saturating_sub(made), ..tally }
    }

    /// The controls of a standard, in its own order.
    #[must_use]
    pub fn controls(&self, framework: Framework) -> Vec<Control> {
        let mut controls: BTreeMap<Vec<Part>, (String, Tally, Vec<u32>)> = BTreeMap::new();
        for (check, (tally, named)) in &self.checks {
            for (_, control) in named.iter().filter(|(of, _)| *of == framework) {
                let entry = controls.entry(parts(control)).or_default();
                control.clone_into(&mut entry.0);
                entry.1.add(self.complete(*tally));
                entry.2.push(*check);
            }
        }
        controls
            .into_values()
            .map(|(control, tally, checks)| Control { control, state: tally.state(), tally, checks })
            .collect()
    }

    /// Controls of a standard by how they stand: failed, passed, not assessed.
    #[must_use]
    pub fn states(&self, framework: Framework) -> (u64, u64, u64) {
        self.controls(framework).iter().fold((0, 0, 0), |(failed, passed, other), control| {
            match control.state {
                State::Failed => (failed + 1, passed, other),
                State::Passed => (failed, passed + 1, other),
                State::NotAssessed => (failed, passed, other + 1),
            }
        })
    }
}

/// A part of a control's number: 10 comes after 2.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Text(String),
    Number(u64),
}

fn parts(control: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = control;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|each: char| each.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(match part.parse() {
            Ok(number) if is_digit => Part::Number(number),
            _ => Part::Text(part.to_owned()),
        });
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{Framework, Outcome, Report, State, controls};

    #[test]
    fn checks_speak_of_controls() {
        let of = |check, tags: &[&str]| {
            let found = controls(check, tags.iter().copied());
            found.iter().map(|(of, control)| format!("{} {control}", of.title())).collect::<Vec<_>>()
        };
        assert_eq!(of(41, &["PCI_DSS_2.2.6", "PCI", "T1548.001"]), ["PCI DSS 2.2.6", "CIS Docker 4.1"]);
        assert_eq!(of(426, &["SOC2_CC6.8", "mitre_impact"]), ["SOC 2 CC6.8"]);
        assert_eq!(of(9000, &["CIS_DOCKER_5.12"]), ["CIS Docker 5.12"]);
        assert_eq!(
            (of(406, &[]), of(512, &[])),
            (vec!["CIS Docker 4.6".into()], vec!["CIS Docker 5.12".into()])
        );
    }

    #[test]
    fn what_was_not_made_is_not_passed() {
        let (miners, keys): (&[&str], &[&str]) =
            (&["PCI_DSS_5.2", "PCI_DSS_10.1"], &["PCI_DSS_5.2", "HIPAA_164.312(d)"]);
        let mut report = Report::new([(426, miners), (425, keys)]);
        let state = |report: &Report, control: &str| {
            let controls = report.controls(Framework::PciDss);
            let found = controls.iter().find(|each| each.control == control).unwrap();
            (found.state, found.tally.passed, found.tally.failed, found.tally.not_assessed)
        };
        assert_eq!(state(&report, "5.2"), (State::NotAssessed, 0, 0, 0));
        report.add([(426, &[][..], Outcome::Passed)]);
        assert_eq!(state(&report, "5.2"), (State::Passed, 1, 0, 1));
        report.add([(426, &[][..], Outcome::Failed), (425, &[][..], Outcome::Error)]);
        assert_eq!(state(&report, "5.2"), (State::Failed, 1, 1, 2));
        let order: Vec<String> =
            report.controls(Framework::PciDss).into_iter().map(|control| control.control).collect();
        assert_eq!(order, ["5.2", "10.1"]);
        assert_eq!(report.states(Framework::Hipaa), (0, 0, 1));
    }
}
