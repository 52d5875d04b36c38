//! Base64 (RFC 4648), both alphabets.

/// Decodes, ignoring what is between the letters; `None` when the letters make no whole bytes or stand after padding.
pub(crate) fn decode(letters: impl IntoIterator<Item = u8>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut number, mut padding) = (0_u32, 0_u32, 0_u32);
    for letter in letters {
        if letter == b'=' {
            padding += 1;
            continue;
        }
        let value = value(letter)?;
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        number += 1;
        if number == 4 {
            let [_, one, two, three] = bits.to_be_bytes();
            bytes.extend_from_slice(&[one, two, three]);
            (bits, number) = (0, 0);
        }
    }
    match (number, padding) {
        (0, 0) => {}
        (2, 0 | 2) => bytes.push(u8::try_from(bits >> 4 & 0xff).ok()?),
        (3, 0 | 1) => {
            let [_, _, one, two] = (bits >> 2).to_be_bytes();
            bytes.extend_from_slice(&[one, two]);
        }
        _ => return None,
    }
    Some(bytes)
}

/// Whether a byte is a letter of base64 (padding is not).
pub(crate) fn is_letter(byte: u8) -> bool {
    value(byte).is_some()
}

fn value(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn as_rfc_4648_has_it() {
        for (text, bytes) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYg", Some("foob")),
            ("Zm9vYmE=", Some("fooba")),
            ("Zm9vYmFy", Some("foobar")),
            ("Z", None),
            ("Zg=", None),
            ("Zg==Zg==", None),
            ("Z.g=", None),
        ] {
            assert_eq!(decode(text.bytes()).as_deref(), bytes.map(str::as_bytes), "{text}");
        }
    }
}
