//! Maven's order ("Version Order Specification" in its POM reference): parts between dots, hyphens and at changes from
//! letters to digits, where a hyphen and such a change begin a list within the list.

use std::cmp::Ordering;

use super::{compare_digits, take_while};

/// Words in their order; the empty one is the release itself.
const WORDS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

/// Lists within lists that are followed.
const MAX_DEPTH: usize = 64;

#[derive(Debug)]
enum Item {
    Number(Vec<u8>),
    Word(String),
    List(Vec<Item>),
}

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    compare_lists(&parse(left), &parse(right))
}

impl Item {
    fn is_null(&self) -> bool {
        match self {
            Self::Number(digits) => digits.iter().all(|digit| *digit == b'0'),
            Self::Word(word) => word.is_empty(),
            Self::List(items) => items.is_empty(),
        }
    }

    /// How it stands to nothing.
    fn compare_to_nothing(&self) -> Ordering {
        match self {
            Self::Number(digits) => compare_digits(digits, b"0"),
            Self::Word(word) => compare_words(word, ""),
            Self::List(items) => items
                .iter()
                .map(Self::compare_to_nothing)
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => compare_digits(left, right),
            (Self::Word(left), Self::Word(right)) => compare_words(left, right),
            (Self::List(left), Self::List(right)) => compare_lists(left, right),
            // 1.1 is newer than 1-1, which is newer than 1-sp.
            (Self::Number(_), _) | (Self::List(_), Self::Word(_)) => Ordering::Greater,
            (_, Self::Number(_)) | (Self::Word(_), Self::List(_)) => Ordering::Less,
        }
    }
}

fn compare_lists(left: &[Item], right: &[Item]) -> Ordering {
    for at in 0..left.len().max(right.len()) {
        let order = match (left.get(at), right.get(at)) {
            (Some(one), Some(other)) => one.compare(other),
            (Some(one), None) => one.compare_to_nothing(),
            (None, Some(other)) => other.compare_to_nothing().reverse(),
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Known words come before unknown ones.
fn compare_words(left: &str, right: &str) -> Ordering {
    let place = |word: &str| WORDS.iter().position(|known| *known == word).unwrap_or(WORDS.len());
    let (left_place, right_place) = (place(left), place(right));
    left_place
        .cmp(&right_place)
        .then_with(|| if left_place == WORDS.len() { left.cmp(right) } else { Ordering::Equal })
}

fn word(text: &str, digit_follows: bool) -> Item {
    let text = match text {
        "a" if digit_follows => "alpha",
        "b" if digit_follows => "beta",
        "m" if digit_follows => "milestone",
        "cr" => "rc",
        "ga" | "final" | "release" => "",
        other => other,
    };
    Item::Word(text.to_owned())
}

/// Lists being made, the outermost first.
struct Lists(Vec<Vec<Item>>);

impl Lists {
    fn push(&mut self, item: Item) {
        if let Some(list) = self.0.last_mut() {
            list.push(item);
        }
    }

    /// Begins a list within the last.
    fn open(&mut self) {
        if self.0.len() < MAX_DEPTH {
            self.0.push(Vec::new());
        }
    }

    fn is_fresh(&self) -> bool {
        self.0.last().is_none_or(Vec::is_empty)
    }

    fn close(mut self) -> Vec<Item> {
        let mut inner: Option<Vec<Item>> = None;
        while let Some(mut list) = self.0.pop() {
            if let Some(inner) = inner.take() {
                list.push(Item::List(inner));
            }
            inner = Some(trimmed(list));
        }
        inner.unwrap_or_default()
    }
}

/// Without what says nothing before the end and before lists.
fn trimmed(mut items: Vec<Item>) -> Vec<Item> {
    let mut at = items.len();
    while let Some(before) = at.checked_sub(1) {
        at = before;
        match items.get(at) {
            Some(item) if item.is_null() => {
                items.remove(at);
            }
            Some(Item::List(_)) => {}
            _ => break,
        }
    }
    items
}

fn parse(version: &str) -> Vec<Item> {
    let text = version.to_ascii_lowercase();
    let mut rest = text.as_bytes();
    let mut lists = Lists(vec![Vec::new()]);
    let mut after_separator = true;
    while let Some(first) = rest.first() {
        match first {
            b'.' | b'-' => {
                if after_separator {
                    lists.push(Item::Number(Vec::new()));
                }
                if *first != b'.' {
                    lists.open();
                }
                after_separator = true;
                rest = rest.get(1..).unwrap_or_default();
            }
            digit if digit.is_ascii_digit() => {
                let (digits, next) = take_while(rest, |byte| byte.is_ascii_digit());
                lists.push(Item::Number(digits.to_vec()));
                rest = next;
                after_separator = false;
                if rest.first().is_some_and(|byte| !b".-".contains(byte)) {
                    lists.open();
                }
            }
            _ => {
                let (letters, next) =
                    take_while(rest, |byte| !byte.is_ascii_digit() && !b".-".contains(&byte));
                let digit_follows = next.first().is_some_and(u8::is_ascii_digit);
                // A word before digits or at the end begins a list, as if there were a hyphen before it.
                if !lists.is_fresh() && (digit_follows || next.is_empty()) {
                    lists.open();
                }
                lists.push(word(&String::from_utf8_lossy(letters), digit_follows));
                rest = next;
                after_separator = false;
                if digit_follows {
                    lists.open();
                }
            }
        }
    }
    lists.close()
}
