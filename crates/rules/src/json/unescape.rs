//! What a string's text stands for.

use std::borrow::Cow;

/// The characters of a string whose text stands between quotes. Halves of surrogate pairs become U+FFFD.
pub(super) fn unescape(raw: &str) -> Cow<'_, str> {
    let Some(first) = raw.find('\\') else { return Cow::Borrowed(raw) };
    let mut plain = String::with_capacity(raw.len());
    let (before, mut rest) = raw.split_at(first);
    plain.push_str(before);
    while let Some(after) = rest.strip_prefix('\\') {
        let (character, length) = escaped(after);
        plain.push(character);
        rest = after.get(length..).unwrap_or_default();
        let next = rest.find('\\').unwrap_or(rest.len());
        let (before, from) = rest.split_at(next);
        plain.push_str(before);
        rest = from;
    }
    Cow::Owned(plain)
}

/// The character that stands behind a backslash, and the length of what says so.
fn escaped(text: &str) -> (char, usize) {
    let plain = match text.bytes().next() {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return code_point(text),
        Some(_) => text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER),
        None => return (char::REPLACEMENT_CHARACTER, 0),
    };
    (plain, plain.len_utf8().max(1).min(text.len()))
}

fn code_point(text: &str) -> (char, usize) {
    let unit =
        |text: &str| text.strip_prefix('u')?.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(high) = unit(text) else { return (char::REPLACEMENT_CHARACTER, 1) };
    if !(0xd800..0xdc00).contains(&high) {
        return (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 5);
    }
    let low = text.get(5..).and_then(|rest| rest.strip_prefix('\\')).and_then(unit);
    match low.filter(|low| (0xdc00..0xe000).contains(low)) {
        Some(low) => {
            let pair = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
        }
        None => (char::REPLACEMENT_CHARACTER, 5),
    }
}
