//! Points in time as the console shows them: UTC to the second, with how long ago that was.

use fargard_model::Timestamp;

/// A point in time, ready for a page.
#[derive(Clone, Debug, askama::Template)]
#[template(path = "part/when.html")]
pub(super) struct When {
    /// RFC 3339 with nanoseconds.
    exact: String,
    /// `2026-11-21 06:40:00`.
    short: String,
    /// `3 min ago`.
    ago: String,
}

impl askama::filters::HtmlSafe for When {}

impl When {
    /// `at`, as seen at `now`.
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        let exact = at.rfc3339();
        let short = exact.get(..19).unwrap_or(&exact).replace('T', " ");
        Self { exact, short, ago: ago(now.seconds().saturating_sub(at.seconds())) }
    }
}

/// A duration since some past moment, in its largest unit.
fn ago(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    if seconds < 5 {
        return "just now".to_owned();
    }
    for (length, unit) in UNITS {
        if seconds >= length {
            return format!("{} {unit} ago", seconds / length);
        }
    }
    "just now".to_owned()
}

#[cfg(test)]
mod tests {
    use fargard_model::Timestamp;

    use super::{When, ago};

    #[test]
    fn the_largest_unit_is_used() {
        for (seconds, text) in
            [(0, "just now"), (5, "5 s ago"), (119, "1 min ago"), (7_200, "2 h ago"), (90_000, "1 d ago")]
        {
            assert_eq!(ago(seconds), text);
        }
    }

    #[test]
    fn the_future_is_now() {
        let when = When::new(Timestamp(1_700_000_060_000_000_000), Timestamp(1_700_000_000_000_000_000));
        assert_eq!((when.short.as_str(), when.ago.as_str()), ("2023-11-14 22:14:20", "just now"));
    }
}
