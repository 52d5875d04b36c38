//! JSON text with other blanks.

use std::borrow::Cow;

/// The text without blanks between its tokens.
pub(super) fn compact(text: &str) -> Cow<'_, str> {
    let mut tokens = Tokens(text);
    let mut short = String::new();
    for token in tokens.by_ref() {
        if short.is_empty() && token.len() == text.len() {
            return Cow::Borrowed(text);
        }
        short.push_str(token);
    }
    Cow::Owned(short)
}

/// The text with one member or item a line, two blanks a level, a blank after each colon.
pub(super) fn indented(text: &str) -> String {
    let mut laid = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut just_opened = false;
    for token in Tokens(text) {
        let closes = matches!(token, "}" | "]");
        depth -= usize::from(closes && depth > 0);
        if just_opened != closes {
            // A line ends after an opening bracket with content, and before a closing one.
            if just_opened || closes {
                line(&mut laid, depth);
            }
        }
        laid.push_str(token);
        just_opened = matches!(token, "{" | "[");
        depth += usize::from(just_opened);
        match token {
            "," => line(&mut laid, depth),
            ":" => laid.push(' '),
            _ => {}
        }
    }
    laid
}

fn line(laid: &mut String, depth: usize) {
    laid.push('\n');
    laid.extend(std::iter::repeat_n("  ", depth));
}

/// The tokens of JSON text: brackets, commas and colons, strings with their quotes, words and numbers.
struct Tokens<'t>(&'t str);

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        const BLANKS: [char; 4] = [' ', '\n', '\r', '\t'];
        let text = self.0.trim_start_matches(BLANKS);
        let length = match text.bytes().next()? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => {
                let mut scanner = super::Scanner::new(text.as_bytes(), 0);
                if scanner.string().is_ok() { scanner.at() } else { text.len() }
            }
            _ => text.find(['{', '}', '[', ']', ',', ':', '"', ' ', '\n', '\r', '\t']).unwrap_or(text.len()),
        };
        let (token, rest) = text.split_at(length);
        self.0 = rest;
        Some(token)
    }
}
