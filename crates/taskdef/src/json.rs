//! A JSON reader that remembers where each value stands, so that every complaint can name line and column.
//!
//! It reads RFC 8259 strictly, within bounds: size, depth, and no member twice in one object (ECS would keep one
//! of them silently, which one is up to the client).

use std::{fmt, ops::Range};

/// Most bytes of a document. ECS itself stops at 64 KiB; a description from the API may be somewhat larger.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of objects and lists.
pub const MAX_DEPTH: usize = 64;

/// A place in the document; both numbers count from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value begins.
    pub at: Position,
    /// Bytes of the document.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The name.
    pub name: String,
    /// Where the name begins.
    pub at: Position,
    /// The byte of the document at which the name begins.
    pub start: usize,
    /// The value.
    pub node: Node,
}

/// A JSON value. Numbers keep their spelling.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as written.
    Number(String),
    /// A string, escapes resolved.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object, members in the document's order.
    Object(Vec<Member>),
}

impl Value {
    /// What the value is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl Node {
    /// The member of that name, if this is an object that has it and it is not null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Value::Object(members) = &self.value else { return None };
        let member = members.iter().find(|member| member.name == name)?;
        (member.node.value != Value::Null).then_some(&member.node)
    }

    /// The elements of a list; empty for anything else.
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        if let Value::List(elements) = &self.value { elements } else { &[] }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The whole number, if it is one that fits.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        if let Value::Number(text) = &self.value { text.parse().ok() } else { None }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        if let Value::Bool(value) = &self.value { Some(*value) } else { None }
    }
}

/// Why bytes are not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub at: Position,
    /// Why.
    pub reason: String,
}

/// Reads one document.
///
/// # Errors
/// The text is not JSON, nests deeper than [`MAX_DEPTH`], or an object has a member twice.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut reader = Reader { rest: text, length: text.len(), at: Position { line: 1, column: 1 } };
    reader.skip_space();
    if reader.rest.is_empty() {
        return Err(reader.error("the document is empty"));
    }
    let node = reader.value(0)?;
    reader.skip_space();
    if reader.rest.is_empty() { Ok(node) } else { Err(reader.error("expected the end of the document")) }
}

struct Reader<'a> {
    rest: &'a str,
    /// Of the whole document.
    length: usize,
    at: Position,
}

