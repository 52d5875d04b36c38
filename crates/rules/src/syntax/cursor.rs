//! Where the parser stands in the text, and the smallest things it can take.
//!
//! The language's words depend on their place (a bare string may hold `*`, `/`, `!`, ...), so there is no stream
//! of tokens: the parser asks for what may stand here.

use super::{SyntaxError, ast::Literal, ast::Span};

/// A place in a condition.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// Space as the language knows it.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x08)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Bytes that end a bare string.
fn ends_bare(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'(' | b')' | b'"' | b'\'' | b'=' | b',' | 0x0b | 0x0c)
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.at }
    }

    /// Skips blanks; whether there were any.
    pub(super) fn blanks(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
        self.at > start
    }

    /// Takes exactly this text.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Takes the longest run of bytes that satisfy the predicate; `None` when there is none.
    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> Option<&'a str> {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !accept(byte)).unwrap_or(rest.len());
        let taken = rest.get(..length).filter(|taken| !taken.is_empty())?;
        self.at += length;
        Some(taken)
    }

    /// A name: a letter, then letters, digits, `_`.
    pub(super) fn identifier(&mut self) -> Option<&'a str> {
        if !self.peek()?.is_ascii_alphabetic() {
            return None;
        }
        self.take_while(is_word_byte)
    }

    /// A field's name: identifiers joined by dots, at least one dot.
    pub(super) fn field_name(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut ahead = self.clone();
        ahead.identifier()?;
        let mut dots = 0;
        loop {
            let mut part = ahead.clone();
            if !(part.take(".") && part.identifier().is_some()) {
                break;
            }
            dots += 1;
            ahead = part;
        }
        if dots == 0 {
            return None;
        }
        self.at = ahead.at;
        self.text.get(start..self.at)
    }

    /// A string without quotes.
    pub(super) fn bare(&mut self) -> Option<Literal> {
        let start = self.at;
        let text = self.take_while(|byte| !ends_bare(byte))?.to_owned();
        Some(Literal { text, span: self.span_from(start) })
    }

    /// What may stand bare between brackets.
    pub(super) fn bare_arg(&mut self) -> Option<&'a str> {
        self.take_while(|byte| !is_blank(byte) && !matches!(byte, b'[' | b']' | b'"' | b'\''))
    }

    /// A number: decimal with optional sign, fraction and signed exponent, or hexadecimal.
    pub(super) fn number(&mut self) -> Option<Literal> {
        let start = self.at;
        let length = number_length(self.rest())?;
        let text = self.rest().get(..length)?.to_owned();
        self.at += length;
        Some(Literal { text, span: self.span_from(start) })
    }

    /// A quoted string; `None` when no quote stands here. As in Falco a quote ends the string unless the byte
    /// before it is a backslash.
    pub(super) fn quoted(&mut self) -> Option<Result<Literal, SyntaxError>> {
        let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let start = self.at;
        let bytes = self.rest().as_bytes();
        let end = (1..bytes.len())
            .find(|&at| bytes.get(at) == Some(&quote) && (at == 1 || bytes.get(at - 1) != Some(&b'\\')));
        let Some(end) = end else {
            let span = Span { start, end: self.text.len() };
            return Some(Err(SyntaxError {
                message: format!("this string has no closing {}", char::from(quote)),
                span,
            }));
        };
        let raw = self.rest().get(1..end).unwrap_or_default();
        self.at += end + 1;
        Some(unescape(raw, quote, start + 1).map(|text| Literal { text, span: self.span_from(start) }))
    }

    /// An error at this place, on the word that stands here.
    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        let rest = self.rest();
        let length = rest.bytes().position(is_blank).unwrap_or(rest.len()).max(usize::from(!rest.is_empty()));
        let mut end = self.at + length;
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        SyntaxError { message: message.into(), span: Span { start: self.at, end } }
    }
}

/// Length of the number at the start of a text.
fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let run = |from: usize, accept: fn(&u8) -> bool| {
        bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|byte| accept(byte)).count())
    };
    if matches!(bytes, [b'0', b'x' | b'X', ..]) {
        let digits = run(2, u8::is_ascii_hexdigit);
        return (digits > 0).then_some(2 + digits);
    }
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = run(sign, u8::is_ascii_digit);
    if whole == 0 {
        return None;
    }
    let mut length = sign + whole;
    if bytes.get(length) == Some(&b'.') {
        length += 1 + run(length + 1, u8::is_ascii_digit);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) && matches!(bytes.get(length + 1), Some(b'+' | b'-')) {
        let digits = run(length + 2, u8::is_ascii_digit);
        if digits > 0 {
            length += 2 + digits;
        }
    }
    Some(length)
}

/// Resolves the escapes of a quoted string.
fn unescape(raw: &str, quote: u8, offset: usize) -> Result<String, SyntaxError> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.char_indices();
    while let Some((at, char)) = chars.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        let escape = chars.next().map(|(_, escape)| escape);
        let resolved = match escape {
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            // `\ ` gives a backslash: old rules rely on it.
            Some('\\' | ' ') => Some('\\'),
            Some('/') => Some('/'),
            Some(own) if own == char::from(quote) => Some(own),
            Some('x') => hex_byte(&mut chars),
            _ => None,
        };
        match resolved {
            Some(char) => text.push(char),
            None => {
                let start = offset + at;
                let message = format!(
                    "unknown escape '\\{}': known are \\b \\f \\n \\r \\t \\\\ \\/ \\xHH and the string's own quote",
                    escape.map(String::from).unwrap_or_default()
                );
                let end = start + 1 + escape.map_or(0, char::len_utf8);
                return Err(SyntaxError { message, span: Span { start, end } });
            }
        }
    }
    Ok(text)
}

/// Two hexadecimal digits that are not NUL and stay within ASCII, so that the text remains UTF-8.
fn hex_byte(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut digit = || chars.next().and_then(|(_, digit)| digit.to_digit(16));
    let (high, low) = (digit()?, digit()?);
    char::from_u32(high * 16 + low).filter(|char| *char != '\0' && char.is_ascii())
}
