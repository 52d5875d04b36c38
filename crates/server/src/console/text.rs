//! Text that a watched process chose, made fit to be looked at: bounded, and with every character that hides,
//! moves or reverses others made visible. Escaping for HTML is the templates' job and comes after.

/// Longest value shown in a table cell.
pub(super) const CELL: usize = 200;
/// Longest value shown where the whole of it matters: an argument, an output line, a path.
pub(super) const LONG: usize = 2_000;
/// Longest block shown: a condition, raw JSON.
pub(super) const BLOCK: usize = 60_000;

/// One line of at most `max` characters.
pub(super) fn line(text: &str, max: usize) -> String {
    bounded(text, max, |_| false)
}

/// Text of several lines, of at most `max` characters; line feeds and tabs stay.
pub(super) fn block(text: &str, max: usize) -> String {
    bounded(text, max, |character| matches!(character, '\n' | '\t'))
}

fn bounded(text: &str, max: usize, stays: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len().min(max));
    let mut characters = text.chars();
    for character in characters.by_ref().take(max) {
        if stays(character) {
            shown.push(character);
        } else {
            push_visible(&mut shown, character);
        }
    }
    let rest = characters.count();
    if rest > 0 {
        shown.push_str(&format!("… (+{rest} characters)"));
    }
    shown
}

/// Control characters become their pictures (U+2400 and on), other invisible ones their code point.
fn push_visible(shown: &mut String, character: char) {
    let code = u32::from(character);
    match character {
        '\u{0}'..='\u{1f}' => shown.push(char::from_u32(0x2400 + code).unwrap_or('\u{fffd}')),
        '\u{7f}' => shown.push('\u{2421}'),
        _ if is_invisible(character) => shown.push_str(&format!("<U+{code:04X}>")),
        _ => shown.push(character),
    }
}

/// Characters that draw nothing but change how others are drawn: C1 controls, bidirectional controls, zero-width
/// and tag characters, separators of lines and paragraphs.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// A number with its thousands apart, as `12,345`.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{block, line, number};

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(line("a\x1b[31mb\n\u{202e}c\u{200b}", 99), "a␛[31mb␊<U+202E>c<U+200B>");
        assert_eq!(block("a\n\tb\r", 99), "a\n\tb␍");
        assert_eq!(line("grün 日本", 99), "grün 日本");
    }

    #[test]
    fn length_is_bounded_in_characters() {
        assert_eq!(line("ééééé", 3), "ééé… (+2 characters)");
        assert_eq!(line("ééé", 3), "ééé");
    }

    #[test]
    fn thousands_are_apart() {
        for (value, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), shown);
        }
    }
}