impl Reader<'_> {
    fn error(&self, reason: impl Into<String>) -> SyntaxError {
        SyntaxError { at: self.at, reason: reason.into() }
    }

    /// Bytes already read.
    fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        if next == '\n' {
            self.at = Position { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(next)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn found(&self) -> String {
        self.peek().map_or_else(|| "the end of the document".to_owned(), |found| format!("{found:?}"))
    }

    fn expect(&mut self, expected: char) -> Result<(), SyntaxError> {
        if self.peek() == Some(expected) {
            self.next();
            return Ok(());
        }
        Err(self.error(format!("expected {expected:?}, found {}", self.found())))
    }

    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let (at, start) = (self.at, self.offset());
        let value = match self.peek() {
            Some('{') => self.object(depth)?,
            Some('[') => self.list(depth)?,
            Some('"') => Value::Text(self.string()?),
            Some('t') => self.word("true", Value::Bool(true))?,
            Some('f') => self.word("false", Value::Bool(false))?,
            Some('n') => self.word("null", Value::Null)?,
            Some('-' | '0'..='9') => self.number()?,
            _ => return Err(self.error(format!("expected a value, found {}", self.found()))),
        };
        Ok(Node { at, span: start..self.offset(), value })
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, SyntaxError> {
        if !self.rest.starts_with(word) {
            return Err(self.error(format!("expected a value, found {}", self.found())));
        }
        for _ in 0..word.len() {
            self.next();
        }
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.expect('{')?;
        let mut members: Vec<Member> = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        self.skip_space();
        if self.peek() == Some('}') {
            self.next();
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            let (at, start) = (self.at, self.offset());
            if self.peek() != Some('"') {
                return Err(self.error(format!("expected a member's name in quotes, found {}", self.found())));
            }
            let name = self.string()?;
            if !names.insert(name.clone()) {
                return Err(SyntaxError { at, reason: format!("member {name:?} is given twice") });
            }
            self.skip_space();
            self.expect(':')?;
            self.skip_space();
            let node = self.value(depth + 1)?;
            members.push(Member { name, at, start, node });
            if !self.another('}')? {
                return Ok(Value::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.expect('[')?;
        let mut elements = Vec::new();
        self.skip_space();
        if self.peek() == Some(']') {
            self.next();
            return Ok(Value::List(elements));
        }
        loop {
            self.skip_space();
            elements.push(self.value(depth + 1)?);
            if !self.another(']')? {
                return Ok(Value::List(elements));
            }
        }
    }

    /// After an element: true at a comma, false at the closing bracket.
    fn another(&mut self, close: char) -> Result<bool, SyntaxError> {
        self.skip_space();
        match self.peek() {
            Some(',') => {
                self.next();
                Ok(true)
            }
            Some(found) if found == close => {
                self.next();
                Ok(false)
            }
            _ => Err(self.error(format!("expected ',' or {close:?}, found {}", self.found()))),
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            let start = self.at;
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape(start)?),
                Some(control) if control < ' ' => {
                    let reason = format!("control character {control:?} in a string");
                    return Err(SyntaxError { at: start, reason });
                }
                Some(other) => text.push(other),
                None => return Err(self.error("the string does not end")),
            }
        }
    }

    fn escape(&mut self, start: Position) -> Result<char, SyntaxError> {
        let wrong = |reason: &str| SyntaxError { at: start, reason: reason.to_owned() };
        Ok(match self.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.hex4(start)?;
                let code = if (0xD800..0xDC00).contains(&first) {
                    if self.next() != Some('\\') || self.next() != Some('u') {
                        return Err(wrong("half of a surrogate pair"));
                    }
                    let second = self.hex4(start)?;
                    if !(0xDC00..0xE000).contains(&second) {
                        return Err(wrong("half of a surrogate pair"));
                    }
                    0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| wrong("half of a surrogate pair"))?
            }
            _ => return Err(wrong("unknown escape in a string")),
        })
    }

    fn hex4(&mut self, start: Position) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|digit| digit.to_digit(16));
            let reason = || "\\u needs four hexadecimal digits".to_owned();
            code = code * 16 + digit.ok_or_else(|| SyntaxError { at: start, reason: reason() })?;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let mut text = String::new();
        if self.peek() == Some('-') {
            text.extend(self.next());
        }
        let whole = self.digits(&mut text);
        let first = text.trim_start_matches('-').chars().next();
        if whole == 0 || (whole > 1 && first == Some('0')) {
            return Err(self.error("not a number"));
        }
        if self.peek() == Some('.') {
            text.extend(self.next());
            if self.digits(&mut text) == 0 {
                return Err(self.error("a digit is missing after the point"));
            }
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            text.extend(self.next());
            if matches!(self.peek(), Some('+' | '-')) {
                text.extend(self.next());
            }
            if self.digits(&mut text) == 0 {
                return Err(self.error("a digit is missing in the exponent"));
            }
        }
        Ok(Value::Number(text))
    }

    fn digits(&mut self, text: &mut String) -> usize {
        let mut count = 0;
        while matches!(self.peek(), Some('0'..='9')) {
            text.extend(self.next());
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_DEPTH, Node, Position, Value, parse};

    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(text) => serde_json::from_str(text).unwrap_or_default(),
            Value::Text(text) => text.clone().into(),
            Value::List(elements) => elements.iter().map(plain).collect(),
            Value::Object(members) => {
                members.iter().map(|member| (member.name.clone(), plain(&member.node))).collect()
            }
        }
    }

    #[test]
    fn places_are_named() {
        for (text, line, column, part) in [
            ("", 1, 1, "empty"),
            ("{\n  \"a\": 1,\n}", 3, 1, "name in quotes"),
            ("{\"a\":1 \"b\":2}", 1, 8, "expected ','"),
            ("[1,\n 01]", 2, 4, "not a number"),
            ("{\"é\": tru}", 1, 7, "expected a value"),
            ("{\"a\":1,\n\"a\":2}", 2, 1, "given twice"),
            ("[1] x", 1, 5, "end of the document"),
            ("\"\\ud800\"", 1, 2, "surrogate"),
            ("\"a", 1, 3, "does not end"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.at, Position { line, column }, "{text:?}: {}", error.reason);
            assert!(error.reason.contains(part), "{text:?}: {}", error.reason);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(&deep(MAX_DEPTH + 1)).is_ok());
        assert!(parse(&deep(MAX_DEPTH + 2)).unwrap_err().reason.contains("deeper"));
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}:,"\\a-c0-9.eE+\- \ntrufalsn]{0,40}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match parse(&text) {
                // serde_json refuses numbers beyond a float's range; here a number is its spelling.
                Ok(node) => if let Ok(theirs) = theirs { prop_assert_eq!(plain(&node), theirs) },
                Err(error) => prop_assert!(
                    theirs.is_err() || error.reason.contains("given twice"),
                    "{:?}: {}", text, error.reason
                ),
            }
        }

        #[test]
        fn reads_what_serde_json_writes(map in proptest::collection::btree_map(".{0,8}", ".{0,16}", 0..8)) {
            let text = serde_json::to_string_pretty(&map).unwrap();
            prop_assert_eq!(plain(&parse(&text).unwrap()), serde_json::to_value(&map).unwrap());
        }
    }
}
