//! Charts as inline SVG, each with a table of the same numbers beside it.

use fargard_model::Timestamp;

use super::text;

/// Width of the drawing in SVG units; a page stretches it to the width there is.
pub(super) const WIDTH: u64 = 960;
/// Height of the tallest bar.
pub(super) const HEIGHT: u64 = 100;
/// Space between bars.
const GAP: u64 = 8;

/// Occurrences per hour as bars.
#[derive(Debug)]
pub(super) struct Strip {
    /// The bars, oldest first.
    pub(super) bars: Vec<HourBar>,
    /// The highest count.
    pub(super) most: String,
    /// The sum.
    pub(super) total: String,
}

/// One hour.
#[derive(Debug)]
pub(super) struct HourBar {
    /// Left edge.
    pub(super) x: u64,
    /// Upper edge.
    pub(super) y: u64,
    /// Width.
    pub(super) width: u64,
    /// Height.
    pub(super) height: u64,
    /// `2026-11-21 06:00`.
    pub(super) hour: String,
    /// `06:00` under every fourth bar, empty otherwise.
    pub(super) tick: String,
    /// How many.
    pub(super) count: String,
    /// None at all.
    pub(super) none: bool,
}

impl Strip {
    /// Bars for hours (start in epoch seconds, count), oldest first.
    pub(super) fn of_hours(hours: &[(u64, u64)]) -> Self {
        let most = hours.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let step = WIDTH / (hours.len() as u64).max(1);
        let bars = hours
            .iter()
            .zip(0_u64..)
            .map(|((start, count), index)| {
                let hour = hour(*start);
                let height =
                    if *count == 0 { 2 } else { (count.saturating_mul(HEIGHT) / most.max(1)).max(4) };
                HourBar {
                    x: index * step + GAP / 2,
                    y: HEIGHT.saturating_sub(height),
                    width: step.saturating_sub(GAP).max(1),
                    height,
                    tick: tick(*start, &hour),
                    hour,
                    count: text::number(*count),
                    none: *count == 0,
                }
            })
            .collect();
        let total = hours.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
        Self { bars, most: text::number(most), total: text::number(total) }
    }
}

fn hour(start: u64) -> String {
    let exact = Timestamp(start.saturating_mul(1_000_000_000)).rfc3339();
    exact.get(..16).unwrap_or(&exact).replace('T', " ")
}

/// Names the hours 0, 4, 8, 12, 16, 20.
fn tick(start: u64, hour: &str) -> String {
    if (start / 3_600).is_multiple_of(4) {
        hour.get(11..).unwrap_or_default().to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{HEIGHT, Strip};

    #[test]
    fn the_highest_count_fills_the_height_and_one_is_still_seen() {
        let strip = Strip::of_hours(&[(1_700_000_000, 0), (1_700_003_600, 1), (1_700_007_200, 5_000)]);
        let heights: Vec<u64> = strip.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [2, 4, HEIGHT]);
        assert_eq!((strip.most.as_str(), strip.total.as_str()), ("5,000", "5,001"));
    }

    #[test]
    fn any_numbers_are_drawn() {
        assert!(Strip::of_hours(&[]).bars.is_empty());
        assert_eq!(Strip::of_hours(&[(u64::MAX, u64::MAX), (0, u64::MAX)]).bars.len(), 2);
    }
}
