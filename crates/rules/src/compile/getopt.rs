//! `getopt(arguments, options)`: the short options of a command line, as `getopt(3)` reads them and Falco gives them.

use std::collections::HashMap;

use crate::fields::{Value, Values};

/// Most arguments that are looked at.
const MAX_ARGUMENTS: usize = 4096;

/// The known options: by letter, whether a value follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    with_value: HashMap<char, bool>,
}

impl Options {
    /// `nt:`: `n` stands alone, `t` has a value. A leading colon means nothing here.
    pub(super) fn parse(text: &str) -> Self {
        let mut with_value: HashMap<char, bool> = HashMap::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter != ':' {
                *with_value.entry(letter).or_default() |= letters.next_if_eq(&':').is_some();
            }
        }
        Self { with_value }
    }
}

/// Reads options until the first argument that is none, or `--`. Long options are passed over.
///
/// Without `only` the list of what was found: each option's letter, its value behind it, `?` for an unknown one. With
/// `only` the value of that option's last use, its letter if it takes none; nothing when it is not used.
pub(super) fn scan(arguments: &[String], options: &Options, only: Option<char>) -> Values<'static> {
    let mut found = Found { only, all: Vec::new(), last: None };
    let mut rest = arguments.iter().take(MAX_ARGUMENTS);
    while let Some(argument) = rest.next() {
        let Some(letters) = argument.strip_prefix('-').filter(|letters| !letters.is_empty()) else { break };
        if letters == "-" {
            break;
        }
        if letters.starts_with('-') {
            continue;
        }
        for (at, letter) in letters.char_indices() {
            match options.with_value.get(&letter) {
                None => found.unknown(),
                Some(false) => found.option(letter, None),
                Some(true) => {
                    let own = letters.get(at + letter.len_utf8()..).filter(|own| !own.is_empty());
                    match own.or_else(|| rest.next().map(String::as_str)) {
                        Some(value) => found.option(letter, Some(value)),
                        None => found.without_value(letter),
                    }
                    break;
                }
            }
        }
    }
    found.values()
}

struct Found {
    only: Option<char>,
    all: Vec<String>,
    last: Option<String>,
}

impl Found {
    fn unknown(&mut self) {
        if self.only.is_none() {
            self.all.push("?".to_owned());
        }
    }

    fn option(&mut self, letter: char, value: Option<&str>) {
        if self.only.is_none() {
            self.all.push(letter.to_string());
            self.all.extend(value.map(str::to_owned));
        } else if self.only == Some(letter) {
            self.last = Some(value.map_or_else(|| letter.to_string(), str::to_owned));
        }
    }

    /// An option at the end whose value is missing gives an empty text.
    fn without_value(&mut self, letter: char) {
        if self.only.is_none() {
            self.all.push(String::new());
        } else if self.only == Some(letter) {
            self.last = Some(String::new());
        }
    }

    fn values(self) -> Values<'static> {
        let text = |text: String| Value::Text(text.into());
        match (self.only, self.last) {
            (None, _) => Values::List(self.all.into_iter().map(text).collect()),
            (Some(_), last) => last.map_or(Values::Missing, |last| Values::One(text(last))),
        }
    }
}
