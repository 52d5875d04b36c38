//! How deployed containers stand with each standard, and how that went.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use fargard_model::Timestamp;
use fargard_policy::standards::{Control, Framework, Report, State as ControlState};
use fargard_scan::all_checks;
use fargard_store::StandardDay;

use super::{Tab, Tabs};
use crate::{
    console::{
        badge::Badge,
        chart::{HEIGHT, WIDTH},
        failed::{Page, render},
        frame::{Frame, Reader, Section},
        links, text,
        when::When,
    },
    state::AppState,
};

/// Space between bars, in SVG units.
const GAP: u64 = 2;
const DAY: u64 = 86_400;

#[derive(Template)]
#[template(path = "compliance.html")]
struct StandardsPage {
    frame: Frame,
    tabs: Tabs,
    at: When,
    targets: String,
    alerted: u64,
    alerted_shown: String,
    standards: Vec<StandardView>,
    trend: Option<Trend>,
    none_yet: bool,
    server: String,
}

struct StandardView {
    title: &'static str,
    anchor: &'static str,
    failed: u64,
    passed: u64,
    not_assessed: u64,
    /// Left edge and width of the failed, passed and not assessed parts of the bar, of 100.
    parts: [(u64, u64); 3],
    controls: Vec<ControlView>,
}

struct ControlView {
    control: String,
    state: Badge,
    checks: Vec<CheckLink>,
    passed: u64,
    failed: u64,
    ignored: u64,
    not_assessed: u64,
}

struct CheckLink {
    number: u32,
    title: &'static str,
    href: String,
}

impl StandardView {
    fn new(report: &Report, framework: Framework) -> Self {
        let (failed, passed, not_assessed) = report.states(framework);
        let all = (failed + passed + not_assessed).max(1);
        let share = |count: u64| count * 100 / all;
        Self {
            title: framework.title(),
            anchor: framework.name(),
            failed,
            passed,
            not_assessed,
            parts: [
                (0, share(failed)),
                (share(failed), share(passed)),
                (share(failed) + share(passed), 100 - share(failed) - share(passed)),
            ],
            controls: report.controls(framework).into_iter().map(ControlView::new).collect(),
        }
    }
}

impl ControlView {
    fn new(control: Control) -> Self {
        let tally = control.tally;
        Self {
            control: text::line(&control.control, 40),
            state: match control.state {
                ControlState::Failed => Badge::of_check(fargard_model::CheckStatus::Failed),
                ControlState::Passed => Badge::of_check(fargard_model::CheckStatus::Passed),
                ControlState::NotAssessed => Badge::not_assessed(),
            },
            checks: control.checks.into_iter().map(CheckLink::new).collect(),
            passed: tally.passed,
            failed: tally.failed,
            ignored: tally.ignored,
            not_assessed: tally.not_assessed,
        }
    }
}

impl CheckLink {
    fn new(number: u32) -> Self {
        let known = all_checks().find(|check| check.number == number);
        Self {
            number,
            title: known.map_or("", |check| check.title),
            href: links::link("/compliance/images", &[("check", &number.to_string())]),
        }
    }
}

/// Failed controls over all standards, day by day.
struct Trend {
    bars: Vec<DayBar>,
    most: u64,
}

struct DayBar {
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    date: String,
    failed: u64,
    passed: u64,
    not_assessed: u64,
}

impl Trend {
    fn of(days: &[StandardDay]) -> Option<Self> {
        let mut sums: BTreeMap<u64, (u64, u64, u64)> = BTreeMap::new();
        for day in days {
            let sum = sums.entry(day.day).or_default();
            *sum = (sum.0 + day.failed, sum.1 + day.passed, sum.2 + day.not_assessed);
        }
        let (first, last) = (*sums.keys().next()?, *sums.keys().next_back()?);
        let count = (last - first + 1).max(14);
        let step = (WIDTH / count).max(1);
        let most = sums.values().map(|sum| sum.0).max().unwrap_or(0);
        let bar = |(day, (failed, passed, not_assessed)): (u64, (u64, u64, u64))| {
            let height = if failed == 0 { 2 } else { (failed * HEIGHT / most.max(1)).max(4) };
            let at = Timestamp(day.saturating_mul(DAY * 1_000_000_000)).rfc3339();
            DayBar {
                x: (day - first) * step + GAP / 2,
                y: HEIGHT.saturating_sub(height),
                width: step.saturating_sub(GAP).max(1),
                height,
                date: at.get(..10).unwrap_or_default().to_owned(),
                failed,
                passed,
                not_assessed,
            }
        };
        Some(Self { bars: sums.into_iter().map(bar).collect(), most })
    }
}

/// `GET /compliance`.
pub(super) async fn page(State(state): State<AppState>, reader: Reader) -> Page {
    let summary = state.compliance.summary(reader.now).await?;
    let days = state.compliance.trend(reader.now).await?;
    render(&StandardsPage {
        frame: reader.frame(&*state.store, "Compliance", Section::Compliance).await?,
        tabs: Tabs(Tab::Standards),
        at: When::new(summary.at, reader.now),
        targets: text::number(summary.report.targets()),
        alerted: summary.alerted,
        alerted_shown: text::number(summary.alerted),
        standards: Framework::ALL.map(|framework| StandardView::new(&summary.report, framework)).into(),
        trend: Trend::of(&days),
        none_yet: summary.report.targets() == 0,
        server: reader.origin.clone(),
    })
}

#[cfg(test)]
mod tests {
    use fargard_store::StandardDay;

    use super::Trend;

    #[test]
    fn days_stand_where_they_belong_and_add_up() {
        let day = |day, standard: &str, failed| StandardDay {
            day,
            standard: standard.into(),
            failed,
            passed: 1,
            not_assessed: 0,
        };
        let trend = Trend::of(&[day(20_000, "a", 4), day(20_000, "b", 4), day(20_003, "a", 2)]).unwrap();
        let bars: Vec<_> = trend
            .bars
            .iter()
            .map(|bar| (bar.x, bar.height, bar.date.as_str(), bar.failed, bar.passed))
            .collect();
        assert_eq!(bars, [(1, 100, "2024-10-04", 8, 2), (205, 25, "2024-10-07", 2, 1)]);
        assert!(Trend::of(&[]).is_none());
    }
}
