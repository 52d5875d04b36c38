//! The first page.

use askama::Template;
use axum::extract::State;
use fargard_model::standard::Standard;
use fargard_store::Overview;

use super::{
    chart::Strip,
    failed::{Page, render},
    frame::{Counter, Frame, Reader, Section, counters},
    links, text,
};
use crate::state::AppState;

/// Controls shown of a standard before the rest is folded away.
const CONTROLS: usize = 6;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    server: String,
    severities: Vec<Counter>,
    open: String,
    states: Vec<Figure>,
    strip: Strip,
    tasks_alive: String,
    tasks_total: String,
    events: String,
    lost: String,
    any_lost: bool,
    titles: Vec<Bar>,
    standards: Vec<StandardCard>,
    empty: bool,
}

/// A number with a name and a link.
struct Figure {
    name: &'static str,
    shown: String,
    href: String,
}

/// A row of a list with a bar behind it.
struct Bar {
    label: String,
    count: String,
    href: String,
    /// Length in percent of the longest.
    percent: u64,
}

/// A standard with the controls that open findings touch.
struct StandardCard {
    title: &'static str,
    href: String,
    shown: Vec<Bar>,
    folded: Vec<Bar>,
}

/// `GET /`.
pub(super) async fn page(State(state): State<AppState>, reader: Reader) -> Page {
    let overview = state.store.overview(reader.now).await?;
    render(&OverviewPage::new(&reader, &overview))
}

impl OverviewPage {
    fn new(reader: &Reader, overview: &Overview) -> Self {
        let open = overview.open_by_priority.values().sum();
        Self {
            frame: reader.frame_with(Some(overview), "Overview", Section::Overview),
            server: reader.origin.clone(),
            severities: counters(overview),
            open: text::number(open),
            states: states(overview),
            strip: Strip::of_hours(&overview.last_day),
            tasks_alive: text::number(overview.tasks_alive),
            tasks_total: text::number(overview.tasks_total),
            events: text::number(overview.events),
            lost: text::number(overview.lost),
            any_lost: overview.lost > 0,
            titles: titles(overview),
            standards: Standard::ALL.iter().filter_map(|standard| card(*standard, overview)).collect(),
            empty: overview.tasks_total == 0 && overview.by_state.values().all(|count| *count == 0),
        }
    }
}

fn states(overview: &Overview) -> Vec<Figure> {
    [("Acknowledged", "acknowledged"), ("Suppressed", "suppressed"), ("Closed", "closed")]
        .map(|(name, state)| Figure {
            name,
            shown: text::number(overview.by_state.get(state).copied().unwrap_or(0)),
            href: links::link("/findings", &[("state", state)]),
        })
        .into()
}

fn titles(overview: &Overview) -> Vec<Bar> {
    bars(&overview.top_titles, |title| links::link("/findings", &[("state", "open"), ("title", title)]))
}

fn bars(counts: &[(String, u64)], href: impl Fn(&str) -> String) -> Vec<Bar> {
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    counts
        .iter()
        .map(|(label, count)| Bar {
            label: text::line(label, text::CELL),
            count: text::number(*count),
            href: href(label),
            percent: count.saturating_mul(100) / most,
        })
        .collect()
}

fn card(standard: Standard, overview: &Overview) -> Option<StandardCard> {
    let controls = overview.by_standard.get(standard.title()).filter(|controls| !controls.is_empty())?;
    let mut counts: Vec<(String, u64)> =
        controls.iter().map(|(control, count)| (control.clone(), *count)).collect();
    counts.sort_by(|(one, count), (other, other_count)| other_count.cmp(count).then(one.cmp(other)));
    let with_tags = |tags: Vec<String>| {
        let mut pairs = vec![("state", "open")];
        pairs.extend(tags.iter().map(|tag| ("tag", tag.as_str())));
        links::link("/findings", &pairs)
    };
    let all = counts.iter().take(40).flat_map(|(control, _)| tags(standard, control)).collect();
    let mut shown = bars(&counts, |control| with_tags(tags(standard, control)));
    for bar in &mut shown {
        if bar.label.is_empty() {
            "General".clone_into(&mut bar.label);
        }
    }
    let folded = shown.split_off(shown.len().min(CONTROLS));
    Some(StandardCard { title: standard.title(), href: with_tags(all), shown, folded })
}

/// The tags that name a control of a standard, as [`fargard_model::standard::of_tag`] reads them.
fn tags(standard: Standard, control: &str) -> Vec<String> {
    let prefixes: &[&str] = match standard {
        Standard::PciDss => &["PCI_DSS", "PCI"],
        Standard::Nist80053 => &["NIST_800-53"],
        Standard::Nist800190 => &["NIST_800-190"],
        Standard::Soc2 => &["SOC2"],
        Standard::Hipaa => &["HIPAA"],
        Standard::MitreAttack if control.starts_with('T') => return vec![control.to_owned()],
        Standard::MitreAttack => &["mitre"],
    };
    prefixes
        .iter()
        .map(|prefix| if control.is_empty() { (*prefix).to_owned() } else { format!("{prefix}_{control}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use fargard_model::standard::{Standard, of_tag};

    use super::tags;

    #[test]
    fn tags_name_the_control_they_were_read_from() {
        for tag in
            ["PCI_DSS_10.2.7", "PCI", "NIST_800-53_SI-7", "SOC2_CC6.8", "mitre_persistence", "T1059.004"]
        {
            let (standard, control) = of_tag(tag).unwrap();
            assert!(tags(standard, control).iter().any(|made| made == tag), "{tag}");
        }
        for standard in Standard::ALL {
            for tag in tags(standard, "") {
                assert_eq!(of_tag(&tag), Some((standard, "")));
            }
        }
    }
}
