//! Results of compliance checks and known vulnerabilities in the forms that other tools read. All are pure functions of
//! a [`Report`].

mod asff;
mod csv;
mod junit;
mod ocsf;
mod sarif;

use fargard_model::{CheckResult, Priority, Timestamp, standard::of_tag};

pub use self::{
    asff::{Account, asff},
    csv::csv,
    junit::junit,
    ocsf::ocsf,
    sarif::{level, sarif, uri},
};

/// What was checked, and what the checks said.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The image's reference, the directory, the task.
    pub target: &'a str,
    /// The image's digest.
    pub digest: Option<&'a str>,
    /// When it was looked at.
    pub time: Timestamp,
    /// Version of this program.
    pub tool_version: &'a str,
    /// The checks that were made, by number.
    pub checks: Vec<Check<'a>>,
    /// Those that were not, with the reason.
    pub skipped: Vec<Skipped<'a>>,
    /// Known vulnerabilities, the worst first.
    pub flaws: Vec<Flaw<'a>>,
}

/// A check that was made.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    /// What it said.
    pub result: &'a CheckResult,
    /// What is looked for.
    pub description: &'a str,
    /// What to do when it fails.
    pub remedy: &'a str,
    /// Everything it found, also what fails nothing.
    pub findings: Vec<Item<'a>>,
}

/// One thing that a check found.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The file, variable or setting, printable.
    pub subject: &'a str,
    /// Which kind of finding, one word.
    pub class: &'a str,
    /// Why, for people.
    pub reason: &'a str,
    /// How bad it is.
    pub severity: Priority,
}

/// A check that was not made.
#[derive(Clone, Copy, Debug)]
pub struct Skipped<'a> {
    /// Its number.
    pub number: u32,
    /// Its title.
    pub title: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// A known vulnerability of an installed package.
#[derive(Clone, Copy, Debug)]
pub struct Flaw<'a> {
    /// The CVE's number, or the advisory's where there is none.
    pub id: &'a str,
    /// The package, as its ecosystem writes it.
    pub package: &'a str,
    /// The installed version.
    pub version: &'a str,
    /// The lowest version without it.
    pub fixed: Option<&'a str>,
    /// `fixed`, `unfixed`, ...
    pub status: &'a str,
    /// `critical`, `high`, `medium`, `low`, `negligible`, `unknown`.
    pub severity: &'a str,
    /// The same on the scale of the checks.
    pub priority: Priority,
    /// CVSS base score.
    pub score: Option<f64>,
    /// CVSS vector.
    pub vector: Option<&'a str>,
    /// What it is.
    pub summary: &'a str,
    /// The package's URL.
    pub purl: &'a str,
    /// The file that says the package is installed.
    pub place: &'a str,
}

impl Flaw<'_> {
    /// What to do.
    fn advice(&self) -> String {
        match self.fixed {
            Some(fixed) => format!("Update {} to {fixed} or later.", self.package),
            None => format!("No fixed version of {} is known ({}).", self.package, self.status),
        }
    }

    /// One line for people.
    fn line(&self) -> String {
        let summary = if self.summary.is_empty() { String::new() } else { format!(": {}", self.summary) };
        format!("{} in {} {}{summary}", self.id, self.package, self.version)
    }
}

/// The tags of a check that name a control of a standard: the standard's name and the control.
fn controls(result: &CheckResult) -> impl Iterator<Item = (&'static str, &str)> {
    result
        .tags
        .iter()
        .filter_map(|tag| of_tag(tag))
        .filter(|(_, control)| !control.is_empty())
        .map(|(standard, control)| (standard.title(), control))
}

/// The first letters of a text, as many as a form takes.
fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(letters.saturating_sub(3)).collect();
    short.push_str("...");
    short
}

#[cfg(test)]
mod tests;
