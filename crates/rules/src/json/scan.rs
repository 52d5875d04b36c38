//! The walk over JSON text.

use std::ops::Range;

/// Deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: u32 = 128;

/// Why text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    /// Offset in bytes.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// A member's name.
pub(super) struct Name {
    /// Where it stands, without its quotes.
    pub(super) range: Range<usize>,
    /// It is written with escapes.
    pub(super) is_escaped: bool,
}

/// A position in bytes that should be JSON.
#[derive(Clone, Copy, Debug)]
pub struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Scanner<'t> {
    /// At an offset.
    #[must_use]
    pub fn new(bytes: &'t [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where it stands.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next byte.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over a byte if it is the next.
    pub fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Steps over blanks.
    pub fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at, what }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(what)) }
    }

    /// Steps over one value.
    ///
    /// # Errors
    /// It is not JSON, or nested deeper than [`MAX_DEPTH`].
    pub fn value(&mut self) -> Result<(), Fault> {
        self.nested(0)
    }

    fn nested(&mut self, depth: u32) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(depth, &mut |_, _| {}),
            Some(b'[') => self.array(depth, &mut |_| {}),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.fault("expected a JSON value")),
            None => Err(self.fault("the text ends where a JSON value should stand")),
        }
    }

    /// Steps over an object.
    pub(super) fn object(
        &mut self,
        depth: u32,
        each: &mut impl FnMut(Name, Range<usize>),
    ) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            return Err(self.fault("nested too deep"));
        }
        self.expect(b'{', "expected '{'")?;
        self.blanks();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.at + 1;
            if self.peek() != Some(b'"') {
                return Err(self.fault("expected a member's name in quotes"));
            }
            let is_escaped = self.string()?;
            let name = Name { range: key..self.at - 1, is_escaped };
            self.blanks();
            self.expect(b':', "expected ':' after a member's name")?;
            self.blanks();
            let value = self.at;
            self.nested(depth + 1)?;
            each(name, value..self.at);
            self.blanks();
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',', "expected ',' or '}' after a member")?;
            self.blanks();
        }
    }

    /// Steps over an array.
    pub(super) fn array(&mut self, depth: u32, each: &mut impl FnMut(Range<usize>)) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            return Err(self.fault("nested too deep"));
        }
        self.expect(b'[', "expected '['")?;
        self.blanks();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            let start = self.at;
            self.nested(depth + 1)?;
            each(start..self.at);
            self.blanks();
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', "expected ',' or ']' after an item")?;
            self.blanks();
        }
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Fault> {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if !found {
            return Err(self.fault("expected true, false or null"));
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Fault> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    /// Steps over a string; it stands at the opening quote. Gives whether there are escapes in it.
    pub(super) fn string(&mut self) -> Result<bool, Fault> {
        let mut is_escaped = false;
        self.at += 1;
        loop {
            self.at = special(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(is_escaped);
                }
                Some(b'\\') => {
                    is_escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.fault("a control character inside a string")),
                None => return Err(self.fault("the text ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.fault("'\\u' without four hexadecimal digits"));
                }
                6
            }
            _ => return Err(self.fault("an escape that JSON does not have")),
        };
        self.at += length;
        Ok(())
    }
}

/// Where the next byte lies that ends a run of plain characters: a quote, a backslash or a control character.
fn special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Eight bytes at once. A borrow can only blur bytes above the first hit, so the lowest one is exact.
    while let Some(&chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(chunk);
        // Turning one bit puts the quote (0x22) right behind the control characters and nothing else below it.
        let turned = word ^ (ONES * 2);
        let quote_or_control = turned.wrapping_sub(ONES * 0x21) & !turned;
        let slash = word ^ (ONES * u64::from(b'\\'));
        let slash = slash.wrapping_sub(ONES) & !slash;
        let hits = (quote_or_control | slash) & HIGHS;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}
