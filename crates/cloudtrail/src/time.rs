//! Times as CloudTrail writes them.

use fargard_model::Timestamp;

/// A time in RFC 3339, as `2023-07-10T11:55:21Z`; none before 1970 or after 2554.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if let Some(seconds) = whole_seconds(text.as_bytes()) {
        return Some(Timestamp(seconds * 1_000_000_000));
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok().map(Timestamp)
}

/// Seconds since the epoch of the form that CloudTrail uses, `YYYY-MM-DDTHH:MM:SSZ`, without any other library:
/// each record has one.
fn whole_seconds(text: &[u8]) -> Option<u64> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', i0, i1, b':', s0, s1, b'Z'] = text
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(&[*y0, *y1, *y2, *y3])?, number(&[*m0, *m1])?, number(&[*d0, *d1])?);
    let (hour, minute, second) = (number(&[*h0, *h1])?, number(&[*i0, *i1])?, number(&[*s0, *s1])?);
    // Days that only some months have are left to the library.
    if !(1970..2500).contains(&year) || !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days since the epoch, in years that begin in March so that leap days come last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    const BEFORE_EPOCH: u64 = 719_468;
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - BEFORE_EPOCH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, whole_seconds};

    #[test]
    fn forms_of_time() {
        for (text, nanoseconds) in [
            ("2023-07-10T11:55:21Z", Some(1_688_990_121_000_000_000)),
            ("2023-07-10T13:55:21+02:00", Some(1_688_990_121_000_000_000)),
            ("2023-07-10T11:55:21.5Z", Some(1_688_990_121_500_000_000)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000_000_000)),
            ("2023-02-29T00:00:00Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2023-07-10", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|time| time.0), nanoseconds, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_is_right(seconds in 0_i64..16_000_000_000) {
            let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
            if let Some(found) = whole_seconds(text.as_bytes()) {
                prop_assert_eq!(found, u64::try_from(seconds).unwrap());
            }
        }
    }
}
