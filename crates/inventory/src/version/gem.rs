//! Ruby's `Gem::Version`: numbers and words in turn; a word makes a version one before the release.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (segments(left), segments(right));
    for at in 0..left.len().max(right.len()) {
        let order = match (left.get(at), right.get(at)) {
            (Some(one), Some(other)) => match (is_number(one), is_number(other)) {
                (true, true) => compare_digits(one, other),
                (false, false) => one.cmp(other),
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
            },
            // What one side lacks is a zero, which is newer than a word.
            (Some(one), None) if is_number(one) => compare_digits(one, b"0"),
            (Some(_), None) => Ordering::Less,
            (None, Some(other)) if is_number(other) => compare_digits(b"0", other),
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn is_number(segment: &[u8]) -> bool {
    segment.first().is_some_and(u8::is_ascii_digit)
}

/// The segments without zeros at the end of the numbers before the first word and at the very end. A hyphen reads
/// `.pre.`.
fn segments(version: &str) -> Vec<Vec<u8>> {
    let text = version.replace('-', ".pre.");
    let mut rest = text.as_bytes();
    let mut all: Vec<Vec<u8>> = Vec::new();
    while let Some(first) = rest.first() {
        let (segment, next) = if first.is_ascii_digit() {
            take_while(rest, |byte| byte.is_ascii_digit())
        } else if first.is_ascii_alphabetic() {
            take_while(rest, |byte| byte.is_ascii_alphabetic())
        } else {
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        all.push(segment.to_vec());
        rest = next;
    }
    let word = all.iter().position(|segment| !is_number(segment)).unwrap_or(all.len());
    let words = all.split_off(word);
    let is_zero = |segment: &Vec<u8>| is_number(segment) && segment.iter().all(|digit| *digit == b'0');
    let trim = |mut part: Vec<Vec<u8>>| {
        while part.last().is_some_and(is_zero) {
            part.pop();
        }
        part
    };
    let mut segments = trim(all);
    segments.extend(trim(words));
    segments
}
