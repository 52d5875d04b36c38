//! Shell patterns: `*` (also across `/`), `?`, `[a-z]`, `[!a-z]`, `\` before a character to take it as it is.

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    parts: Vec<Part>,
    ignore_case: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    One,
    Many,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    pub(crate) fn new(pattern: &str, ignore_case: bool) -> Self {
        let mut parts = Vec::new();
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            parts.push(match char {
                '*' => Part::Many,
                '?' => Part::One,
                '\\' => Part::Char(chars.next().unwrap_or('\\')),
                '[' => match class(chars.as_str()) {
                    Some((class, rest)) => {
                        chars = rest.chars();
                        class
                    }
                    None => Part::Char('['),
                },
                other => Part::Char(other),
            });
        }
        parts.dedup_by(|a, b| *a == Part::Many && *b == Part::Many);
        Self { parts, ignore_case }
    }

    /// Whether the whole text fits. Goes back only to the last `*`, so time is at most length times parts.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut part, mut at) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        loop {
            let next = text.get(at..).and_then(|rest| rest.chars().next());
            match (self.parts.get(part), next) {
                (None, None) => return true,
                (Some(Part::Many), _) => {
                    back = Some((part, at));
                    part += 1;
                    continue;
                }
                (Some(expected), Some(char)) if self.fits(expected, char) => {
                    part += 1;
                    at += char.len_utf8();
                    continue;
                }
                _ => {}
            }
            let Some((many, from)) = back else { return false };
            let Some(skipped) = text.get(from..).and_then(|rest| rest.chars().next()) else { return false };
            let from = from + skipped.len_utf8();
            back = Some((many, from));
            part = many + 1;
            at = from;
        }
    }

    /// What every fitting text begins and ends with; nothing when letter case is ignored.
    pub(crate) fn literal_ends(&self) -> (String, String) {
        let literal = |part: &Part| match part {
            Part::Char(char) if !self.ignore_case => Some(*char),
            _ => None,
        };
        let ending: Vec<char> = self.parts.iter().rev().map_while(literal).collect();
        (self.parts.iter().map_while(literal).collect(), ending.into_iter().rev().collect())
    }

    fn fits(&self, part: &Part, char: char) -> bool {
        let fold = |char: char| if self.ignore_case { char.to_ascii_lowercase() } else { char };
        match part {
            Part::Char(expected) => fold(*expected) == fold(char),
            Part::One => true,
            Part::Many => false,
            Part::Class { negated, ranges } => {
                let within = |char: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&char));
                let found = within(char)
                    || self.ignore_case
                        && (within(char.to_ascii_lowercase()) || within(char.to_ascii_uppercase()));
                found != *negated
            }
        }
    }
}

/// A class whose `[` was taken, and what follows its `]`; `None` when it is not closed.
fn class(text: &str) -> Option<(Part, &str)> {
    let (negated, body) = match text.strip_prefix(['!', '^']) {
        Some(body) => (true, body),
        None => (false, text),
    };
    // A `]` that stands first is a member.
    let first = body.chars().next()?.len_utf8();
    let end = first + body.get(first..)?.find(']')?;
    let members: Vec<char> = body.get(..end)?.chars().collect();
    let mut ranges = Vec::new();
    let mut rest = members.as_slice();
    loop {
        match rest {
            [low, '-', high, more @ ..] => {
                ranges.push((*low, *high));
                rest = more;
            }
            [one, more @ ..] => {
                ranges.push((*one, *one));
                rest = more;
            }
            [] => return Some((Part::Class { negated, ranges }, body.get(end + 1..)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn shell_patterns() {
        for (pattern, text, expected) in [
            ("/dev/*", "/dev/pts/0", true),
            ("*", "", true),
            ("*.sh", "/tmp/x.sh", true),
            ("*.sh", "/tmp/x.shx", false),
            ("a?c", "abc", true),
            ("[a-c]x[!0-9]", "bxz", true),
            ("[a-c]x[!0-9]", "bx3", false),
            ("[]]", "]", true),
            ("[a", "[a", true),
            (r"\*", "*", true),
            ("*a*b*c", "xxaxxbxxc", true),
            ("é?", "éé", true),
        ] {
            assert_eq!(Glob::new(pattern, false).matches(text), expected, "{pattern} {text}");
        }
        assert!(Glob::new("*ETC*", true).matches("/etc/passwd"));
    }

    #[test]
    fn hostile_patterns_end_soon() {
        let glob = Glob::new(&"*a".repeat(200), false);
        assert!(!glob.matches(&format!("{}b", "a".repeat(20_000))));
    }
}
