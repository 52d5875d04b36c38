//! The modifiers that encode a value: UTF-16, Base64, and dashes of the Windows command line.

/// Base64's alphabet (RFC 4648, section 4).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            let letter = ALPHABET.get(index).copied().unwrap_or(b'=');
            text.push(if digit <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// What Base64 of any text that holds the bytes must hold: one text for each of the three places at which they
/// may begin, without the digits that the neighbours decide too.
pub(crate) fn base64_offsets(bytes: &[u8]) -> [String; 3] {
    [0, 1, 2].map(|offset| {
        let padded: Vec<u8> = std::iter::repeat_n(b' ', offset).chain(bytes.iter().copied()).collect();
        let text = base64(&padded);
        let start = [0, 2, 3].get(offset).copied().unwrap_or(0);
        let end = text.len() - [0, 3, 2].get(padded.len() % 3).copied().unwrap_or(0);
        text.get(start..end.max(start)).unwrap_or_default().to_owned()
    })
}

/// UTF-16, little-endian or big-endian.
pub(crate) fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

/// Most dashes of one value that are taken for several characters, as pySigma does.
const MAX_DASHES: usize = 3;

/// The value with each option's dash written in every way that Windows programs take.
///
/// # Errors
/// There are more than [`MAX_DASHES`] of them.
pub(crate) fn windash(text: &str) -> Result<Vec<String>, String> {
    let word = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
    let mut texts = vec![String::new()];
    let mut dashes = 0;
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if matches!(char, '-' | '/') && !word(before) && word(chars.peek().copied()) {
            dashes += 1;
            if dashes > MAX_DASHES {
                return Err(format!("more than {MAX_DASHES} dashes in one value"));
            }
            let ways = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
            texts = texts.iter().flat_map(|text| ways.map(|way| format!("{text}{way}"))).collect();
        } else {
            texts.iter_mut().for_each(|text| text.push(char));
        }
        before = Some(char);
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::{base64, base64_offsets, utf16, windash};

    #[test]
    fn base64_is_that_of_the_standard() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&utf16("A", false)), "QQA=");
        assert_eq!(utf16("A", true), [0, 65]);
    }

    #[test]
    fn offsets_stand_in_the_base64_of_every_text_around() {
        let needle = b"stratum+tcp://";
        let offsets = base64_offsets(needle);
        for before in 0..6 {
            for after in 0..4 {
                let text = [&vec![b'x'; before][..], needle, &vec![b'y'; after]].concat();
                let encoded = base64(&text);
                assert!(encoded.contains(&offsets[before % 3]), "{before} {after}: {offsets:?}");
            }
        }
    }

    #[test]
    fn only_the_dash_of_an_option_is_replaced() {
        assert_eq!(windash(" -param-name").unwrap().len(), 5);
        assert_eq!(windash("a-b").unwrap(), ["a-b"]);
        assert!(windash("-a -b -c -d").is_err());
    }
}
