//! One value within JSON text.

use std::borrow::Cow;

use super::{layout, scan::Scanner, unescape::unescape};

/// The text of one JSON value, known to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<'t>(&'t str);

impl<'t> Json<'t> {
    /// Text that a [`Scanner`] stepped over as one value.
    pub(crate) fn checked(text: &'t str) -> Self {
        Self(text)
    }

    /// As it stands in its source.
    #[must_use]
    pub fn text(self) -> &'t str {
        self.0
    }

    /// A member of an object by name (the first of that name), or an item of an array by position.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        let mut found = None;
        let mut scanner = Scanner::new(self.0.as_bytes(), 0);
        match self.0.bytes().next() {
            Some(b'{') => {
                let _ = scanner.object(0, &mut |name, value| {
                    if found.is_none() && self.0.get(name.range).is_some_and(|name| is_key(name, key)) {
                        found = Some(value);
                    }
                });
            }
            Some(b'[') => return index(key).and_then(|wanted| self.items().nth(wanted)),
            _ => {}
        }
        found.and_then(|range| self.0.get(range)).map(Self)
    }

    /// The value a path of keys leads to.
    #[must_use]
    pub fn path(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The items of an array; nothing for anything else.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let mut ranges = Vec::new();
        let mut scanner = Scanner::new(self.0.as_bytes(), 0);
        let _ = scanner.array(0, &mut |range| ranges.push(range));
        ranges.into_iter().filter_map(move |range| self.0.get(range)).map(Self)
    }

    /// The characters of a string.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'t, str>> {
        self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(unescape)
    }

    /// The truth of `true` and `false`.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        self.0.parse().ok()
    }

    /// A number as a whole one: fractions are cut, what does not fit becomes the nearest that does.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        let is_number = self.0.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "this cast saturates")]
        let cut = || self.0.parse::<f64>().ok().map(|number| number as u64);
        if is_number { self.0.parse().ok().or_else(cut) } else { None }
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// The text without blanks between tokens.
    #[must_use]
    pub fn compact(self) -> Cow<'t, str> {
        layout::compact(self.0)
    }

    /// The text with a member or item a line and two blanks a level.
    #[must_use]
    pub fn indented(self) -> String {
        layout::indented(self.0)
    }
}

/// Whether a name as it stands between quotes is that key. Escapes are longer than what they stand for.
pub(super) fn is_key(name: &str, key: &str) -> bool {
    name == key || (name.len() > key.len() && name.contains('\\') && unescape(name) == key)
}

/// The position that a key means in an array (RFC 6901: no sign, no leading zero).
fn index(key: &str) -> Option<usize> {
    let plain = key == "0" || (!key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { key.parse().ok() } else { None }
}
