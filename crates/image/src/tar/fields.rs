//! Numbers and texts in header fields.

/// A field's text: up to the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number: octal digits between blanks and NULs, or binary where the first bit is set (GNU). `None` where it is
/// malformed or does not fit.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => binary(field),
        _ => octal(field),
    }
}

/// Two's complement, big end first; the marking bit is not part of it.
fn binary(field: &[u8]) -> Option<i64> {
    let negative = field.first()? & 0x40 != 0;
    let mut value: i128 = 0;
    for (index, byte) in field.iter().enumerate() {
        let mut byte = if negative { !byte } else { *byte };
        if index == 0 {
            byte &= 0x7f;
        }
        value = (value << 8) | i128::from(byte);
        if value > i128::from(i64::MAX) {
            return None;
        }
    }
    i64::try_from(if negative { !value } else { value }).ok()
}

fn octal(field: &[u8]) -> Option<i64> {
    let blank = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let digits = text(field.get(start..)?);
    let end = digits.iter().rposition(|byte| !blank(byte)).map_or(0, |last| last + 1);
    digits.get(..end)?.iter().try_fold(0_i64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(byte - b'0')),
        _ => None,
    })
}

/// Decimal digits, as extended headers have them.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whole seconds of a time with a fraction: `1700000000.25`.
pub(super) fn seconds(text: &[u8]) -> Option<i64> {
    decimal(text.split(|byte| *byte == b'.').next()?)
}

#[cfg(test)]
mod tests {
    use super::{number, seconds, text};

    #[test]
    fn numbers_are_octal_or_binary() {
        let table: [(&[u8], Option<i64>); 12] = [
            (b"0000644\0", Some(0o644)),
            (b"    644 ", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"77777777777\0", Some(0o77_777_777_777)),
            (b"8\0", None),
            (b"-1\0", None),
            (b"12 34\0", None),
            (b"\x80\0\0\0\0\0\0\0\0\0\0\x01", Some(1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"\x81\0\0\0\0\0\0\0\0\0\0\x01", None),
        ];
        for (field, expected) in table {
            assert_eq!(number(field), expected, "{field:?}");
        }
        assert_eq!(text(b"ab\0cd"), b"ab");
        assert_eq!((seconds(b"12.5"), seconds(b"-3"), seconds(b"x")), (Some(12), Some(-3), None));
    }
}
