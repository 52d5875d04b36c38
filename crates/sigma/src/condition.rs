//! A rule's condition: names of selections under `and`, `or`, `not`, parentheses, `1 of` and `all of`.

use std::ops::Range;

/// Deepest nesting.
const MAX_DEPTH: usize = 50;

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    /// A selection.
    Name(String, Range<usize>),
    /// Any (false) or all (true) of the selections whose names fit a pattern; none for `them`.
    Of(bool, Option<String>, Range<usize>),
}

/// What cannot be read, where in the condition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConditionError {
    pub(crate) construct: String,
    pub(crate) reason: String,
    pub(crate) span: Range<usize>,
}

/// Reads a condition.
pub(crate) fn parse(text: &str) -> Result<Condition, ConditionError> {
    let mut parser = Parser { words: words(text), at: 0, end: text.len() };
    let condition = parser.or(0)?;
    match parser.next() {
        None => Ok(condition),
        Some((word, span)) => Err(unexpected(word, span)),
    }
}

/// Whether a selection's name fits a pattern, whose `*` stands for any text.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    true
}

type Word<'t> = (&'t str, Range<usize>);

/// Words, parentheses and `|` with their places.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut found: Vec<Word<'_>> = Vec::new();
    let mut start = None;
    for (at, char) in text.char_indices().chain([(text.len(), ' ')]) {
        let ends = char.is_whitespace() || matches!(char, '(' | ')' | '|');
        match (start, ends) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                found.push((text.get(from..at).unwrap_or_default(), from..at));
                start = None;
            }
            _ => {}
        }
        if ends && !char.is_whitespace() {
            found.push((text.get(at..at + 1).unwrap_or_default(), at..at + 1));
        }
    }
    found
}

struct Parser<'t> {
    words: Vec<Word<'t>>,
    at: usize,
    end: usize,
}

fn unexpected(word: &str, span: Range<usize>) -> ConditionError {
    let (construct, reason) = if word == "|" {
        ("aggregation '|'", "aggregations were removed from Sigma; a correlation rule says the same")
    } else {
        ("condition", "'and', 'or' or the end is expected")
    };
    ConditionError { construct: construct.to_owned(), reason: format!("{reason}; found '{word}'"), span }
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Option<Word<'t>> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word
    }

    /// Takes a keyword, whatever its case.
    fn take(&mut self, keyword: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|(word, _)| word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let mut parts = vec![self.and(depth)?];
        while self.take("or") {
            parts.push(self.and(depth)?);
        }
        Ok(one_or(parts, Condition::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let mut parts = vec![self.not(depth)?];
        while self.take("and") {
            parts.push(self.not(depth)?);
        }
        Ok(one_or(parts, Condition::And))
    }

    fn not(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nesting", &format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if self.take("not") {
            return Ok(Condition::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.take("(") {
            let inner = self.or(depth + 1)?;
            return if self.take(")") { Ok(inner) } else { Err(self.error("condition", "')' is expected")) };
        }
        let Some((word, span)) = self.next() else {
            return Err(self.error("condition", "a selection is expected at the end"));
        };
        let all = word.eq_ignore_ascii_case("all");
        if (all || word == "1" || word.eq_ignore_ascii_case("any")) && self.take("of") {
            return self.of(all, span);
        }
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            let reason = "Sigma knows '1 of' and 'all of'";
            return Err(ConditionError {
                construct: format!("'{word} of'"),
                reason: reason.to_owned(),
                span,
            });
        }
        if matches!(word, ")" | "|")
            || ["and", "or", "of"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
        {
            let reason = format!("a selection is expected; found '{word}'");
            return Err(ConditionError { construct: "condition".to_owned(), reason, span });
        }
        Ok(Condition::Name(word.to_owned(), span))
    }

    fn of(&mut self, all: bool, from: Range<usize>) -> Result<Condition, ConditionError> {
        let Some((word, span)) = self.next().filter(|(word, _)| !matches!(*word, "(" | ")" | "|")) else {
            self.at -= 1;
            return Err(self.error("condition", "'them' or a pattern of names is expected"));
        };
        let pattern = if word.eq_ignore_ascii_case("them") { None } else { Some(word.to_owned()) };
        Ok(Condition::Of(all, pattern, from.start..span.end))
    }

    fn error(&self, construct: &str, reason: &str) -> ConditionError {
        let span = self.words.get(self.at).map_or(self.end..self.end, |(_, span)| span.clone());
        ConditionError { construct: construct.to_owned(), reason: reason.to_owned(), span }
    }
}

fn one_or(mut parts: Vec<Condition>, node: impl Fn(Vec<Condition>) -> Condition) -> Condition {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            node(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, fits, parse};

    fn shown(condition: &Condition) -> String {
        let list = |parts: &[Condition]| parts.iter().map(shown).collect::<Vec<_>>().join(" ");
        match condition {
            Condition::And(parts) => format!("(and {})", list(parts)),
            Condition::Or(parts) => format!("(or {})", list(parts)),
            Condition::Not(inner) => format!("(not {})", shown(inner)),
            Condition::Name(name, _) => name.clone(),
            Condition::Of(all, pattern, _) => {
                format!("{}:{}", if *all { "all" } else { "any" }, pattern.as_deref().unwrap_or("them"))
            }
        }
    }

    #[test]
    fn conditions_have_their_shape() {
        for (text, shape) in [
            ("selection", "selection"),
            ("a or b and not c", "(or a (and b (not c)))"),
            ("(a or b) and not 1 of filter_*", "(and (or a b) (not any:filter_*))"),
            ("all of them", "all:them"),
            ("any of sel*tion AND all of x_*", "(and any:sel*tion all:x_*)"),
            ("not not a", "(not (not a))"),
            ("all and 1of", "(and all 1of)"),
        ] {
            assert_eq!(shown(&parse(text).unwrap()), shape, "{text}");
        }
    }

    #[test]
    fn errors_know_their_place() {
        for (text, at, construct) in [
            ("selection | count() > 5", 10, "aggregation"),
            ("a and", 5, "condition"),
            ("(a", 2, "condition"),
            ("a b", 2, "condition"),
            ("2 of them", 0, "'2 of'"),
            ("1 of", 4, "condition"),
            ("", 0, "condition"),
            ("a and )", 6, "condition"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.construct.contains(construct) && error.span.start == at, "{text}: {error:?}");
        }
        assert!(parse(&"(".repeat(10_000)).unwrap_err().reason.contains("deeper"));
        assert!(parse(&"not ".repeat(10_000)).unwrap_err().reason.contains("deeper"));
    }

    #[test]
    fn patterns_of_names() {
        for (pattern, name, expected) in [
            ("filter_*", "filter_a", true),
            ("filter_*", "filte", false),
            ("*_main", "a_main", true),
            ("a*b*c", "axbyc", true),
            ("a*b*c", "axyc", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
