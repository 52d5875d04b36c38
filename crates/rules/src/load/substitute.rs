//! Lists are put into conditions as text, as Falco does: wherever a list's name stands between blanks or any of
//! `( ) , =`, also inside quotes. Lists of lists are flattened whole (Falco leaves the third level as a name).

use std::collections::{HashMap, HashSet};

use super::item::Text;

/// Most bytes that the lists of a load may grow to.
const MAX_TEXT: usize = 4 << 20;

/// A text with lists put in, and the way back to the original.
#[derive(Debug)]
pub(crate) struct Substituted {
    /// The text to parse.
    pub(crate) text: String,
    /// Starts of stretches: in the new text, in the old one, and whether it is a list's content.
    stretches: Vec<(usize, usize, bool)>,
}

impl Substituted {
    /// An empty list takes a comma beside it along: gives how much of what follows it goes too.
    fn forget_comma(&mut self, rest: &str) -> usize {
        let before = self.text.trim_end().strip_suffix(',').map(str::len);
        if let Some(length) = before {
            self.text.truncate(length);
            return 0;
        }
        let blanks = rest.len() - rest.trim_start().len();
        if rest.trim_start().starts_with(',') { blanks + 1 } else { 0 }
    }

    /// Where in the original the names of lists stood.
    pub(crate) fn list_offsets(&self) -> impl Iterator<Item = usize> + '_ {
        self.stretches.iter().filter(|(_, _, is_list)| *is_list).map(|(_, old, _)| *old)
    }

    /// The byte of the original that a byte of the new text comes from.
    pub(crate) fn original(&self, offset: usize) -> usize {
        let index = self.stretches.partition_point(|(new, _, _)| *new <= offset);
        match index.checked_sub(1).and_then(|index| self.stretches.get(index)) {
            Some((new, old, false)) => old + (offset - new),
            Some((_, old, true)) => *old,
            None => offset,
        }
    }
}

/// The lists by name, as text.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    texts: HashMap<String, String>,
    /// Names that hold delimiters, so that they are no single word.
    odd: Vec<String>,
}

impl Lists {
    /// Flattens the lists. Gives also the names of lists that others hold, and of the first list whose content
    /// would be too long.
    pub(super) fn new<'a>(
        lists: impl Iterator<Item = (&'a str, &'a [Text])> + Clone,
    ) -> (Self, HashSet<String>, Option<String>) {
        let by_name: HashMap<&str, &[Text]> = lists.clone().collect();
        let mut flattener = Flattener { by_name: &by_name, used: HashSet::new(), left: MAX_TEXT };
        let mut texts = HashMap::new();
        let mut too_long = None;
        for (name, _) in lists {
            let mut items = Vec::new();
            flattener.flatten(name, &mut Vec::new(), &mut items);
            if flattener.left == 0 && too_long.is_none() {
                too_long = Some(name.to_owned());
            }
            texts.insert(name.to_owned(), items.join(", "));
        }
        let odd = texts.keys().filter(|name| name.bytes().any(is_delimiter)).cloned().collect();
        (Self { texts, odd }, flattener.used, too_long)
    }

    /// Puts lists into a text; adds the names it found to `used`.
    pub(crate) fn substitute(&self, text: &str, used: &mut HashSet<String>) -> Substituted {
        let mut result = Substituted { text: String::with_capacity(text.len()), stretches: Vec::new() };
        let mut at = 0;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            let (mut length, list) = self.next(rest);
            let piece = rest.get(..length).unwrap_or(rest);
            let new = result.text.len();
            match list {
                Some((name, content)) => {
                    if !used.contains(name) {
                        used.insert(name.to_owned());
                    }
                    if content.is_empty() {
                        length += result.forget_comma(rest.get(length..).unwrap_or_default());
                    }
                    result.stretches.push((result.text.len(), at, true));
                    result.text.push_str(content);
                }
                None => {
                    if result.stretches.last().is_none_or(|(_, _, is_list)| *is_list) {
                        result.stretches.push((new, at, false));
                    }
                    result.text.push_str(piece);
                }
            }
            at += length.max(1);
        }
        result
    }

    /// Length of the next word, or of the delimiters before it, and the list it names.
    fn next<'a>(&'a self, rest: &'a str) -> (usize, Option<(&'a str, &'a str)>) {
        for name in &self.odd {
            let ends = |after: &str| after.bytes().next().is_none_or(is_delimiter);
            if let Some(after) = rest.strip_prefix(name.as_str())
                && ends(after)
            {
                return (name.len(), self.texts.get(name).map(|text| (name.as_str(), text.as_str())));
            }
        }
        let bytes = rest.as_bytes();
        let starts_word = bytes.first().is_some_and(|byte| !is_delimiter(*byte));
        if !starts_word {
            return (1, None);
        }
        let length = bytes.iter().position(|byte| is_delimiter(*byte)).unwrap_or(bytes.len());
        let word = rest.get(..length).unwrap_or(rest);
        (length, self.texts.get(word).map(|text| (word, text.as_str())))
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'(' | b')' | b',' | b'=')
}

struct Flattener<'a> {
    by_name: &'a HashMap<&'a str, &'a [Text]>,
    used: HashSet<String>,
    left: usize,
}

impl<'a> Flattener<'a> {
    fn flatten(&mut self, name: &'a str, path: &mut Vec<&'a str>, items: &mut Vec<String>) {
        let Some(list) = self.by_name.get(name).copied() else { return };
        path.push(name);
        for item in list {
            if self.left == 0 {
                break;
            }
            let inner = item.text.as_str();
            // A list that holds its own name means the value of that name.
            if self.by_name.contains_key(inner) && !path.contains(&inner) && path.len() < 32 {
                self.used.insert(inner.to_owned());
                self.flatten(inner, path, items);
                continue;
            }
            self.left = self.left.saturating_sub(inner.len() + 2);
            if self.left > 0 {
                items.push(quote(inner));
            }
        }
        path.pop();
    }
}

/// A list's item as text of a condition: quoted when it would not stand alone.
pub(super) fn quote(item: &str) -> String {
    let bare =
        |byte: u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'(' | b')' | b'"' | b'\'' | b'=' | b',');
    if item.starts_with(['"', '\'']) || (!item.is_empty() && item.bytes().all(bare)) {
        return item.to_owned();
    }
    let mut quoted = String::with_capacity(item.len() + 2);
    quoted.push('"');
    for char in item.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\x5c"),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
