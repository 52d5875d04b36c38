//! rpm's order: `[epoch:]version[-release]`, each compared segment by segment (`rpm-version(7)`).

use std::cmp::Ordering;

use super::{compare_digits, take_while};

/// A release that only one side has does not count, as in rpm's dependencies.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let ((left_epoch, left), (right_epoch, right)) = (epoch(left), epoch(right));
    let (left_version, left_release) = left.rsplit_once('-').unwrap_or((left, ""));
    let (right_version, right_release) = right.rsplit_once('-').unwrap_or((right, ""));
    compare_digits(left_epoch.as_bytes(), right_epoch.as_bytes())
        .then_with(|| segments(left_version.as_bytes(), right_version.as_bytes()))
        .then_with(|| {
            if left_release.is_empty() || right_release.is_empty() {
                Ordering::Equal
            } else {
                segments(left_release.as_bytes(), right_release.as_bytes())
            }
        })
}

fn epoch(version: &str) -> (&str, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", version),
    }
}

/// Runs of digits and runs of letters; everything else only separates, but for `~` and `^`.
pub(super) fn segments(mut left: &[u8], mut right: &[u8]) -> Ordering {
    let separates = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'~' && byte != b'^';
    loop {
        left = take_while(left, separates).1;
        right = take_while(right, separates).1;
        match (left.first(), right.first()) {
            // A tilde comes before everything, even the end.
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (left, right) = (rest(left), rest(right));
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            // A caret comes after the end, but before everything else.
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), _) => return Ordering::Less,
            (_, Some(b'^')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(left_first), Some(right_first)) => {
                let is_number = left_first.is_ascii_digit();
                if is_number != right_first.is_ascii_digit() {
                    // Numbers are newer than letters.
                    return if is_number { Ordering::Greater } else { Ordering::Less };
                }
                let of_kind =
                    |byte: u8| if is_number { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
                let (left_segment, left_rest) = take_while(left, of_kind);
                let (right_segment, right_rest) = take_while(right, of_kind);
                let order = if is_number {
                    compare_digits(left_segment, right_segment)
                } else {
                    left_segment.cmp(right_segment)
                };
                if order.is_ne() {
                    return order;
                }
                (left, right) = (left_rest, right_rest);
            }
        }
    }
}

fn rest(bytes: &[u8]) -> &[u8] {
    bytes.get(1..).unwrap_or_default()
}
