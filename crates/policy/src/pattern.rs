//! Patterns of collections: a text with a wildcard in front, at the end or both, in any letter case (ASCII); `-` in
//! front excludes.

use std::fmt;

/// Longest pattern, bytes: an ARN has at most 2,048, names and image references are shorter.
pub(crate) const MAX_PATTERN: usize = 2_048;

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Without wildcards and without the sign of exclusion.
    core: String,
    /// Anything may come before.
    open_start: bool,
    /// Anything may come after.
    open_end: bool,
    /// What matches is out.
    excludes: bool,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// Nothing there.
    Empty,
    /// Longer than any name.
    TooLong,
    /// A wildcard between other characters.
    InnerWildcard,
    /// Characters that no name has.
    Control,
    /// An exclusion where there is none.
    Excludes,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty pattern matches nothing; write * for everything"),
            Self::TooLong => write!(f, "a pattern has at most {MAX_PATTERN} bytes"),
            Self::InnerWildcard => {
                f.write_str("a wildcard stands in front or at the end, as in web-*, *:latest or *team*")
            }
            Self::Excludes => f.write_str("nothing can be excluded here: leave the - away"),
            Self::Control => f.write_str("a pattern has no control characters"),
        }
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Self::read(&text.to_ascii_lowercase())
    }

    /// Reads a pattern for what was found, as files, whose letter case counts; nothing can be excluded by it.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn of_subject(text: &str) -> Result<Self, PatternError> {
        match Self::read(text)? {
            pattern if pattern.excludes => Err(PatternError::Excludes),
            pattern => Ok(pattern),
        }
    }

    fn read(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PatternError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(PatternError::Control);
        }
        let (excludes, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (open_start, rest) = text.strip_prefix('*').map_or((false, text), |rest| (true, rest));
        let (open_end, core) = rest.strip_suffix('*').map_or((false, rest), |core| (true, core));
        if core.contains('*') {
            return Err(PatternError::InnerWildcard);
        }
        if core.is_empty() && !open_start {
            return Err(PatternError::Empty);
        }
        // A lone star is open at both ends.
        let everything = core.is_empty();
        Ok(Self {
            core: core.to_owned(),
            open_start: open_start || everything,
            open_end: open_end || everything,
            excludes,
        })
    }

    /// What matches is out.
    #[must_use]
    pub fn excludes(&self) -> bool {
        self.excludes
    }

    /// It matches whatever comes.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.core.is_empty()
    }

    /// No wildcard: the text is compared as a whole.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.open_start && !self.open_end
    }

    /// The text without wildcards; in lower case where letter case does not count.
    #[must_use]
    pub fn core(&self) -> &str {
        &self.core
    }

    /// Whether a value matches, given in lower case where letter case does not count; exclusion is the caller's matter.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => value == self.core,
            (false, true) => value.starts_with(&self.core),
            (true, false) => value.ends_with(&self.core),
            (true, true) => value.contains(&self.core),
        }
    }

    /// Whether everything that `other` matches is matched by this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => other.is_exact() && other.core == self.core,
            (false, true) => !other.open_start && other.core.starts_with(&self.core),
            (true, false) => !other.open_end && other.core.ends_with(&self.core),
            (true, true) => other.core.contains(&self.core),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Pattern, PatternError};

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn wildcards_stand_at_the_ends() {
        for (text, matching, other) in [
            ("web", "web", "web-1"),
            ("web-*", "web-1", "my-web-1"),
            ("*:latest", "nginx:latest", "nginx:latest-2"),
            ("*_test", "a_test", "a_test_b"),
            ("*team*", "a/team/b", "a/tea/m"),
            ("Web-*", "web-", "we"),
            ("*", "", "\u{0}"),
        ] {
            assert!(pattern(text).matches(matching), "{text} {matching}");
            assert!(text == "*" || !pattern(text).matches(other), "{text} {other}");
        }
        for (text, error) in [
            ("", PatternError::Empty),
            ("-", PatternError::Empty),
            ("a*b", PatternError::InnerWildcard),
            ("***", PatternError::InnerWildcard),
            ("a\nb", PatternError::Control),
        ] {
            assert_eq!(Pattern::parse(text), Err(error), "{text:?}");
        }
        assert!(pattern("**").is_everything());
    }

    /// What the documentation says, letter by letter, without the shortcuts above.
    fn by_the_book(pattern: &str, value: &str) -> bool {
        let (pattern, value) = (pattern.to_lowercase(), value.to_lowercase());
        let core = pattern.trim_matches('*');
        (0..=value.len()).any(|start| {
            let fits = value.get(start..).is_some_and(|rest| rest.starts_with(core));
            fits && (start == 0 || pattern.starts_with('*'))
                && (start + core.len() == value.len() || pattern.ends_with('*'))
        })
    }

    proptest! {
        #[test]
        fn matching_is_as_the_book_says(text in "\\*?[aAbB-]{1,3}\\*?", value in "[aAbB-]{0,5}") {
            prop_assume!(!text.starts_with('-'));
            let parsed = pattern(&text);
            prop_assert_eq!(parsed.matches(&value.to_ascii_lowercase()), by_the_book(&text, &value), "{} {}", text, value);
        }

        #[test]
        fn what_covers_matches_all_the_other_matches(
            one in "\\*?[ab]{0,2}\\*?", other in "\\*?[ab]{0,3}\\*?", value in "[ab]{0,6}"
        ) {
            let (Ok(one), Ok(other)) = (Pattern::parse(&one), Pattern::parse(&other)) else { return Ok(()) };
            if one.covers(&other) && other.matches(&value) {
                prop_assert!(one.matches(&value));
            }
        }

        /// Over an alphabet that no core uses up, not covering shows in some value.
        #[test]
        fn what_does_not_cover_misses_something(one in "\\*?[ab]{0,2}\\*?", other in "\\*?[ab]{0,3}\\*?") {
            let (Ok(one), Ok(other)) = (Pattern::parse(&one), Pattern::parse(&other)) else { return Ok(()) };
            if !one.covers(&other) {
                let before = if other.open_start { "z" } else { "" };
                let after = if other.open_end { "z" } else { "" };
                let value = format!("{before}{}{after}", other.core);
                prop_assert!(other.matches(&value) && !one.matches(&value), "{}", value);
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}") {
            let _ = Pattern::parse(&text);
        }
    }
}
