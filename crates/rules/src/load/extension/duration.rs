//! Stretches of time as text: `30s`, `5m`, `1h`.

use super::super::{FileReader, Refused};
use crate::yaml::Node;

/// Longest stretch that may be asked for: what is remembered must not outlive the rules by much.
const MAX_DAYS: u64 = 30;
const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

impl FileReader<'_> {
    /// A stretch of time in nanoseconds.
    pub(super) fn duration(&self, node: &Node, key: &str) -> Result<u64, Refused> {
        let text = node.text().unwrap_or_default();
        parse(text).ok_or_else(|| {
            let message = format!(
                "'{key}' must be a time from 1ms to {MAX_DAYS}d with its unit (ms, s, m, h, d), as 30s or 5m; \
                 found '{text}'"
            );
            self.refuse_extension(node, message)
        })
    }
}

fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim_start() {
        "ms" => SECOND / 1_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => DAY,
        _ => return None,
    };
    let time = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=MAX_DAYS * DAY).contains(&time).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_have_a_unit() {
        for (text, time) in [
            ("30s", Some(30_000_000_000)),
            ("5m", Some(300_000_000_000)),
            ("1h", Some(3_600_000_000_000)),
            ("250 ms", Some(250_000_000)),
            ("30d", Some(2_592_000_000_000_000)),
            ("31d", None),
            ("0s", None),
            ("30", None),
            ("s", None),
            ("-1s", None),
            ("1h30m", None),
            ("99999999999999999999s", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(parse(text), time, "{text}");
        }
    }
}
