//! What transformers of one argument make of values.

use crate::{
    fields::{Value, Values},
    syntax::ast::TransformName,
};

/// Applies a transformer to every value; a value it cannot be applied to leaves nothing.
pub(super) fn map(name: TransformName, values: Values<'_>) -> Values<'_> {
    match values {
        Values::Missing => Values::Missing,
        Values::List(values) if name == TransformName::Len => {
            Values::One(Value::Int(i64::try_from(values.len()).unwrap_or(i64::MAX)))
        }
        Values::List(values) => {
            let mapped: Option<Vec<_>> = values.iter().map(|value| one(name, value)).collect();
            mapped.map_or(Values::Missing, Values::List)
        }
        Values::One(value) => one(name, &value).map_or(Values::Missing, Values::One),
        many => many.into_vec().iter().filter_map(|value| one(name, value)).collect(),
    }
}

fn one(name: TransformName, value: &Value<'_>) -> Option<Value<'static>> {
    let bytes = match value {
        Value::Bytes(bytes) => bytes,
        Value::Text(text) => text.as_bytes(),
        Value::Int(_) | Value::Bool(_) | Value::Ip(_) => return None,
    };
    let text = || String::from_utf8_lossy(bytes);
    let mapped = match name {
        TransformName::Tolower => text().to_ascii_lowercase(),
        TransformName::Toupper => text().to_ascii_uppercase(),
        TransformName::B64 => String::from_utf8_lossy(&decode_base64(bytes)?).into_owned(),
        TransformName::Basename => text().rsplit('/').next().unwrap_or_default().to_owned(),
        TransformName::Len => return i64::try_from(bytes.len()).ok().map(Value::Int),
        _ => text().into_owned(),
    };
    Some(Value::Text(mapped.into()))
}

/// The bytes that base64 stands for, with or without padding; `None` for what is not base64.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = text.get(..text.len() - padding)?;
    if digits.len() % 4 == 1 || padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in digits {
        bits = (bits << 6 | digit(*byte)?) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::decode_base64;

    #[test]
    fn base64_with_and_without_padding() {
        for (text, expected) in [
            ("aGVsbG8=", Some("hello")),
            ("aGVsbG8", Some("hello")),
            ("d29ybGQgIQ==", Some("world !")),
            ("YWFhLWJiYg", Some("aaa-bbb")),
            ("", Some("")),
            ("!!!", None),
            ("a", None),
            ("aGVsbG8==", None),
            ("aGVs bG8=", None),
        ] {
            let decoded = decode_base64(text.as_bytes());
            assert_eq!(decoded.as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}
