//! Values of a rule: text with the wildcards `*` and `?`, which a backslash takes as they are.

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `*`
    Any,
    /// `?`
    One,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Part>);

/// What a value asks of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Equals(String),
    Starts(String),
    Ends(String),
    Contains(String),
    /// Only that it is there.
    Anything,
    /// A shell pattern as Falco's `glob` takes it.
    Glob(String),
}

impl Pattern {
    /// Reads a value. A backslash takes a following `*`, `?` or backslash as it is, and is itself before any other
    /// character.
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = Self(Vec::new());
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '*' => parts.wildcard(Part::Any),
                '?' => parts.wildcard(Part::One),
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '?' | '\\')) => parts.push(escaped),
                    Some(other) => {
                        parts.push('\\');
                        parts.push(other);
                    }
                    None => parts.push('\\'),
                },
                other => parts.push(other),
            }
        }
        parts
    }

    /// A value without wildcards.
    pub(crate) fn literal(text: String) -> Self {
        Self(vec![Part::Text(text)])
    }

    fn push(&mut self, char: char) {
        match self.0.last_mut() {
            Some(Part::Text(text)) => text.push(char),
            _ => self.0.push(Part::Text(char.into())),
        }
    }

    fn wildcard(&mut self, wildcard: Part) {
        if !(wildcard == Part::Any && self.0.last() == Some(&Part::Any)) {
            self.0.push(wildcard);
        }
    }

    /// The same behind any text.
    pub(crate) fn after_anything(mut self) -> Self {
        if self.0.first() != Some(&Part::Any) {
            self.0.insert(0, Part::Any);
        }
        self
    }

    /// The same before any text.
    pub(crate) fn before_anything(mut self) -> Self {
        self.wildcard(Part::Any);
        self
    }

    /// The text, when there is no wildcard.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What it asks; in lower case where letters' case does not count.
    pub(crate) fn shape(&self, cased: bool) -> Shape {
        let fold = |text: &str| if cased { text.to_owned() } else { text.to_ascii_lowercase() };
        match self.0.as_slice() {
            [] => Shape::Equals(String::new()),
            [Part::Any] => Shape::Anything,
            [Part::Text(text)] => Shape::Equals(fold(text)),
            [Part::Text(text), Part::Any] => Shape::Starts(fold(text)),
            [Part::Any, Part::Text(text)] => Shape::Ends(fold(text)),
            [Part::Any, Part::Text(text), Part::Any] => Shape::Contains(fold(text)),
            parts => Shape::Glob(fold(&glob(parts))),
        }
    }
}

fn glob(parts: &[Part]) -> String {
    let mut pattern = String::new();
    for part in parts {
        match part {
            Part::Any => pattern.push('*'),
            Part::One => pattern.push('?'),
            Part::Text(text) => {
                for char in text.chars() {
                    if matches!(char, '*' | '?' | '[' | ']' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(char);
                }
            }
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Shape};

    #[test]
    fn wildcards_and_escapes() {
        let text = |text: &str| text.to_owned();
        for (value, shape) in [
            ("Plain", Shape::Equals(text("plain"))),
            ("", Shape::Equals(text(""))),
            ("*", Shape::Anything),
            ("**", Shape::Anything),
            ("/tmp/*", Shape::Starts(text("/tmp/"))),
            ("*/sh", Shape::Ends(text("/sh"))),
            ("* -c *", Shape::Contains(text(" -c "))),
            ("a*b", Shape::Glob(text("a*b"))),
            ("?*", Shape::Glob(text("?*"))),
            (r"a\*b", Shape::Equals(text("a*b"))),
            (r"a\?b*", Shape::Starts(text("a?b"))),
            (r"C:\Temp\*", Shape::Equals(text(r"c:\temp*"))),
            (r"C:\Temp\\*", Shape::Starts(text(r"c:\temp\"))),
            (r"a\\b", Shape::Equals(text(r"a\b"))),
            (r"a\", Shape::Equals(text(r"a\"))),
            (r"[x]\*?", Shape::Glob(text(r"\[x\]\*?"))),
        ] {
            assert_eq!(Pattern::parse(value).shape(false), shape, "{value}");
        }
        assert_eq!(Pattern::parse("Plain").shape(true), Shape::Equals(text("Plain")));
        let contains = Pattern::parse("*x").after_anything().before_anything();
        assert_eq!(contains.shape(true), Shape::Contains(text("x")));
    }
}
