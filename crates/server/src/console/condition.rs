//! The condition of a rule as written, with its words told apart.

use std::collections::BTreeMap;

/// A piece of a condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The text, exactly as written.
    pub(super) text: String,
    /// What it is, as a class of the style sheet; empty for macros, values and blanks.
    pub(super) class: &'static str,
    /// The value a field had, when the detection's output says it.
    pub(super) value: Option<String>,
}

const KEYWORDS: [&str; 18] = [
    "and",
    "or",
    "not",
    "in",
    "contains",
    "icontains",
    "bcontains",
    "startswith",
    "bstartswith",
    "endswith",
    "pmatch",
    "intersects",
    "exists",
    "glob",
    "iglob",
    "regex",
    "val",
    "basename",
];
const FIELD_CLASSES: [&str; 15] = [
    "evt",
    "proc",
    "fd",
    "user",
    "group",
    "container",
    "thread",
    "fs",
    "ecs",
    "dns",
    "syslog",
    "ct",
    "json",
    "jevt",
    "aws",
];

/// Splits a condition; joining the pieces' texts gives it back.
pub(super) fn pieces(condition: &str, values: &BTreeMap<String, String>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = condition;
    while let Some(first) = rest.chars().next() {
        let (length, is_word, is_string) = match first {
            '"' | '\'' => (string_length(rest, first), false, true),
            _ if is_word_character(first) => (length_while(rest, is_word_character), true, false),
            _ => (
                length_while(rest, |next| !is_word_character(next) && !matches!(next, '"' | '\'')),
                false,
                false,
            ),
        };
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let class = match () {
            () if is_string => "c-string",
            () if is_word && KEYWORDS.contains(&text) => "c-keyword",
            () if is_word && is_field(text) => "c-field",
            () if text.contains(['=', '<', '>', '!']) => "c-keyword",
            () => "",
        };
        let value = (class == "c-field").then(|| values.get(text).cloned()).flatten();
        pieces.push(Piece { text: text.to_owned(), class, value });
        rest = after;
    }
    pieces
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || "_.-/*[]%:".contains(character)
}

fn is_field(word: &str) -> bool {
    word.split_once('.').is_some_and(|(class, name)| FIELD_CLASSES.contains(&class) && !name.is_empty())
}

fn length_while(text: &str, holds: impl Fn(char) -> bool) -> usize {
    text.find(|character| !holds(character)).unwrap_or(text.len())
}

/// Length of a quoted string with its quotes; to the end when it is not closed.
fn string_length(text: &str, quote: char) -> usize {
    text.char_indices()
        .skip(1)
        .find(|(_, character)| *character == quote)
        .map_or(text.len(), |(at, character)| at + character.len_utf8())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::pieces;

    #[test]
    fn fields_carry_the_value_they_had() {
        let values = BTreeMap::from([("fd.name".to_owned(), "/usr/bin/probe".to_owned())]);
        let pieces = pieces(r#"open_write and fd.name startswith "/usr/bin" and proc.name!=apt"#, &values);
        let told: Vec<(&str, &str)> = pieces
            .iter()
            .filter(|piece| !piece.class.is_empty())
            .map(|piece| (piece.class, piece.text.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("c-keyword", "and"),
                ("c-field", "fd.name"),
                ("c-keyword", "startswith"),
                ("c-string", "\"/usr/bin\""),
                ("c-keyword", "and"),
                ("c-field", "proc.name"),
                ("c-keyword", "!="),
            ]
        );
        let with_value: Vec<&str> = pieces.iter().filter_map(|piece| piece.value.as_deref()).collect();
        assert_eq!(with_value, ["/usr/bin/probe"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(condition in any::<String>()) {
            let joined: String =
                pieces(&condition, &BTreeMap::new()).into_iter().map(|piece| piece.text).collect();
            prop_assert_eq!(joined, condition);
        }
    }
}
