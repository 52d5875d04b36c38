//! Foreign text in messages: names and paths that an attacker may have chosen.

/// Bytes as people and terminals can take them: control characters, what is not UTF-8, and what would reorder or hide
/// the text around it are escaped.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_control() || deceives(letter) {
                text.extend(letter.escape_default());
            } else {
                text.push(letter);
            }
        }
        text.extend(
            chunk.invalid().iter().flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from),
        );
    }
    text
}

/// As [`printable`], cut to about `limit` bytes.
#[must_use]
pub fn shown(bytes: &[u8], limit: usize) -> String {
    match bytes.get(..limit) {
        Some(start) if bytes.len() > limit => format!("{}...", printable(start)),
        _ => printable(bytes),
    }
}

/// Zero-width and direction-changing characters, and line separators.
fn deceives(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{printable, shown};

    #[test]
    fn what_hides_or_is_no_text_is_escaped() {
        assert_eq!(printable("na\u{ef}ve".as_bytes()), "na\u{ef}ve");
        assert_eq!(printable(b"a\x1b[2J\xff\n"), "a\\u{1b}[2J\\xff\\n");
        assert_eq!(printable("\u{202e}gpj".as_bytes()), "\\u{202e}gpj");
        assert_eq!((shown(b"abcdef", 3), shown(b"abc", 3)), ("abc...".to_owned(), "abc".to_owned()));
    }
}
