//! Semantic versioning 2.0.0, with Go's leading `v` and with fewer or more numbers than three.

use std::cmp::Ordering;

use super::compare_digits;

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let ((left, left_before), (right, right_before)) = (parts(left), parts(right));
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let (one, other) = match (left.next(), right.next()) {
            (None, None) => break,
            (one, other) => (one.unwrap_or("0"), other.unwrap_or("0")),
        };
        let order = identifier(one, other);
        if order.is_ne() {
            return order;
        }
    }
    match (left_before, right_before) {
        ("", "") => Ordering::Equal,
        ("", _) => Ordering::Greater,
        (_, "") => Ordering::Less,
        (left, right) => before_release(left, right),
    }
}

/// The numbers, and what marks it as before the release. What was built of it does not count.
fn parts(version: &str) -> (&str, &str) {
    let version = version.strip_prefix(['v', 'V', '=']).unwrap_or(version);
    let version = version.split('+').next().unwrap_or_default();
    version.split_once('-').unwrap_or((version, ""))
}

fn before_release(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(one), Some(other)) => match identifier(one, other) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

/// Numbers come before words.
fn identifier(left: &str, right: &str) -> Ordering {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number(left), is_number(right)) {
        (true, true) => compare_digits(left.as_bytes(), right.as_bytes()),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.cmp(right),
    }
}
